"""What processes share keeps one contract, in memory and in Redis; and nothing breaks when Redis is away."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from server.errors import UnusableSetting
from server.store.shared import InMemory, InRedis, Shared, open_shared
from tests.redis_server import redis_server

Use = Callable[[Shared], Awaitable[None]]
LONG = 20.0


@pytest.fixture(params=["memory", "redis"])
def run(request: pytest.FixtureRequest) -> Callable[[Use], None]:
    """Runs a test with one adapter, in a loop of its own, and closes it."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else ""

    def go(use: Use) -> None:
        async def inside() -> None:
            shared = open_shared(url)
            try:
                await use(shared)
            finally:
                await shared.close()

        asyncio.run(inside())

    return go


def test_a_lease_is_one_holders_until_it_ends(run: Callable[[Use], None]) -> None:
    """Nobody else gets it; its holder ends it, nobody else's token does; another name is another lease."""

    async def use(shared: Shared) -> None:
        token = await shared.lease("contract/a", LONG)
        assert token
        assert await shared.lease("contract/a", LONG) is None
        assert await shared.lease("contract/b", LONG)
        await shared.release("contract/a", "not the token")
        assert await shared.lease("contract/a", LONG) is None
        await shared.release("contract/a", token)
        again = await shared.lease("contract/a", LONG)
        assert again not in (None, token)

    run(use)


def test_a_lease_ends_by_itself(run: Callable[[Use], None]) -> None:
    """A worker that was killed releases nothing."""

    async def use(shared: Shared) -> None:
        assert await shared.lease("contract/short", 0.05)
        await asyncio.sleep(0.1)
        assert await shared.lease("contract/short", LONG)

    run(use)


def test_a_wake_ends_a_wait(run: Callable[[Use], None]) -> None:
    """From another thread, at once; one that came between two waits counts, several count once, other names do not."""

    async def use(shared: Shared) -> None:
        await shared.wait("contract/wake", 0.01)  # from now on it listens
        for _ in range(3):
            shared.wake("contract/wake")
        await asyncio.wait_for(shared.wait("contract/wake", LONG), LONG / 2)
        threading.Timer(0.05, shared.wake, ["contract/wake"]).start()
        await asyncio.wait_for(shared.wait("contract/wake", LONG), LONG / 2)
        shared.wake("contract/other")
        began = time.monotonic()
        await shared.wait("contract/wake", 0.1)
        assert time.monotonic() - began > 0.05

    run(use)


def test_a_name_is_said_once(run: Callable[[Use], None]) -> None:
    """By one of many who say it at the same time; again only when its time is over; another name is another."""

    async def use(shared: Shared) -> None:
        said = await asyncio.gather(*(shared.once("contract/jti", LONG) for _ in range(50)))
        assert sorted(said) == [False] * 49 + [True]
        assert await shared.once("contract/jti-2", LONG)
        assert await shared.once("contract/brief", 0.05)
        await asyncio.sleep(0.1)
        assert await shared.once("contract/brief", LONG)
        assert not await shared.once("contract/brief", LONG)

    run(use)


def test_a_name_is_counted_until_its_time_is_over(run: Callable[[Use], None]) -> None:
    """From one on, also by many at once; its time begins with the first; a name that was said once is not counted."""

    async def use(shared: Shared) -> None:
        assert sorted(await asyncio.gather(*(shared.count("contract/n", LONG) for _ in range(20)))) == list(
            range(1, 21)
        )
        assert await shared.count("contract/m", 0.15) == 1
        await asyncio.sleep(0.1)
        assert await shared.count("contract/m", 0.15) == 2
        await asyncio.sleep(0.1)
        assert await shared.count("contract/m", LONG) == 1
        assert await shared.once("contract/both", LONG)
        assert await shared.count("contract/other", LONG) == 1

    run(use)


def test_memory_forgets_what_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that runs for years keeps the names of the last minutes."""
    now = 0.0
    monkeypatch.setattr("server.store.shared.time.monotonic", lambda: now)
    shared = InMemory()

    async def use() -> None:
        nonlocal now
        for n in range(5000):
            now = n / 10
            await shared.once(str(n), 5)

    asyncio.run(use())
    assert len(shared._counts) < 200  # noqa: SLF001 - what nobody can see from outside


def test_two_processes_meet_in_redis(redis_url: str) -> None:
    """What one leases the other does not get, and what one wakes the other hears."""

    async def use() -> None:
        one, other = InRedis(redis_url), InRedis(redis_url)
        assert await one.lease("meet", LONG)
        assert await other.lease("meet", LONG) is None
        assert await one.once("meet/jti", LONG)
        assert not await other.once("meet/jti", LONG)
        assert [await one.count("meet/n", LONG), await other.count("meet/n", LONG)] == [1, 2]
        await other.wait("meet", 0.01)
        one.wake("meet")
        await asyncio.wait_for(other.wait("meet", LONG), LONG / 2)
        await one.close()
        await other.close()

    asyncio.run(use())


def test_nothing_rests_on_redis() -> None:
    """While it is away everybody gets the lease, since the record holds the order; a wait lasts its time.

    What is good once is so in each process: nobody is kept out, and a copy is refused where its original came.
    """

    async def use() -> None:
        with redis_server() as url:
            shared = InRedis(url)
            await shared.wait("away", 0.01)
            assert await shared.once("before", LONG)
        assert await shared.lease("away", LONG)
        assert await shared.lease("away", LONG)
        assert not await shared.once("before", LONG), "what was said while it was there is remembered here"
        assert await shared.once("after", LONG)
        assert not await shared.once("after", LONG)
        assert [await shared.count("n", LONG) for _ in range(2)] == [1, 2]
        await shared.release("away", "x")
        shared.wake("away")
        began = time.monotonic()
        await shared.wait("away", 0.1)
        assert time.monotonic() - began > 0.05
        await shared.close()

    asyncio.run(use())


def test_a_wake_after_the_end_is_no_error() -> None:
    """A request may be answered while the server stops."""
    shared = InMemory()
    asyncio.run(shared.wait("late", 0.01))
    shared.wake("late")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "redis://127.0.0.1:1/0"])
def test_a_redis_that_is_none_is_refused_at_start(url: str) -> None:
    """With the name of the setting and what would do."""
    with pytest.raises(UnusableSetting, match="VITRUVIAN_REDIS_URL"):
        open_shared(url)
