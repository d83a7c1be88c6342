"""Access tokens: short, opaque, kept in the record by their digest alone; a process remembers those it has seen."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool

from server.auth.refusal import Refused, Why
from server.clock import Clock
from server.policy.scope import Scope, read_scopes
from server.store.client_port import Clients, TokenRow

LIFE = timedelta(seconds=300)
"""SMART asks for at most five minutes."""
SEEN = timedelta(seconds=30)
"""How long a process trusts its memory of a token: so long may one go on whose client was replaced."""

_MOST = 10_000
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token stands for."""

    client: str
    scopes: tuple[Scope, ...]
    expires: datetime


@dataclass(frozen=True, slots=True)
class AccessTokens:
    record: Clients
    clock: Clock
    _seen: dict[str, tuple[Grant, datetime]] = field(default_factory=dict)

    async def issue(self, client: str, scopes: tuple[str, ...]) -> str:
        """A fresh token, as the client gets it."""
        token, now = secrets.token_urlsafe(32), self.clock()
        row = TokenRow(_digest(token), client, " ".join(scopes), now + LIFE)
        await run_in_threadpool(self.record.keep, row, now)
        return token

    async def find(self, token: str) -> Grant:
        """Raises Refused for a token that is unknown or has ended."""
        if len(token) > _LONGEST:
            raise Refused(Why.ACCESS_TOKEN)
        digest, now = _digest(token), self.clock()
        grant, until = self._seen.get(digest, (None, now))
        if grant is None or until <= now:
            row = await run_in_threadpool(self.record.token, digest)
            self._seen.pop(digest, None)
            if row is None:
                raise Refused(Why.ACCESS_TOKEN)
            grant = Grant(row.client, read_scopes(row.scope.split()), row.expires)
            if len(self._seen) >= _MOST:
                self._seen.clear()
            self._seen[digest] = (grant, min(now + SEEN, row.expires))
        if grant.expires <= now:
            raise Refused(Why.ACCESS_TOKEN, grant.client)
        return grant


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
