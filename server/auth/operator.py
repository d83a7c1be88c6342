"""Who watches the server: a monitoring system with the one token of the settings, since it can sign nothing."""

import hmac
from dataclasses import dataclass

from starlette.requests import Request

from server.errors import NotAuthenticated

_NO_TOKEN = "Nobody is let in here until VITRUVIAN_METRICS_TOKEN is set; then send it as Authorization: Bearer TOKEN."  # noqa: S105 - words
_WRONG = "Send the token of VITRUVIAN_METRICS_TOKEN as Authorization: Bearer TOKEN."


@dataclass(frozen=True, slots=True)
class Operators:
    """secret: empty where none is set. open: whether everybody is one then; the server is on loopback alone."""

    secret: str
    open: bool

    def check(self, authorization: str) -> None:
        """Raises NotAuthenticated. authorization: that header as sent."""
        if not self.secret:
            if self.open:
                return
            raise NotAuthenticated(_NO_TOKEN, sent=bool(authorization))
        scheme, _, token = authorization.partition(" ")
        right = hmac.compare_digest(token.strip().encode(), self.secret.encode())
        if scheme.lower() != "bearer" or not right:
            raise NotAuthenticated(_WRONG, sent=bool(authorization))


async def operator_of(request: Request) -> None:
    """Returns where who asks is one."""
    operators: Operators = request.app.state.operators
    operators.check(request.headers.get("authorization", ""))
