"""Which items of a response count: enableWhen and enableBehavior (FHIR R4 questionnaire.html)."""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
OPERATORS = frozenset((*_COMPARE, "=", "!=", "exists"))


class ResponseItem:
    """One item of a response beside its item in the form. answers: each with the items nested in it."""

    __slots__ = ("answers", "children", "item", "parent", "raw")

    def __init__(self, item: Mapping[str, Any], raw: Mapping[str, Any], parent: "ResponseItem | None") -> None:
        self.item = item
        self.raw = raw
        self.parent = parent
        self.children: list[ResponseItem] = []
        self.answers: list[tuple[dict[str, Any], list[ResponseItem]]] = []

    @property
    def link(self) -> str:
        return str(self.item["linkId"])

    def values(self) -> Iterator[Any]:
        for answer, _ in self.answers:
            yield next(value for key, value in answer.items() if key.startswith("value"))

    def below(self) -> Iterator["ResponseItem"]:
        for child in (*self.children, *(n for _, nested in self.answers for n in nested)):
            yield child
            yield from child.below()


def drop_disabled(roots: list[ResponseItem], parents: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    """The items of the response without the disabled ones, and without groups that are then empty.

    parents: linkIds above each linkId in the form, outermost first.
    """
    enabled = Enabled(roots, parents)
    return [kept for node in roots if (kept := _kept(node, enabled)) is not None]


def _kept(node: ResponseItem, enabled: "Enabled") -> dict[str, Any] | None:
    if not enabled(node):
        return None
    kept = {key: value for key, value in node.raw.items() if key not in ("item", "answer")}
    children = [k for child in node.children if (k := _kept(child, enabled)) is not None]
    answers = []
    for answer, nested in node.answers:
        below = [k for child in nested if (k := _kept(child, enabled)) is not None]
        bare = {key: value for key, value in answer.items() if key != "item"}
        answers.append({**bare, "item": below} if below else bare)
    if children:
        kept["item"] = children
    if answers:
        kept["answer"] = answers
    return kept if children or answers else None


class Enabled:
    """Whether a node is enabled. A disabled question counts as unanswered for the conditions that ask for it."""

    def __init__(self, roots: Iterable[ResponseItem], parents: Mapping[str, tuple[str, ...]]) -> None:
        self._parents = parents
        # nodes by (occurrence of a group, linkId), 0 for the whole response; without this index, a group that repeats
        # a thousand times would take a million steps
        self._within: dict[tuple[int, str], list[ResponseItem]] = {}
        self._known: dict[int, bool] = {}
        self._held: dict[tuple[int, int], bool] = {}
        for root in roots:
            for node in (root, *root.below()):
                self._within.setdefault((0, node.link), []).append(node)
                above: ResponseItem | None = node
                while above is not None:
                    self._within.setdefault((id(above), node.link), []).append(node)
                    above = above.parent

    def __call__(self, node: ResponseItem) -> bool:
        known = self._known.get(id(node))
        if known is None:
            self._known[id(node)] = False  # conditions that depend on each other in a circle do not hold
            known = (node.parent is None or self(node.parent)) and self._own(node)
            self._known[id(node)] = known
        return known

    def _own(self, node: ResponseItem) -> bool:
        conditions = node.item.get("enableWhen") or ()
        if not conditions:
            return True
        needed = all if node.item.get("enableBehavior") == "all" else any
        return needed(self._holds(c, node) for c in conditions)

    def _holds(self, condition: Mapping[str, Any], node: ResponseItem) -> bool:
        """Whether a condition holds for a node. It is worked out once for all nodes of one occurrence."""
        scope = self._scope(node, condition["question"])
        key = (scope, id(condition))
        if key not in self._held:
            self._held[key] = _holds(condition, self._values(scope, condition["question"]))
        return self._held[key]

    def _values(self, scope: int, question: str) -> list[Any]:
        """The answers to a question in one occurrence of a group, or in the whole response."""
        return [v for other in self._within.get((scope, question), ()) if self(other) for v in other.values()]

    def _scope(self, node: ResponseItem, question: str) -> int:
        """The innermost group above the node that also contains the question, as an id; 0 for the whole response."""
        holders = self._parents.get(question, ())
        above = node.parent
        while above is not None and above.link not in holders:
            above = above.parent
        return 0 if above is None else id(above)


def _holds(condition: Mapping[str, Any], values: list[Any]) -> bool:
    """R4 questionnaire-enable-operator. `!=` holds when no answer is equal, so it also holds without any answer."""
    wanted = next(value for key, value in condition.items() if key.startswith("answer"))
    match condition["operator"]:
        case "exists":
            return bool(values) == bool(wanted)
        case "=":
            return any(_equal(value, wanted) for value in values)
        case "!=":
            return not any(_equal(value, wanted) for value in values)
        case other:
            return any(_ordered(_COMPARE[other], value, wanted) for value in values)


def _equal(value: Any, wanted: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(wanted, dict):
        same_kind = type(value) is type(wanted) or (_number(value) and _number(wanted))
        return same_kind and bool(value == wanted)
    if "code" in wanted and "value" not in wanted:
        same_system = value.get("system") in (None, wanted.get("system")) or "system" not in wanted
        return value.get("code") == wanted["code"] and same_system
    return all(value.get(key) == wanted[key] for key in wanted)


def _ordered(compare: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    if isinstance(value, dict) and isinstance(wanted, dict):
        value, wanted = value.get("value"), wanted.get("value")
    comparable = (_number(value) and _number(wanted)) or (isinstance(value, str) and isinstance(wanted, str))
    return comparable and compare(value, wanted)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
