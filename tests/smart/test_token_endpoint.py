"""SMART Backend Services: a token for a signed assertion, short, opaque, within scopes; every attack is refused."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import structlog
from fastapi import FastAPI

from server.app import create_app
from server.auth.refusal import Why
from server.fhir.version import Version
from server.log import configure
from server.smart.routes import JWT_BEARER
from server.urls import FHIR_URLS
from tests.clients import ALL, CLINIC, OTHER, Key, System, claims_of, ec_key, plan_with, rsa_key, signed
from tests.mounted import send
from tests.serving import opened, replaced, sqlite_url
from tests.store.stored_rows import rows_of

Json = dict[str, Any]
HOST = "http://127.0.0.1:8000"
TOKEN = f"{HOST}/auth/token"
KEY = rsa_key("clinic-1")
CLINIC_SYSTEM = System("clinic", CLINIC, KEY, more='issuer = "https://ehr.example/cds"')
READER = System("reader", OTHER, ec_key("reader-1"), scopes="system/Questionnaire.rs", more="per_minute = 5")
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Clock:
    """The time, which a test moves."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sqlite_url(tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="module")
def app(url: str, tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[FastAPI]:
    plan = plan_with(tmp_path_factory.mktemp("plan"), CLINIC_SYSTEM, READER)
    services = replaced(opened(url, authentication=True, plan=plan), clock=clock)
    yield create_app(services)
    services.close()


def ask(app: FastAPI, form: dict[str, str], **more: Any) -> httpx.Response:
    return send(app, "POST", TOKEN, data=form, **more)


def read(app: FastAPI, token: str, path: str = "/fhir/2.2/Questionnaire") -> httpx.Response:
    return send(app, "GET", HOST + path, headers={"authorization": f"Bearer {token}"})


def test_a_token_opens_what_was_granted_and_nothing_else(app: FastAPI) -> None:
    """Scopes are narrowed to those registered; what is not granted is refused by the name of the scope."""
    answer = ask(app, CLINIC_SYSTEM.form(TOKEN, "system/Questionnaire.read system/Patient.rs launch"))
    assert answer.status_code == 200
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    said = answer.json()
    assert said | {"access_token": ""} == {
        "access_token": "",
        "token_type": "bearer",
        "expires_in": 300,
        "scope": "system/Questionnaire.read",
    }
    assert read(app, said["access_token"]).status_code == 200
    refused = read(app, said["access_token"], "/fhir/2.2/ClaimResponse/x")
    assert refused.status_code == 403
    assert refused.json()["issue"][0]["code"] == "forbidden"
    assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="system/ClaimResponse.r"'


def test_both_versions_of_scopes(app: FastAPI) -> None:
    """`read` and `rs` open the same."""
    for scope in ("system/Questionnaire.read", "system/Questionnaire.rs", "system/questionnaire.rs", "system/*.read"):
        token = ask(app, CLINIC_SYSTEM.form(TOKEN, scope)).json()["access_token"]
        assert read(app, token).status_code == 200, scope


def test_a_token_ends(app: FastAPI, clock: Clock) -> None:
    """After five minutes it opens nothing, in a process that knew it and in the record."""
    token = ask(app, CLINIC_SYSTEM.form(TOKEN)).json()["access_token"]
    assert read(app, token).status_code == 200
    try:
        clock.ahead = timedelta(seconds=299)
        assert read(app, token).status_code == 200
        clock.ahead = timedelta(seconds=300)
        refused = read(app, token)
    finally:
        clock.ahead = timedelta()
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_the_record_holds_no_token(app: FastAPI, url: str) -> None:
    """A copy of the record opens nothing."""
    token = ask(app, CLINIC_SYSTEM.form(TOKEN)).json()["access_token"]
    assert token not in str(rows_of(url, "access_token"))


def test_tokens_of_nobody(app: FastAPI) -> None:
    """Made up, cut, of another kind, or without end."""
    token = ask(app, CLINIC_SYSTEM.form(TOKEN)).json()["access_token"]
    for other in ("x", token[:-1], token + "x", token.upper(), CLINIC_SYSTEM.assertion(TOKEN), "y" * 100_000):
        assert read(app, other).status_code == 401


def test_a_token_in_the_address_opens_nothing(app: FastAPI) -> None:
    """Whether or not it is good."""
    token = ask(app, CLINIC_SYSTEM.form(TOKEN)).json()["access_token"]
    assert read(app, token, f"/fhir/2.2/Questionnaire?access_token={token}").status_code == 401
    assert send(app, "GET", f"{HOST}/fhir/2.2/Questionnaire?access_token={token}").status_code == 401


def test_a_hook_token_is_no_access_token(app: FastAPI) -> None:
    """Nor does an access token call a hook, nor an assertion."""
    access = ask(app, CLINIC_SYSTEM.form(TOKEN)).json()["access_token"]
    called = f"{HOST}/cds-services/crd-order-sign"
    hook = signed(KEY, claims_of("https://ehr.example/cds", called))
    assert read(app, hook).status_code == 401
    for token in (access, CLINIC_SYSTEM.assertion(TOKEN)):
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        assert send(app, "POST", called, content=b"{}", headers=headers).status_code == 401


def form(**more: str | None) -> dict[str, str]:
    return {k: v for k, v in {**CLINIC_SYSTEM.form(TOKEN), **more}.items() if v is not None}


REQUESTS: dict[str, tuple[Callable[[], dict[str, str]], int, str]] = {
    "no grant type": (lambda: form(grant_type=None), 400, "unsupported_grant_type"),
    "another grant": (lambda: form(grant_type="password"), 400, "unsupported_grant_type"),
    "no assertion": (lambda: form(client_assertion=None), 400, "invalid_request"),
    "an empty assertion": (lambda: form(client_assertion=""), 400, "invalid_request"),
    "another kind of assertion": (lambda: form(client_assertion_type="saml"), 400, "invalid_request"),
    "no scope": (lambda: form(scope=None), 400, "invalid_scope"),
    "scopes of others": (lambda: form(scope="system/Patient.rs user/Claim.read"), 400, "invalid_scope"),
    "no JWT": (lambda: form(client_assertion="x"), 401, "invalid_client"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_is_none(app: FastAPI, name: str) -> None:
    """In the words of OAuth, with what mends it; never kept by anybody on the way."""
    make, status, code = REQUESTS[name]
    answer = ask(app, make())
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


def test_a_body_that_is_no_form(app: FastAPI) -> None:
    """JSON, a field twice, a body without end, a token in the address: refused before anything is checked."""
    twice = urlencode([*CLINIC_SYSTEM.form(TOKEN).items(), ("scope", "system/Claim.rs")])
    assert send(app, "POST", TOKEN, json=CLINIC_SYSTEM.form(TOKEN)).status_code == 415
    assert send(app, "POST", TOKEN, content=twice, headers=FORM).json()["error"] == "invalid_request"
    assert ask(app, {"scope": "x" * 100_000}).status_code == 413
    in_address = f"{TOKEN}?{urlencode(CLINIC_SYSTEM.form(TOKEN))}"
    assert send(app, "POST", in_address, content=b"", headers=FORM).status_code == 400


ASSERTIONS: dict[str, tuple[Callable[[], str], Why]] = {
    "another sub": (lambda: CLINIC_SYSTEM.assertion(TOKEN, sub="reader"), Why.SUBJECT),
    "no sub": (lambda: CLINIC_SYSTEM.assertion(TOKEN, sub=None), Why.SUBJECT),
    "another iss": (lambda: CLINIC_SYSTEM.assertion(TOKEN, iss="nobody", sub="nobody"), Why.ISSUER),
    "the issuer of its hooks": (
        lambda: CLINIC_SYSTEM.assertion(TOKEN, iss="https://ehr.example/cds", sub="https://ehr.example/cds"),
        Why.ISSUER,
    ),
    "in another's name": (lambda: CLINIC_SYSTEM.assertion(TOKEN, iss="reader", sub="reader"), Why.KID),
    "the audience of a hook": (lambda: CLINIC_SYSTEM.assertion(f"{HOST}/cds-services/crd-order-sign"), Why.AUDIENCE),
    "the base for an audience": (lambda: CLINIC_SYSTEM.assertion(f"{HOST}/fhir/2.2"), Why.AUDIENCE),
    "1 h ahead": (lambda: CLINIC_SYSTEM.assertion(TOKEN, exp=int(datetime.now(UTC).timestamp()) + 3600), Why.TOO_LONG),
    "expired": (lambda: CLINIC_SYSTEM.assertion(TOKEN, exp=int(datetime.now(UTC).timestamp()) - 60), Why.EXPIRED),
    "another key by its kid": (
        lambda: replace(CLINIC_SYSTEM, key=Key(KEY.kid, "RS384", rsa_key("z").private)).assertion(TOKEN),
        Why.SIGNATURE,
    ),
    "unsigned": (lambda: CLINIC_SYSTEM.assertion(TOKEN).rpartition(".")[0] + ".", Why.SIGNATURE),
}


@pytest.mark.parametrize("attack", ASSERTIONS)
def test_a_false_assertion_is_refused_with_one_line(
    app: FastAPI, capsys: pytest.CaptureFixture[str], attack: str
) -> None:
    """invalid_client, and why; one line in the log, without a part of what was sent."""
    make, why = ASSERTIONS[attack]
    assertion = make()
    configure(json=True)
    try:
        answer = ask(app, form(client_assertion=assertion))
    finally:
        structlog.reset_defaults()
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client", "error_description": why.text})
    said = capsys.readouterr().err
    (line,) = map(json.loads, said.splitlines())
    assert (line["event"], line["reason"], line["path"]) == ("refused", why.value, "/auth/token")
    assert not any(part in said for part in assertion.split(".") if part)


def test_an_assertion_is_good_once(app: FastAPI) -> None:
    """A copy that somebody took on the way opens nothing; iat may be left out here."""
    jti = uuid.uuid4().hex
    once = form(client_assertion=CLINIC_SYSTEM.assertion(TOKEN, jti=jti, iat=None))
    assert ask(app, once).status_code == 200
    assert ask(app, once).json()["error"] == "invalid_client"
    assert ask(app, form(client_assertion=CLINIC_SYSTEM.assertion(TOKEN, jti=jti))).status_code == 401


def test_who_is_too_quick_waits(app: FastAPI, clock: Clock) -> None:
    """429 with the seconds to wait, at the token endpoint and after it; another client goes on; so does it, later."""
    try:
        clock.ahead = timedelta(hours=1)  # a minute of its own
        late: Json = {"exp": int(clock().timestamp()) + 100, "iat": int(clock().timestamp())}
        tokens = [ask(app, READER.form(TOKEN, **late)) for _ in range(3)]
        held = tokens[0].json()["access_token"]
        assert [read(app, held).status_code for _ in range(4)] == [200, 200, 429, 429]
        throttled = ask(app, READER.form(TOKEN, **late))
        assert (throttled.status_code, throttled.json()["error"]) == (429, "temporarily_unavailable")
        waits = int(throttled.headers["retry-after"])
        assert 1 <= waits <= 60
        refused = read(app, held)
        assert (refused.json()["issue"][0]["code"], 1 <= int(refused.headers["retry-after"]) <= 60) == (
            "throttled",
            True,
        )
        other = ask(app, CLINIC_SYSTEM.form(TOKEN, **late))
        assert other.status_code == 200
        clock.ahead += timedelta(seconds=waits)
        assert read(app, held).status_code == 200
    finally:
        clock.ahead = timedelta()


def test_the_configuration_tells_the_truth(app: FastAPI) -> None:
    """Under both bases: what is served, and scopes that open every row; the keys that it signs with are none."""
    for version in Version:
        answer = send(app, "GET", f"{HOST}{version.base}/.well-known/smart-configuration")
        said = answer.json()
        assert answer.headers["content-type"] == "application/json"
        assert said["token_endpoint"] == TOKEN
        assert said["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
        assert said["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
        assert said["grant_types_supported"] == ["client_credentials"]
        assert "authorization_endpoint" not in said
        everything = System("clinic", CLINIC, KEY, scopes=ALL)
        granted = ask(app, everything.form(TOKEN, " ".join(said["scopes_supported"]))).json()["scope"]
        assert set(granted.split()) == set(said["scopes_supported"])
        types = {url.scope.partition(".")[0] for url in FHIR_URLS if url.scope}
        assert {s.removeprefix("system/").partition(".")[0] for s in said["scopes_supported"]} == types
        assert send(app, "GET", said["jwks_uri"]).json() == {"keys": []}


def test_the_capability_statement_says_so_too(app: FastAPI) -> None:
    """SMART on FHIR; where is said by smart-configuration alone, since oauth-uris wants an authorization endpoint."""
    security = send(app, "GET", f"{HOST}/fhir/2.2/metadata").json()["rest"][0]["security"]
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    assert "extension" not in security


def test_with_authentication_off_there_is_none_of_it(tmp_path: Path) -> None:
    """No token is given where none is looked at, and no document says otherwise."""
    services = opened(sqlite_url(tmp_path))
    app = create_app(services)
    try:
        assert ask(app, CLINIC_SYSTEM.form(TOKEN)).status_code == 404
        assert send(app, "GET", f"{HOST}/fhir/2.2/.well-known/smart-configuration").status_code == 404
        assert set(send(app, "GET", f"{HOST}/fhir/2.2/metadata").json()["rest"][0]["security"]) == {"description"}
        assert read(app, "x").status_code == 200
    finally:
        services.close()


def test_the_kind_of_assertion_is_the_standards() -> None:
    """RFC 7523, section 2.2."""
    assert JWT_BEARER == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
