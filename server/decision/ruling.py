"""The life of one requested item: what a machine may do with it, and what a person may do.

A machine approves or pends. A person decides what is pended, by name of role and NPI and with reasons; only a physician
or the medical director refuses care, in whole (deny) or in part (modify). What is decided stays decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from server.decision.model import Outcome
from server.errors import DecisionRefused

_NPI_DIGITS = 10


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


_FINAL = {Verdict.APPROVE: Status.APPROVED, Verdict.MODIFY: Status.MODIFIED, Verdict.DENY: Status.DENIED}
_LOOKS = {
    Role.NURSE: Outcome.PEND_NURSE,
    Role.PHYSICIAN: Outcome.PEND_PHYSICIAN,
    Role.MEDICAL_DIRECTOR: Outcome.PEND_MEDICAL_DIRECTOR,
}
_NEEDED = {outcome: role for role, outcome in _LOOKS.items()}


@dataclass(frozen=True, slots=True)
class Person:
    """Who decided. specialty: a NUCC taxonomy code."""

    role: Role
    npi: str
    specialty: str | None = None

    def __post_init__(self) -> None:
        if self.role not in set(Role):
            raise DecisionRefused(f"A reviewer is one of {', '.join(Role)}.")
        if not (self.npi.isascii() and self.npi.isdigit() and len(self.npi) == _NPI_DIGITS):
            raise DecisionRefused(f"A reviewer is named by an NPI of {_NPI_DIGITS} digits.")


@dataclass(frozen=True, slots=True)
class PersonDecision:
    """A person's decision on one pended item. Raises DecisionRefused when that person may not decide so.

    reasons: in words, at least one. reason_code: the payer's code of the reason (X12 886), if there is one.
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


@dataclass(frozen=True, slots=True)
class Authorization:
    """Where one requested item stands. waits_for: while pended, what for. decided_by: the last person who acted.

    needs: who must decide it at least. Asking the provider and forwarding never lower it.
    """

    status: Status
    waits_for: Outcome | None = None
    decided_by: PersonDecision | None = None
    needs: Role = Role.NURSE

    def __post_init__(self) -> None:
        if (self.status is Status.PENDED) != (self.waits_for not in (None, Outcome.APPROVE)):
            raise DecisionRefused("What is pended, and nothing else, waits for somebody.")
        if self.status is Status.PENDED or (self.status is Status.APPROVED and self.decided_by is None):
            return
        if self.decided_by is None or _FINAL.get(self.decided_by.verdict) is not self.status:
            raise DecisionRefused(f"An item is {self.status} only by the decision of a person.")


def by_machine(outcome: Outcome) -> Authorization:
    """What a machine's outcome makes of a new request: approved or pended."""
    if outcome is Outcome.APPROVE:
        return Authorization(Status.APPROVED)
    return Authorization(Status.PENDED, Outcome(outcome), needs=_NEEDED.get(outcome, Role.NURSE))


def rule(authorization: Authorization, decision: PersonDecision) -> Authorization:
    """The item after a person's decision. Raises DecisionRefused.

    What needs a physician is not approved by a nurse, and what needs the medical director by nobody else; to ask and to
    forward is open to every reviewer.
    """
    if authorization.status is not Status.PENDED or authorization.waits_for is None:
        raise DecisionRefused(f"The item is {authorization.status} already; a new request is needed to change that.")
    if decision.verdict is Verdict.ASK:
        return Authorization(Status.PENDED, Outcome.MORE_INFO_NEEDED, decision, authorization.needs)
    if decision.forward_to is not None:
        needs = max(authorization.needs, decision.forward_to, key=lambda role: role.rank)
        return Authorization(Status.PENDED, _LOOKS[needs], decision, needs)
    if decision.person.role.rank < authorization.needs.rank:
        raise DecisionRefused(f"This item waits for the decision of a {authorization.needs}; forward it.")
    return Authorization(_FINAL[decision.verdict], None, decision)
