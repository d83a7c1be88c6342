"""A server with a sandbox and one without never share a record."""

from pathlib import Path

import pytest

from server.errors import UnusableDatabase
from server.settings import ROOT
from tests.requests.cases import opening
from tests.serving import opened, sqlite_url

SANDBOX = ROOT / "cql/plans/vitruvian-demo-sandbox.toml"


def test_off_unless_it_is_named(tmp_path: Path) -> None:
    """Without the setting there is no sandbox."""
    services = opened(sqlite_url(tmp_path))
    assert services.sandbox is None
    services.close()


def test_a_sandbox_keeps_its_record(tmp_path: Path) -> None:
    """A record that a sandbox opened first is served with the sandbox alone, from then on."""
    for _ in range(2):
        services = opened(sqlite_url(tmp_path), sandbox=SANDBOX)
        assert services.sandbox is not None
        services.close()
    with pytest.raises(UnusableDatabase, match="is a sandbox's"):
        opened(sqlite_url(tmp_path))


def test_a_plans_record_gets_no_scripted_decision(tmp_path: Path) -> None:
    """A record that holds a decision refuses a sandbox before it serves."""
    services = opened(sqlite_url(tmp_path))
    services.world.store.append(opening())
    services.close()
    with pytest.raises(UnusableDatabase, match="no sandbox made"):
        opened(sqlite_url(tmp_path), sandbox=SANDBOX)
