"""How a subscription stands after each try to reach its subscriber: pure (pas P-59, P-64, P-65)."""

from dataclasses import replace
from datetime import datetime, timedelta

from server.store.outbox_ports import ACTIVE, ERROR, OFF, REQUESTED, Asked, Standing, Subscription

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=5)
GIVE_UP = timedelta(hours=24)
"""After failing for so long nobody is tried any more: the subscriber asks again when it is back."""
GRACE = timedelta(milliseconds=500)
"""The handshake follows the answer to whom it is about; no earlier (pas T-21)."""


def new_standing(status: str, now: datetime) -> Standing:
    """Asked for just now: the handshake is to come, or nothing where the owner turned it off."""
    return Standing(status, not_before=now + GRACE if status == REQUESTED else None)


def ended(asked: Asked, now: datetime) -> bool:
    return asked.end is not None and asked.end <= now


def after_end(standing: Standing) -> Standing:
    return replace(standing, status=OFF, reason="The end that the subscription names is past.")


def after_owner(standing: Standing) -> Standing:
    return replace(standing, status=OFF, reason="Who made it is no client of these organizations now; make it again.")


def after_success(subscription: Subscription, delivered: int, now: datetime) -> Standing:
    """A handshake, a heartbeat or an event was taken. delivered: the number of the last event that was."""
    beat = subscription.asked.heartbeat
    return Standing(
        ACTIVE,
        shaken=True,
        delivered=delivered,
        beat=now + timedelta(seconds=beat) if beat is not None else None,
    )


def after_failure(standing: Standing, reason: str, now: datetime, chance: float) -> Standing:
    """Tried again after a pause that doubles, up to LONGEST_PAUSE. chance: 0 to 1, spreads those that failed together.

    The status is `error` from the first failure, since the guide wants it, and `off` at the end; events are counted and
    kept, and the first that is taken makes it active again.
    """
    since = standing.failing_since or now
    failed = replace(standing, failures=standing.failures + 1, failing_since=since)
    if now - since >= GIVE_UP:
        why = f"Nothing was taken for {GIVE_UP.total_seconds() / 3600:g} hours ({reason}); set `requested` to go on."
        return replace(failed, status=OFF, reason=why)
    pause = min(FIRST_PAUSE * 2 ** min(standing.failures, 20), LONGEST_PAUSE) * (0.5 + chance / 2)
    return replace(failed, status=ERROR, reason=f"Notifications fail: {reason}.", not_before=now + pause)
