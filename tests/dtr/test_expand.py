"""`ValueSet/$expand` over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cql.model import ValueSet
from server.dtr.expand import Expander, ExpandRequest
from server.fhir.read import extension_value
from tests.dtr import example_policy as example
from tests.dtr.conftest import Server, issues

Json = dict[str, Any]
PATH = "/ValueSet/$expand"
URL = "http://vitruvian.example/fhir/ValueSet/example-product"
SYSTEM = "http://example.org/system"
UNCLOSED = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"


def by_get(server: Server, **query: str) -> Any:
    return server.send("GET", PATH, params=query)


def by_post(server: Server, **query: str) -> Any:
    types = {"url": "valueUri", "count": "valueInteger", "offset": "valueInteger"}
    parts = [
        {"name": k, types.get(k, "valueString"): int(v) if k in {"count", "offset"} else v} for k, v in query.items()
    ]
    return server.send("POST", PATH, json={"resourceType": "Parameters", "parameter": parts})


Ask = Callable[..., Any]
ask = pytest.mark.parametrize("ask", [by_get, by_post])


@ask
@pytest.mark.parametrize(
    ("query", "codes", "total"),
    [
        ({"url": URL}, ["99990001", "99990002"], 2),
        ({"url": f"{URL}|1.0.0"}, ["99990001", "99990002"], 2),
        ({"url": URL, "valueSetVersion": "1.0.0"}, ["99990001", "99990002"], 2),
        ({"url": URL, "filter": "20 EXAMPLE"}, ["99990002"], 1),
        ({"url": URL, "filter": "99990001"}, ["99990001"], 1),
        ({"url": URL, "filter": "no such"}, [], 0),
        ({"url": URL, "count": "1"}, ["99990001"], 2),
        ({"url": URL, "count": "1", "offset": "1"}, ["99990002"], 2),
        ({"url": URL, "count": "0"}, [], 2),
    ],
)
def test_the_codes_of_a_value_set(
    server: Server, ask: Ask, query: dict[str, str], codes: list[str], total: int
) -> None:
    """By url with or without a version, filtered by words of code and display, page by page, as of now (D-73, D-74)."""
    answer = ask(server, **query)
    assert answer.status_code == 200
    expansion = answer.json()["expansion"]
    assert [c["code"] for c in expansion.get("contains", ())] == codes
    assert (expansion["total"], expansion["timestamp"][:10]) == (total, example.NOW.date().isoformat())
    assert {"name": "activeOnly", "valueBoolean": True} in expansion["parameter"]


@ask
@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"url": "http://example.org/no-such"}, 404, "not-found"),
        ({"url": f"{URL}|9"}, 404, "not-found"),
        ({}, 400, "required"),
        ({"url": URL, "count": "-1"}, 400, "value"),
    ],
)
def test_what_cannot_be_expanded_is_said(
    server: Server, ask: Ask, query: dict[str, str], status: int, code: str
) -> None:
    """An OperationOutcome says what is missing or not here."""
    answer = ask(server, **query)
    assert (answer.status_code, issues(answer)) == (status, [("error", code)])


def test_a_number_that_is_none_is_refused(server: Server) -> None:
    """In a query a count may be any text."""
    assert issues(by_get(server, url=URL, count="many", offset="²")) == [("error", "value")] * 2


def test_an_instance_is_expanded(server: Server) -> None:
    """By the id of a read; an unknown id is 404."""
    found = server.send("GET", "/ValueSet", params={"url": URL}).json()["entry"][0]["resource"]
    assert found["expansion"]["timestamp"] == example.NOW.date().isoformat()
    answer = server.send("GET", f"/ValueSet/{found['id']}/$expand", params={"filter": "20"})
    assert [c["code"] for c in answer.json()["expansion"]["contains"]] == ["99990002"]
    assert server.send("GET", "/ValueSet/none/$expand").status_code == 404


def value_set(url: str, **content: Any) -> ValueSet:
    return ValueSet(url, "1", {"resourceType": "ValueSet", "url": url, "version": "1", **content}, frozenset())


LISTED = value_set(
    "u:listed",
    expansion={
        "contains": [
            {"system": SYSTEM, "code": "b"},
            {"system": SYSTEM, "code": "old", "inactive": True},
            {"system": SYSTEM, "abstract": True, "code": "kind", "contains": [{"system": SYSTEM, "code": "a"}]},
            {"system": "http://example.org/other", "code": "c"},
        ]
    },
)
WHOLE = value_set("u:whole", compose={"include": [{"system": SYSTEM}]})
EXPANDER = Expander({v.url: v for v in (LISTED, WHOLE)})


def expand(**asked: Any) -> Json:
    found: Json = EXPANDER.expand(ExpandRequest(**asked), example.NOW, "1")["expansion"]
    return found


def test_only_codes_that_may_be_chosen() -> None:
    """Inactive and abstract codes are left out; what stands below an abstract one is not."""
    assert [c["code"] for c in expand(url="u:listed")["contains"]] == ["b", "a", "c"]


def test_a_whole_system_is_listed_as_far_as_it_is_known_here() -> None:
    """Its known codes, in order, and the mark that there are others in the set."""
    expansion = expand(url="u:whole")
    assert [c["code"] for c in expansion["contains"]] == ["a", "b"]
    assert extension_value(expansion, UNCLOSED) is True
    assert extension_value(expand(url="u:listed"), UNCLOSED) is None


@given(size=st.integers(1, 5), words=st.sampled_from(["", "a", "b c", "other"]))
def test_pages_together_are_the_whole(size: int, words: str) -> None:
    """Whatever the size of a page, the pages put together are the expansion without pages."""
    whole = expand(url="u:listed", filter=words)
    pages = [
        code
        for offset in range(0, whole["total"], size)
        for code in expand(url="u:listed", filter=words, count=size, offset=offset)["contains"]
    ]
    assert pages == whole.get("contains", [])
