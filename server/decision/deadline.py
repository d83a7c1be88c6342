"""By when a request is to be decided: the legal clock of a case, from its receipt. It tells, and decides nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from server.decision.apply import apply
from server.decision.case import Case, Fact
from server.decision.model import Outcome
from server.decision.request import AuthorizationRequest
from server.errors import DecisionRefused
from server.fhir.codes import PAS
from server.fhir.read import codings, extension_value
from server.policy.desk import ClockRules

_LEVEL_OF_SERVICE = f"{PAS}extension-levelOfServiceCode"
_URGENT, _AT_ONCE = "U", "stat"
_DRUG_ORDERS = frozenset({"MedicationRequest", "MedicationDispense"})


class Alarm(StrEnum):
    """How much of the time is gone."""

    ON_TIME = "on-time"
    HALF = "half"
    MOST = "most"
    BREACHED = "breached"


_SHARE = {Alarm.HALF: 0.5, Alarm.MOST: 0.8, Alarm.BREACHED: 1.0}


@dataclass(frozen=True, slots=True)
class Deadline:
    """The clock of one case.

    allowed: the time it has. due: when that is over; while the clock rests (paused_since), as if it went on from there.
    """

    started: datetime
    allowed: timedelta
    due: datetime
    expedited: bool
    drug: bool
    paused_since: datetime | None = None

    def crossing(self, alarm: Alarm) -> datetime:
        """When a warning begins."""
        return self.due - self.allowed * (1 - _SHARE[alarm])

    def alarm(self, now: datetime) -> Alarm:
        """What is to be said at a moment; a clock that rests says what it said when it stopped."""
        return alarm_at(now, [(alarm, self.crossing(alarm)) for alarm in _SHARE], self.paused_since)

    def next_crossing(self, now: datetime) -> datetime | None:
        """When the next warning begins; None while the clock rests, and after the last."""
        if self.paused_since:
            return None
        return next((at for w in _SHARE if (at := self.crossing(w)) > now), None)


def alarm_at(now: datetime, crossings: Iterable[tuple[Alarm, datetime]], paused_since: datetime | None) -> Alarm:
    """The last warning that has begun. crossings: when each begins, in their order."""
    at = min(now, paused_since) if paused_since else now
    reached = [alarm for alarm, begins in crossings if begins <= at]
    return reached[-1] if reached else Alarm.ON_TIME


def is_expedited(request: AuthorizationRequest) -> bool:
    """Whether the sender asks for speed: urgent by its level of service, or to be processed at once (pas P-103)."""
    level = codings(extension_value(request.claim, _LEVEL_OF_SERVICE))
    priority = codings(request.claim.get("priority"))
    return any(c.code == _URGENT for c in level) or any(c.code == _AT_ONCE for c in priority)


def is_drug(request: AuthorizationRequest) -> bool:
    """Whether a drug is ordered by any item."""
    return any((item.order or {}).get("resourceType") in _DRUG_ORDERS for item in request.items)


def hours_of(rules: ClockRules, *, expedited: bool, drug: bool) -> int:
    if drug and rules.drug_rule:
        return rules.drug_expedited_hours if expedited else rules.drug_standard_hours
    return rules.expedited_hours if expedited else rules.standard_hours


def deadline_of(facts: Iterable[Fact], rules: ClockRules) -> Deadline:
    """The clock of the case that its facts come to. Raises DecisionRefused for facts that are no case.

    It starts with the receipt. Where the rules let it rest, it rests while every item that waits, waits for the
    provider.
    """
    last, rested, since = None, timedelta(), None
    for case in _cases(facts):
        asking = rules.paused_while_asking and waits_for_provider(case)
        if since is not None and not asking:
            rested += case.answered - since
        since = (since or case.answered) if asking else None
        last = case
    if last is None:
        raise DecisionRefused("A clock belongs to a case, and a case begins with the request that was received.")
    return deadline_after(last, rules, rested, since)


def deadline_after(
    case: Case, rules: ClockRules, rested: timedelta = timedelta(), since: datetime | None = None
) -> Deadline:
    """The clock of a case that has rested so long, and rests since then."""
    expedited, drug = is_expedited(case.request), is_drug(case.request)
    allowed = timedelta(hours=hours_of(rules, expedited=expedited, drug=drug))
    return Deadline(case.received, allowed, case.received + allowed + rested, expedited, drug, since)


def waits_for_provider(case: Case) -> bool:
    """Whether all that waits in a case waits for the provider."""
    waiting = {item.waits_for for item in case.items if item.waits_for is not None}
    return waiting == {Outcome.MORE_INFO_NEEDED}


def _cases(facts: Iterable[Fact]) -> Iterator[Case]:
    case = None
    for fact in facts:
        case = apply(case, fact)
        yield case
