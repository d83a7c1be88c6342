"""Why a token is refused: told to who sent it, one line in the log, and kept for `doctor`. Nothing of a token is."""

import time
from collections.abc import Callable
from enum import StrEnum

from starlette.concurrency import run_in_threadpool

from server.clock import Clock
from server.errors import DatabaseGone, NotAuthenticated, NotPermitted, TooManyRequests, VitruvianError
from server.log import log
from server.store.client_port import Clients, RefusalRow


class Why(StrEnum):
    """Each with what mends it, in words for who runs the client. The record and the log have the word alone."""

    NO_TOKEN = "no-token"  # noqa: S105 - the name of a reason
    IN_QUERY = "token-in-query"
    NO_JWT = "not-a-jwt"
    HEADER = "header"
    ALGORITHM = "algorithm"
    ISSUER = "issuer"
    SUBJECT = "subject"
    AUDIENCE = "audience"
    TIMES = "times"
    EXPIRED = "expired"
    NOT_YET = "not-yet-valid"
    TOO_LONG = "lives-too-long"
    JTI = "jti"
    REPLAYED = "used-before"
    JKU = "jku"
    KEYS_AWAY = "keys-not-fetched"
    KID = "kid"
    KEY = "key"
    SIGNATURE = "signature"
    ACCESS_TOKEN = "access-token"  # noqa: S105 - the name of a reason
    SCOPE = "scope"
    HOOKS = "hooks"
    GRANT = "grant"
    THROTTLED = "throttled"

    @property
    def text(self) -> str:
        return _TEXT[self]


_TEXT = {
    Why.NO_TOKEN: "No token came; send one as Authorization: Bearer TOKEN.",
    Why.IN_QUERY: "A token came in the address, where others can read it; give it up, and send a new one as "
    "Authorization: Bearer TOKEN.",
    Why.NO_JWT: "The token is no JWT; send header, claims and signature of at most 8 kB.",
    Why.HEADER: "The header of the JWT lacks its kid, names another typ than JWT, or brings a key or a rule along; "
    "send typ, alg, kid and, if need be, jku.",
    Why.ALGORITHM: "The JWT is signed by an algorithm that is not this client's; use RS384 or ES384.",
    Why.ISSUER: "The issuer (iss) is not registered here; register the client, or mend its iss.",
    Why.SUBJECT: "The subject (sub) must be the client's id, as the issuer is.",
    Why.AUDIENCE: "The audience (aud) is not the address that was called, letter for letter.",
    Why.TIMES: "exp, and iat for hook calls, must be there, as seconds since 1970.",
    Why.EXPIRED: "The JWT has expired; make a new one for each call, and set the clock of the machine.",
    Why.NOT_YET: "The JWT begins later than now (iat or nbf); set the clock of the machine.",
    Why.TOO_LONG: "The JWT lives too long; let exp be at most 5 minutes ahead.",
    Why.JTI: "The JWT has no jti, or one of more than 256 characters; give each JWT a new one.",
    Why.REPLAYED: "A JWT with this jti has come before; make a new one for each call.",
    Why.JKU: "jku is not an address that is registered for this client; leave it out, or have it registered.",
    Why.KEYS_AWAY: "The client's key set could not be fetched; it must be JSON of at most 64 kB that comes within 2 "
    "seconds and without a redirect.",
    Why.KID: "No key of the client has this kid; publish the key, and wait half a minute.",
    Why.KEY: "The key of this kid does not fit: RSA of 2048 to 8192 bits for RS384, EC on P-384 for ES384, public "
    "parts alone.",
    Why.SIGNATURE: "The signature is not one of the key with this kid.",
    Why.ACCESS_TOKEN: "The access token is none of this server's, or has ended; get a new one at the token endpoint.",
    Why.SCOPE: "The access token lacks a scope for this; ask for it at the token endpoint.",
    Why.HOOKS: "This client is not registered for hook calls.",
    Why.GRANT: "None of the scopes asked for is registered for this client; ask for those that are.",
    Why.THROTTLED: "The client sent more requests than it has in a minute.",
}


class Refused(NotAuthenticated):
    """A token that was refused. client: the id of the registered client that it names; empty for nobody known."""

    def __init__(self, why: Why, client: str = "") -> None:
        self.why = why
        self.client = client
        super().__init__(why.text, sent=why is not Why.NO_TOKEN)


class TooLittle(NotPermitted):
    """A client that may not do this. scope: that its token would need."""

    def __init__(self, client: str, scope: str = "") -> None:
        self.why = Why.SCOPE if scope else Why.HOOKS
        self.client = client
        super().__init__(self.why.text, scope)


class NothingGranted(VitruvianError):
    """None of the scopes that were asked for is this client's."""

    def __init__(self, client: str) -> None:
        self.why = Why.GRANT
        self.client = client
        super().__init__(self.why.text)


class Throttled(TooManyRequests):
    """A client that is too quick."""

    def __init__(self, client: str, seconds: int) -> None:
        self.why = Why.THROTTLED
        self.client = client
        super().__init__(seconds)


Refusal = Refused | TooLittle | NothingGranted | Throttled


class Refusals:
    """Tells the log of each, and keeps a few for `doctor`.

    Who floods the server with tokens makes it write one row in a while for each client and reason, and no more.
    """

    EVERY = 10.0  # seconds
    _MOST = 1000

    def __init__(self, record: Clients, clock: Clock, ticks: Callable[[], float] = time.monotonic) -> None:
        self._record = record
        self._clock = clock
        self._ticks = ticks
        self._kept: dict[tuple[str, Why], float] = {}

    async def tell(self, refusal: Refusal, place: str) -> None:
        """place: a path of the URL table, which holds nothing that was sent."""
        why, client = refusal.why, refusal.client
        log.warning("refused", caller=client or "nobody known", reason=why.value, path=place)
        now, what = self._ticks(), (client, why)
        if why is Why.NO_TOKEN or now - self._kept.get(what, -self.EVERY) < self.EVERY:
            return
        if len(self._kept) >= self._MOST:
            self._kept.clear()
        self._kept[what] = now
        try:
            await run_in_threadpool(self._record.refused, RefusalRow(client, self._clock(), place, why.value))
        except DatabaseGone as gone:
            log.error("refusal not kept", error=type(gone).__name__)
