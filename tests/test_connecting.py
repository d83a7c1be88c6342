"""What the README says under Connect: its commands let a system in, as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server.settings import ROOT
from tests.serving import serving

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_commands_of_connect_let_a_system_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, a registration, a signed hook call, an access token, a request: each succeeds; the doctor knows it all."""
    monkeypatch.setattr("server.auth.registry.EVERY", 0.0)
    found = re.search(r"<!-- connect: run by \S+ -->\n```sh\n(.*?)```\n<!-- connect: end -->", README, re.DOTALL)
    assert found
    (tmp_path / "cql").symlink_to(ROOT / "cql")
    record = f"sqlite:///{tmp_path}/r.db"
    with serving(record, settings={"authentication": True}) as url:
        commands, runs = re.subn(r"^.*make run .*$", "", found[1], flags=re.MULTILINE)
        commands = commands.replace("http://127.0.0.1:8000", url).replace(".venv/bin/python", sys.executable)
        ran = subprocess.run(  # noqa: S603 - the README's own words
            ["/bin/sh", "-euxc", commands],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "VITRUVIAN_DATABASE_URL": record, "VITRUVIAN_BASE_URL": url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (ran.returncode, runs) == (0, 1), ran.stderr
    said = ran.stdout
    assert "my-ehr can call within ten seconds" in said
    assert '"systemActions":[{' in said
    assert '"resourceType":"ClaimResponse"' in said
    assert "my-ehr (My EHR), added by add-client" in said
    assert said.rstrip().endswith("refused lately: nothing")
    assert (tmp_path / "my-ehr.private.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "command", [["new-key", "my-ehr"], ["sign", "nobody", "https://x.example"], ["new-key", "a/b"]]
)
def test_a_key_is_neither_overwritten_nor_made_up(tmp_path: Path, command: list[str]) -> None:
    """What is there stays; what is not there signs nothing."""
    (tmp_path / "my-ehr.private.json").write_text("kept")
    ran = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "server", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert (tmp_path / "my-ehr.private.json").read_text() == "kept"
