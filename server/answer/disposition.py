"""ClaimResponse.disposition: the decision of a case in one plain sentence."""

from collections.abc import Sequence

from server.decision.case import CaseItem
from server.decision.review_action import waits_in_words
from server.decision.ruling import Status


def disposition(items: Sequence[CaseItem]) -> str:
    """ClaimResponse.disposition: the decision in one plain sentence."""
    if any(d.ruling or d.status is Status.CANCELLED for d in items):
        return " ".join(dict.fromkeys(_ruled(d) for d in items))
    certified = sum(d.approved for d in items)
    if certified == len(items):
        return f"Certified{_days(items[0])}." if certified == 1 else f"Certified: all {certified} items."
    if certified:
        return f"Certified: {certified} of {len(items)} items. The other items are pended; see their notes."
    reasons = dict.fromkeys(waits_in_words(d) for d in items)
    return "Pended. " + " ".join(f"{r}." for r in reasons)


def _days(item: CaseItem) -> str:
    return f" from {item.period[0]} to {item.period[1]}, both days included" if item.period else ""


def _ruled(item: CaseItem) -> str:
    """One item in a sentence, where a person decided at least one of them."""
    who = f" Decided by a {item.ruling.person.role.replace('-', ' ')}." if item.ruling else ""
    match item.status:
        case Status.APPROVED:
            return f"Certified{_days(item)}.{who}"
        case Status.MODIFIED:
            return f"Certified otherwise than requested{_days(item)}; see what was added.{who}"
        case Status.DENIED:
            return f"Not certified.{who} The notes give the reasons."
        case Status.CANCELLED:
            return "Cancelled by the provider."
        case Status.PENDED:
            return f"Pended. {waits_in_words(item)}."
