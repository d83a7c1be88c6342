"""The life of one request: facts, and the case that they lead to (apply.py).

A fact says what happened, when, and by whom. Facts are only ever added; applied in their order they give the case.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from server.decision.model import Decision, Finding, Outcome
from server.decision.request import AuthorizationRequest, RequestedItem
from server.decision.ruling import Authorization, PersonDecision, Status
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

    own_number: the authorization number that it was given first; no other is ever its. reference: stays with the item
    for good as well, so that an inquiry by it finds what became of the item (pas P-76).
    """

    requested: RequestedItem
    decision: Decision
    authorization: Authorization
    own_number: str | None
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
    def number(self) -> str | None:
        """The authorization number, while the item is authorized."""
        return self.own_number if self.status in (Status.APPROVED, Status.MODIFIED) else None

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
