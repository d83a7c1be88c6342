"""Couriers for tests, each in a thread with a loop of its own, as a server process has one."""

import asyncio
import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from server.clock import Clock, new_id, now
from server.outgoing import Outgoing
from server.policy.outgoing import AllowedHost, OutgoingRules
from server.store.shared import open_shared
from server.store.sql import open_store
from server.subscriptions.courier import WAKE, Courier

HERE = OutgoingRules(hosts=(AllowedHost("127.0.0.1", http=True, networks=(ipaddress.ip_network("127.0.0.1/32"),)),))
BASE_URL = "https://payer.example.org"


@contextmanager
def courier(
    database_url: str, redis_url: str = "", *, clock: Clock = now, seconds: float = 5, chance: float = 0.0, **more: Any
) -> Iterator[None]:
    """One that runs until the block ends. more: other fields of the Courier."""
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
    started = threading.Event()

    async def main() -> None:
        shared = open_shared(redis_url)
        store = open_store(database_url, changed=lambda: shared.wake(WAKE))
        outgoing = Outgoing(HERE, seconds=seconds)
        made = Courier(store, shared, outgoing, BASE_URL, clock, new_id, lambda: chance, **more)
        task = asyncio.create_task(made.run())
        running.append((asyncio.get_running_loop(), task))
        started.set()
        await asyncio.gather(task, return_exceptions=True)
        await shared.close()
        store.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert started.wait(20)
    try:
        yield
    finally:
        ((loop, task),) = running
        loop.call_soon_threadsafe(task.cancel)
        thread.join(20)
        assert not thread.is_alive(), "the courier did not stop"
