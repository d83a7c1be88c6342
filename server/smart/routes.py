"""SMART Backend Services: the token endpoint, and what says where it is; none of it with authentication off."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from server.auth.guard import TOKEN_PATH, Guard
from server.auth.refusal import NothingGranted
from server.body import read_form
from server.errors import InvalidRequest, NotAuthenticated, NotFound, Problem, TooManyRequests, VitruvianError
from server.outcomes import CdsResponse, headers_of, status_of
from server.policy.client_key import ALGORITHMS
from server.url import Access, Url

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEYS_PATH = "/auth/jwks"

EXAMPLES: dict[str, Any] = {
    "token": {
        "grant_type": "client_credentials",
        "scope": "system/Claim.crs system/ClaimResponse.r",
        "client_assertion_type": JWT_BEARER,
        "client_assertion": "HEADER.CLAIMS.SIGNATURE",
    }
}
"""A body by its fields, to be filled in."""

_LIMIT = 2**15
_FIELDS = ("grant_type", "scope", "client_assertion_type", "client_assertion")
_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_OFF = "This server does not authenticate its callers: no token is needed, and none is given."


class TokenRequestRefused(InvalidRequest):
    """A token request that is none. code: its OAuth error."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__([Problem("invalid", text)])


@dataclass(frozen=True, slots=True)
class Smart:
    """guard: None with authentication off. configuration: the answer of smart-configuration."""

    guard: Guard | None
    configuration: CdsResponse

    @classmethod
    def of(cls, guard: Guard | None, base_url: str, fhir_urls: Iterable[Url]) -> "Smart":
        return cls(guard, CdsResponse(smart_configuration(base_url, fhir_urls)))


async def _smart(request: Request) -> Smart:
    found: Smart = request.app.state.smart
    return found


SmartOf = Annotated[Smart, Depends(_smart)]


def smart_configuration(base_url: str, fhir_urls: Iterable[Url]) -> dict[str, Any]:
    """What is served and nothing else: systems get tokens by a signed assertion; nobody signs in, and no app launches.

    So it has no authorization endpoint, and no methods of PKCE, which SMART asks of servers with one.
    """
    types = sorted({url.scope.partition(".")[0] for url in fhir_urls if url.access is Access.CLIENT})
    rights = {t: "".join(r for r in "cruds" if any(u.scope == f"{t}.{r}" for u in fhir_urls)) for t in types}
    return {
        "token_endpoint": base_url + TOKEN_PATH,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["client_credentials"],
        "jwks_uri": base_url + KEYS_PATH,
        "scopes_supported": [f"system/{t}.{rights[t]}" for t in types],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }


async def configuration(smart: SmartOf) -> CdsResponse:
    """`GET …/.well-known/smart-configuration`."""
    if smart.guard is None:
        raise NotFound(_OFF)
    return smart.configuration


async def keys() -> CdsResponse:
    """`GET /auth/jwks`: the keys that this server signs with. It signs nothing: its access tokens are opaque."""
    return CdsResponse({"keys": []})


async def token(request: Request, smart: SmartOf) -> CdsResponse:
    """`POST /auth/token`: an access token for an assertion that the client signed (RFC 6749, RFC 7523)."""
    if smart.guard is None:
        raise NotFound(_OFF)
    sent = await read_form(request, limit=_LIMIT)
    twice = [name for name in _FIELDS if len(sent.get(name, ())) > 1]
    asked = {name: sent[name][0] for name in _FIELDS if sent.get(name)}
    if twice:
        raise TokenRequestRefused("invalid_request", f"{twice[0]} stands twice; send it once.")
    if asked.get("grant_type") != "client_credentials":
        raise TokenRequestRefused("unsupported_grant_type", "grant_type must be client_credentials.")
    if asked.get("client_assertion_type") != JWT_BEARER or not asked.get("client_assertion"):
        text = f"Send a signed JWT as client_assertion, with client_assertion_type {JWT_BEARER}."
        raise TokenRequestRefused("invalid_request", text)
    granted = await smart.guard.grant(asked["client_assertion"], asked.get("scope", ""))
    body = {
        "access_token": granted.token,
        "token_type": "bearer",
        "expires_in": granted.seconds,
        "scope": granted.scope,
    }
    return CdsResponse(body, headers=_NOT_STORED)


def on_error(error: VitruvianError) -> Response:
    """An error of the token endpoint in the words of RFC 6749."""
    body = {"error": _code(error), "error_description": str(error)}
    status = 400 if isinstance(error, NothingGranted) else status_of(error)
    return Response(orjson.dumps(body), status, headers_of(error) | _NOT_STORED, "application/json")


def _code(error: VitruvianError) -> str:
    if isinstance(error, TokenRequestRefused):
        return error.code
    if isinstance(error, NothingGranted):
        return "invalid_scope"
    if isinstance(error, NotAuthenticated):
        return "invalid_client"
    server = status_of(error) >= 500 or isinstance(error, TooManyRequests)  # noqa: PLR2004 - the class of server faults
    return "temporarily_unavailable" if server else "invalid_request"
