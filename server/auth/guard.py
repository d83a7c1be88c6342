"""The door with authentication on: who sends a request has shown who it is, may do this, and is not too quick."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import Request

from server.auth.access_token import LIFE, AccessTokens
from server.auth.caller import Caller, caller_from
from server.auth.keys import LIMIT, SECONDS, ClientKeys
from server.auth.refusal import NothingGranted, Refusals, Refused, Throttled, TooLittle, Why
from server.auth.registry import Registry
from server.auth.signed_token import SignedTokens
from server.clock import Clock
from server.errors import DatabaseGone
from server.policy.client import Client
from server.policy.scope import Scope, granted, permits, read_scopes
from server.store.client_port import Clients
from server.store.shared import Shared

TOKEN_PATH = "/auth/token"  # noqa: S105 - an address
_MINUTE = 60

Get = Callable[[str, int, float], Awaitable[bytes]]
"""An address, the most bytes and the most seconds: what stands there. CallRefused or CallFailed."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What the token endpoint answers. seconds: that the token lives."""

    token: str
    scope: str
    seconds: int = int(LIFE.total_seconds())


@dataclass
class Guard:
    """base_url: this server's public URL; tokens name addresses under it as their audience.

    registered: the plan's clients; record: knows those that were added. get: see outgoing.Outgoing.get.
    """

    base_url: str
    registered: Iterable[Client]
    record: Clients
    shared: Shared
    clock: Clock
    get: Get

    def __post_init__(self) -> None:
        self._registry = Registry(self.registered, self.record)
        self._signed = SignedTokens(self._registry, ClientKeys(self._fetch), self.shared, self.clock)
        self._tokens = AccessTokens(self.record, self.clock)
        self._refusals = Refusals(self.record, self.clock)

    async def caller(self, request: Request) -> Caller:
        """By an access token with the scope of the row; by a signed JWT where the row has none, as CDS services."""
        route = request.scope["route"]
        wanted: str = request.app.state.scopes[route.path, request.method]
        try:
            token = _bearer(request)
            client = await (
                self._by_grant(token, wanted) if wanted else self._by_signature(token, request.scope["path"])
            )
            await self._spend(client)
        except (Refused, TooLittle, Throttled) as refusal:
            await self._refusals.tell(refusal, route.path)
            raise
        if client.max_body_bytes is not None:
            request.state.max_body_bytes = client.max_body_bytes
        return caller_from(client)

    async def grant(self, assertion: str, scope: str) -> Granted:
        """An access token for a signed assertion. Raises Refused, NothingGranted or TooManyRequests."""
        try:
            client = await self._signed.client_of_assertion(assertion, self.base_url + TOKEN_PATH)
            await self._spend(client)
            scopes = _granted(scope, client)
        except (Refused, NothingGranted, Throttled) as refusal:
            await self._refusals.tell(refusal, TOKEN_PATH)
            raise
        return Granted(await self._tokens.issue(client.id, scopes), " ".join(scopes))

    async def stands(self, owner: str, sees: Sequence[str] | None) -> bool:
        """Whether the caller of this name may still be told of these organizations' requests. Raises DatabaseGone."""
        client = await self._registry.of_id(owner)
        if client is None and not self._registry.complete:
            raise DatabaseGone
        return client is not None and sees is not None and client.npis.issuperset(sees)

    async def _fetch(self, url: str) -> bytes:
        return await self.get(url, LIMIT, SECONDS)

    async def _by_grant(self, token: str, wanted: str) -> Client:
        grant = await self._tokens.find(token)
        client = await self._registry.of_id(grant.client)
        if client is None:
            raise Refused(Why.ACCESS_TOKEN)
        # what was granted counts, and of that what the client may still have
        if not (permits(grant.scopes, wanted) and permits(_registered(client.scopes), wanted)):
            raise TooLittle(client.id, f"system/{wanted}")
        return client

    async def _by_signature(self, token: str, path: str) -> Client:
        client = await self._signed.caller_of_hook(token, self.base_url + path)
        if not client.hooks:
            raise TooLittle(client.id)
        return client

    async def _spend(self, client: Client) -> None:
        """One request of the client's, whichever process it comes to."""
        minute, second = divmod(int(self.clock().timestamp()), _MINUTE)
        if await self.shared.count(f"rate/{client.id}/{minute}", 2 * _MINUTE) > client.per_minute:
            raise Throttled(client.id, _MINUTE - second)


def _granted(asked: str, client: Client) -> tuple[str, ...]:
    found = granted(asked, client.scopes)
    if not found:
        raise NothingGranted(client.id)
    return found


def _bearer(request: Request) -> str:
    """The token of the Authorization header, which is the one place where it is read. Raises Refused."""
    if request.scope["query_string"] and "access_token" in request.query_params:
        raise Refused(Why.IN_QUERY)
    sent = [value.decode("latin-1") for name, value in request.scope["headers"] if name == b"authorization"]
    scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(Why.NO_TOKEN)
    return token.strip()


@lru_cache(maxsize=1000)
def _registered(scopes: tuple[str, ...]) -> tuple[Scope, ...]:
    return read_scopes(scopes)
