"""The name of how a case stands on a day: by what was decided, and by whether its days are over."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.case import Case, Received, Updated
from server.decision.model import Outcome
from server.decision.ruling import Role, Verdict
from server.decision.state import State, case_state, item_state
from tests.decision.test_life_laws import LIVES, OUTCOMES, Step, lived
from tests.requests.cases import RECEIVED, YEAR, Judged, following, judged, opening, ruled

IN_IT, AFTER = YEAR[1], YEAR[1] + timedelta(days=1)
APPROVE, PEND, ASK = Outcome.APPROVE, Outcome.PEND_PHYSICIAN, Outcome.MORE_INFO_NEEDED


def case(*items: Judged) -> Case:
    return opening(*items).case


def of(
    *outcomes: Outcome, deny: tuple[int, ...] = (), modify: tuple[int, ...] = (), cancel: tuple[int, ...] = ()
) -> Case:
    """A case of items with these outcomes, some of them then denied, modified or cancelled."""
    now = case(*(judged(n, outcome) for n, outcome in enumerate(outcomes, 1)))
    for sequences, verdict in ((deny, Verdict.DENY), (modify, Verdict.MODIFY)):
        if sequences:
            now = following(now, ruled(*sequences, verdict=verdict, role=Role.PHYSICIAN)).case
    if cancel:
        now = following(now, Updated(RECEIVED, "loopback", now.request, (), cancel)).case
    return now


@pytest.mark.parametrize(
    ("found", "on", "state"),
    [
        (of(APPROVE), IN_IT, State.APPROVED),
        (of(APPROVE), AFTER, State.EXPIRED),
        (of(PEND), AFTER, State.PENDED),
        (of(ASK), AFTER, State.ASKED),
        (of(ASK, PEND), IN_IT, State.PENDED),
        (of(APPROVE, ASK), AFTER, State.ASKED),
        (of(APPROVE, PEND, deny=(2,)), IN_IT, State.PARTLY_APPROVED),
        (of(APPROVE, PEND, deny=(2,)), AFTER, State.EXPIRED),
        (of(APPROVE, PEND, modify=(2,)), IN_IT, State.PARTLY_APPROVED),
        (of(PEND, modify=(1,)), IN_IT, State.MODIFIED),
        (of(PEND, modify=(1,)), AFTER, State.EXPIRED),
        (of(PEND, deny=(1,)), AFTER, State.DENIED),
        (of(PEND, PEND, deny=(1,), cancel=(2,)), IN_IT, State.DENIED),
        (of(APPROVE, APPROVE, cancel=(1,)), IN_IT, State.APPROVED),
        (of(APPROVE, cancel=(1,)), AFTER, State.CANCELLED),
    ],
)
def test_the_state_of_a_case(found: Case, on: date, state: State) -> None:
    """Both ends of an authorization count; what waits never expires, nor does a denial."""
    assert case_state(found, on) is state


def test_a_request_that_nobody_has_judged_is_submitted() -> None:
    """Before the machine has decided, and again while an update waits for it."""
    change = opening(judged())
    (received,) = (f for f in change.facts if isinstance(f, Received))
    first = Case(received.case_id, received.at, received.caller, received.request, 1, received.at, judging=(1,))
    assert case_state(first, IN_IT) is State.SUBMITTED
    changed = following(change.case, Updated(RECEIVED, "loopback", received.request, (1,))).case
    assert case_state(changed, IN_IT) is State.SUBMITTED


def test_an_authorization_that_another_goes_on_from_is_superseded() -> None:
    """Only one that names its number and is authorized itself; days that are over change nothing of that."""
    first = of(APPROVE)
    number = first.items[0].number or ""
    renewed, waiting, other = (
        case(judged(1, outcome, previous_numbers=(named,)))
        for outcome, named in ((APPROVE, number), (PEND, number), (APPROVE, "another"))
    )
    for later, on, state in (
        ((), IN_IT, State.APPROVED),
        ((renewed,), IN_IT, State.SUPERSEDED),
        ((waiting, other, renewed), AFTER, State.SUPERSEDED),
        ((waiting, other), IN_IT, State.APPROVED),
        ((waiting, other), AFTER, State.EXPIRED),
    ):
        assert case_state(first, on, later) is state
        assert item_state(first.items[0], on, later) is state
    named_itself = case(judged(1, APPROVE, number="VA-1", previous_numbers=("VA-1",)))
    assert case_state(named_itself, IN_IT, (named_itself,)) is State.APPROVED
    assert case_state(replace(first, items=()), IN_IT) is State.SUBMITTED


@given(outcomes=OUTCOMES, tried=LIVES, days=st.lists(st.integers(-400, 800), min_size=2, max_size=5))
def test_time_alone_ends_authorizations_and_nothing_else(
    outcomes: tuple[Outcome, ...], tried: list[Step], days: list[int]
) -> None:
    """From one day to a later one a state stays what it is, or what was authorized has expired; never back."""
    for _, found in lived(outcomes, tried):
        states = [case_state(found, YEAR[0] + timedelta(days=n)) for n in sorted(days)]
        for was, now in pairwise(states):
            ended = was in {State.APPROVED, State.MODIFIED, State.PARTLY_APPROVED} and now in {
                State.EXPIRED,
                State.PARTLY_APPROVED,
                State.APPROVED,
                State.MODIFIED,
            }
            assert now is was or ended
            assert (now is State.DENIED) is (was is State.DENIED)
