"""The base R4 structure of a request: every problem at once, each with its place. Input values are never repeated.

Our own walk over HL7's table of elements (r4.py), because nothing that was measured does as well. 888 changes of worked
cases, of 37 kinds (6 of them sound), went through HL7's validator and through each checker:

                                       CPU of 40 kB   memory   faults of base structure that it misses
    this walk                               1.0 ms      1 MB   none
    fhirkit-rs 0.1.0, dates and ids ours    1.6 ms      7 MB   empty objects, tabs in codes
    fhir.resources 8.3 (R4B)                9.2 ms     16 MB   numbers and booleans as text, white space in URIs
    jsonschema-rs 0.61 with HL7's schema    0.1 ms     43 MB   texts and lists for objects, mandatory primitives, days
    jsonschema-rs 0.61, schema of r4.py     0.5 ms     49 MB   days, ids, tabs in codes

It refuses two things that HL7's validator lets pass and R4 forbids: empty arrays of primitives, blank codes and dates.
"""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from server.errors import MAX_PROBLEMS, Problem
from server.fhir.r4 import RESOURCES, Element, definition

_Place: TypeAlias = "tuple[_Place, str | int] | None"

_ENOUGH = 10 * MAX_PROBLEMS  # looking for more only keeps others waiting


def structure_problems(raw: bytes, parsed: dict[str, Any]) -> list[Problem]:
    """What in a resource is not base FHIR R4: types, cardinality, formats, ids, days that do not exist.

    All of it, unless there is more than anybody would read: then more than MAX_PROBLEMS, and not all of it.

    raw and parsed are the same JSON object. `expression` starts with the resource type (`Bundle.entry[0]...`).
    Elements that R4 does not know are passed over (pas P-21); profiles, bindings and invariants are not looked at.
    """
    walk = _Walk(parsed)
    walk.resource(parsed, None)
    for place in _keys_twice(raw):
        walk.add(place, "structure", "The same key stands twice in this object; send it once.")
    return walk.problems


class _Walk:
    """One pass over a resource, depth first in the order of its text; problems are in that order too."""

    def __init__(self, parsed: dict[str, Any]) -> None:
        kind = parsed.get("resourceType")
        self._root = kind if isinstance(kind, str) and kind in RESOURCES else "Resource"
        self.problems: list[Problem] = []

    def add(self, place: _Place, code: str, text: str) -> None:
        self.problems.append(Problem(code, text, _path(self._root, place)))

    def resource(self, node: Any, place: _Place) -> None:
        if type(node) is not dict:
            self._not_an_object(node, place, "a resource")
        elif "resourceType" not in node:
            self.add(place, "structure", "A resource has no `resourceType`; name its type.")
        elif not isinstance(node["resourceType"], str) or node["resourceType"] not in RESOURCES:
            self.add(place, "structure", "This resource type does not exist in FHIR R4; send another.")
        else:
            self._elements(node, node["resourceType"], place)

    def _object(self, node: Any, kind: str, place: _Place) -> None:
        if kind == "Resource":
            self.resource(node, place)
        elif type(node) is not dict:
            self._not_an_object(node, place, f"an object ({kind})")
        elif not node and not definition(kind).mandatory:  # where some are, they are named instead
            self.add(place, "structure", f"{_named(place)} is an empty object, which is no FHIR JSON; {_REMEDY}.")
        else:
            self._elements(node, kind, place)

    def _elements(self, node: dict[str, Any], kind: str, place: _Place) -> None:
        if len(self.problems) > _ENOUGH:
            return
        defined = definition(kind)
        choices: list[tuple[str, str]] = []
        for key, value in node.items():
            element = defined.elements.get(key)
            if element is None:
                continue
            if element.choice is not None:
                choices.append((element.choice, key))
            if element.many:
                self._many(value, element, (place, key), node.get(f"_{key}"))
            else:
                self._one(value, element, (place, key))
        if len(choices) > 1:
            self._one_of_each(choices, place)
        for name, keys in defined.mandatory:
            if node.keys().isdisjoint(keys):
                self.add(
                    (place, name.removesuffix("[x]")), "required", f"`{name}` is mandatory and missing here; send it."
                )

    def _one(self, value: Any, element: Element, place: _Place) -> None:
        if element.check is None:
            self._object(value, element.type, place)
        elif (fault := element.check(value)) is not None:
            self._unfit(value, fault, place)

    def _one_of_each(self, choices: list[tuple[str, str]], place: _Place) -> None:
        seen: set[str] = set()
        for choice, key in choices:
            if choice in seen:
                text = f"`{choice}` has values of two types here and takes one; send one."
                self.add((place, key), "structure", text)
            seen.add(choice)

    def _many(self, value: Any, element: Element, place: _Place, beside: Any) -> None:
        """A list of values. beside: their extensions; `null` keeps the place of a value that has nothing else."""
        if type(value) is not list:
            self._unfit(value, _NO_LIST, place)
            return
        if not value:
            self.add(place, "structure", f"{_named(place)} is an empty array, which is no FHIR JSON; {_REMEDY}.")
        for n, one in enumerate(value):
            if one is None and (isinstance(beside, list) or _of_extensions(place)):
                continue
            self._one(one, element, (place, n))
            if len(self.problems) > _ENOUGH:
                return

    def _not_an_object(self, value: Any, place: _Place, what: str) -> None:
        text = f"The JSON type is wrong here: R4 has {what} in this place; send one in {{ }}."
        self._unfit(value, ("structure", text), place)

    def _unfit(self, value: Any, fault: tuple[str, str], place: _Place) -> None:
        """A value of the wrong type or form; null, and a list in place of one value, are told as what they are."""
        code, text = fault
        if value is None:
            code, text = "structure", "`null` is no FHIR JSON here; leave the element out."
        elif type(value) is list:
            code = "structure"
            text = (
                "The JSON type is wrong here: R4 has one value in this place, not a list; send one without [ ]."
                if value
                else f"{_named(place)} is an empty array, which is no FHIR JSON; {_REMEDY}."
            )
        self.add(place, code, text)


_REMEDY = "fill it or leave it out"
_NO_LIST = ("structure", "The JSON type is wrong here: R4 has a list in this place; put the value in [ ].")


def _of_extensions(place: _Place) -> bool:
    """Whether a place is a `_name`: the extensions of a list of primitives, with gaps where one has none."""
    return place is not None and isinstance(place[1], str) and place[1].startswith("_")


def _named(place: _Place) -> str:
    """The element's name for a sentence."""
    while place is not None and isinstance(place[1], int):
        place = place[0]
    return f"`{place[1]}`" if place is not None else "This"


def _path(root: str, place: _Place) -> str:
    parts: list[str] = []
    while place is not None:
        place, key = place
        parts.append(f"[{key}]" if isinstance(key, int) else f".{key}")
    return root + "".join(reversed(parts))


# -- keys that stand twice: parsing keeps one of them, and two readers may keep different ones -----------------


class _Twice(dict[str, Any]):
    """An object in which a key stands twice."""


def _keys_twice(raw: bytes) -> Iterator[_Place]:
    found = False

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        node = dict(pairs)
        if len(node) == len(pairs):
            return node
        found = True
        return _Twice(node)

    top = json.loads(raw, object_pairs_hook=made, parse_int=str, parse_float=str)
    stack: list[tuple[Any, _Place]] = [(top, None)] if found else []
    while stack:
        node, place = stack.pop()
        if isinstance(node, _Twice):
            yield place
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, (dict, list)):
                stack.append((value, (place, key)))
