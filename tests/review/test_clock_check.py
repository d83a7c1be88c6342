"""What looks at the clocks: a line in the log for each warning, without a patient in it, and nothing decided."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from server.errors import DatabaseGone
from server.log import ALLOWED
from server.policy.model import State
from server.review.clock_check import check_clocks, tell_crossed
from server.review.desk import ReviewDesk
from server.store.desk_port import Wanted
from server.store.sql import open_store
from tests.requests.world import NOW, SayingEngine, a_world, submitted
from tests.serving import sqlite_url


class Enough(BaseException):
    """Ends a test of what goes on for ever."""


HOUR = timedelta(hours=1)


def test_each_warning_is_one_line_and_decides_nothing(tmp_path: Path) -> None:
    """At half, at four fifths and at the end; the case waits on as it was."""
    store = open_store(sqlite_url(tmp_path))
    now = NOW
    world = a_world(store, SayingEngine({1: {"DOSE": State.REVIEW}}), clock=lambda: now)
    submitted(world)
    (case,) = store.desk.worklist(Wanted(), 9)
    told = []
    with capture_logs() as found:
        for hours in (0, 84, 84, 135, 168, 9_999):
            now = NOW + HOUR * hours
            told.append(tell_crossed(ReviewDesk(world)))
    assert told == [0, 1, 0, 1, 1, 0]
    assert [(one["log_level"], one["outcome"]) for one in found] == [
        ("warning", "half"),
        ("warning", "most"),
        ("error", "breached"),
    ]
    for one in found:
        assert set(one) - {"log_level"} == {"event", "outcome", "submission"}
        assert set(one) - {"log_level"} <= ALLOWED
        assert one["submission"] == case.id
    assert store.desk.worklist(Wanted(), 9) == [case]
    assert len(store.desk.history(case.id)) == 2
    store.close()


@pytest.mark.parametrize("error", [DatabaseGone(), RuntimeError("Jane Doe")])
def test_it_goes_on_after_a_look_that_fails(error: Exception) -> None:
    """The log has the kind of error and none of its words, and the next look looks again."""
    looks = []

    class Gone:
        def crossed(self, at: object) -> tuple[()]:
            looks.append(at)
            if len(looks) == 1:
                raise error
            if len(looks) == 3:
                raise Enough
            return ()

    class Store:
        desk = Gone()

    async def a_while() -> None:
        with suppress(Enough):
            await check_clocks(ReviewDesk(a_world(Store())), every=0)

    with capture_logs() as found:
        asyncio.run(a_while())
    assert len(looks) == 3
    assert found == [{"event": "clocks not looked at", "error": type(error).__name__, "log_level": "error"}]
