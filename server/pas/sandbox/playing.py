"""Plays the sandbox's reviewers: their decisions take effect when their time has come, though nobody asks."""

import asyncio

from starlette.concurrency import run_in_threadpool

from server.log import log
from server.pas.sandbox.scripted import Sandbox

EVERY_SECONDS = 1.0


async def play(sandbox: Sandbox, every: float = EVERY_SECONDS) -> None:
    """Goes on until it is cancelled."""
    while True:
        try:
            await run_in_threadpool(sandbox.settle_due)
        except Exception as error:  # noqa: BLE001 - the next look finds what this one missed
            log.error("sandbox not played", error=type(error).__name__)
        await asyncio.sleep(every)
