"""A fault of ours: the caller learns that it was one, the log where, and neither what the request said."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy.exc import OperationalError

from server.demo.requests import Chart, order_sign
from server.errors import DatabaseGone
from server.log import configure
from server.settings import ROOT
from tests.serving import serving, sqlite_url

WORDS = "Jane Doe, born 1970-01-01"


class BrokenStore:
    """Fails on every use, with words of a patient."""

    def __getattr__(self, name: str) -> Any:
        if name == "close":
            return lambda: None
        raise RuntimeError(WORDS)


class GoneStore:
    """A database that does not answer any more, with words of a patient in what it says."""

    def __getattr__(self, name: str) -> Any:
        if name == "close":
            return lambda: None
        raise DatabaseGone from OperationalError(WORDS, {}, Exception(WORDS))


def test_a_database_that_is_gone_is_unavailability(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """503 on every base, without an OperationOutcome on a FHIR base (pas P-47), and nothing of a request in the log."""
    with serving(sqlite_url(tmp_path), store=GoneStore()) as base_url, httpx.Client(base_url=base_url) as http:
        configure()
        read = http.get("/fhir/2.2/ClaimResponse/1")
        request = Chart(json.loads((ROOT / "cql/kineret-201603/charts/ra-initial.json").read_bytes()))
        submitted = http.post("/fhir/2.2/Claim/$submit", json=request.bundle)
        ordered = http.post("/cds-services/crd-order-sign", json=order_sign(request))
    structlog.reset_defaults()  # the stream that was configured ends with this test
    assert [(a.status_code, a.content) for a in (read, submitted)] == [(503, b""), (503, b"")]
    assert ordered.status_code == 503
    assert ordered.json()["issue"][0]["code"] == "transient"
    logged = capsys.readouterr().err
    assert "DatabaseGone" in logged
    assert WORDS not in logged


@pytest.mark.parametrize("json_log", [False, True], ids=["text", "JSON"])
def test_a_fault_is_logged_by_its_place_without_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, json_log: bool
) -> None:
    """500 without a body; the log names the error's type and the line, not its message."""
    with serving(sqlite_url(tmp_path), store=BrokenStore()) as base_url:
        configure(json=json_log)
        answer = httpx.get(f"{base_url}/fhir/2.2/ClaimResponse/1")
    structlog.reset_defaults()  # the stream that was configured ends with this test
    logged = capsys.readouterr().err
    assert (answer.status_code, answer.content) == (500, b"")
    assert "RuntimeError" in logged
    assert "test_fault.py" in logged
    assert WORDS not in logged
