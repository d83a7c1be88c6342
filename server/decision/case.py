"""The life of one request: facts, and the case that they lead to. Every change goes `apply` -> render -> store.append.

A fact says what happened, when, and by whom. Facts are only ever added; applied in their order they give the case.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeAlias

from server.decision.model import Decision, Finding, Outcome
from server.decision.request import AuthorizationRequest, RequestedItem
from server.decision.ruling import (
    CLOSED,
    Authorization,
    PersonDecision,
    Status,
    by_machine,
    by_machine_again,
    cancel,
    rule,
)
from server.errors import DecisionRefused
from server.fhir.read import Resource
from server.policy.model import State


@dataclass(frozen=True, slots=True)
class RequestedDocument:
    """The form of an item is asked for, since it would settle what is not known (pas P-89..P-91).

    id: of the CommunicationRequest. control: its attachment control number, an Identifier. context: the payer's own
    trace number of the item, an Identifier, under which the DTR app fetches the form. form: its canonical.
    """

    id: str
    control: Resource
    context: Resource
    form: str

    @property
    def full_url(self) -> str:
        return f"urn:uuid:{self.id}"


@dataclass(frozen=True, slots=True)
class MachineDecision:
    """What the machine decided about the item of this sequence.

    number: the authorization number, only where it approved; reference: the administrative reference number, only
    where it pended (pas P-98, T-8). document: what the provider is asked to send.
    """

    sequence: int
    decision: Decision
    number: str | None = None
    reference: str | None = None
    document: RequestedDocument | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a person decided about the item of this sequence. number: the authorization's, where one was given."""

    sequence: int
    decision: PersonDecision
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A request came in and was read. case_id: also the id of its ClaimResponse. caller: who sent it."""

    at: datetime
    case_id: str
    caller: str
    request: AuthorizationRequest


@dataclass(frozen=True, slots=True)
class DecidedByMachine:
    """The machine approved or pended each item that waited to be judged: first all of them, then those touched since.

    remark: what the answer says beside the decision.
    """

    at: datetime
    items: tuple[MachineDecision, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Ruled:
    """A person decided one or several items."""

    at: datetime
    rulings: tuple[Ruling, ...]


@dataclass(frozen=True, slots=True)
class Updated:
    """The sender sent the request anew, with what is added, changed and cancelled (pas P-80 to P-84).

    request: as it asks now, without the items that are cancelled. touched: the items to be judged by it: new ones and
    those that it changes. cancelled: those that it takes back. An item that is in none of them stays as it stands.
    """

    at: datetime
    caller: str
    request: AuthorizationRequest
    touched: tuple[int, ...]
    cancelled: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Attached:
    """Documents came in (pas P-93 to P-95). request: with them. touched: the items to be judged by it."""

    at: datetime
    caller: str
    request: AuthorizationRequest
    touched: tuple[int, ...]


Fact: TypeAlias = Received | DecidedByMachine | Ruled | Updated | Attached


@dataclass(frozen=True, slots=True)
class CaseItem:
    """One requested item as it stands. decision: the machine's; what a person ruled is in `authorization`.

    reference: stays with the item for good, so that an inquiry by it finds what became of the item (pas P-76).
    """

    requested: RequestedItem
    decision: Decision
    authorization: Authorization
    number: str | None
    reference: str | None
    document: RequestedDocument | None

    @property
    def sequence(self) -> int:
        return self.requested.sequence

    @property
    def status(self) -> Status:
        return self.authorization.status

    @property
    def approved(self) -> bool:
        return self.status is Status.APPROVED

    @property
    def ruling(self) -> PersonDecision | None:
        """The last decision of a person; None where no person decided."""
        return self.authorization.decided_by

    @property
    def period(self) -> tuple[date, date] | None:
        """How long the authorization lasts, both ends count; None where nothing is authorized."""
        if self.status not in (Status.APPROVED, Status.MODIFIED):
            return None
        return self.ruling.period if self.ruling else self.decision.period

    @property
    def outcome(self) -> str:
        """The machine's outcome, or the verdict of the person who decided since; `cancelled` by its sender."""
        if self.status is Status.CANCELLED:
            return Status.CANCELLED
        return self.ruling.verdict if self.ruling else self.decision.outcome

    @property
    def waits_for(self) -> Outcome | None:
        """Who or what comes next, while the item is pended."""
        return self.authorization.waits_for

    @property
    def missing(self) -> tuple[Finding, ...]:
        """The criteria of which nothing is known, whatever the outcome."""
        return tuple(f for f in self.decision.findings if f.state is State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what became of it.

    facts: how many facts made it what it is; the number that the next one must follow.
    answered: when the decision that stands was made. items: empty until the machine has decided; also those that later
    versions of the request leave out. judging: the sequences of the items that the machine is to decide next.
    """

    id: str
    received: datetime
    caller: str
    request: AuthorizationRequest
    facts: int
    answered: datetime
    items: tuple[CaseItem, ...] = ()
    remark: str = ""
    judging: tuple[int, ...] = ()

    def item(self, sequence: int) -> CaseItem | None:
        """The item of this sequence; None where there is none, or it was never judged."""
        return next((i for i in self.items if i.sequence == sequence), None)


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
    return CaseItem(requested, made.decision, authorization, made.number, reference, made.document)


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
    return replace(item, authorization=cancel(item.authorization), number=None, document=None)


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
    return replace(item, authorization=authorization, number=ruling.number)
