"""Plays a partner whose calls are authenticated: makes a key, signs, gets a token, and registers for the demo."""

import json
import os
import time
import uuid
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from server.auth.registry import EVERY
from server.clock import now
from server.errors import UnusableSetting
from server.fhir.read import Resource
from server.smart.routes import JWT_BEARER
from server.store.sql import open_store

SCOPES = (
    "system/Claim.crus system/ClaimResponse.r system/Subscription.crud "
    "system/Questionnaire.rs system/Library.rs system/ValueSet.rs"
)
DEMO = "demo-ehr"

_LIFE = 120  # seconds of a token that is signed
_WAIT = EVERY + 5  # seconds for a running server to see who was registered


@dataclass
class Signer(httpx.Auth):
    """Signs each hook call, and gets an access token for what is under a FHIR base, as an EHR does."""

    id: str
    private: RSAPrivateKey
    scopes: str = SCOPES
    requires_response_body = True
    _token: str = field(default="", repr=False)

    @property
    def kid(self) -> str:
        return f"{self.id}-1"

    def signed(self, audience: str) -> str:
        """A JWT that is good once, for a call of this address."""
        at = int(time.time())
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": audience,
            "iat": at,
            "exp": at + _LIFE,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, self.private, "RS384", {"kid": self.kid})

    def public(self) -> Resource:
        """The public key, as a JSON Web Key."""
        key: Resource = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {"kid": self.kid, "alg": "RS384", "kty": "RSA", "n": key["n"], "e": key["e"]}

    def token_form(self, token_url: str) -> dict[str, str]:
        """What is sent to the token endpoint."""
        return {
            "grant_type": "client_credentials",
            "scope": self.scopes,
            "client_assertion_type": JWT_BEARER,
            "client_assertion": self.signed(token_url),
        }

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if not request.url.path.startswith("/fhir/"):
            request.headers["Authorization"] = f"Bearer {self.signed(str(request.url))}"
            yield request
            return
        if not self._token:
            url = str(request.url.copy_with(raw_path=b"/auth/token"))
            answer = yield httpx.Request("POST", url, data=self.token_form(url))
            self._token = answer.raise_for_status().json()["access_token"]
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def new_signer(id_: str) -> Signer:
    return Signer(id_, generate_private_key(65537, 3072))


def write_keys(id_: str, folder: Path) -> tuple[Path, Path]:
    """A fresh key in two files: the private one, which its owner alone reads, and the set of the public one.

    Raises UnusableSetting where there is one.
    """
    signer, private, public = new_signer(id_), folder / f"{id_}.private.json", folder / f"{id_}.jwks.json"
    try:
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UnusableSetting(f"{private} cannot be made ({error.strerror}); take another name or folder.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(RSAAlgorithm.to_jwk(signer.private))
    public.write_text(json.dumps({"keys": [signer.public()]}, indent=1) + "\n", encoding="utf-8")
    return private, public


def read_signer(id_: str, folder: Path) -> Signer:
    """The signer of a key that `write_keys` made. Raises UnusableSetting."""
    file = folder / f"{id_}.private.json"
    try:
        key = RSAAlgorithm.from_jwk(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, jwt.PyJWTError) as error:
        raise UnusableSetting(f"{file} holds no key; `python -m server new-key {id_}` makes one here.") from error
    if not isinstance(key, RSAPrivateKey):
        raise UnusableSetting(f"{file} holds no private key; `python -m server new-key {id_}` makes one here.")
    return Signer(id_, key)


def registered(database_url: str, npis: Iterable[str]) -> Signer:
    """A client of the demo, with a fresh key, in the record of a server."""
    signer = new_signer(DEMO)
    table = {
        "id": DEMO,
        "name": "The EHR of the demo",
        "npis": sorted(npis),
        "key": [signer.public()],
        "hooks": True,
        "scopes": signer.scopes.split(),
    }
    store = open_store(database_url)
    try:
        store.clients.put(DEMO, table, now())
    finally:
        store.close()
    return signer


def wait_until_known(signer: Signer, base_url: str, say: Callable[[str], object]) -> None:
    """Returns when the server gives the client a token. Raises HTTPStatusError when it does not within its time."""
    url, until = f"{base_url}/auth/token", time.monotonic() + _WAIT
    while True:
        answer = httpx.post(url, data=signer.token_form(url), timeout=30)
        if answer.is_success or time.monotonic() > until:
            break
        time.sleep(0.5)
    answer.raise_for_status()
    said = answer.json()
    say(f"{signer.id} is registered, signs with RS384, and got a token at {url}\n")
    say(f"   for {said['expires_in']} seconds and {said['scope']}\n\n")
