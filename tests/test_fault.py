"""A fault of ours: the caller learns that it was one, the log where, and neither what the request said."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from server.log import configure
from tests.serving import serving, sqlite_url

WORDS = "Jane Doe, born 1970-01-01"


class BrokenStore:
    """Fails on every use, with words of a patient."""

    def __getattr__(self, name: str) -> Any:
        if name == "close":
            return lambda: None
        raise RuntimeError(WORDS)


@pytest.mark.parametrize("json", [False, True], ids=["text", "JSON"])
def test_a_fault_is_logged_by_its_place_without_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, json: bool
) -> None:
    """500 without a body; the log names the error's type and the line, not its message."""
    with serving(sqlite_url(tmp_path), store=BrokenStore()) as base_url:
        configure(json=json)
        answer = httpx.get(f"{base_url}/fhir/2.2/ClaimResponse/1")
    structlog.reset_defaults()  # the stream that was configured ends with this test
    logged = capsys.readouterr().err
    assert (answer.status_code, answer.content) == (500, b"")
    assert "RuntimeError" in logged
    assert "test_fault.py" in logged
    assert WORDS not in logged
