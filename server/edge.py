"""What surrounds every request: its id, its time, the pages of others that may read the answer, and safe headers."""

import re
from collections.abc import Iterable
from contextvars import Token
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.clock import NewId
from server.log import request_id
from server.meter import request_took
from server.policy.origins import Origins

REQUEST_ID = b"x-request-id"
SHARED = ("/cds-services", "/fhir/", "/.well-known/", "/auth/")
"""What pages of other origins may be let read; the review desk and the metrics are for no page but their own."""

_AN_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
    (b"access-control-allow-headers", b"authorization, content-type, accept, if-none-match, prefer, x-request-id"),
    (b"access-control-max-age", b"600"),
)
_EXPOSED = (b"access-control-expose-headers", b"etag, location, retry-after, www-authenticate, x-request-id")
_BY_ORIGIN = (b"vary", b"Origin")
_NOT_SNIFFED = (b"x-content-type-options", b"nosniff")
_ALWAYS_TLS = (b"strict-transport-security", b"max-age=31536000")

_Headers = list[tuple[bytes, bytes]]


class Edge:
    """The application with its surroundings. tls: whether partners come by TLS.

    It stands outside of everything, so that a fault has an id and is counted, too.
    """

    def __init__(self, app: ASGIApp, origins: Origins, new_id: NewId, *, tls: bool) -> None:
        self._app = app
        self._origins = origins
        self._new_id = new_id
        self._shares = origins != Origins()
        self._always = [_NOT_SNIFFED, _ALWAYS_TLS] if tls else [_NOT_SNIFFED]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = _Asked.of(scope["headers"])
        id_ = asked.id if _AN_ID.fullmatch(asked.id) else self._new_id().encode()
        more = [*self._always, (REQUEST_ID, id_), *self._for_pages(scope["path"], asked.origin)]
        if scope["method"] == "OPTIONS" and asked.method and scope["path"].startswith(SHARED):
            await self._preflight(asked.origin, more, send)
            return
        with _Named(id_.decode()):
            await self._timed(scope, receive, send, more)

    async def _timed(self, scope: Scope, receive: Receive, send: Send, more: _Headers) -> None:
        began, status = perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with(message.get("headers", ()), more)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            request_took(*_row(scope), status, perf_counter() - began)

    def _for_pages(self, path: str, origin: str) -> _Headers:
        if not self._shares or not path.startswith(SHARED):
            return []
        if not origin or not self._origins.allow(origin):
            return [_BY_ORIGIN]
        return [_BY_ORIGIN, (b"access-control-allow-origin", origin.encode("latin-1")), _EXPOSED]

    async def _preflight(self, origin: str, more: _Headers, send: Send) -> None:
        """A browser asks before it lets a page call; who is not listed learns no more than that."""
        allowed = self._origins.allow(origin)
        headers = [*more, *_PREFLIGHT] if allowed else more
        await send({"type": "http.response.start", "status": 204 if allowed else 403, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _row(scope: Scope) -> tuple[str, str]:
    """Method and path of the row that answered; a method that none has is whatever somebody sent."""
    route, method = scope.get("route"), scope["method"]
    if method not in (getattr(route, "methods", None) or ()):
        return "", ""
    return "GET" if method == "HEAD" else method, getattr(route, "path", "")


class _Asked:
    """The headers that matter here, found in one pass; of one that is sent twice, none."""

    __slots__ = ("id", "method", "origin")

    def __init__(self) -> None:
        self.id, self.origin, self.method = b"", "", False

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> "_Asked":
        found, ids = cls(), 0
        for name, value in headers:
            if name == REQUEST_ID:
                ids += 1
                found.id = value if ids == 1 else b""
            elif name == b"origin":
                found.origin = value.decode("latin-1")
            elif name == b"access-control-request-method":
                found.method = True
        return found


class _Named:
    """Lines of the log that a request causes carry its id."""

    __slots__ = ("_before", "_id")
    _before: Token[str]

    def __init__(self, id_: str) -> None:
        self._id = id_

    def __enter__(self) -> None:
        self._before = request_id.set(self._id)

    def __exit__(self, *_: object) -> None:
        request_id.reset(self._before)


def _with(headers: Iterable[tuple[bytes, bytes]], more: _Headers) -> _Headers:
    """The headers of an answer and ours; where the answer has one of them, its own counts."""
    own = list(headers)
    named = {name for name, _ in own}
    return [*own, *(header for header in more if header[0] not in named)]
