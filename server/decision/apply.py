"""The case after a fact. Every change of a request goes `apply` -> render -> store.append."""

from collections.abc import Iterable
from dataclasses import replace

from server.decision.case import (
    Attached,
    Case,
    CaseItem,
    DecidedByMachine,
    Fact,
    MachineDecision,
    Received,
    Ruled,
    Ruling,
    Updated,
)
from server.decision.model import Decision, Outcome
from server.decision.request import RequestedItem
from server.decision.ruling import CLOSED, Status, by_machine, by_machine_again, cancel, rule
from server.errors import DecisionRefused


def apply(case: Case | None, fact: Fact) -> Case:
    """The case after a fact. case: None before the first one. Raises DecisionRefused for a fact that cannot follow."""
    if isinstance(fact, Received):
        if case is not None:
            raise DecisionRefused("A request is received once; what comes later changes its case.")
        judging = tuple(i.sequence for i in fact.request.items)
        return Case(fact.case_id, fact.at, fact.caller, fact.request, 1, fact.at, judging=judging)
    if case is None:
        raise DecisionRefused("A case begins with the request that was received.")
    match fact:
        case DecidedByMachine():
            return _decided(case, fact)
        case Ruled():
            return _ruled(case, fact)
        case Updated():
            return _changed(case, fact, fact.cancelled)
        case Attached():
            return _changed(case, fact, ())


def apply_all(facts: Iterable[Fact]) -> Case:
    """The case after all these facts. Raises DecisionRefused when there is none, or when one cannot follow."""
    case: Case | None = None
    for fact in facts:
        case = apply(case, fact)
    if case is None:
        raise DecisionRefused("A case begins with the request that was received.")
    return case


def _decided(case: Case, fact: DecidedByMachine) -> Case:
    if not case.judging:
        raise DecisionRefused("The machine has decided this request already.")
    made = {d.sequence: d for d in fact.items}
    if tuple(made) != case.judging or len(made) != len(fact.items):
        raise DecisionRefused("The machine decides every item of a request, each once and in their order.")
    asked = {r.sequence: r for r in case.request.items}
    now = {i.sequence: i for i in case.items}
    now |= {n: _judged(asked.get(n), now.get(n), d) for n, d in made.items()}
    return replace(
        case,
        items=tuple(now.values()),
        judging=(),
        remark=fact.remark,
        answered=fact.at,
        facts=case.facts + 1,
    )


def _judged(asked: RequestedItem | None, was: CaseItem | None, made: MachineDecision) -> CaseItem:
    """An item that the machine decides, for the first time or again."""
    outcome = made.decision.outcome
    authorization = by_machine_again(was.authorization, outcome) if was else by_machine(outcome)
    approved = authorization.status is Status.APPROVED
    if bool(made.number) is not approved or bool(made.reference) is approved:
        raise DecisionRefused("What is approved has an authorization number, and what is pended a reference number.")
    requested = asked or (was.requested if was else None)
    if requested is None:
        raise DecisionRefused("The machine decides what was asked for.")
    reference = was.reference if was and was.reference else made.reference
    return CaseItem(requested, made.decision, authorization, _own_number(was, made.number), reference, made.document)


def _own_number(was: CaseItem | None, given: str | None) -> str | None:
    """The number of an item for good. Raises DecisionRefused where it has one and would be given another."""
    own = was.own_number if was else None
    if own and given and own != given:
        raise DecisionRefused(f"The authorization number of this item is {own}, and stays so.")
    return own or given


def _changed(case: Case, fact: Updated | Attached, cancelled: tuple[int, ...]) -> Case:
    """The case after its sender said more: what is touched waits for the machine, the rest stands."""
    asked = {r.sequence: r for r in fact.request.items}
    known = {i.sequence: i for i in case.items}
    touched = set(fact.touched)
    if (
        touched & set(cancelled)
        or not touched <= asked.keys()
        or not set(cancelled) <= known.keys() | set(case.judging)
    ):
        raise DecisionRefused("What is changed or cancelled is an item of the request, and one of the two.")
    if not asked.keys() - known.keys() - set(cancelled) <= touched | set(case.judging):
        raise DecisionRefused("What is new in a request is judged.")
    if closed := [n for n in fact.touched if n in known and known[n].status in CLOSED]:
        raise DecisionRefused(f"Item {closed[0]} is {known[closed[0]].status}; a new request is needed for it.")
    first = {n: r for n in case.judging if n not in known for r in case.request.items if r.sequence == n}
    now = {n: replace(i, requested=asked.get(n, i.requested)) for n, i in known.items()}
    now |= {n: _taken_back(now.get(n) or _unjudged(first[n])) for n in cancelled}
    judging = tuple(n for n in dict.fromkeys((*case.judging, *fact.touched)) if n not in cancelled)
    return replace(
        case, request=fact.request, items=tuple(now.values()), judging=judging, answered=fact.at, facts=case.facts + 1
    )


def _taken_back(item: CaseItem) -> CaseItem:
    return replace(item, authorization=cancel(item.authorization), document=None)


def _unjudged(requested: RequestedItem) -> CaseItem:
    """An item that is cancelled before anybody judged it: an update came first (pas T-5)."""
    decision = Decision(Outcome.PEND_NURSE, (), None, None, None, None, "none: cancelled before it was judged")
    return CaseItem(requested, decision, by_machine(Outcome.PEND_NURSE), None, None, None)


def _ruled(case: Case, fact: Ruled) -> Case:
    rulings = {r.sequence: r for r in fact.rulings}
    if not rulings or len(rulings) != len(fact.rulings) or not rulings.keys() <= {i.sequence for i in case.items}:
        raise DecisionRefused("A ruling names items of the case, each once.")
    if case.judging:
        raise DecisionRefused("The machine judges the request first.")
    items = tuple(_after(i, rulings[i.sequence]) if i.sequence in rulings else i for i in case.items)
    return replace(case, items=items, answered=fact.at, facts=case.facts + 1)


def _after(item: CaseItem, ruling: Ruling) -> CaseItem:
    authorization = rule(item.authorization, ruling.decision)
    authorized = authorization.status in (Status.APPROVED, Status.MODIFIED)
    if bool(ruling.number) is not authorized:
        raise DecisionRefused("An authorization, and no other ruling, has an authorization number.")
    return replace(item, authorization=authorization, own_number=_own_number(item, ruling.number))
