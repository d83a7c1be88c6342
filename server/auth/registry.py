"""The registered clients: those of the plan file, and those that `add-client` put into the record."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from server.errors import DatabaseGone
from server.log import log
from server.policy.client import Client
from server.policy.client_file import client_of
from server.store.client_port import Clients

EVERY = 10.0
"""Seconds after which the record is looked at again: so long may a removed client go on."""

_PAUSE = 1.0  # seconds until a record that did not answer is asked again


def all_clients(plan: Iterable[Client], record: Clients) -> list[Client]:
    """The plan's, then those of the record that are not taken for one of them."""
    found = list(plan)
    ids, issuers = {c.id for c in found}, {c.issuer for c in found}
    return [*found, *(c for c in _added(record) if c.id not in ids and c.issuer not in issuers)]


def _added(record: Clients) -> Iterator[Client]:
    for table in record.added():
        try:
            yield client_of(table)
        except ValidationError:  # of a version with other rules; nobody else is kept out by it
            log.error("client not read", caller=str(table.get("id")))


@dataclass(frozen=True, slots=True)
class _Known:
    by_id: dict[str, Client]
    by_issuer: dict[str, Client]
    at: float


class Registry:
    """Looked at by every request; the record is read now and then."""

    def __init__(self, plan: Iterable[Client], record: Clients, ticks: Callable[[], float] = time.monotonic) -> None:
        self._plan = tuple(plan)
        self._record = record
        self._ticks = ticks
        self._lock = asyncio.Lock()
        self.complete = False
        """Whether the record was read, ever."""
        self._known = _known(self._plan, ticks() - EVERY)  # the first request reads the record

    async def of_id(self, id_: str) -> Client | None:
        return (await self._now()).by_id.get(id_)

    async def of_issuer(self, issuer: str) -> Client | None:
        return (await self._now()).by_issuer.get(issuer)

    async def _now(self) -> _Known:
        """While one request reads, others go by what was known; the first ones wait."""
        if self._is_old() and not (self.complete and self._lock.locked()):
            async with self._lock:
                if self._is_old():
                    await self._read()
        return self._known

    def _is_old(self) -> bool:
        return self._ticks() - self._known.at >= EVERY

    async def _read(self) -> None:
        try:
            found = await run_in_threadpool(all_clients, self._plan, self._record)
        except DatabaseGone as error:
            log.error("clients not read", error=type(error).__name__)
            self._known = replace(self._known, at=self._ticks() - EVERY + _PAUSE)
        else:
            self._known, self.complete = _known(found, self._ticks()), True


def _known(clients: Iterable[Client], at: float) -> _Known:
    listed = list(clients)
    return _Known({c.id: c for c in listed}, {c.issuer: c for c in listed}, at)
