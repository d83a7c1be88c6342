"""FHIR R4 (4.0.1) as a table: which elements each type has.

r4-elements.json has one text a type: the type it is made from, then the elements it adds, each as
`name cardinality types`. Cardinality is `?` 0..1, `1` 1..1, `*` 0..* or `+` 1..*; types are joined by `|`, and `any` is
every type that an extension may hold; `name[x]` stands for one key a type. A type that starts with `resource` may stand
for itself. tests/fhir/r4_elements.py makes the file from HL7's definitions; nobody edits it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from server.fhir.primitives import PRIMITIVES, Check

FILE = Path(__file__).with_name("r4-elements.json")
_TEXTS: Mapping[str, str] = json.loads(FILE.read_bytes())
_ANY: tuple[str, ...] = tuple(_TEXTS["any"].split("|"))
RESOURCES = frozenset(name for name, text in _TEXTS.items() if text.startswith("resource "))


@dataclass(frozen=True, slots=True)
class Element:
    """One key that an object of a type may have.

    type: a complex type, `Resource`, or a primitive, which `check` then judges. choice: the name without `[x]` that
    the keys of one choice share.
    """

    type: str
    many: bool
    check: Check | None = None
    choice: str | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """elements: by key. mandatory: the element, and the keys of which one must be there."""

    elements: Mapping[str, Element]
    mandatory: tuple[tuple[str, tuple[str, ...]], ...]


@cache
def definition(name: str) -> Definition:
    """The elements of a type, those it inherits included. Raises KeyError for a type that R4 does not have."""
    base, *said = _TEXTS[name].removeprefix("resource ").split("; ")
    inherited = definition(base) if base else Definition({}, ())
    elements, mandatory = dict(inherited.elements), list(inherited.mandatory)
    for text in said:
        element, cardinality, types = text.split(" ")
        keys = _keys(element, cardinality in "*+", types)
        elements |= keys
        if cardinality in "1+":
            mandatory.append((element, tuple(keys)))
    return Definition(elements, tuple(mandatory))


def _keys(element: str, many: bool, types: str) -> dict[str, Element]:  # noqa: FBT001 - a column of the table
    """The keys of one element; a primitive has `_name` beside it for its id and extensions."""
    found: dict[str, Element] = {}
    choice = element.removesuffix("[x]") if element.endswith("[x]") else None
    for kind in _ANY if types == "any" else types.split("|"):
        key = element if choice is None else choice + kind[0].upper() + kind[1:]
        found[key] = Element(kind, many, PRIMITIVES.get(kind), choice)
        if kind in PRIMITIVES:
            found[f"_{key}"] = Element("Element", many)
    return found
