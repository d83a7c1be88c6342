"""A FHIR resource, and an answer of a form, as a person reads it: labels and values, no JSON."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from server.fhir.read import BundleIndex, Resource, dicts, reference
from server.store.desk_rows import name_of, service_of

Rows = list[tuple[str, str]]

_LEFT_OUT = frozenset({"resourceType", "id", "meta", "text", "contained", "implicitRules", "language", "extension"})
_OF_DOCUMENTS = frozenset({"data", "hash", "size"})
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MOST_ROWS = 60
_MOST_LETTERS = 2_000
_NAMED = ("Patient", "Practitioner", "RelatedPerson")


def words_of(name: str) -> str:
    """`dosageInstruction` as "Dosage instruction"."""
    return _WORDS.sub(" ", name).capitalize()


def rows_of(resource: Resource, index: BundleIndex | None = None) -> Rows:
    """What a resource says, a row for each element that is filled, in the sender's order."""
    rows = [(label, value) for label, value in _rows(resource, "", index) if value]
    return rows[:_MOST_ROWS]


def title_of(resource: Resource) -> str:
    """The kind of a resource and what it is about, in one line."""
    kind = words_of(str(resource.get("resourceType", "Resource")))
    about = name_of(resource) if resource.get("resourceType") in _NAMED else _concept_of(resource)
    return f"{kind}: {about}" if about else kind


def _concept_of(resource: Resource) -> str:
    for key in ("medicationCodeableConcept", "code", "type", "vaccineCode"):
        if isinstance(resource.get(key), dict):
            return value_in_words(resource[key])
    return ""


def _rows(element: Resource, above: str, index: BundleIndex | None) -> Iterator[tuple[str, str]]:
    for key, value in element.items():
        if key in _LEFT_OUT or key in _OF_DOCUMENTS or key.startswith("_"):
            continue
        label = f"{above}, {words_of(key).lower()}" if above else words_of(key)
        if key == "sequence":
            continue  # the order of the rows says it
        for one in value if isinstance(value, list) else [value]:
            said = value_in_words(one, index)
            if said or not isinstance(one, dict):
                yield label, said
            else:
                yield from _rows(one, label, index)


def value_in_words(value: Any, index: BundleIndex | None = None) -> str:
    """One value in words; empty for an object of several parts, whose parts are told one by one."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)[:_MOST_LETTERS]
    if not isinstance(value, dict):
        return ""
    for shape in _SHAPES:
        said = shape(value, index)
        if said:
            return said[:_MOST_LETTERS]
    return ""


def _concept(value: Resource, _: BundleIndex | None) -> str:
    if "coding" not in value and set(value) - {"text", "extension", "id"}:
        return ""
    said = [c.get("display") or c.get("code") for c in dicts(value.get("coding"))]
    codes = [str(c["code"]) for c in dicts(value.get("coding")) if c.get("code") and c.get("display")]
    first = value.get("text") or next((s for s in said if s), "")
    return f"{first} ({', '.join(dict.fromkeys(codes))})" if codes else str(first)


def _coding(value: Resource, _: BundleIndex | None) -> str:
    if not set(value) <= {"system", "code", "display", "version", "userSelected", "id", "extension"}:
        return ""
    display, code = value.get("display"), value.get("code")
    return f"{display} ({code})" if display and code else str(display or code or "")


def _reference(value: Resource, index: BundleIndex | None) -> str:
    literal = reference(value)
    if literal is None:
        return ""
    found = index.resolve(value) if index else None
    return str(value.get("display") or (title_of(found) if found else literal))


def _period(value: Resource, _: BundleIndex | None) -> str:
    if not value or not set(value) <= {"start", "end", "id", "extension"}:
        return ""
    start, end = value.get("start"), value.get("end")
    if start and end:
        return f"from {start} to {end}"
    return f"since {start}" if start else f"until {end}"


def _quantity(value: Resource, _: BundleIndex | None) -> str:
    if "value" not in value or set(value) - {"value", "comparator", "unit", "system", "code", "currency", "id"}:
        return ""
    unit = value.get("unit") or value.get("code") or value.get("currency") or ""
    return " ".join(str(p) for p in (value.get("comparator"), value["value"], unit) if p not in (None, ""))


def _ratio(value: Resource, index: BundleIndex | None) -> str:
    if "numerator" not in value or "denominator" not in value:
        return ""
    return f"{value_in_words(value['numerator'], index)} per {value_in_words(value['denominator'], index)}"


def _repeat(value: Resource, _: BundleIndex | None) -> str:
    """The usual timing, so many times in a period; every other keeps its parts."""
    if not set(value) <= {"frequency", "period", "periodUnit"} or "period" not in value:
        return ""
    unit = _UNITS.get(str(value.get("periodUnit")), str(value.get("periodUnit", "")))
    return f"{value.get('frequency', 1)} in {value['period']} {unit}"


_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "wk": "weeks", "mo": "months", "a": "years"}


def _person(value: Resource, _: BundleIndex | None) -> str:
    return name_of({"name": [value]}) if "family" in value or "given" in value else ""


def _identifier(value: Resource, _: BundleIndex | None) -> str:
    return str(value["value"]) if {"system", "value"} <= set(value) and isinstance(value["value"], str) else ""


_SHAPES = (_reference, _quantity, _ratio, _repeat, _coding, _concept, _period, _person, _identifier)


def answer_in_words(
    response: Resource, link_id: str, questionnaire: Mapping[str, Any] | None
) -> tuple[str, str] | None:
    """The question of a linkId and what was answered; None where the response has no such item."""
    found = next((i for i in _items(response) if i.get("linkId") == link_id), None)
    if found is None:
        return None
    asked = next((i for i in _items(questionnaire or {}) if i.get("linkId") == link_id), {})
    question = str(asked.get("text") or found.get("text") or link_id)
    return question, "; ".join(_answers(found)) or "not answered"


def _items(node: Mapping[str, Any]) -> Iterator[Resource]:
    waiting = list(reversed(dicts(node.get("item"))))
    while waiting:
        item = waiting.pop()
        yield item
        below = [*dicts(item.get("item")), *(i for a in dicts(item.get("answer")) for i in dicts(a.get("item")))]
        waiting += reversed(below)


def _answers(item: Resource) -> Iterator[str]:
    for answer in dicts(item.get("answer")):
        for key, value in answer.items():
            if key == "valueAttachment" and isinstance(value, dict):
                yield f"a document: {value.get('title') or value.get('contentType') or 'without a name'}"
            elif key.startswith("value"):
                yield value_in_words(value)
    below = [i for i in _items(item) if dicts(i.get("answer"))]
    for inner in below:
        yield f"{inner.get('text') or inner.get('linkId')}: {', '.join(_answers({'answer': inner['answer']}))}"


def order_rows(order: Resource | None, raw: Resource, index: BundleIndex) -> Rows:
    """What is asked for: the item first, then the order behind it."""
    asked = [("Service", service_of(order, raw))]
    told = {k: v for k, v in (order or raw).items() if k not in ("subject", "insurance")}
    return [*asked, *rows_of(told, index)]
