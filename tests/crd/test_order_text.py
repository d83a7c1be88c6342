"""The order comes back as it was sent: the law of the echo (crd C-61, T-15)."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.crd.order_text import add_extension, extend_extensions, order_texts
from server.errors import InvalidRequest

OURS = '{"url":"http://payer.example/ours","valueString":"\\u00e9 \\"}]{["}'

_numbers = st.sampled_from(["0", "-1", "10.00", "1e5", "1E-2", "0.10", "123456789012345678901234567890"])
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_blank = st.sampled_from(["", " ", "\n", "\t ", "\r\n"])


@st.composite
def _string(draw: st.DrawFn) -> str:
    return json.dumps(draw(_texts), ensure_ascii=draw(st.booleans()))


@st.composite
def _json(draw: st.DrawFn, depth: int = 2) -> str:
    """The text of any JSON value, written as no serializer would write it."""
    kind = draw(st.integers(0, 3 if depth == 0 else 5))
    if kind == 0:
        return draw(_numbers)
    if kind == 1:
        return draw(st.sampled_from(["true", "false", "null"]))
    if kind in (2, 3):
        return draw(_string())
    if kind == 4:
        return _list(draw, [draw(_json(depth - 1)) for _ in range(draw(st.integers(0, 3)))])
    names = draw(st.lists(_texts, max_size=3, unique=True))
    return _object(draw, [(name, draw(_json(depth - 1))) for name in names])


def _list(draw: st.DrawFn, values: list[str]) -> str:
    return "[" + ",".join(draw(_blank) + v + draw(_blank) for v in values) + ("" if values else draw(_blank)) + "]"


def _object(draw: st.DrawFn, members: list[tuple[str, str]]) -> str:
    written = [
        draw(_blank) + json.dumps(n, ensure_ascii=draw(st.booleans())) + draw(_blank) + ":" + draw(_blank) + v
        for n, v in members
    ]
    return "{" + ",".join(w + draw(_blank) for w in written) + ("" if members else draw(_blank)) + "}"


@st.composite
def _order(draw: st.DrawFn, *, extended: bool) -> str:
    names = draw(st.lists(_texts.filter(lambda n: n not in ("extension", "resourceType")), max_size=4, unique=True))
    members = [("resourceType", '"ServiceRequest"'), *((n, draw(_json())) for n in names)]
    if extended:
        members.append(("extension", _list(draw, [draw(_json(1)) for _ in range(draw(st.integers(0, 3)))])))
    return _object(draw, draw(st.permutations(members)))


@given(_order(extended=False))
def test_an_order_without_extensions_gains_one_member(order: str) -> None:
    """Cutting the new member out of the echo leaves the order as it was sent, to the last blank."""
    assert add_extension(order, OURS).replace(f',"extension":[{OURS}]', "", 1) == order


@given(_order(extended=True))
def test_an_order_with_extensions_keeps_them(order: str) -> None:
    """Cutting our extension out of the echo leaves the order, with all its other extensions, as it was sent."""
    echo = extend_extensions(order, OURS)
    assert echo.replace(f",{OURS}", "", 1) == order or echo.replace(OURS, "", 1) == order
    assert orjson.loads(echo)["extension"] == [*orjson.loads(order)["extension"], orjson.loads(OURS)]


@given(st.data())
def test_only_what_is_replaced_goes(data: st.DataObject) -> None:
    """The extensions at the replaced places go, ours stands at the first of them, the others keep their text."""
    texts = data.draw(st.lists(_json(1), min_size=1, max_size=5))
    gone = sorted(data.draw(st.sets(st.integers(0, len(texts) - 1), min_size=1)))
    order = f'{{"id":"x","extension":[{", ".join(texts)}],"dose":10.00}}'
    expected = [OURS if n == gone[0] else t for n, t in enumerate(texts) if n == gone[0] or n not in gone]
    assert extend_extensions(order, OURS, gone) == f'{{"id":"x","extension":[{", ".join(expected)}],"dose":10.00}}'


def test_a_null_in_the_place_of_extensions_is_replaced() -> None:
    """Some senders write null for none; the list takes its place."""
    assert extend_extensions('{"extension": null ,"id":"x"}', OURS) == f'{{"extension": [{OURS}] ,"id":"x"}}'


def test_of_two_lists_the_one_that_counts_is_extended() -> None:
    """JSON readers take the last of two members of one name; so does the echo."""
    echo = extend_extensions('{"extension":[1],"extension":[2]}', OURS)
    assert echo == f'{{"extension":[1],"extension":[2,{OURS}]}}'


@given(st.lists(_order(extended=True), max_size=3), st.booleans())
def test_each_order_is_found_in_the_request(orders: list[str], prefetch_first: bool) -> None:  # noqa: FBT001
    """The text of every draft order is cut out whole, wherever in the request its context stands."""
    entries = ",".join(f'{{"fullUrl": "x", "resource" :{order}}} ' for order in orders)
    context = f'"context" : {{"userId":"u", "draftOrders": {{"entry": [ {entries}]}}}}'
    prefetch = '"prefetch": {"a": [1e9, {"context": "\\"}"}]}'
    text = "{" + ", ".join([prefetch, context] if prefetch_first else [context, prefetch]) + "}"
    parsed = orjson.loads(text)["context"]["draftOrders"]["entry"]
    assert order_texts(text.encode(), parsed) == orders


@pytest.mark.parametrize(
    "text",
    [
        '{"context":{"draftOrders":{"entry":[{"resource":{"id":"a","id":"b"},"resource":{"id":"c"}}]}}}',
        '{"context":{"draftOrders":{"entry":5,"entry":[{"resource":{"id":"c"}}]}}}',
        '{"context":[1],"context":{"draftOrders":{"entry":[{"resource":{"id":"c"}}]}}}',
        '{"context":{"draftOrders":{"entry":[{"resource":{"id":"z"}}]},"draftOrders":{"entry":[{"resource":{"id":"c"}}]}}}',
    ],
)
def test_a_member_given_twice_is_refused(text: str) -> None:
    """Which of two members counts is a matter of taste, so such an order is not signed as one of them."""
    entries: list[Any] = orjson.loads(text)["context"]["draftOrders"]["entry"]
    with pytest.raises(InvalidRequest, match="twice"):
        order_texts(text.encode(), entries)
