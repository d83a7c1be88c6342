"""What surrounds every request: its id, pages of others, what is counted, safe headers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from pydantic import ValidationError

from server import meter
from server.app import create_app
from server.edge import SHARED
from server.fhir.version import Version
from server.log import configure
from server.policy.origins import Origins
from server.settings import Settings
from server.url import Access
from server.urls import FHIR_URLS, REVIEW_URLS, URLS
from tests.mounted import send
from tests.requests.cases import opening
from tests.serving import opened, replaced, sqlite_url

HOST = "http://127.0.0.1:8000"
APP = "https://app.example"
ALLOWED = "access-control-allow-origin"
FHIR = ("/fhir/2.2/metadata", "/fhir/2.0/Claim/$submit", "/cds-services", "/.well-known/davinci-configuration")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    yield from _app(sqlite_url(tmp_path_factory.mktemp("edge")), Origins(frozenset({APP})))


def _app(database: str, origins: Origins, **settings: Any) -> Iterator[FastAPI]:
    services = opened(database, **settings)
    yield create_app(replaced(services, plan=replace(services.world.plan, browsers=origins)))
    services.close()


def counted(name: str, **labels: str) -> float:
    return meter.REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize("sent", ["a", "4b7b-00.x:/+=@_", "x" * 128])
def test_an_id_comes_back_as_it_was_sent(app: FastAPI, sent: str) -> None:
    """So that the logs of both sides are one story, also of what is refused or not served."""
    for method, path in (("GET", "/healthz"), ("POST", "/fhir/2.2/Claim/$submit"), ("GET", "/no-such-page")):
        assert send(app, method, HOST + path, headers={"x-request-id": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize(
    "sent", [b"", b"x" * 129, b"a b", b"a\tb", b"-a", b'a"b', b"a;b", b"\xe4", b"a%0ab", b"\x1b[31m"]
)
def test_an_id_of_another_shape_is_replaced(app: FastAPI, sent: bytes) -> None:
    """What could forge a line of a log, or fill it, goes no further; nor does one of two that came together."""
    answer = send(app, "GET", f"{HOST}/healthz", headers=[(b"x-request-id", sent)])
    assert len(answer.headers["x-request-id"]) == 36
    answer = send(app, "GET", f"{HOST}/healthz", headers=[("x-request-id", "one"), ("x-request-id", "two")])
    assert len(answer.headers["x-request-id"]) == 36


def test_lines_of_the_log_name_their_request(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that is written in a worker thread, too: the decision on a request has the id of that request."""
    example = send(app, "GET", f"{HOST}/openapi.json").json()["paths"]["/fhir/2.2/Claim/$submit"]["post"]
    body = example["requestBody"]["content"]["application/fhir+json"]["example"]
    configure()
    try:
        answer = send(app, "POST", f"{HOST}/fhir/2.2/Claim/$submit", json=body, headers={"x-request-id": "trace-77"})
    finally:
        structlog.reset_defaults()
    assert answer.status_code == 200
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "decided" in line]
    assert "request=trace-77" in line


@pytest.mark.parametrize("path", FHIR)
def test_a_listed_page_may_call(app: FastAPI, path: str) -> None:
    """The browser's question is answered, and the answers may be read, refusals too; never with cookies."""
    asked = {"origin": APP, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    preflight = send(app, "OPTIONS", HOST + path, headers=asked)
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers[ALLOWED] == APP
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    for method in ("GET", "POST"):
        answer = send(app, method, HOST + path, headers={"origin": APP})
        assert answer.headers[ALLOWED] == APP
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://app.example.evil.example", "http://app.example", "https://APP.example", "null", "*", "",
               "http://localhost:3000", "https://app.example, https://x.example", "https://\xe4.example"]
)  # fmt: skip
def test_no_other_page_may(app: FastAPI, origin: str) -> None:
    """Origins are listed letter for letter; a request from another is answered, but its page may not read that."""
    for path in FHIR:
        asked = [(b"origin", origin.encode("latin-1")), (b"access-control-request-method", b"POST")]
        preflight = send(app, "OPTIONS", HOST + path, headers=asked)
        assert preflight.status_code == 403
        answer = send(app, "GET", HOST + path, headers=asked[:1])
        for one in (preflight, answer):
            assert ALLOWED not in one.headers
            assert one.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", ["/review", "/review/sign-in", "/metrics", "/", "/docs", "/healthz"])
def test_pages_and_metrics_are_for_no_other_page(app: FastAPI, path: str) -> None:
    """Not for a listed one either: whoever is signed in at the desk must not lend that to an app."""
    asked = {"origin": APP, "access-control-request-method": "POST"}
    assert send(app, "OPTIONS", HOST + path, headers=asked).status_code in {404, 405}
    assert ALLOWED not in send(app, "GET", HOST + path, headers={"origin": APP}).headers


def test_what_clients_call_may_be_shared() -> None:
    """Every row of clients is under a prefix that listed pages may read, and no row of people is."""
    for base, urls in (("", URLS), *((version.base, FHIR_URLS) for version in Version), ("", REVIEW_URLS)):
        for url in urls:
            shared = (base + url.path).startswith(SHARED)
            assert shared or url.access is not Access.CLIENT, url.path
            assert not shared or url.access in {Access.CLIENT, Access.PUBLIC}, url.path


def test_a_plan_that_says_nothing_shares_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """And the demo's lets the pages of this machine, at any port; a name that only begins so is another machine."""
    (bare,) = [*_app(sqlite_url(tmp_path_factory.mktemp("bare")), Origins())]
    assert (
        send(
            bare, "OPTIONS", HOST + FHIR[0], headers={"origin": APP, "access-control-request-method": "GET"}
        ).status_code
        == 403
    )
    for origin in (APP, "http://localhost:3000"):
        answer = send(bare, "GET", HOST + FHIR[0], headers={"origin": origin})
        assert not {ALLOWED, "vary"} & answer.headers.keys()
    here = Origins(loopback=True)
    for host in ("localhost", "localhost:3000", "127.0.0.1:8080", "[::1]:9"):
        assert here.allow(f"http://{host}")
        assert here.allow(f"https://{host}")
    for host in ("localhost.evil.example", "127.0.0.1.evil.example", "localhost:3000@evil.example", "127.0.0.10"):
        assert not here.allow(f"http://{host}")


def test_an_answer_is_not_sniffed_and_tls_stays(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each answer says what it is once; where partners come by TLS, browsers are told to come by nothing else."""
    for path in ("/", "/healthz", "/fhir/2.2/metadata", "/no-such-page", "/review", "/docs", "/openapi.json"):
        answer = send(app, "GET", HOST + path)
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
        assert "strict-transport-security" not in answer.headers
    (safe,) = [*_app(sqlite_url(tmp_path_factory.mktemp("tls")), Origins(), base_url="https://payer.example")]
    assert "max-age" in send(safe, "GET", f"{HOST}/healthz").headers["strict-transport-security"]


def test_requests_are_counted_by_their_row(app: FastAPI) -> None:
    """By the row's own path, whatever id was sent; what no row answers is one, whatever method or path it had."""
    read = {"operation": "GET /fhir/2.2/ClaimResponse/{id}", "status": "4xx"}
    before = counted("vitruvian_request_seconds_count", **read)
    for id_ in ("1", "MEMBER-77", "x" * 60):
        send(app, "GET", f"{HOST}/fhir/2.2/ClaimResponse/{id_}")
    assert counted("vitruvian_request_seconds_count", **read) == before + 3
    nothing = {"operation": meter.UNSERVED, "status": "4xx"}
    before = counted("vitruvian_request_seconds_count", **nothing)
    for method, path in (("GET", "/MEMBER-77"), ("MEMBER", "/cds-services"), ("PATCH", "/fhir/2.2/Claim/$submit")):
        send(app, method, HOST + path)
    assert counted("vitruvian_request_seconds_count", **nothing) == before + 3
    assert "MEMBER" not in send(app, "GET", f"{HOST}/metrics").text


def test_metrics_tell_of_what_was_decided_and_what_waits(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The text that Prometheus reads: outcomes, CQL, cases by their clocks, events, the database."""
    services = opened(sqlite_url(tmp_path_factory.mktemp("metrics")))
    change = opening()
    services.world.store.append(change)
    late = services.world.clock() + timedelta(days=365)
    app = create_app(replaced(services, clock=lambda: late))
    answer = send(app, "GET", f"{HOST}/metrics")
    services.close()
    assert answer.headers["content-type"].startswith("text/plain")
    assert "vitruvian_database_up 1.0" in answer.text
    assert "vitruvian_outbox_events 0.0" in answer.text
    for name in ("vitruvian_engine_seconds_count", "process_resident_memory_bytes", 'alarm="breached"'):
        assert name in answer.text


def test_a_token_of_the_metrics_is_hard_to_guess() -> None:
    """And never shown: not by the settings, and not by what refuses it."""
    with pytest.raises(ValidationError, match="too short"):
        Settings.model_validate({"metrics_token": "short"})
    assert "long-enough" not in repr(Settings.model_validate({"metrics_token": "long-enough-to-be-a-secret"}))
