"""Hook calls are let in by a JWT that their client signed, and by no other: each attack is refused, with one line."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import structlog
from fastapi import FastAPI

from server.app import create_app
from server.auth.refusal import Why
from server.log import configure
from tests.clients import (
    CLINIC,
    OTHER,
    Key,
    KeyPlace,
    System,
    claims_of,
    ec_key,
    plan_with,
    publishing,
    rsa_key,
    signed,
)
from tests.mounted import send
from tests.serving import opened, sqlite_url

HOST = "http://127.0.0.1:8000"
CALLED = f"{HOST}/cds-services/crd-order-sign"
KEY, STRANGER, SHORT = ec_key("clinic-1"), ec_key("clinic-1b"), rsa_key("short", 1024)
CLINIC_SYSTEM = System("clinic", CLINIC, KEY, more='issuer = "https://ehr.example/cds"')
QUIET = System("quiet", OTHER, rsa_key("quiet-1"), more="hooks = false").table().replace("hooks = true\n", "")


@pytest.fixture(scope="module")
def place() -> Iterator[KeyPlace]:
    with publishing(rsa_key("published"), SHORT) as place:
        yield place


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, place: KeyPlace) -> Iterator[FastAPI]:
    folder = tmp_path_factory.mktemp("hooks")
    far = System("far", OTHER, rsa_key("published"), more=f'jwks_urls = ["{place.url}"]')
    old = System("old", OTHER, rsa_key("old-1", alg="RS256"), more='algorithms = ["RS256"]')
    plan = plan_with(folder, CLINIC_SYSTEM, far, old, text=QUIET)
    services = opened(sqlite_url(folder), authentication=True, plan=plan)
    yield create_app(services)
    services.close()


@pytest.fixture
def call(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[httpx.Response, list[Any]]]]:
    """Sends a token with an empty hook call; the answer, and what the log says. GOOD: it was let in."""

    def go(token: str | None, url: str = CALLED, **headers: str) -> tuple[httpx.Response, list[Any]]:
        sent = {"content-type": b"application/json"}
        sent |= {"authorization": f"Bearer {token}".encode("latin-1")} if token else {}
        configure(json=True)  # here, where the stream of this test is
        answer = send(app, "POST", url, content=b"{}", headers=sent | {k: v.encode() for k, v in headers.items()})
        said = capsys.readouterr().err
        for part in (token or "").split("."):
            assert len(part) < 20 or part not in said, "a part of the token is in the log"
        return answer, [json.loads(line) for line in said.splitlines()]

    yield go
    structlog.reset_defaults()


def good(**claims: Any) -> dict[str, Any]:
    return claims_of("https://ehr.example/cds", CALLED, **claims)


def unsigned(head: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = [jwt.utils.base64url_encode(json.dumps(part).encode()).decode() for part in (head, claims)]
    return ".".join([*parts, signature])


def by_public_key() -> str:
    """HS256, with the text of the public key as its secret, as libraries once took it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415 - of this attack

    pem = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "typ": "JWT", "kid": KEY.kid}
    body = unsigned(head, good()).removesuffix(".")
    import hashlib  # noqa: PLC0415 - of this attack
    import hmac  # noqa: PLC0415 - of this attack

    mac = hmac.new(pem, body.encode(), hashlib.sha256).digest()
    return f"{body}.{jwt.utils.base64url_encode(mac).decode()}"


NOW = time.time
GOOD = 422
"""What an empty call is answered with, once its token is good."""
ATTACKS: dict[str, tuple[Callable[[], str | None], Why]] = {
    "no token": (lambda: None, Why.NO_TOKEN),
    "no JWT": (lambda: "opaque", Why.NO_JWT),
    "two parts": (lambda: ".".join(signed(KEY, good()).split(".")[:2]), Why.NO_JWT),
    "no JSON": (lambda: "eyJ.eyJ.x", Why.NO_JWT),
    "not ASCII": (lambda: "e\u00fc.e30.x".encode().decode("latin-1"), Why.NO_JWT),
    "a list for a header": (lambda: unsigned([], good()), Why.NO_JWT),  # type: ignore[arg-type]
    "100 kB": (lambda: signed(KEY, good(more="x" * 100_000)), Why.NO_JWT),
    "alg none": (lambda: unsigned({"alg": "none", "typ": "JWT", "kid": KEY.kid}, good()), Why.ALGORITHM),
    "alg None": (lambda: unsigned({"alg": "None", "typ": "JWT", "kid": KEY.kid}, good()), Why.ALGORITHM),
    "alg a list": (lambda: unsigned({"alg": ["ES384"], "kid": KEY.kid}, good()), Why.ALGORITHM),
    "no alg": (lambda: unsigned({"typ": "JWT", "kid": KEY.kid}, good()), Why.ALGORITHM),
    "HS256 with the public key": (by_public_key, Why.ALGORITHM),
    "RS256, which is not the client's": (lambda: signed(rsa_key("r", alg="RS256"), good()), Why.ALGORITHM),
    "another audience": (lambda: signed(KEY, good(aud=f"{HOST}/cds-services")), Why.AUDIENCE),
    "another service": (lambda: signed(KEY, good(aud=f"{HOST}/cds-services/crd-order-select")), Why.AUDIENCE),
    "a slash too many": (lambda: signed(KEY, good(aud=CALLED + "/")), Why.AUDIENCE),
    "another host": (lambda: signed(KEY, good(aud=CALLED.replace("127.0.0.1", "evil.example"))), Why.AUDIENCE),
    "no audience": (lambda: signed(KEY, good(aud=None)), Why.AUDIENCE),
    "another issuer": (lambda: signed(KEY, good(iss="https://evil.example")), Why.ISSUER),
    "the id, where another issuer is registered": (lambda: signed(KEY, good(iss="clinic")), Why.ISSUER),
    "no issuer": (lambda: signed(KEY, good(iss=None)), Why.ISSUER),
    "an issuer that is a list": (lambda: unsigned({"alg": "ES384", "kid": KEY.kid}, good(iss=["x"])), Why.ISSUER),
    "an issuer with a line break": (lambda: signed(KEY, good(iss='x"\n{"event":"forged"}\n')), Why.ISSUER),
    "expired": (lambda: signed(KEY, good(exp=NOW() - 40)), Why.EXPIRED),
    "1 h ahead": (lambda: signed(KEY, good(exp=NOW() + 3600)), Why.TOO_LONG),
    "made in an hour": (lambda: signed(KEY, good(iat=NOW() + 3600)), Why.NOT_YET),
    "not yet valid": (lambda: signed(KEY, good(nbf=NOW() + 60)), Why.NOT_YET),
    "no exp": (lambda: signed(KEY, good(exp=None)), Why.TIMES),
    "no iat": (lambda: signed(KEY, good(iat=None)), Why.TIMES),
    "exp in words": (lambda: unsigned({"alg": "ES384", "kid": KEY.kid}, good(exp="tomorrow")), Why.TIMES),
    "exp beyond numbers": (lambda: signed(KEY, good(exp=10**400)), Why.NO_JWT),
    "exp true": (lambda: unsigned({"alg": "ES384", "kid": KEY.kid}, good(exp=True)), Why.TIMES),
    "no jti": (lambda: signed(KEY, good(jti=None)), Why.JTI),
    "a jti without end": (lambda: signed(KEY, good(jti="x" * 300)), Why.JTI),
    "no kid": (lambda: signed(KEY, good(), kid=None), Why.HEADER),
    "kid unknown": (lambda: signed(KEY, good(), kid="clinic-2"), Why.KID),
    "kid a path": (lambda: signed(KEY, good(), kid="../../etc/passwd"), Why.KID),
    "kid an address": (lambda: signed(KEY, good(), kid="http://169.254.169.254/latest"), Why.KID),
    "kid with a line break": (lambda: signed(KEY, good(), kid='clinic-1\n{"event":"forged"}'), Why.KID),
    "another typ": (lambda: signed(KEY, good(), typ="at+jwt"), Why.HEADER),
    "an embedded key": (lambda: signed(STRANGER, good(), kid=KEY.kid, jwk=STRANGER.jwk()), Why.HEADER),
    "a certificate along": (lambda: signed(KEY, good(), x5u="https://evil.example/c.pem"), Why.HEADER),
    "a rule to understand": (lambda: signed(KEY, good(), crit=["exp"]), Why.HEADER),
    "jku that is a number": (lambda: signed(KEY, good(), jku=7), Why.HEADER),
    "jku of another host": (lambda: signed(STRANGER, good(), jku="https://evil.example/jwks.json"), Why.JKU),
    "jku of a file": (lambda: signed(KEY, good(), jku="file:///etc/passwd"), Why.JKU),
    "jku of the metadata address": (lambda: signed(KEY, good(), jku="http://169.254.169.254/"), Why.JKU),
    "another key by this kid": (lambda: signed(Key(KEY.kid, "ES384", STRANGER.private), good()), Why.SIGNATURE),
    "claims that were changed": (
        lambda: ".".join(
            a if n != 1 else unsigned({}, good()).split(".")[1]
            for n, a in enumerate(signed(KEY, good(aud="x")).split("."))
        ),
        Why.SIGNATURE,
    ),
    "no signature": (lambda: signed(KEY, good()).rpartition(".")[0] + ".", Why.SIGNATURE),
    "a client without hooks": (lambda: signed(rsa_key("quiet-1"), claims_of("quiet", CALLED)), Why.HOOKS),
    "a key too short": (lambda: signed(SHORT, claims_of("far", CALLED)), Why.KEY),
    "RS384 by a key of RS256": (
        lambda: signed(Key("old-1", "RS384", rsa_key("old-1", alg="RS256").private), claims_of("old", CALLED)),
        Why.ALGORITHM,
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_with_one_line(call: Callable[..., tuple[httpx.Response, list[Any]]], attack: str) -> None:
    """401, or 403 for a client that may not; an OperationOutcome that says what mends it; one line without a secret."""
    make, why = ATTACKS[attack]
    answer, said = call(make())
    assert answer.status_code == (403 if why is Why.HOOKS else 401)
    (issue,) = answer.json()["issue"]
    assert (issue["code"], issue["diagnostics"]) == ("forbidden" if why is Why.HOOKS else "login", why.text)
    (line,) = said
    assert (line["event"], line["reason"], line["path"]) == ("refused", why.value, "/cds-services/{id}")
    assert line["caller"] in {"clinic", "far", "old", "quiet", "nobody known"}
    if why not in (Why.HOOKS, Why.NO_TOKEN):
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_a_good_token_is_let_in(call: Callable[..., tuple[httpx.Response, list[Any]]]) -> None:
    """By each algorithm that a plan may allow; aud also in a list; times within the skew; jku as registered."""
    now = NOW()
    far = claims_of("far", CALLED)
    tokens = [
        signed(KEY, good()),
        signed(KEY, good(aud=["https://elsewhere.example", CALLED])),
        signed(KEY, good(exp=now - 20)),
        signed(KEY, good(iat=now + 20, nbf=now + 20)),
        signed(KEY, good(), typ=None),
        signed(rsa_key("published"), far),
        signed(rsa_key("old-1", alg="RS256"), claims_of("old", CALLED)),
    ]
    for token in tokens:
        answer, _ = call(token)
        assert answer.status_code == GOOD, answer.text


def test_a_jku_that_is_registered_is_followed(
    call: Callable[..., tuple[httpx.Response, list[Any]]], place: KeyPlace
) -> None:
    """It is the address of the client's entry, letter for letter."""
    key = rsa_key("published")
    assert call(signed(key, claims_of("far", CALLED), jku=place.url))[0].status_code == GOOD
    assert call(signed(key, claims_of("far", CALLED), jku=place.url + "#"))[0].status_code == 401
    assert call(signed(key, good(), jku=place.url))[0].status_code == 401, "another client's address"


def test_a_token_is_good_once(call: Callable[..., tuple[httpx.Response, list[Any]]]) -> None:
    """The same jti again is refused, also in another token; a token that was refused uses up no jti."""
    jti = uuid.uuid4().hex
    assert call(signed(STRANGER, good(jti=jti), kid=KEY.kid))[0].status_code == 401
    token = signed(KEY, good(jti=jti))
    assert call(token)[0].status_code == GOOD
    for again in (token, signed(KEY, good(jti=jti, exp=NOW() + 200))):
        answer, (line,) = call(again)
        assert (answer.status_code, line["reason"]) == (401, "used-before")


def test_a_token_in_the_address_is_refused(call: Callable[..., tuple[httpx.Response, list[Any]]]) -> None:
    """Others read addresses; also beside one in the header."""
    for token in (None, signed(KEY, good())):
        secret = signed(KEY, good())
        answer, (line,) = call(token, f"{CALLED}?access_token={secret}")
        assert (answer.status_code, line["reason"]) == (401, "token-in-query")
        assert secret not in json.dumps(line)


def test_a_path_forges_no_line(call: Callable[..., tuple[httpx.Response, list[Any]]]) -> None:
    """What stands in an address is not what the log says of it."""
    answer, (line,) = call("x", f"{HOST}/cds-services/a%0A%7B%22event%22:%22forged%22%7D")
    assert (answer.status_code, line["path"]) == (401, "/cds-services/{id}")


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "bearer  ", "Token x"])
def test_other_ways_to_authenticate_are_none(
    call: Callable[..., tuple[httpx.Response, list[Any]]], header: str
) -> None:
    """The answer says which way there is."""
    answer, (line,) = call(None, authorization=header)
    assert (answer.status_code, line["reason"]) == (401, "no-token")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_discovery_is_for_everybody(app: FastAPI) -> None:
    """Which hooks there are is asked before anybody is registered."""
    assert send(app, "GET", f"{HOST}/cds-services").status_code == 200


def test_a_plan_of_keys(tmp_path: Path) -> None:
    """The plan file of these tests is one that loads."""
    assert plan_with(tmp_path, CLINIC_SYSTEM).exists()
