"""Reads a QuestionnaireResponse against its form. Nothing here depends on a particular form."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from server.errors import Problem
from server.fhir.read import Resource, dicts
from server.form.answer import ValueSets, read_value
from server.form.enable_when import ResponseItem, drop_disabled
from server.form.model import Form, FormItem, form_items

MAX_ITEMS = 2_000
"""The most items and answers of one response. A long form has a hundred; reading many more would delay others."""


def contained_form(response: Resource) -> Resource | None:
    """The Questionnaire that an adaptive response contains: the one it names, else the first."""
    forms = [
        resource
        for resource in _list(response.get("contained"))
        if isinstance(resource, dict) and resource.get("resourceType") == "Questionnaire"
    ]
    named = response.get("questionnaire")
    return next((f for f in forms if f"#{f.get('id')}" == named), forms[0] if forms else None)


def form_canonicals(response: Resource) -> tuple[str, ...]:
    """The canonicals that may name the answered form, best first. An adaptive form is named by what it derives from.

    Clients leave out `derivedFrom` or `url` of the contained form, so both are read (dtr D-60, T-13).
    """
    named = response.get("questionnaire")
    if isinstance(named, str) and named and not named.startswith("#"):
        return (named,)
    form = contained_form(response) or {}
    url, version = form.get("url"), form.get("version")
    versioned = [f"{url}|{version}"] if isinstance(url, str) and isinstance(version, str) else []
    return tuple(c for c in (*_list(form.get("derivedFrom")), *versioned, url) if isinstance(c, str) and c)


def read_response(form: Form, value_sets: ValueSets, response: Resource, at: str) -> tuple[Resource, list[Problem]]:
    """The response as CQL may see it, and everything that is wrong with it.

    Answers without a value are left out, and so are answers to questions that enableWhen hides: a hidden item does not
    count. Codings get the system of the form. A required question without an answer is no problem: that fact is
    unknown. The response that came in is not changed.

    value_sets: by url. at: FHIRPath of the response, e.g. `Bundle.entry[3].resource`; expressions start with it.
    Problems: more than MAX_ITEMS (the rest is not read), unknown or misplaced linkId, one question answered twice, a
    value of the wrong type, a code that is not among the answers, a date that does not exist.
    """
    reader = _Reader(form, value_sets, at)
    roots = reader.nodes(response, form.questionnaire, None, at)
    kept = drop_disabled(roots, form.parents)
    clean = {key: value for key, value in response.items() if key != "item"}
    if kept:
        clean["item"] = kept
    return clean, reader.problems


def hidden_answers(response: Resource, clean: Resource) -> tuple[str, ...]:
    """The linkIds of what a response answers and `read_response` took out as hidden, each once."""
    return tuple((Counter(_answered(response)) - Counter(_answered(clean))).keys())


def open_gates(form: Form, clean: Resource, hidden: tuple[str, ...]) -> tuple[str, ...]:
    """The linkIds of unanswered questions on which it hangs whether the hidden ones are asked, in the form's order."""
    above = [
        i for parents, item in form_items(form.questionnaire) if item["linkId"] in hidden for i in (*parents, item)
    ]
    gates = dict.fromkeys(str(when.get("question")) for item in above for when in dicts(item.get("enableWhen")))
    answered = {*_answered(clean), *hidden}
    return tuple(gate for gate in gates if gate not in answered)


def _answered(holder: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for item in dicts(holder.get("item")):
        answers = [a for a in dicts(item.get("answer")) if any(key.startswith("value") for key in a)]
        found += [str(item.get("linkId"))] * len(answers)
        for inner in (item, *answers):
            if "item" in inner:
                found += _answered(inner)
    return found


class _Reader:
    def __init__(self, form: Form, value_sets: ValueSets, at: str) -> None:
        self.value_sets = value_sets
        self._parents = form.parents
        self.problems: list[Problem] = []
        self._at = at
        self._read = 0

    def nodes(
        self, holder: Mapping[str, Any], form_item: FormItem, parent: ResponseItem | None, at: str
    ) -> list[ResponseItem]:
        """The items that stand directly below `holder` (response, group or answer), matched to the form's."""
        sent = self._some(holder.get("item"))
        if not sent:
            return []
        allowed = {child["linkId"]: child for child in form_item.get("item") or ()}
        found: list[ResponseItem] = []
        seen: set[str] = set()
        for n, raw in enumerate(sent):
            place = f"{at}.item[{n}]"
            link = raw.get("linkId") if isinstance(raw, dict) else None
            item = allowed.get(link) if isinstance(link, str) else None
            if item is None:
                self._unknown(link, place)
                continue
            if link in seen and not item.get("repeats"):
                self._add("duplicate", "This item does not repeat; send it once.", f"{place}.linkId")
                continue
            seen.add(item["linkId"])
            found.append(self._node(item, raw, parent, place))
        return found

    def _node(self, item: FormItem, raw: Mapping[str, Any], parent: ResponseItem | None, at: str) -> ResponseItem:
        node = ResponseItem(item, raw, parent)
        node.children = self.nodes(raw, item, node, at)
        answers = self._some(raw.get("answer"))
        if answers and item["type"] in ("group", "display"):
            self._add("structure", f"A {item['type']} takes no answer; answer the questions in it.", f"{at}.answer")
            return node
        given = 0
        for n, answer in enumerate(answers):
            place = f"{at}.answer[{n}]"
            read = read_value(item, self.value_sets, answer if isinstance(answer, dict) else {}, place, self.problems)
            if read is None:
                continue
            given += 1
            if given > 1 and not item.get("repeats"):
                self._add("duplicate", "This question takes one answer; send one.", place)
                continue
            node.answers.append((read, self.nodes(read, item, node, place)))
        return node

    def _some(self, value: Any) -> list[Any]:
        """The elements of a list; none once the response has more than MAX_ITEMS, which becomes a problem."""
        found = _list(value)
        if self._read <= MAX_ITEMS < self._read + len(found):
            text = f"The response holds more than {MAX_ITEMS} items and answers; send those that the form asks for."
            self._add("too-costly", text, f"{self._at}.item")
        self._read += len(found)
        return found if self._read <= MAX_ITEMS else []

    def _unknown(self, link: Any, place: str) -> None:
        above = self._parents.get(link) if isinstance(link, str) else None
        if above is not None:
            text = f"This item stands under `{above[-1]}` in the form" if above else "This item is no child in the form"
            self._add("structure", f"{text}; move it there.", f"{place}.linkId")
        else:
            self._add(
                "value", "The form has no item with this linkId; take the linkIds of the form.", f"{place}.linkId"
            )

    def _add(self, code: str, text: str, expression: str) -> None:
        self.problems.append(Problem(code, text, expression))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
