"""Asks an adaptive form round by round: which answers count, which are missing, which items come next. Pure.

Each round is worked out anew from the form and the answers, and nothing is kept (dtr D-16, T-18). Of the client's copy
of the form only the linkIds are read: they alone tell a question that was skipped from one that was never asked.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.errors import InvalidRequest, Problem
from server.fhir.codes import DTR
from server.fhir.read import Resource, extension_value, extensions
from server.form.answer import ValueSets
from server.form.enable_when import Enabled, ResponseItem
from server.form.model import Form, FormItem, form_items
from server.form.response import read_response

_ORIGIN = f"{DTR}information-origin"
_NO_QUESTION = ("group", "display")


@dataclass(frozen=True, slots=True)
class Round:
    """asked: linkIds of the items now shown; response: the answers that count; completed: nothing is left to ask."""

    asked: frozenset[str]
    response: Resource
    completed: bool


class Asking:
    """Asks one form. conditions: whether what clients see may carry enableWhen.

    With conditions (2.2) a top-level item is asked together with all items in it. Without them (2.0.1) only the enabled
    items are asked, and those that an answer enables come in a further round (dtr T-13).
    """

    def __init__(self, form: Form, value_sets: ValueSets, *, conditions: bool) -> None:
        self.form = form
        self._value_sets = value_sets
        self._conditions = conditions
        self._links = frozenset(item["linkId"] for _, item in form_items(form.questionnaire))

    def first(self, response: Resource) -> frozenset[str]:
        """The linkIds of the form's first item, as far as these answers enable it."""
        tree = _Tree(self.form, response)
        return frozenset(tree.enabled_links.intersection(_below(self.form.questionnaire["item"][0])))

    def next(self, response: Resource, asked: Collection[str], at: str) -> Round:
        """The next round: one more item of the form, in its order, among those that the answers enable.

        asked: linkIds of the client's copy. at: FHIRPath of the response. A response without an answer by a person is a
        first call: missing required answers are no problem there.
        Raises InvalidRequest with every problem of the answers: those of read_response, an item that the form does not
        have, an answer to what was not asked, an open required question (dtr D-58, T-18).
        """
        clean, problems = read_response(self.form, self._value_sets, response, at)
        tree = _Tree(self.form, clean)
        shown = self._shown(tree, asked)
        answered = {node.link for node in tree.all if node.answers}
        if not self._links.issuperset(asked):
            text = "The contained Questionnaire holds an item that this form does not have; send it as it came."
            problems.append(Problem("value", text, f"{at}.contained"))
        problems += [
            Problem("business-rule", "This question was not asked yet; answer the contained form.", _at(at, link))
            for link in sorted(answered - shown)
        ]
        owed = dict.fromkeys(node.link for node in tree.open_questions() if node.link in shown)
        if any(_by_someone(answer) for node in tree.all for answer, _ in node.answers):
            text = "This question is required; answer it before asking for the next one."
            problems += [Problem("required", text, _at(at, link)) for link in owed]
        if problems:
            raise InvalidRequest(problems)
        more = set() if owed else tree.next_item(shown, whole=self._conditions)
        return Round(frozenset(shown | more), clean, completed=not more and not owed)

    def _shown(self, tree: "_Tree", asked: Collection[str]) -> set[str]:
        """The linkIds of the client's copy that are still part of the form under these answers."""
        if not self._conditions:
            return tree.enabled_links.intersection(asked)
        return {link for n in tree.roots if n.link in asked and tree.enabled(n) for link in _below(n.item)}


class _Tree:
    """Every item of the form as a node, answered or not; a repeating group has one node for each occurrence."""

    def __init__(self, form: Form, clean: Resource) -> None:
        self.roots = _nodes(form.questionnaire["item"], clean.get("item") or [], None)
        self.enabled = Enabled(self.roots, form.parents)
        self.all = [node for root in self.roots for node in (root, *root.below())]
        self.enabled_links = {node.link for node in self.all if self.enabled(node)}

    def open_questions(self) -> Iterator[ResponseItem]:
        """The required questions that are enabled and not answered."""
        for node in self.all:
            required = node.item.get("required") and node.item["type"] not in _NO_QUESTION
            if required and not node.answers and self.enabled(node):
                yield node

    def next_item(self, shown: Collection[str], *, whole: bool) -> set[str]:
        """The linkIds to add: those of the first top-level item that has a question not shown yet.

        whole: a top-level item is shown with all items in it.
        """
        enabled = [root for root in self.roots if self.enabled(root)]
        begun = [] if whole else [root for root in enabled if root.link in shown]
        for root in (*begun, *(r for r in enabled if r.link not in shown)):
            new = {link for link in _below(root.item) if link not in shown and (whole or link in self.enabled_links)}
            if any(n.link in new and n.item["type"] != "group" and self.enabled(n) for n in (root, *root.below())):
                return new
        return set()


def _nodes(siblings: Any, given: Any, parent: ResponseItem | None) -> list[ResponseItem]:
    found = []
    for item in siblings:
        for raw in [g for g in given if g.get("linkId") == item["linkId"]] or [{}]:
            node = ResponseItem(item, raw, parent)
            below = item.get("item") or ()
            if item["type"] == "group":
                node.children = _nodes(below, raw.get("item") or [], node)
            node.answers = [(a, _nodes(below, a.get("item") or [], node)) for a in raw.get("answer") or ()]
            found.append(node)
    return found


def _below(item: FormItem) -> Iterator[str]:
    yield item["linkId"]
    for child in item.get("item") or ():
        yield from _below(child)


def _by_someone(answer: Mapping[str, Any]) -> bool:
    """Whether a person gave the answer: its origin is none of `auto`, `auto-client`, `auto-server` (dtr D-106, T-9)."""
    origins = [extension_value(e, "source") for e in extensions(answer, _ORIGIN)]
    return not any(str(origin).startswith("auto") for origin in origins)


def _at(at: str, link: str) -> str:
    return f"{at}.descendants().where(linkId='{link}')"
