"""The public keys of clients: from the plan, or fetched from their addresses and kept for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import orjson

from server.auth.refusal import Refused, Why
from server.errors import CallFailed, CallRefused
from server.policy.client import Client
from server.policy.client_key import PublicKey, public_key

FRESH = 300.0
"""Seconds that a key set is used without a look at its address: so long may a key be in use that its owner took out."""
STALE = 3600.0
"""Seconds that it is used while its address does not answer."""
AGAIN = 30.0
"""Seconds until an address is asked again, whoever sends which kid: nobody makes this server call others often."""
LIMIT = 2**16
SECONDS = 2.0
"""For a whole call: an order waits for it, and has five."""

_MOST_KEYS = 100

Fetch = Callable[[str], Awaitable[bytes]]
"""What stands at an address, of at most LIMIT bytes, within SECONDS; CallRefused or CallFailed."""


@dataclass(slots=True)
class _KeySet:
    """at: when it was fetched, None before; tried: when a try last ended; asking: whether one is under way."""

    keys: Mapping[str, tuple[PublicKey | str, ...]] = field(default_factory=dict)
    at: float | None = None
    tried: float = float("-inf")
    asking: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def younger_than(self, seconds: float, now: float) -> bool:
        return self.at is not None and now - self.at < seconds


class ClientKeys:
    """ticks: seconds that only go on; a test moves them."""

    def __init__(self, fetch: Fetch, ticks: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._ticks = ticks
        self._sets: dict[str, _KeySet] = {}

    async def find(self, client: Client, kid: str, algorithm: str, jku: str | None) -> PublicKey:
        """The key of this name. An address that the client's entry does not list is never called. Raises Refused."""
        if jku is not None and jku not in client.jwks_urls:
            raise Refused(Why.JKU, client.id)
        found = [k for k in client.keys if k.kid == kid] if jku is None else []
        key = _fit(found, algorithm)
        away, unfit = False, bool(found)
        for url in (jku,) if jku else client.jwks_urls:
            if key is not None:
                break
            keys = await self._keys(url, kid)
            away = away or keys.at is None
            unfit = unfit or kid in keys.keys
            key = _fit(keys.keys.get(kid, ()), algorithm)
        if key is None:
            raise Refused(Why.KEY if unfit else Why.KEYS_AWAY if away else Why.KID, client.id)
        return key

    async def _keys(self, url: str, kid: str) -> _KeySet:
        kept = self._sets.setdefault(url, _KeySet())
        if not self._enough(kept, kid):
            async with kept.lock:
                if not self._enough(kept, kid):
                    await self._renew(url, kept)
        if not kept.younger_than(STALE, self._ticks()):
            kept.keys, kept.at = {}, None
        return kept

    def _enough(self, kept: _KeySet, kid: str) -> bool:
        """Whether the address need not be asked, or not now. While one request asks, others go by what was known."""
        now = self._ticks()
        known = kid in kept.keys and kept.younger_than(STALE if kept.asking else FRESH, now)
        return known or now - kept.tried < AGAIN

    async def _renew(self, url: str, kept: _KeySet) -> None:
        kept.asking = True
        try:
            keys = read_key_set(await self._fetch(url))
        except (CallRefused, CallFailed, ValueError):
            return
        else:
            kept.keys, kept.at = keys, self._ticks()
        finally:
            kept.asking, kept.tried = False, self._ticks()


def _fit(keys: "tuple[PublicKey | str, ...] | list[PublicKey]", algorithm: str) -> PublicKey | None:
    return next((k for k in keys if isinstance(k, PublicKey) and algorithm in k.algorithms), None)


def read_key_set(raw: bytes) -> dict[str, tuple[PublicKey | str, ...]]:
    """The keys by their names; for one that checks nothing, why. Raises ValueError or CallFailed for no key set."""
    body = orjson.loads(raw)
    listed = body.get("keys") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise CallFailed("answered with no key set")
    found: dict[str, tuple[PublicKey | str, ...]] = {}
    for jwk in listed[:_MOST_KEYS]:
        kid = jwk.get("kid") if isinstance(jwk, dict) else None
        if isinstance(kid, str):
            found[kid] = (*found.get(kid, ()), public_key(jwk))
    return found
