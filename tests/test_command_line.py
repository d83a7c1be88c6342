"""The command line: what cannot start says why in a line or a few, and what it is given is named."""

import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError

from server.__main__ import main
from server.settings import ROOT, Settings
from tests import made_up


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Runs a command over the made-up policy; settings by name. Gives the exit code, stdout and stderr."""
    settings: dict[str, object] = {**made_up.folders(tmp_path), "database_url": f"sqlite:///{tmp_path}/r.db"}
    before = [(s, signal.getsignal(s)) for s in (signal.SIGTERM, signal.SIGINT)]

    def command(*arguments: str, **changes: object) -> tuple[int, str, str]:
        for name, value in {**settings, "isolates": 1, **changes}.items():
            monkeypatch.setenv(f"VITRUVIAN_{name.upper()}", str(value))
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    yield command
    structlog.reset_defaults()
    for number, handler in before:
        signal.signal(number, handler)


BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "a port that is no number": ({"database_url": "postgresql://u:secret@h:abc/d"}, "database URL cannot be read"),
    "an engine that is a folder": ({"engine_script": "."}, "VITRUVIAN_ENGINE_SCRIPT: . cannot be read"),
    "an engine that is not there": ({"engine_script": "nope.js"}, "VITRUVIAN_ENGINE_SCRIPT: nope.js cannot be read"),
    "an engine that is no text": ({"engine_script": "{binary}"}, "it is no text"),
    "an engine that does not parse": ({"engine_script": "{text}"}, "the CQL engine did not start"),
    "no policies": ({"policies": "{folder}"}, "holds no policy; point VITRUVIAN_POLICIES"),
    "no certificate": ({"tls_certificate": "{text}", "tls_key": "{text}"}, "are no certificate with its key"),
    "half a certificate": ({"tls_key": "{text}"}, "set both VITRUVIAN_TLS_CERTIFICATE and VITRUVIAN_TLS_KEY"),
    "no address": ({"base_url": "not a url"}, "VITRUVIAN_BASE_URL: this is no address"),
    "an address of another scheme": ({"base_url": "javascript:alert(1)"}, "VITRUVIAN_BASE_URL: this is no address"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_server_that_cannot_start_says_why(
    tmp_path: Path, run: Callable[..., tuple[int, str, str]], name: str
) -> None:
    """One line, exit code 1, and never a word of having served."""
    files = {"binary": b"\xff\xfe\x00", "text": b"no (script"}
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    (tmp_path / "empty").mkdir()
    places = {"folder": tmp_path / "empty", **{file: tmp_path / file for file in files}}
    settings, said = BROKEN[name]
    code, _, words = run("serve", port=0, **{k: v.format(**places) for k, v in settings.items()})
    assert code == 1
    assert said in words
    assert len(words.splitlines()) == 1
    assert "secret" not in words


def test_a_port_in_use_is_named(run: Callable[..., tuple[int, str, str]]) -> None:
    """The address and the setting to change stand in the one line."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, words = run("serve", port=taken.getsockname()[1])
    assert code == 1
    assert "cannot listen on 127.0.0.1" in words
    assert "VITRUVIAN_PORT" in words
    assert len(words.splitlines()) == 1


def test_a_request_is_explained_or_refused(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    """0 with the decision, 1 with every problem, 1 for a file that cannot be read."""
    request = made_up.request()
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request))
    code, told, _ = run("explain", str(file))
    assert (code, told.splitlines()[0].startswith("Item 1: approve")) == (0, True)
    del request["entry"][0]["resource"]["patient"]
    file.write_text(json.dumps(request))
    code, told, _ = run("explain", str(file))
    assert (code, "Bundle.entry[0].resource.patient: " in told) == (1, True)
    for bad in (tmp_path, tmp_path / "nope.json"):
        code, _, words = run("explain", str(bad))
        assert (code, f"{bad} cannot be read" in words) == (1, True)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"host": "::1", "port": 9}, "http://[::1]:9"),
        ({"host": "localhost", "port": 9}, "http://localhost:9"),
        ({"base_url": "https://payer.example/pa/"}, "https://payer.example/pa"),
        ({"base_url": "http://[::1]:80"}, "http://[::1]:80"),
    ],
)
def test_the_address_that_partners_see(given: dict[str, object], url: str) -> None:
    """As it was set, else of the host and port, an IPv6 host in brackets."""
    assert Settings.model_validate(given).base_url == url


@pytest.mark.parametrize("url", ["payer.example", "ftp://payer.example", 'http://x"><b>', "http://", "http://a b"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """Only http and https, and nothing that a page could not hold."""
    with pytest.raises(ValidationError, match="this is no address"):
        Settings(base_url=url)


def test_the_engine_that_is_shipped_starts() -> None:
    """The default setting names a script that is there."""
    assert Settings().engine_script.is_relative_to(ROOT)
