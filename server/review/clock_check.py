"""Looks once a minute for warnings of the clocks, and writes a line into the log for each. It decides nothing."""

import asyncio

from starlette.concurrency import run_in_threadpool

from server.decision.deadline import Alarm
from server.log import log
from server.review.desk import ReviewDesk

EVERY_SECONDS = 60.0


async def check_clocks(desk: ReviewDesk, every: float = EVERY_SECONDS) -> None:
    """Goes on until it is cancelled."""
    while True:
        try:
            await run_in_threadpool(tell_crossed, desk)
        except Exception as error:  # noqa: BLE001 - the next look finds what this one missed; words may tell of a patient
            log.error("clocks not looked at", error=type(error).__name__)
        await asyncio.sleep(every)


def tell_crossed(desk: ReviewDesk) -> int:
    """One line for each warning that has begun since the last look; how many."""
    found = desk.record.crossed(desk.world.clock())
    for one in found:
        write = log.error if one.alarm is Alarm.BREACHED else log.warning
        write("clock", submission=one.case_id, outcome=one.alarm.value)
    return len(found)
