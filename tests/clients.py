"""Registered systems for tests: their keys, the tokens they sign, a plan that knows them, and a place of their keys."""

import json
import time
import uuid
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.warnings import InsecureKeyLengthWarning

from server.demo.loopback import answering
from server.settings import ROOT
from server.smart.routes import JWT_BEARER

Json = dict[str, Any]
CLINIC, OTHER = "1234567893", "1777777778"
"""Organizations: the one of the demo's requests, and another."""
ALL = (
    "system/Claim.cruds system/ClaimResponse.rs system/Subscription.cruds "
    "system/Questionnaire.rs system/Library.rs system/ValueSet.rs"
)


@dataclass(frozen=True)
class Key:
    """A private key. kid and alg: as its tokens name them."""

    kid: str
    alg: str
    private: Any

    def jwk(self) -> Json:
        of = RSAAlgorithm if isinstance(self.private, rsa.RSAPrivateKey) else ECAlgorithm
        public: Json = of.to_jwk(self.private.public_key(), as_dict=True)
        kept = {name: value for name, value in public.items() if name in ("kty", "n", "e", "crv", "x", "y")}
        return {"kid": self.kid, "alg": self.alg, **kept}


@cache
def rsa_key(kid: str, bits: int = 2048, alg: str = "RS384") -> Key:
    return Key(kid, alg, rsa.generate_private_key(65537, bits))


@cache
def ec_key(kid: str) -> Key:
    return Key(kid, "ES384", ec.generate_private_key(ec.SECP384R1()))


def key_set(*keys: Key) -> Json:
    return {"keys": [key.jwk() for key in keys]}


def signed(key: Key, claims: Json, **head: Any) -> str:
    """A JWT. head: over what the header has; None takes a member out."""
    header = {"kid": key.kid, "typ": "JWT", **head}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # some keys are too short on purpose
        return jwt.encode(claims, key.private, key.alg, {k: v for k, v in header.items() if v is not None})


def claims_of(issuer: str, audience: str, **more: Any) -> Json:
    """Those of a good token. more: over them; None takes a claim out."""
    now = int(time.time())
    claims = {"iss": issuer, "aud": audience, "iat": now, "exp": now + 120, "jti": uuid.uuid4().hex, **more}
    return {k: v for k, v in claims.items() if v is not None}


@dataclass
class System(httpx.Auth):
    """A client that does all it should: it signs its hook calls, and gets a token for what is under a FHIR base."""

    id: str
    npi: str
    key: Key
    scopes: str = ALL
    more: str = ""
    """Lines of its [[client]] table."""
    requires_request_body = True
    _token: str = ""

    def table(self) -> str:
        """The [[client]] of a plan file."""
        key = "\n".join(f'{name} = "{value}"' for name, value in self.key.jwk().items())
        top = f'id = "{self.id}"\nname = "A system"\nnpis = ["{self.npi}"]\nhooks = true\n'
        keys = "" if "jwks_urls" in self.more else f"\n[[client.key]]\n{key}\n"
        return f"\n[[client]]\n{top}scopes = {json.dumps(self.scopes.split())}\n{self.more}\n{keys}"

    def assertion(self, audience: str, **more: Any) -> str:
        return signed(self.key, claims_of(self.id, audience, **({"sub": self.id} | more)))

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if not request.url.path.startswith("/fhir/"):
            request.headers["authorization"] = f"Bearer {self.assertion(str(request.url))}"
            yield request
            return
        if not self._token:
            address = str(request.url.copy_with(raw_path=b"/auth/token"))
            answer = yield httpx.Request("POST", address, data=self.form(address))
            self._token = json.loads(answer.read())["access_token"]
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request

    def form(self, token_url: str, scope: str = "", **more: Any) -> dict[str, str]:
        """What it sends to the token endpoint."""
        return {
            "grant_type": "client_credentials",
            "scope": scope or self.scopes,
            "client_assertion_type": JWT_BEARER,
            "client_assertion": self.assertion(token_url, **more),
        }


def plan_with(folder: Path, *systems: System, text: str = "") -> Path:
    """The demo plan with these clients, as a file of its own."""
    demo = (ROOT / "cql/plans/vitruvian-demo.toml").read_text(encoding="utf-8")
    file = folder / "plan-with-clients.toml"
    file.write_text(demo + text + "".join(s.table() for s in systems), encoding="utf-8")
    return file


@dataclass
class KeyPlace:
    """Where keys are published. answer: status, headers and body of each request; asked: how many there were."""

    url: str
    answer: Callable[[], tuple[int, dict[str, str], bytes]]
    asked: list[str] = field(default_factory=list)


@contextmanager
def publishing(*keys: Key) -> Iterator[KeyPlace]:
    """Listens until the test is done."""
    place = KeyPlace("", lambda: (200, {}, json.dumps(key_set(*keys)).encode()))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place.asked.append(self.path)
            status, headers, body = place.answer()
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # whoever asked has had enough
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: pytest shows what matters."""

    with answering(Handler) as address:
        place.url = f"{address}/jwks.json"
        yield place
