"""How X12 says what became of an item: its action (306) and the reason for it (886)."""

from server.decision.case import CaseItem
from server.decision.model import Outcome
from server.decision.ruling import NOT_RECORDED, Status
from server.fhir.x12 import (
    CANCELLED,
    CERTIFIED,
    MODIFIED,
    MORE_INFORMATION_NEEDED,
    NOT_CERTIFIED,
    NURSE_REVIEWS,
    PENDED,
    PHYSICIAN_REVIEWS,
)

ACTION = {
    Status.APPROVED: CERTIFIED,
    Status.MODIFIED: MODIFIED,
    Status.DENIED: NOT_CERTIFIED,
    Status.PENDED: PENDED,
    Status.CANCELLED: CANCELLED,
}
"""X12 306 of every state of an item. A machine certifies or pends; the sender cancels; the others need a person."""

REASON = {
    Outcome.MORE_INFO_NEEDED: (MORE_INFORMATION_NEEDED, "More information from the provider is needed"),
    Outcome.PEND_NURSE: (NURSE_REVIEWS, "A nurse reviews the request"),
    Outcome.PEND_PHYSICIAN: (PHYSICIAN_REVIEWS, "A physician reviews the request"),
    Outcome.PEND_MEDICAL_DIRECTOR: (PHYSICIAN_REVIEWS, "The medical director reviews the request"),
}
"""X12 886 of what a pended item waits for, with our own words: the guides name no code and no display of that list."""


def reason_of(item: CaseItem) -> tuple[str, str] | None:
    """The X12 886 code and words of why an item is not certified as requested; None where there is no code."""
    if item.waits_for is not None:
        return REASON[item.waits_for]
    if item.status is Status.CANCELLED or item.ruling is None:
        return None
    if item.ruling.reason_code and item.ruling.reason_code != NOT_RECORDED:
        return (item.ruling.reason_code, item.ruling.reasons[0])
    return None


def waits_in_words(item: CaseItem) -> str:
    """Who or what a pended item waits for; empty for one that is decided."""
    return REASON[item.waits_for][1] if item.waits_for is not None else ""
