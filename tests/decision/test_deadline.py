"""The legal clock of a case: how long, from when, what it says at which moment, and when it may rest."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.case import DecidedByMachine, Received
from server.decision.deadline import Alarm, Deadline, deadline_of
from server.decision.model import Outcome
from server.decision.ruling import Role, Verdict
from server.errors import DecisionRefused
from server.fhir.codes import PAS
from server.policy.desk import BusinessCalendar, ClockRules
from tests.requests.bundle import a_bundle
from tests.requests.cases import RECEIVED, judged, opening, ruled
from tests.requests.world import a_request

HOUR = timedelta(hours=1)


def level(code: str) -> dict[str, Any]:
    extension = {"url": f"{PAS}extension-levelOfServiceCode", "valueCodeableConcept": {"coding": [{"code": code}]}}
    return {"extension": [extension]}


URGENT, ELECTIVE = level("U"), level("E")
STAT = {"priority": {"coding": [{"code": "stat"}]}}
DRUGS = ClockRules(drug_rule=True)


def clock(claim: dict[str, Any], rules: ClockRules, *, order: bool = True) -> Deadline:
    request = a_request(a_bundle(claim=claim))
    if not order:
        service = {"resourceType": "ServiceRequest"}
        request = replace(request, items=tuple(replace(i, order=service) for i in request.items))
    return deadline_of([Received(RECEIVED, "case", "loopback", request)], rules)


@pytest.mark.parametrize(
    ("claim", "rules", "order", "hours"),
    [
        ({}, ClockRules(), True, 168),
        (ELECTIVE, ClockRules(), True, 168),
        (URGENT, ClockRules(), True, 72),
        (STAT, ClockRules(), True, 72),
        ({}, DRUGS, True, 72),
        (URGENT, DRUGS, True, 24),
        ({}, DRUGS, False, 168),
        (STAT, DRUGS, False, 72),
        ({}, ClockRules(standard_hours=100), True, 100),
    ],
)
def test_how_long_a_request_has(claim: dict[str, Any], rules: ClockRules, order: bool, hours: int) -> None:  # noqa: FBT001
    """7 days, 72 hours when expedited; shorter for drugs under that rule; always from the receipt."""
    found = clock(claim, rules, order=order)
    assert found.due - RECEIVED == timedelta(hours=hours)
    assert found.expedited is (claim in (URGENT, STAT))


def test_warnings_begin_at_half_at_four_fifths_and_at_the_end() -> None:
    """To the second, and the next one is named before."""
    found = clock({}, ClockRules(standard_hours=100))
    for hours, alarm, following in (
        (0, Alarm.ON_TIME, 50),
        (49.99, Alarm.ON_TIME, 50),
        (50, Alarm.HALF, 80),
        (80, Alarm.MOST, 100),
        (99.99, Alarm.MOST, 100),
        (100, Alarm.BREACHED, None),
        (5_000, Alarm.BREACHED, None),
    ):
        now = RECEIVED + HOUR * hours
        assert found.alarm(now) is alarm, hours
        assert found.next_crossing(now) == (None if following is None else RECEIVED + HOUR * following), hours


PAUSES = ClockRules(standard_hours=100, paused_while_asking=True)
pended = opening(judged(outcome=Outcome.PEND_NURSE)).facts
ASKED = ruled(verdict=Verdict.ASK, role=Role.NURSE, at=RECEIVED + HOUR * 10)
PASSED_ON = ruled(verdict=Verdict.FORWARD, role=Role.NURSE, at=RECEIVED + HOUR * 30)


def test_a_clock_rests_only_where_the_law_lets_it() -> None:
    """Asking the provider stops nothing, unless the plan's rules say so."""
    assert deadline_of([*pended, ASKED], ClockRules(standard_hours=100)).due == RECEIVED + HOUR * 100
    resting = deadline_of([*pended, ASKED], PAUSES)
    assert resting.paused_since == RECEIVED + HOUR * 10
    assert resting.alarm(RECEIVED + HOUR * 1_000) is Alarm.ON_TIME
    assert resting.next_crossing(RECEIVED + HOUR * 20) is None


def test_a_clock_goes_on_where_it_stopped() -> None:
    """Twenty hours of rest move the end by twenty hours."""
    found = deadline_of([*pended, ASKED, PASSED_ON], PAUSES)
    assert found.paused_since is None
    assert found.due == RECEIVED + HOUR * 120
    assert found.alarm(RECEIVED + HOUR * 69) is Alarm.ON_TIME
    assert found.alarm(RECEIVED + HOUR * 70) is Alarm.HALF


def test_it_rests_only_while_all_waits_for_the_provider() -> None:
    """Where a nurse looks at one of two items, the time is the plan's."""
    both = opening(judged(1, Outcome.MORE_INFO_NEEDED), judged(2, Outcome.PEND_NURSE)).facts
    assert deadline_of(both, PAUSES).paused_since is None
    asks = opening(judged(1, Outcome.MORE_INFO_NEEDED)).facts
    assert deadline_of(asks, PAUSES).paused_since == RECEIVED


def test_no_case_has_no_clock() -> None:
    """Nor has a decision without a request."""
    with pytest.raises(DecisionRefused):
        deadline_of([], PAUSES)
    with pytest.raises(DecisionRefused):
        deadline_of([f for f in pended if isinstance(f, DecidedByMachine)], PAUSES)


@given(st.lists(st.integers(0, 400), min_size=2, max_size=2), st.booleans())
def test_an_alarm_never_goes_back(hours: list[int], drug_rule: bool) -> None:  # noqa: FBT001
    """What was late stays late."""
    found = clock({}, ClockRules(drug_rule=drug_rule))
    before, after = (found.alarm(RECEIVED + HOUR * h) for h in sorted(hours))
    assert [*Alarm].index(before) <= [*Alarm].index(after)


def test_the_calendar_knows_when_somebody_is_there() -> None:
    """A deadline on a holiday or weekend, in the plan's own zone, is met on the working day before."""
    friday, thursday = date(2026, 3, 6), date(2026, 3, 5)
    sunday_evening = datetime(2026, 3, 9, 3, tzinfo=UTC)  # in New York; Monday in UTC
    assert BusinessCalendar("UTC").last_working_day(sunday_evening) == date(2026, 3, 9)
    assert BusinessCalendar("America/New_York").last_working_day(sunday_evening) == friday
    holiday = BusinessCalendar("America/New_York", holidays=frozenset({friday}))
    assert holiday.last_working_day(sunday_evening) == thursday
    resting = BusinessCalendar("UTC", frozenset(range(7)))
    assert resting.last_working_day(RECEIVED) == RECEIVED.date()
