"""A decision and its reasons, frozen at the moment it was made."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from server.policy.model import State


class Outcome(StrEnum):
    """What the machine can conclude. It cannot deny: that word is not here."""

    APPROVE = "approve"
    MORE_INFO_NEEDED = "more-info-needed"
    PEND_NURSE = "pend-nurse"
    PEND_PHYSICIAN = "pend-physician"
    PEND_MEDICAL_DIRECTOR = "pend-medical-director"


@dataclass(frozen=True, slots=True)
class Evidence:
    """ref: `Type/id` or `QuestionnaireResponse/id#linkId` in the evaluated record; said: what it says, in words."""

    ref: str
    said: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One criterion, judged. `remedy` is empty when met."""

    criterion: str
    state: State
    sentence: str
    citation: str
    evidence: tuple[Evidence, ...]
    why: str
    remedy: str
    when_unmet: str = "physician"


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one item under one edition. `period` only on an approval; both ends count.

    policy_id, policy_uri, edition: None where no policy, or no edition of it, judges the item.
    engine: what evaluated it, e.g. `cql-execution 3.3.2`, or the reason no engine could.
    """

    outcome: Outcome
    findings: tuple[Finding, ...]
    policy_id: str | None
    policy_uri: str | None
    edition: str | None
    period: tuple[date, date] | None
    engine: str
