"""How a subscription stands after each try: pauses, error, off, and back again."""

from datetime import timedelta

import pytest

from server.store.outbox_ports import ACTIVE, ERROR, OFF, REQUESTED, Standing
from server.subscriptions.standing import (
    FIRST_PAUSE,
    GIVE_UP,
    GRACE,
    LONGEST_PAUSE,
    after_end,
    after_failure,
    after_success,
    ended,
    new_standing,
)
from tests.subscriptions.wanted import NOW, a_subscription, kept


def test_a_new_one_is_shaken_after_its_answer() -> None:
    """And one that is turned off never (pas T-21)."""
    assert new_standing(REQUESTED, NOW) == Standing(REQUESTED, not_before=NOW + GRACE)
    assert new_standing(OFF, NOW) == Standing(OFF)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_pauses_double_and_are_spread(chance: float) -> None:
    """From the first to the longest; half of a pause at least, so that nobody is hammered."""
    standing, pauses = Standing(ACTIVE, shaken=True, delivered=4), []
    for _ in range(12):
        standing = after_failure(standing, "answered 500", NOW, chance)
        assert standing.not_before is not None
        pauses.append(standing.not_before - NOW)
    full = [min(FIRST_PAUSE * 2**n, LONGEST_PAUSE) for n in range(12)]
    assert pauses == [pause * (0.5 + chance / 2) for pause in full]
    assert (standing.status, standing.delivered, standing.shaken, standing.failures) == (ERROR, 4, True, 12)
    assert standing.reason == "Notifications fail: answered 500."


def test_it_is_given_up_after_a_day() -> None:
    """Of failing, not of silence: the day begins with the first failure in a row."""
    standing = after_failure(Standing(ACTIVE, shaken=True), "gone", NOW, 1)
    nearly = after_failure(standing, "gone", NOW + GIVE_UP - timedelta(seconds=1), 1)
    assert nearly.status == ERROR
    assert nearly.failing_since == NOW
    over = after_failure(nearly, "gone", NOW + GIVE_UP, 1)
    assert over.status == OFF
    assert "requested" in str(over.reason)


def test_one_that_is_taken_makes_it_active_again() -> None:
    """Nothing of the failures stays; the next heartbeat is counted from now."""
    failing = kept(body=a_subscription(heartbeat=30), standing=Standing(ERROR, shaken=True, reason="x", failures=3))
    assert after_success(failing, 5, NOW) == Standing(
        ACTIVE, shaken=True, delivered=5, beat=NOW + timedelta(seconds=30)
    )
    assert after_success(kept(), 5, NOW).beat is None


def test_an_end_turns_it_off() -> None:
    """At the moment that it names."""
    asked = kept(body=a_subscription() | {"end": "2026-03-02T00:00:00Z"}).asked
    assert asked.end is not None
    assert not ended(asked, asked.end - timedelta(seconds=1))
    assert ended(asked, asked.end)
    assert not ended(kept().asked, NOW)
    assert after_end(Standing(ACTIVE, shaken=True, delivered=3)).status == OFF
