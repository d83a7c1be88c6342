"""How a case, or one item of it, stands on a day, by name. Time ends an authorization; it decides nothing."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum

from server.decision.case import Case, CaseItem
from server.decision.model import Outcome
from server.decision.ruling import Status


class State(StrEnum):
    """EXPIRED, SUPERSEDED: an authorization whose days are over, and one that a later authorization goes on from."""

    SUBMITTED = "submitted"
    PENDED = "pended"
    ASKED = "more-information-asked"
    APPROVED = "approved"
    MODIFIED = "modified"
    PARTLY_APPROVED = "partly-approved"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


_OF_STATUS: Mapping[Status, State] = {
    Status.PENDED: State.PENDED,
    Status.APPROVED: State.APPROVED,
    Status.MODIFIED: State.MODIFIED,
    Status.DENIED: State.DENIED,
    Status.CANCELLED: State.CANCELLED,
}
_AUTHORIZED = frozenset({State.APPROVED, State.MODIFIED})
_OVER = frozenset({State.EXPIRED, State.SUPERSEDED})


def item_state(item: CaseItem, on: date, later: Iterable[Case] = ()) -> State:
    """One item on a day. later: cases of the same member, of which one may go on from the item's authorization.

    A case goes on from it when it was asked for with its number and is authorized (pas P-76).
    """
    if item.waits_for is Outcome.MORE_INFO_NEEDED:
        return State.ASKED
    state = _OF_STATUS[item.status]
    if state not in _AUTHORIZED:
        return state
    following = (i for case in later for i in case.items if i.number and i.own_number != item.own_number)
    if any(item.number in i.requested.previous_numbers for i in following):
        return State.SUPERSEDED
    return State.EXPIRED if item.period and item.period[1] < on else state


def case_state(case: Case, on: date, later: Iterable[Case] = ()) -> State:
    """The whole case on a day. What still waits speaks first; what is cancelled counts only where nothing else is."""
    later = tuple(later)
    if case.judging or not case.items:
        return State.SUBMITTED
    found = {item_state(item, on, later) for item in case.items}
    if len(found) > 1:
        found.discard(State.CANCELLED)
    for waiting in (State.PENDED, State.ASKED):
        if waiting in found:
            return waiting
    if len(found) == 1:
        return found.pop()
    if found & _AUTHORIZED:
        return State.PARTLY_APPROVED
    return State.DENIED if not found & _OVER else State.EXPIRED if State.EXPIRED in found else State.SUPERSEDED
