"""One decided item and how X12 says it: action (306), reason (886), number, period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from server.decision.authorization import PersonDecision, Status, apply, by_machine
from server.decision.model import Finding, Outcome
from server.fhir.read import Resource
from server.pas.request.facts import RequestedItem
from server.policy.model import State

ACTION = {
    Status.APPROVED: ("A1", "Certified in total"),
    Status.MODIFIED: ("A6", "Modified"),
    Status.DENIED: ("A3", "Not Certified"),
    Status.PENDED: ("A4", "Pended"),
}
"""X12 306 of every state of an item. A machine certifies or pends; the other two need the decision of a person."""

REASON = {
    Outcome.MORE_INFO_NEEDED: ("0U", "More information from the provider is needed"),
    Outcome.PEND_NURSE: ("0W", "A nurse reviews the request"),
    Outcome.PEND_PHYSICIAN: ("0V", "A physician reviews the request"),
    Outcome.PEND_MEDICAL_DIRECTOR: ("0V", "The medical director reviews the request"),
}
"""X12 886 of a pended outcome, with our own words: the guides name no code and no display of that list."""


@dataclass(frozen=True, slots=True)
class RequestedDocument:
    """The form of an item is asked for, since it would settle what is not known (pas P-89..P-91).

    id: of the CommunicationRequest. control: its attachment control number, an Identifier. context: the payer's own
    trace number of the item, an Identifier, under which the DTR app fetches the form.
    """

    id: str
    control: Resource
    context: Resource

    @property
    def full_url(self) -> str:
        return f"urn:uuid:{self.id}"


@dataclass(frozen=True, slots=True)
class DecidedItem:
    """One requested item with its decision.

    outcome: the machine's; ruling: a person's decision on what the machine pended.
    number: the authorization number, only on an approval; reference: the administrative reference number, only while
    pended (pas P-98, T-8).
    """

    item: RequestedItem
    outcome: Outcome
    findings: tuple[Finding, ...]
    engine: str
    policy_id: str | None = None
    policy_uri: str | None = None
    edition: str | None = None
    period: tuple[date, date] | None = None
    number: str | None = None
    reference: str | None = None
    document: RequestedDocument | None = None
    ruling: PersonDecision | None = None

    @property
    def status(self) -> Status:
        """Raises DecisionRefused where the ruling may not follow the outcome."""
        opened = by_machine(self.outcome)
        return (opened if self.ruling is None else apply(opened, self.ruling)).status

    @property
    def approved(self) -> bool:
        return self.status is Status.APPROVED

    @property
    def reason(self) -> tuple[str, str] | None:
        """The X12 886 code and words of why the item is not certified as requested; None where there is no code."""
        if self.ruling is None or self.status is Status.PENDED:
            return REASON.get(self.outcome)
        return (self.ruling.reason_code, self.ruling.reasons[0]) if self.ruling.reason_code else None

    @property
    def missing(self) -> tuple[Finding, ...]:
        """The criteria of which nothing is known, whatever the outcome."""
        return tuple(f for f in self.findings if f.state is State.UNKNOWN)


def disposition(items: Sequence[DecidedItem]) -> str:
    """ClaimResponse.disposition: the decision in one plain sentence."""
    if any(d.ruling for d in items):
        return " ".join(dict.fromkeys(_ruled(d) for d in items))
    certified = sum(d.approved for d in items)
    if certified == len(items):
        return f"Certified{_days(items[0])}." if certified == 1 else f"Certified: all {certified} items."
    if certified:
        return f"Certified: {certified} of {len(items)} items. The other items are pended; see their notes."
    reasons = dict.fromkeys(REASON[d.outcome][1] for d in items)
    return "Pended. " + " ".join(f"{r}." for r in reasons)


def _days(decided: DecidedItem) -> str:
    return f" from {decided.period[0]} to {decided.period[1]}, both days included" if decided.period else ""


def _ruled(decided: DecidedItem) -> str:
    """One item in a sentence, where a person decided at least one of them."""
    who = f" Decided by a {decided.ruling.person.role.replace('-', ' ')}." if decided.ruling else ""
    match decided.status:
        case Status.APPROVED:
            return f"Certified{_days(decided)}.{who}"
        case Status.MODIFIED:
            return f"Certified otherwise than requested{_days(decided)}; see what was added.{who}"
        case Status.DENIED:
            return f"Not certified.{who} The notes give the reasons."
        case Status.PENDED:
            return f"Pended. {REASON[decided.outcome][1]}."
