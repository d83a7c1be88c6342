"""Checks, when policies are loaded, that a Questionnaire can be asked and its answers be read."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson

from server.fhir.read import Resource, dicts
from server.fhir.structure import structure_problems
from server.form.answer import TYPES
from server.form.enable_when import OPERATORS
from server.form.model import form_items


def form_problems(questionnaire: Resource, value_sets: Collection[str]) -> Iterator[tuple[str, str]]:
    """Place and text of each fault: base R4, linkIds, types, conditions, value sets that no folder has.

    value_sets: the urls of those that the folders have.
    """
    yield from ((p.expression or "", p.text) for p in structure_problems(orjson.dumps(questionnaire), questionnaire))
    if questionnaire.get("resourceType") != "Questionnaire" or not questionnaire.get("item"):
        yield "", "must be a Questionnaire with url, version and item"
    for name in ("url", "version"):
        if not questionnaire.get(name):
            yield name, "is missing; a form is named by its url and version"
    asked = list(form_items(questionnaire))
    above = {str(item.get("linkId")): tuple(str(p.get("linkId")) for p in parents) for parents, item in asked}
    seen: set[str] = set()
    for _, item in asked:
        link = str(item.get("linkId"))
        if link in seen:
            yield f"item {link}", "stands twice; a linkId is unique in its form"
        seen.add(link)
        if item.get("type") not in TYPES:
            yield f"item {link}.type", f"is none that can be answered; use one of {', '.join(sorted(TYPES))}"
        set_url = str(item.get("answerValueSet", "")).split("|", 1)[0]
        if set_url and set_url not in value_sets:
            yield f"item {link}", f"answerValueSet {set_url} is in no value-sets folder"
        for n, condition in enumerate(dicts(item.get("enableWhen"))):
            yield from ((f"item {link}.enableWhen[{n}]", text) for text in _condition(condition, link, above))


def _condition(condition: Mapping[str, Any], link: str, above: dict[str, tuple[str, ...]]) -> Iterator[str]:
    question, operator = condition.get("question"), condition.get("operator")
    if question not in above:
        yield f"names {question!r}, which is no linkId of this form; name a question that it has"
    elif question == link or link in above[str(question)]:
        yield "names the item itself, or what is in it, so it could never be enabled; name another question"
    if operator not in OPERATORS:
        yield f"{operator!r} is no operator; use one of {', '.join(sorted(OPERATORS))}"
    elif operator == "exists" and not isinstance(condition.get("answerBoolean"), bool):
        yield "`exists` compares with answerBoolean; write true or false"
