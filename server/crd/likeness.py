"""Whether one part of an order says what the same part of another order says, or less. It knows no drug and no unit."""

from collections.abc import Callable, Iterator
from typing import Any

from server.fhir.read import codings, dicts, reference, type_and_id

_OF_A_CONCEPT = frozenset({"coding", "extension", "id", "text"})
_OF_A_CODING = frozenset({"code", "display", "extension", "id", "system", "userSelected", "version"})
_LESS_IS_MORE = frozenset({"denominator", "dispenseInterval"})
"""Where a smaller amount means more of the product: what a dose is divided by, and the pause between two hand-outs."""


def plain(node: Any, resolve: Callable[[Any], Any]) -> Any:
    """The node with each reference as `Type/id`, wherever its sender keeps the resource, and without its label.

    resolve: finds what a Reference points at, None where that did not come along.
    """
    if isinstance(node, list):
        return [plain(n, resolve) for n in node]
    if not isinstance(node, dict):
        return node
    literal = reference(node)
    if literal is None:
        return {k: plain(v, resolve) for k, v in node.items()}
    found = resolve(node) or {}
    return {
        "reference": f"{found['resourceType']}/{found['id']}" if found.get("id") else type_and_id(literal) or literal
    }


def same(new: Any, old: Any) -> bool:
    """Whether both say the same. Of several codes for one thing, some are enough; none may be another."""
    if isinstance(new, dict) and isinstance(old, dict):
        if "coding" in new or "coding" in old:
            return same_concept(new, old)
        keys = (new.keys() | old.keys()) - {"id"}
        return all(k in new and k in old and same(new[k], old[k]) for k in keys)
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(same, new, old))
    return isinstance(new, bool) is isinstance(old, bool) and bool(new == old)


def not_above(new: Any, old: Any) -> bool:
    """Whether both say the same, but for amounts that are smaller in the first one, in the same unit."""
    if isinstance(new, dict) and isinstance(old, dict):
        if "coding" in new or "coding" in old:
            return same_concept(new, old)
        keys = (new.keys() | old.keys()) - {"id"}
        if _is_number(new.get("value")) and _is_number(old.get("value")):
            return 0 < new["value"] <= old["value"] and all(new.get(k) == old.get(k) for k in keys - {"value"})
        return all(k in new and k in old and (same if k in _LESS_IS_MORE else not_above)(new[k], old[k]) for k in keys)
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(not_above, new, old))
    return same(new, old)


def same_concept(new: Any, *old: Any, names: frozenset[str] = frozenset()) -> bool:
    """Whether a CodeableConcept has a code or a word, and none that these have not. names: further words, folded."""
    if not isinstance(new, dict) or new.keys() - _OF_A_CONCEPT:
        return False
    if any(c.keys() - _OF_A_CODING for c in dicts(new.get("coding"))):
        return False
    tokens, known = {c.token for c in codings(new)}, {c.token for c in codings(list(old))}
    words = frozenset(names_of(new))
    if not (tokens or words):
        return False
    return tokens <= known and words <= names | frozenset(n for concept in old for n in names_of(concept))


def names_of(concept: Any) -> Iterator[str]:
    """The words of a CodeableConcept, folded: its text and what its codings display, with or without a code."""
    if isinstance(concept, dict):
        said = [concept.get("text"), *(c.get("display") for c in dicts(concept.get("coding")))]
        yield from (folded(w) for w in said if isinstance(w, str))


def folded(words: str) -> str:
    return " ".join(words.split()).casefold()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
