"""The life of one request: facts, and the case that they lead to. Every change goes `apply` -> render -> store.append.

A fact says what happened, when, and by whom. Facts are only ever added; applied in their order they give the case.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeAlias

from server.decision.model import Decision, Finding, Outcome
from server.decision.request import AuthorizationRequest, RequestedItem
from server.decision.ruling import Authorization, PersonDecision, Status, by_machine, rule
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
    """The machine approved or pended each item. remark: what the answer says beside the decision."""

    at: datetime
    items: tuple[MachineDecision, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Ruled:
    """A person decided one or several items."""

    at: datetime
    rulings: tuple[Ruling, ...]


Fact: TypeAlias = Received | DecidedByMachine | Ruled


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
        """The machine's outcome, or the verdict of the person who decided since."""
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
    answered: when the decision that stands was made. items: empty until the machine has decided.
    """

    id: str
    received: datetime
    caller: str
    request: AuthorizationRequest
    facts: int
    answered: datetime
    items: tuple[CaseItem, ...] = ()
    remark: str = ""


def apply(case: Case | None, fact: Fact) -> Case:
    """The case after a fact. case: None before the first one. Raises DecisionRefused for a fact that cannot follow."""
    if isinstance(fact, Received):
        if case is not None:
            raise DecisionRefused("A request is received once; what comes later changes its case.")
        return Case(fact.case_id, fact.at, fact.caller, fact.request, facts=1, answered=fact.at)
    if case is None:
        raise DecisionRefused("A case begins with the request that was received.")
    match fact:
        case DecidedByMachine():
            return _decided(case, fact)
        case Ruled():
            return _ruled(case, fact)


def apply_all(facts: Iterable[Fact]) -> Case:
    """The case after all these facts. Raises DecisionRefused when there is none, or when one cannot follow."""
    case: Case | None = None
    for fact in facts:
        case = apply(case, fact)
    if case is None:
        raise DecisionRefused("A case begins with the request that was received.")
    return case


def _decided(case: Case, fact: DecidedByMachine) -> Case:
    if case.items:
        raise DecisionRefused("The machine has decided this request already.")
    made = {d.sequence: d for d in fact.items}
    if [*made] != [r.sequence for r in case.request.items] or len(made) != len(fact.items):
        raise DecisionRefused("The machine decides every item of a request, each once and in their order.")
    items = tuple(_first(requested, made[requested.sequence]) for requested in case.request.items)
    return replace(case, items=items, remark=fact.remark, answered=fact.at, facts=case.facts + 1)


def _first(requested: RequestedItem, made: MachineDecision) -> CaseItem:
    authorization = by_machine(made.decision.outcome)
    approved = authorization.status is Status.APPROVED
    if bool(made.number) is not approved or bool(made.reference) is approved:
        raise DecisionRefused("What is approved has an authorization number, and what is pended a reference number.")
    return CaseItem(requested, made.decision, authorization, made.number, made.reference, made.document)


def _ruled(case: Case, fact: Ruled) -> Case:
    rulings = {r.sequence: r for r in fact.rulings}
    if not rulings or len(rulings) != len(fact.rulings) or not rulings.keys() <= {i.sequence for i in case.items}:
        raise DecisionRefused("A ruling names items of the case, each once.")
    items = tuple(_after(i, rulings[i.sequence]) if i.sequence in rulings else i for i in case.items)
    return replace(case, items=items, answered=fact.at, facts=case.facts + 1)


def _after(item: CaseItem, ruling: Ruling) -> CaseItem:
    authorization = rule(item.authorization, ruling.decision)
    authorized = authorization.status in (Status.APPROVED, Status.MODIFIED)
    if bool(ruling.number) is not authorized:
        raise DecisionRefused("An authorization, and no other ruling, has an authorization number.")
    return replace(item, authorization=authorization, number=ruling.number)
