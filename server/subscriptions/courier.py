"""Brings notifications to subscribers: each in its order, at least once, and none waits for another's.

Everything that must not be lost is in the record. A worker takes a subscription by a claim in its row, sends one thing
after the other, and writes after each how it stands. A worker that dies leaves a claim that ends by itself, later than
any call it had begun; so no other sends the next event while this one's may still be on its way.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from server.clock import Clock, NewId
from server.errors import CallFailed, CallRefused, VitruvianError
from server.log import log
from server.outgoing import SECONDS, Outgoing
from server.store.outbox_ports import Standing, Subscription
from server.store.ports import Store
from server.store.shared import Shared
from server.subscriptions.notification import EVENT, HANDSHAKE, HEARTBEAT, Stamp, notification
from server.subscriptions.read_subscription import headers_of
from server.subscriptions.standing import after_end, after_failure, after_owner, after_success, ended

_T = TypeVar("_T")

WAKE = "outbox"
"""The name by which workers are woken (store/shared.py)."""
CLAIM = timedelta(seconds=SECONDS + 5)
"""Longer than the longest call, by more than the clocks of two machines may differ."""

_POLL = 0.25  # seconds: for what is due by the clock, and for changes that another process made
_AT_ONCE = 32  # subscribers that are called at one time
_THREADS = 4
_LISTED = 200


async def everybody_stands(owner: str, sees: Sequence[str] | None) -> bool:  # noqa: ARG001 - nobody is looked at
    """Without authentication."""
    return True


@dataclass
class Courier:
    """One worker; as many as there are processes may run. chance: 0 to 1, spreads the pauses.

    stands: whether a subscription's owner may still be told of what it sees, by their names in outbox_ports.
    """

    store: Store
    shared: Shared
    outgoing: Outgoing
    base_url: str
    clock: Clock
    new_id: NewId
    chance: Callable[[], float] = random.random
    stands: Callable[[str, Sequence[str] | None], Awaitable[bool]] = everybody_stands
    _away: bool = False
    _running: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_THREADS))
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def run(self) -> None:
        """Until it is cancelled; then what is on its way is left to whoever comes next."""
        try:
            while True:
                await self._start_what_is_due()
                await self.shared.wait(WAKE, _POLL)
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_what_is_due(self) -> None:
        try:
            due = await self._db(lambda: self.store.outbox.due(self.clock(), _LISTED))
        except Exception as error:  # noqa: BLE001 - whatever it is, later polls go on; told once
            if not self._away:
                log.error("outbox", error=type(error).__name__)
            self._away = True
            return
        self._away = False
        for id_ in due:
            if id_ not in self._running:
                self._running[id_] = asyncio.create_task(self._serve(id_))
                self._running[id_].add_done_callback(lambda _, done=id_: self._running.pop(done, None))  # type: ignore[misc]

    async def _serve(self, id_: str) -> None:
        """Everything that one subscriber is to be told, until it is told or fails."""
        async with self._slots:
            token = await self.shared.lease(f"subscription/{id_}", CLAIM.total_seconds())
            if token is None:
                return
            try:
                now = self.clock()
                subscription = await self._db(lambda: self.store.outbox.claim(id_, token, now, now + CLAIM))
                while subscription is not None:
                    subscription = await self._step(subscription, token)
                await self._db(lambda: self.store.outbox.release(id_, token))
            except VitruvianError as error:  # the database is away: the claim ends, and somebody tries again
                log.error("outbox", subscription=id_, error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - one broken subscription must not stop the others
                log.error("notification-fault", subscription=id_, error=type(error).__name__)
            finally:
                await self.shared.release(f"subscription/{id_}", token)

    async def _step(self, subscription: Subscription, token: str) -> Subscription | None:
        """The next thing to tell; the subscription after it, or None where nothing is left for now."""
        now = self.clock()
        if ended(subscription.asked, now):
            await self._settle(subscription, token, after_end(subscription.standing))
            return None
        kind = _next(subscription, now)
        if kind is None:
            return None
        if not await self.stands(subscription.owner, subscription.sees):
            await self._settle(subscription, token, after_owner(subscription.standing))
            return None
        delivered = subscription.standing.delivered + (kind == EVENT)
        try:
            body = await self._db(lambda: self._body(subscription, kind))
            if (
                subscription.claimed_until is None
                or self.clock() + timedelta(seconds=SECONDS) > subscription.claimed_until
            ):
                return None  # the call could outlast the claim
            address = subscription.asked.resource["channel"]["endpoint"]
            media = ("content-type", subscription.asked.resource["channel"]["payload"])
            await self.outgoing.post(address, body, [media, *headers_of(subscription.asked)])
        except (CallFailed, CallRefused) as error:
            failed = after_failure(subscription.standing, str(error).rstrip("."), self.clock(), self.chance())
            log.warning("not-notified", subscription=subscription.id, outcome=failed.status)
            await self._settle(subscription, token, failed)
            return None
        return await self._settle(subscription, token, after_success(subscription, delivered, self.clock()))

    def _body(self, subscription: Subscription, kind: str) -> bytes:
        number = subscription.standing.delivered + 1
        events = self.store.outbox.events(subscription.id, number, number) if kind == EVENT else ()
        if kind == EVENT and not events:
            raise LookupError(f"event {number} of subscription {subscription.id} is not there")
        return notification(subscription, kind, Stamp(self.base_url, self.clock(), self.new_id()), events)

    async def _settle(self, subscription: Subscription, token: str, standing: Standing) -> Subscription | None:
        until = self.clock() + CLAIM
        return await self._db(lambda: self.store.outbox.settle(subscription, token, standing, until))

    async def _db(self, work: Callable[[], _T]) -> _T:
        """Work of the record, in a thread; seen to its end, so that the record is not closed on it."""
        running = asyncio.ensure_future(to_thread.run_sync(work, limiter=self._threads))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise


def _next(subscription: Subscription, now: datetime) -> str | None:
    """A handshake before anything else, then every event in its order; a heartbeat when there is nothing to say."""
    standing = subscription.standing
    if standing.not_before is not None and standing.not_before > now:
        return None
    if not standing.shaken:
        return HANDSHAKE
    if standing.delivered < subscription.events:
        return EVENT
    return HEARTBEAT if standing.beat is not None and standing.beat <= now else None
