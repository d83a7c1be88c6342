"""What the processes of one server share and may lose: leases, wake-ups, counts. In memory, or in Redis for several.

No decision rests on it: whoever holds a lease may have lost it by now, and a wake-up may not come. It spares work, and
tells who is too quick or comes twice with what is good once.
"""

import asyncio
import secrets
import time
from contextlib import suppress
from threading import Lock
from typing import Any, Protocol

import redis.asyncio
from redis import Redis
from redis.exceptions import RedisError

from server.errors import UnusableSetting

_PREFIX = "vitruvian:"
_SECONDS = 1.0  # Redis answers in less than a millisecond; one that does not is done without
_SWEEP = 10.0  # seconds between two looks for names that are over
_COUNT = "local n = redis.call('incr', KEYS[1]) if n == 1 then redis.call('pexpire', KEYS[1], ARGV[1]) end return n"
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class Shared(Protocol):
    """Both adapters keep one contract (tests/store/test_shared.py)."""

    async def lease(self, name: str, seconds: float) -> str | None:
        """A token of the lease, which ends by itself after so long; None while another has it."""
        ...

    async def release(self, name: str, token: str) -> None:
        """Ends a lease early, if it is still the one of this token."""
        ...

    def wake(self, name: str) -> None:
        """Wakes whoever waits for the name, in every process. From any thread; never fails."""
        ...

    async def wait(self, name: str, seconds: float) -> None:
        """Returns when the name was woken since the last wait for it, or after so long."""
        ...

    async def once(self, name: str, seconds: float) -> bool:
        """Whether nobody has said this name within so long before; it is said now."""
        ...

    async def count(self, name: str, seconds: float) -> int:
        """How often this name was counted, this time included; after so long it is forgotten."""
        ...

    async def close(self) -> None: ...


def open_shared(url: str) -> Shared:
    """Redis at `redis://HOST:PORT/0`, or memory for an empty URL. Raises UnusableSetting."""
    if not url:
        return InMemory()
    try:
        return InRedis(url)
    except ValueError as error:
        raise UnusableSetting(f"VITRUVIAN_REDIS_URL: {error}. Use redis://HOST:PORT/0, or leave it empty.") from error
    except RedisError as error:
        raise UnusableSetting(
            f"VITRUVIAN_REDIS_URL: Redis does not answer there ({type(error).__name__}). Start it, mend the address, "
            f"or leave it empty: a single server does without."
        ) from error


class InMemory:
    """For the processes of a server that is only one."""

    def __init__(self) -> None:
        self._leases: dict[str, tuple[str, float]] = {}
        self._waiting: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}
        self._counts: dict[str, tuple[int, float]] = {}
        self._swept = time.monotonic()
        self._lock = Lock()

    async def lease(self, name: str, seconds: float) -> str | None:
        now = time.monotonic()
        with self._lock:
            self._leases = {n: held for n, held in self._leases.items() if held[1] > now}
            if name in self._leases:
                return None
            token = secrets.token_hex(8)
            self._leases[name] = (token, now + seconds)
        return token

    async def release(self, name: str, token: str) -> None:
        with self._lock:
            if self._leases.get(name, ("", 0.0))[0] == token:
                del self._leases[name]

    def wake(self, name: str) -> None:
        with self._lock:
            waiting = self._waiting.get(name)
        if waiting is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                waiting[0].call_soon_threadsafe(waiting[1].set)

    async def wait(self, name: str, seconds: float) -> None:
        with self._lock:
            _, woken = self._waiting.setdefault(name, (asyncio.get_running_loop(), asyncio.Event()))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken.wait()
        woken.clear()

    async def once(self, name: str, seconds: float) -> bool:
        return await self.count(f"once/{name}", seconds) == 1

    async def count(self, name: str, seconds: float) -> int:
        now = time.monotonic()
        with self._lock:
            if now - self._swept > _SWEEP:
                self._counts = {n: kept for n, kept in self._counts.items() if kept[1] > now}
                self._swept = now
            number, until = self._counts.get(name, (0, 0.0))
            self._counts[name] = kept = (number + 1, until) if until > now else (1, now + seconds)
        return kept[0]

    async def close(self) -> None:
        with self._lock:
            self._waiting.clear()


class InRedis:
    """For several processes.

    While Redis is away, leases are given to everybody, waits last their time, and each process counts by itself.
    """

    def __init__(self, url: str) -> None:
        options: dict[str, Any] = {"socket_timeout": _SECONDS, "socket_connect_timeout": _SECONDS}
        self._waking = Redis.from_url(url, **options)
        self._waking.ping()
        self._redis = redis.asyncio.Redis.from_url(url, **options)
        self._listening: dict[str, Any] = {}
        self._own = InMemory()

    async def lease(self, name: str, seconds: float) -> str | None:
        token = secrets.token_hex(8)
        try:
            got = await self._redis.set(_PREFIX + name, token, nx=True, px=int(seconds * 1000))
        except (RedisError, OSError):
            return token
        return token if got else None

    async def release(self, name: str, token: str) -> None:
        with suppress(RedisError, OSError):
            await self._redis.eval(_RELEASE, 1, _PREFIX + name, token)

    def wake(self, name: str) -> None:
        with suppress(RedisError, OSError):
            self._waking.publish(_PREFIX + name, "")

    async def wait(self, name: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        try:
            if name not in self._listening:
                self._listening[name] = self._redis.pubsub(ignore_subscribe_messages=True)
                await self._listening[name].subscribe(_PREFIX + name)
            heard = None
            while heard is None and (left := end - time.monotonic()) > 0:
                heard = await self._listening[name].get_message(timeout=left)
            while heard is not None:  # one wake for all that came
                heard = await self._listening[name].get_message(timeout=0)
        except (RedisError, OSError):
            with suppress(RedisError, OSError):
                await self._listening.pop(name).aclose()
            await asyncio.sleep(max(0.0, end - time.monotonic()))

    async def once(self, name: str, seconds: float) -> bool:
        # Remembered here too, since Redis may go away before it ends. Who is not the first here does not ask there: it
        # could be the first there, and neither would be let in.
        if not await self._own.once(name, seconds):
            return False
        try:
            got = await self._redis.set(_PREFIX + name, "", nx=True, px=max(1, int(seconds * 1000)))
        except (RedisError, OSError):
            return True
        return bool(got)

    async def count(self, name: str, seconds: float) -> int:
        here = await self._own.count(name, seconds)
        try:
            return int(await self._redis.eval(_COUNT, 1, _PREFIX + name, max(1, int(seconds * 1000))))
        except (RedisError, OSError):
            return here

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            for listening in self._listening.values():
                await listening.aclose()
            await self._redis.aclose()
        self._waking.close()
