"""JWTs that clients sign: for a hook call (CDS Hooks), and for the token endpoint (SMART Backend Services)."""

import base64
import binascii
import hashlib
import math
from dataclasses import dataclass
from typing import Any

import orjson
from jwt.algorithms import Algorithm, ECAlgorithm, RSAAlgorithm

from server.auth.keys import ClientKeys
from server.auth.refusal import Refused, Why
from server.auth.registry import Registry
from server.clock import Clock
from server.policy.client import Client
from server.store.shared import Shared

SKEW = 30.0
"""Seconds that two clocks may differ."""
LONGEST = 300.0
"""Seconds that a token may live: SMART says five minutes, and a used jti is kept for as long."""

_MOST = 8192
_LONGEST_JTI = 256
_NO_KEYS = frozenset({"jwk", "x5u", "x5c", "crit"})
"""Headers that bring a key along, or a rule that would have to be understood: no client of this server needs one."""
_VERIFIED_BY: dict[str, Algorithm] = {
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "RS384": RSAAlgorithm(RSAAlgorithm.SHA384),
    "ES384": ECAlgorithm(ECAlgorithm.SHA384),
}
"""The library's part that checks a signature; tokens are taken apart here, once."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a token says of itself, before anything of it is believed. signed: what the signature is of."""

    head: Json
    claims: Json
    signed: bytes
    signature: bytes

    @property
    def issuer(self) -> str:
        found = self.claims.get("iss")
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class SignedTokens:
    """Checks tokens. Cheap questions come first, then the signature; a jti counts as used only when all else is right.

    shared: remembers which jti was used, for every process of the server.
    """

    registry: Registry
    keys: ClientKeys
    shared: Shared
    clock: Clock

    async def caller_of_hook(self, token: str, audience: str) -> Client:
        """The client that signed a hook call. audience: the URL that was called (crd C-45 to C-47). Raises Refused."""
        opened = _opened(token)
        client = await self.registry.of_issuer(opened.issuer)
        if client is None:
            raise Refused(Why.ISSUER)
        if not isinstance(opened.claims.get("iat"), int | float):
            raise Refused(Why.TIMES, client.id)
        await self._check(opened, client, audience)
        return client

    async def client_of_assertion(self, token: str, audience: str) -> Client:
        """The client that signed an assertion; iss and sub are its id (RFC 7523). Raises Refused."""
        opened = _opened(token)
        client = await self.registry.of_id(opened.issuer)
        if client is None:
            raise Refused(Why.ISSUER)
        if opened.claims.get("sub") != client.id:
            raise Refused(Why.SUBJECT, client.id)
        await self._check(opened, client, audience)
        return client

    async def _check(self, opened: _Opened, client: Client, audience: str) -> None:
        head, claims = opened.head, opened.claims
        algorithm = head.get("alg")
        if not isinstance(algorithm, str) or algorithm not in client.algorithms:
            raise Refused(Why.ALGORITHM, client.id)
        _check_header(head, client)
        named = claims.get("aud")
        if audience not in (named if isinstance(named, list) else [named]):
            raise Refused(Why.AUDIENCE, client.id)
        left = _seconds_left(claims, self.clock().timestamp(), client)
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
            raise Refused(Why.JTI, client.id)
        key = await self.keys.find(client, head["kid"], algorithm, head.get("jku"))
        if not _VERIFIED_BY[algorithm].verify(opened.signed, key.key, opened.signature):
            raise Refused(Why.SIGNATURE, client.id)
        # a digest, since a jti is any text and two clients may use the same
        used = hashlib.sha256(f"{client.id}\n{jti}".encode()).hexdigest()
        if not await self.shared.once(f"jti/{used}", left + SKEW + 1):
            raise Refused(Why.REPLAYED, client.id)


def _opened(token: str) -> _Opened:
    try:
        head, claims, signature = token.split(".") if len(token) <= _MOST else [""]
        signed = f"{head}.{claims}".encode("ascii")
        read = _Opened(orjson.loads(_decoded(head)), orjson.loads(_decoded(claims)), signed, _decoded(signature))
    except (ValueError, binascii.Error):
        raise Refused(Why.NO_JWT) from None
    if not isinstance(read.head, dict) or not isinstance(read.claims, dict):
        raise Refused(Why.NO_JWT)
    return read


def _decoded(part: str) -> bytes:
    return base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _check_header(head: Json, client: Client) -> None:
    kid, jku = head.get("kid"), head.get("jku")
    whole = isinstance(kid, str) and kid and (jku is None or isinstance(jku, str))
    if not whole or str(head.get("typ", "JWT")).upper() != "JWT" or _NO_KEYS & head.keys():
        raise Refused(Why.HEADER, client.id)


def _seconds_left(claims: Json, now: float, client: Client) -> float:
    """Until it expires, less than nothing within the skew. Raises Refused for times that are wrong or missing."""
    times: list[Any] = [claims.get("exp"), *(claims[name] for name in ("iat", "nbf") if name in claims)]
    if not all(isinstance(t, int | float) and not isinstance(t, bool) and math.isfinite(t) for t in times):
        raise Refused(Why.TIMES, client.id)
    ends, *begins = times
    if ends + SKEW < now:
        raise Refused(Why.EXPIRED, client.id)
    if any(t - SKEW > now for t in begins):
        raise Refused(Why.NOT_YET, client.id)
    if ends - now > LONGEST + SKEW:
        raise Refused(Why.TOO_LONG, client.id)
    return float(ends) - now
