"""The life of one requested item: what a machine may do with it, what a person may do, and what its sender may do.

A machine approves or pends. A person decides what is pended, by name of role and NPI and with reasons; only a physician
or the medical director refuses care, in whole (deny) or in part (modify). What is decided stays decided, until its
sender changes or cancels it; what is denied or cancelled stays so (pas P-43).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from server.decision.model import Outcome
from server.errors import DecisionRefused

_NPI_DIGITS = 10

NOT_RECORDED = "not recorded"
"""What a denial says of itself where it was made before that was asked for; fact_json fills it in, nobody else."""


class Role(StrEnum):
    NURSE = "nurse"
    PHYSICIAN = "physician"
    MEDICAL_DIRECTOR = "medical-director"

    @property
    def rank(self) -> int:
        return list(Role).index(self)


class Verdict(StrEnum):
    """What a person can do with a pended item. MODIFY authorizes something else than was asked for."""

    APPROVE = "approve"
    MODIFY = "modify"
    DENY = "deny"
    ASK = "ask"
    FORWARD = "forward"


class Status(StrEnum):
    PENDED = "pended"
    APPROVED = "approved"
    MODIFIED = "modified"
    DENIED = "denied"
    CANCELLED = "cancelled"


_FINAL = {Verdict.APPROVE: Status.APPROVED, Verdict.MODIFY: Status.MODIFIED, Verdict.DENY: Status.DENIED}
CLOSED = frozenset({Status.DENIED, Status.CANCELLED})
"""What nobody changes any more; the same care is asked for by a new request."""
_LOOKS = {
    Role.NURSE: Outcome.PEND_NURSE,
    Role.PHYSICIAN: Outcome.PEND_PHYSICIAN,
    Role.MEDICAL_DIRECTOR: Outcome.PEND_MEDICAL_DIRECTOR,
}
_NEEDED = {outcome: role for role, outcome in _LOOKS.items()}


@dataclass(frozen=True, slots=True)
class Person:
    """Who decided. specialty: a NUCC taxonomy code. name: as it stands in a letter."""

    role: Role
    npi: str
    specialty: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.role not in set(Role):
            raise DecisionRefused(f"A reviewer is one of {', '.join(Role)}.")
        if not (self.npi.isascii() and self.npi.isdigit() and len(self.npi) == _NPI_DIGITS):
            raise DecisionRefused(f"A reviewer is named by an NPI of {_NPI_DIGITS} digits.")


@dataclass(frozen=True, slots=True)
class PersonDecision:
    """A person's decision on one pended item. Raises DecisionRefused when that person may not decide so.

    reasons: in words, at least one. reason_code: the payer's code of the reason (X12 886), if there is one.
    criteria: ids of those that it rests on. A denial has all of that, and the name and specialty of who made it.
    period: how long an authorization lasts, both ends count. instead: what MODIFY authorizes, as elements of
    ClaimResponse.addItem. forward_to: who looks next, on FORWARD.
    """

    person: Person
    verdict: Verdict
    reasons: tuple[str, ...]
    reason_code: str | None = None
    period: tuple[date, date] | None = None
    instead: Mapping[str, Any] | None = None
    forward_to: Role | None = None
    criteria: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.verdict not in set(Verdict):
            raise DecisionRefused(f"A person's decision is one of {', '.join(Verdict)}.")
        if not self.reasons or not all(r.strip() for r in self.reasons):
            raise DecisionRefused("A person's decision needs its reasons in words.")
        if self.verdict in (Verdict.DENY, Verdict.MODIFY) and self.person.role is Role.NURSE:
            raise DecisionRefused("Only a physician or the medical director denies, in whole or in part.")
        if bool(self.instead) != (self.verdict is Verdict.MODIFY):
            raise DecisionRefused("`modify`, and no other decision, says what is authorized instead.")
        if (self.forward_to is not None) != (self.verdict is Verdict.FORWARD):
            raise DecisionRefused("`forward`, and no other decision, says who looks next.")
        if self.forward_to is not None and self.forward_to.rank <= self.person.role.rank:
            raise DecisionRefused("A request is forwarded to a more senior reviewer.")
        if self.period is not None and self.verdict not in (Verdict.APPROVE, Verdict.MODIFY):
            raise DecisionRefused("Only an authorization has a period.")
        if self.verdict is Verdict.DENY and not self._stands_for_a_denial():
            raise DecisionRefused(
                "A denial names its reviewer and the reviewer's specialty, a reason code, and the criteria it rests on."
            )

    def _stands_for_a_denial(self) -> bool:
        said = (self.person.name, self.person.specialty or "", self.reason_code or "", *self.criteria)
        return bool(self.criteria) and all(part.strip() for part in said)


@dataclass(frozen=True, slots=True)
class Authorization:
    """Where one requested item stands. waits_for: while pended, what for. decided_by: the last person who acted.

    needs: who must decide it at least. Asking the provider and forwarding never lower it.
    decided: a person has decided or forwarded it at some time, so that the machine never approves it again.
    """

    status: Status
    waits_for: Outcome | None = None
    decided_by: PersonDecision | None = None
    needs: Role = Role.NURSE
    decided: bool = False

    @property
    def kept_for_a_person(self) -> bool:
        """Whether the machine may not approve it, whatever is sent: a person decided it or passed it on, or must."""
        asked = self.decided_by is None or self.decided_by.verdict is Verdict.ASK
        return self.decided or not asked or self.needs is not Role.NURSE

    def __post_init__(self) -> None:
        if (self.status is Status.PENDED) != (self.waits_for not in (None, Outcome.APPROVE)):
            raise DecisionRefused("What is pended, and nothing else, waits for somebody.")
        if self.status in (Status.PENDED, Status.CANCELLED):
            return
        if self.status is Status.APPROVED and self.decided_by is None:
            return
        if self.decided_by is None or _FINAL.get(self.decided_by.verdict) is not self.status:
            raise DecisionRefused(f"An item is {self.status} only by the decision of a person.")


def by_machine(outcome: Outcome) -> Authorization:
    """What a machine's outcome makes of a new request: approved or pended."""
    if outcome is Outcome.APPROVE:
        return Authorization(Status.APPROVED)
    return Authorization(Status.PENDED, Outcome(outcome), needs=_NEEDED.get(outcome, Role.NURSE))


def by_machine_again(before: Authorization, outcome: Outcome) -> Authorization:
    """The item after its sender changed it, or sent what was missing, and the machine judged it again.

    Raises DecisionRefused where the machine would approve what it may not: what waits for a physician, and what a
    person has decided or passed on. The person who is needed stays needed.
    """
    if before.status in CLOSED:
        raise DecisionRefused(f"The item is {before.status} and is not judged again.")
    if outcome is Outcome.APPROVE:
        if before.kept_for_a_person:
            raise DecisionRefused("What a person has decided, or must decide, the machine does not approve.")
        return Authorization(Status.APPROVED)
    needs = max(before.needs, _NEEDED.get(outcome, Role.NURSE), key=lambda role: role.rank)
    waits_for = outcome if outcome is Outcome.MORE_INFO_NEEDED else _LOOKS[needs]
    return Authorization(Status.PENDED, waits_for, needs=needs, decided=before.kept_for_a_person)


def cancel(before: Authorization) -> Authorization:
    """The item after its sender cancelled it; who decided it before stays known. Raises DecisionRefused."""
    if before.status in CLOSED:
        raise DecisionRefused(f"The item is {before.status} already; there is nothing to cancel.")
    return Authorization(Status.CANCELLED, None, before.decided_by, before.needs)


def rule(authorization: Authorization, decision: PersonDecision) -> Authorization:
    """The item after a person's decision. Raises DecisionRefused.

    What needs a physician is not approved by a nurse, and what needs the medical director by nobody else; to ask and to
    forward is open to every reviewer.
    """
    if authorization.status is not Status.PENDED or authorization.waits_for is None:
        raise DecisionRefused(f"The item is {authorization.status} already; a new request is needed to change that.")
    if decision.verdict is Verdict.ASK:
        return replace(authorization, waits_for=Outcome.MORE_INFO_NEEDED, decided_by=decision)
    if decision.forward_to is not None:
        needs = max(authorization.needs, decision.forward_to, key=lambda role: role.rank)
        return Authorization(Status.PENDED, _LOOKS[needs], decision, needs, decided=True)
    if decision.person.role.rank < authorization.needs.rank:
        raise DecisionRefused(f"This item waits for the decision of a {authorization.needs}; forward it.")
    return Authorization(_FINAL[decision.verdict], None, decision)
