"""Which resources of a record a library can look at, read from the Retrieve nodes of its ELM.

The engine spends more time on wrapping a resource than on reading it, so resources that no retrieve can return are left
out beforehand. A resource in doubt is kept: leaving one out must never change an answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from server.cql.elm import Elm, nodes
from server.fhir.read import Resource

_ALL = {"Resource", "DomainResource"}


@dataclass(frozen=True, slots=True)
class ByCodes:
    """A retrieve by value set: the element that holds the code, and the codes of the set without their systems."""

    element: str
    codes: frozenset[str]


Wanted = Mapping[str, tuple[ByCodes, ...] | None]
"""The retrieves by value set of each resource type; None for a type of which every resource is wanted."""


def wanted(elms: Iterable[Elm], codes: Mapping[str, frozenset[str]]) -> Wanted | None:
    """What the libraries retrieve; None when they may want every resource. codes: by value set url."""
    found: dict[str, tuple[ByCodes, ...] | None] = {"Patient": None}
    for elm in elms:
        for node in nodes(elm.root.get("statements")):
            if node.get("type") != "Retrieve":
                continue
            resource_type = node["dataType"].split("}")[-1]
            if resource_type in _ALL:
                return None
            by_codes = _by_codes(node, elm.value_sets, codes)
            before = found.get(resource_type, ())
            found[resource_type] = None if by_codes is None or before is None else (*before, by_codes)
    return found


def _by_codes(node: Mapping[str, Any], urls: Mapping[str, str], codes: Mapping[str, frozenset[str]]) -> ByCodes | None:
    """The retrieve, when it filters by one value set of its own library; None for any other filter, or none."""
    expression = node.get("codes") or {}
    if expression.get("type") == "ExpandValueSet":
        expression = expression["operand"]
    if expression.get("type") != "ValueSetRef" or expression.get("libraryName") or not node.get("codeProperty"):
        return None
    members = codes.get(urls.get(expression["name"], ""))
    return ByCodes(node["codeProperty"], members) if members is not None else None


def relevant(bundle: Mapping[str, Any], want: Wanted | None) -> list[dict[str, Resource]]:
    """The entries of a Bundle that a retrieve can return, in their order."""
    entries = [{"resource": e["resource"]} for e in bundle.get("entry") or () if isinstance(e.get("resource"), dict)]
    return entries if want is None else [e for e in entries if _is_wanted(e["resource"], want)]


def _is_wanted(resource: Resource, want: Wanted) -> bool:
    retrieves = want.get(str(resource.get("resourceType")), ())
    return retrieves is None or any(_may_match(resource, r) for r in retrieves)


def _may_match(resource: Resource, retrieve: ByCodes) -> bool:
    """Whether the element may hold one of the codes; `medication` is spelled `medicationCodeableConcept` in JSON."""
    for key, value in resource.items():
        if not key.removeprefix("_").startswith(retrieve.element):
            continue
        for concept in value if isinstance(value, list) else [value]:
            if not isinstance(concept, dict) or not isinstance(concept.get("coding"), list):
                return True
            if any(_may_be(coding, retrieve.codes) for coding in concept["coding"]):
                return True
    return False


def _may_be(coding: Any, codes: frozenset[str]) -> bool:
    code = coding.get("code", "") if isinstance(coding, dict) else None
    return code in codes if isinstance(code, str) else True
