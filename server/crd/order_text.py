"""An order's own text, as the client sent it: found in the request, and given back with one extension more.

A parsed and re-written order would lose decimals like 10.00, the order of members and its escapes; the guide wants
the whole resource back with nothing changed but coverage-information (crd C-61, T-15). So the text is cut and joined.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from server.errors import InvalidRequest, Problem

# Finds where a value ends, at the speed of C. Numbers stay text: nothing is converted, and no number is too long.
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(strict=False, parse_float=str, parse_int=str).scan_once  # type: ignore[attr-defined] # left out of the type stubs
DRAFTS = ("context", "draftOrders", "entry")
_blanks = re.compile(r"[ \t\n\r]*").match


def order_texts(raw: bytes, entries: Sequence[Any], path: Sequence[str] = DRAFTS) -> list[str]:
    """The text of the resource of each entry, "" where an entry has none.

    raw: the request, already known to be JSON. entries: the entries at `path` in it, parsed. Raises InvalidRequest when
    text and parse disagree, which happens only when a member stands twice in one object.
    """
    text = raw.decode()
    start = _value(text, path)
    found = (
        [_resource_text(text, at) for at in islice(_elements(text, start), len(entries))] if start is not None else []
    )
    for n, entry in enumerate(entries):
        order = entry.get("resource") if isinstance(entry, dict) else None
        if n >= len(found) or (orjson.loads(found[n]) if found[n] else None) != order:
            raise InvalidRequest(
                [
                    Problem(
                        "structure",
                        "A member stands twice in one JSON object, so the order cannot be given back unchanged; "
                        "send each member once.",
                        f"{'.'.join(path)}[{n}]",
                    )
                ]
            )
    return found


def value_text(raw: bytes, path: Sequence[str | int], value: Any) -> str | None:
    """The text at a path in JSON that was parsed; None when it is not the text of this very value."""
    text = raw.decode()
    start = _value(text, path)
    found = text[start : _end(text, start)] if start is not None else ""
    return found if found and orjson.loads(found) == value else None


def _value(text: str, path: Sequence[str | int]) -> int | None:
    at: int | None = _skip(text, 0)
    for step in path:
        if at is None:
            return None
        at = _member(text, at, step) if isinstance(step, str) else next(islice(_elements(text, at), step, None), None)
    return at


def _resource_text(text: str, entry: int) -> str:
    start = _member(text, entry, "resource")
    return text[start : _end(text, start)] if start is not None else ""


def add_extension(order: str, extension: str) -> str:
    """The text of an order that has no member `extension`, with that member at its end.

    order: JSON text of a resource, from brace to brace. extension: JSON text of one Extension.
    """
    members = order[:-1].rstrip()
    return f'{members},"extension":[{extension}]{order[len(members) :]}'


def extend_extensions(order: str, extension: str, replaced: Sequence[int] = ()) -> str:
    """The text of an order that has a member `extension`, with one more in it.

    replaced: indices of the extensions that make place for it; it stands where the first of them stood.
    """
    start = [at for name, at in _members(order, 0) if name == "extension"][-1]  # the last counts, as in the parse
    if order[start] != "[":  # null: some senders write it for "none"
        return f"{order[:start]}[{extension}]{order[_end(order, start) :]}"
    spans = [(at, _end(order, at)) for at in _elements(order, start)]
    if not spans:
        return f"{order[: start + 1]}{extension}{order[start + 1 :]}"
    if not replaced:
        end = spans[-1][1]
        return f"{order[:end]},{extension}{order[end:]}"
    first, *more = sorted(replaced)
    for n in reversed(more):  # from the back, so that the places before stay where they are
        order = order[: spans[n - 1][1]] + order[spans[n][1] :]
    return order[: spans[first][0]] + extension + order[spans[first][1] :]


def _members(text: str, at: int) -> Iterator[tuple[str, int]]:
    """Name and start of each member of the object at `at`; a value is passed over once the next is asked for."""
    if text[at] != "{":
        return
    at = _skip(text, at + 1)
    while text[at] == '"':
        name, at = _scan(text, at)
        start = _skip(text, _skip(text, at) + 1)
        yield name, start
        at = _skip(text, _end(text, start))
        if text[at] == ",":
            at = _skip(text, at + 1)


def _elements(text: str, at: int) -> Iterator[int]:
    """The start of each element of the array at `at`."""
    if text[at] != "[":
        return
    at = _skip(text, at + 1)
    while text[at] != "]":
        yield at
        at = _skip(text, _end(text, at))
        if text[at] == ",":
            at = _skip(text, at + 1)


def _member(text: str, at: int, name: str) -> int | None:
    return next((start for found, start in _members(text, at) if found == name), None)


def _end(text: str, start: int) -> int:
    return _scan(text, start)[1]


def _skip(text: str, at: int) -> int:
    match = _blanks(text, at)
    return match.end() if match else at
