"""One answer of a QuestionnaireResponse: reading its value against the question, and writing a value for it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from server.cql.model import ValueSet
from server.errors import Problem
from server.fhir.primitives import real_day
from server.fhir.read import coding
from server.form.model import FormItem

ValueSets = Mapping[str, ValueSet]

_KIND = {
    "boolean": "valueBoolean",
    "decimal": "valueDecimal",
    "integer": "valueInteger",
    "date": "valueDate",
    "dateTime": "valueDateTime",
    "time": "valueTime",
    "string": "valueString",
    "text": "valueString",
    "url": "valueUri",
    "choice": "valueCoding",
    "open-choice": "valueCoding",
    "attachment": "valueAttachment",
    "reference": "valueReference",
    "quantity": "valueQuantity",
}
TYPES = frozenset((*_KIND, "group", "display"))
"""The item types of a form that can be asked."""

_JSON: dict[str, type | tuple[type, ...]] = {
    "valueBoolean": bool,
    "valueInteger": int,
    "valueDecimal": (int, float),
    "valueCoding": dict,
    "valueAttachment": dict,
    "valueReference": dict,
    "valueQuantity": dict,
}
_CHOICES = ("choice", "open-choice")
_PARTIAL_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?")


def read_value(
    item: FormItem, value_sets: ValueSets, answer: Mapping[str, Any], at: str, problems: list[Problem]
) -> dict[str, Any] | None:
    """The answer with its coding completed; None when it has no value, or one that is a problem (appended)."""
    keys = [key for key in answer if key.startswith("value")]
    if not keys:
        return None
    key, value = keys[0], answer[keys[0]]
    kinds = _kinds(item)
    if key not in kinds or not _fits(key, value):
        text = f"The question asks for {' or '.join(kinds)}; send that."
        problems.append(Problem("value", text, f"{at}.{key}"))
        return None
    if key in ("valueDate", "valueDateTime") and not _is_date(value):
        problems.append(Problem("value", "This day does not exist in the calendar; send a real date.", f"{at}.{key}"))
        return None
    if item["type"] not in _CHOICES:
        return dict(answer)
    chosen = _choose(item, value_sets, key, value)
    if chosen is None:
        text = "This is not among the answers of the question; take a code (and its system) from the form."
        problems.append(Problem("code-invalid", text, f"{at}.{key}"))
        return None
    return {**answer, key: chosen}


def answer_value(item: FormItem, value_sets: ValueSets, scalar: Any) -> dict[str, Any]:
    """A plain value as the value[x] that a question asks for: `RA` -> `{"valueCoding": {"system", "code", "display"}}`.

    A choice is given by its code, or by `system|code` where two systems share codes; a dict is the value itself
    (Coding, Attachment, Quantity, Reference). Text that is no code of an open choice becomes a string.
    Raises ValueError when the value cannot answer the question.
    """
    kinds = _kinds(item)
    if item["type"] in _CHOICES and "valueCoding" in kinds and isinstance(scalar, str):
        system, _, code = scalar.rpartition("|")
        given = {"system": system, "code": code} if system else {"code": code}
        if (found := _listed(item, value_sets, given)) is not None:
            return {"valueCoding": _with_display(item, value_sets, found)}
        kinds = tuple(k for k in kinds if k != "valueCoding")
    for key in kinds:
        if _fits(key, scalar) and (not key.startswith("valueDate") or _is_date(scalar)):
            chosen = _choose(item, value_sets, key, scalar) if item["type"] in _CHOICES else scalar
            if chosen is not None:
                return {key: chosen}
    raise ValueError(f"{item['linkId']} ({item['type']}) cannot be answered with {scalar!r}")


def _kinds(item: FormItem) -> tuple[str, ...]:
    """The value[x] names that a question takes."""
    of_options = {key for option in item.get("answerOption") or () for key in option if key.startswith("value")}
    kinds = of_options or {_KIND[item["type"]]} if item["type"] in _KIND else set()
    return tuple(sorted(kinds | {"valueString"} if item["type"] == "open-choice" else kinds))


def _fits(key: str, value: Any) -> bool:
    expected = _JSON.get(key, str)
    return isinstance(value, expected) and (expected is bool or not isinstance(value, bool))


def _is_date(value: str) -> bool:
    return real_day(value) is not None or _PARTIAL_DATE.fullmatch(value) is not None


def _choose(item: FormItem, value_sets: ValueSets, key: str, value: Any) -> Any | None:
    """The value of a choice, completed by the form; None when it is not among the answers."""
    if key == "valueCoding":
        found = _listed(item, value_sets, value)
        return value if found is None and item["type"] == "open-choice" else found
    options = [option[key] for option in item.get("answerOption") or () if key in option]
    return value if item["type"] == "open-choice" or not options or value in options else None


def _listed(item: FormItem, value_sets: ValueSets, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The Coding with the form's system; None when the form does not list it. Without a list every code is accepted."""
    wanted = coding(given)
    if wanted is None:
        return None
    for system, code in _options(item):
        if code == wanted.code and wanted.system in ("", system):
            return {**given, "system": system, "code": code} if system else dict(given)
    if item.get("answerOption"):
        return None
    value_set = value_sets.get(str(item.get("answerValueSet", "")).partition("|")[0])
    if value_set is None:
        return dict(given)
    if wanted.system:
        in_set = wanted.token in value_set.members or wanted.system in value_set.whole_systems
        return {**given, "system": wanted.system, "code": wanted.code} if in_set else None
    systems = sorted(m.rpartition("|")[0] for m in value_set.members if m.rpartition("|")[2] == wanted.code)
    systems += value_set.whole_systems
    return {**given, "system": systems[0], "code": wanted.code} if systems else None


def _options(item: FormItem) -> Iterator[tuple[str, str]]:
    for option in item.get("answerOption") or ():
        if (listed := coding(option.get("valueCoding") or {})) is not None:
            yield listed.system, listed.code


def _with_display(item: FormItem, value_sets: ValueSets, found: dict[str, Any]) -> dict[str, Any]:
    value_set = value_sets.get(str(item.get("answerValueSet", "")).partition("|")[0])
    listed = [option.get("valueCoding") or {} for option in item.get("answerOption") or ()]
    if value_set is not None:
        listed += (value_set.resource.get("expansion") or {}).get("contains") or ()
    same = (c for c in listed if c.get("code") == found["code"] and c.get("system") in (None, found.get("system")))
    display = next((c["display"] for c in same if c.get("display")), None)
    return {**found, "display": display} if display else found
