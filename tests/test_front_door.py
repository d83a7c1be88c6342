"""The first screen of the README is true: what it shows of a server is what a server says."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.settings import ROOT
from tests.curl import curl
from tests.front_door import PASSAGES, lasting, passage
from tests.serving import serving, sqlite_url

README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURE = ROOT / "tests/browser/welcome.png"


@pytest.fixture
def base_url(tmp_path: Path) -> Iterator[str]:
    """A server with a record of its own: what a member asked before would be looked at."""
    with serving(sqlite_url(tmp_path)) as url:
        yield url


@pytest.mark.parametrize("name", PASSAGES)
def test_what_is_shown_is_what_a_server_says(base_url: str, name: str) -> None:
    """Word for word, but for ids, numbers and times. After words changed, run `python -m tests.front_door`."""
    assert lasting(passage(name, README)[0]) == lasting(PASSAGES[name](base_url))


def test_the_three_commands_walk_the_journey(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign, submit, explain: each answers 200, and the third explains what the second decided."""
    monkeypatch.chdir(ROOT)
    sign, submit, explain = re.findall(r"^curl .*$", README.partition("\n## ")[0], re.MULTILINE)
    signed, submitted = (curl(c.replace("http://127.0.0.1:8000", base_url)) for c in (sign, submit))
    id_ = submitted.json()["entry"][0]["resource"]["id"]
    explained = curl(explain.replace("http://127.0.0.1:8000", base_url).replace("/ID/", f"/{id_}/"))
    assert [a.status_code for a in (signed, submitted, explained)] == [200, 200, 200]
    assert signed.json()["systemActions"]
    outcomes = [p.get("valueCode") for p in explained.json()["parameter"] if p["name"] == "outcome"]
    assert outcomes == ["approve"]


def test_the_picture_is_a_small_png() -> None:
    """Anybody who clones the project downloads it, so it stays under 150 kB."""
    head = PICTURE.read_bytes()
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    assert (width, height) > (600, 400)
    assert len(head) < 150_000


def test_lasting_hides_only_what_changes() -> None:
    """Two runs differ in ids, numbers and times; any other word still counts."""
    first = "number VAABCDEFGH23, CA-QQZS3NYT6W, member V2-0a1b2c  (4\N{NO-BREAK SPACE}ms)"
    again = "number VAZZZZZZZZZ9, CA-234567892A,\n  member V2-ffffff (114\N{NO-BREAK SPACE}ms)"
    assert lasting(first) == lasting(again)
    assert lasting(first) != lasting(first.replace("member", "patient"))
    assert lasting("approve") != lasting("deny")
