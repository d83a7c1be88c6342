"""From findings to an outcome: pure, total, and unable to deny."""

from collections.abc import Iterable

from server.decision.model import Finding, Outcome
from server.policy.model import Reviewer, State


def decide(findings: Iterable[Finding], *, approved_by: str = "machine") -> Outcome:
    """The first that applies: medical director, physician, ask the provider, nurse, approve.

    Without a finding nothing is known: a nurse looks. `approved_by="nurse"` keeps the approval for a person (A-24).
    """
    findings = tuple(findings)
    states = {f.state for f in findings}
    if any(f.state is State.UNMET and f.when_unmet == Reviewer.MEDICAL_DIRECTOR for f in findings):
        return Outcome.PEND_MEDICAL_DIRECTOR
    if State.UNMET in states:
        return Outcome.PEND_PHYSICIAN
    if State.UNKNOWN in states:
        return Outcome.MORE_INFO_NEEDED
    if State.REVIEW in states or not findings or approved_by != "machine":
        return Outcome.PEND_NURSE
    return Outcome.APPROVE
