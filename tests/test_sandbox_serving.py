"""A server with a sandbox and one without never share a record."""

import json
import time
from pathlib import Path

import httpx
import pytest

from server.errors import UnusableDatabase
from server.settings import ROOT
from tests.conformance.inferno.patients import chart
from tests.requests.cases import opening
from tests.serving import opened, serving, sqlite_url

JSON = {"content-type": "application/fhir+json"}
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


def test_a_server_decides_what_its_sandbox_scripts(tmp_path: Path) -> None:
    """What is pended is decided by the script's nurse after a second, though nobody asks or sends anything."""
    file = tmp_path / "sandbox.toml"
    after_twenty = SANDBOX.read_text(encoding="utf-8").split("[[member]]")
    scripted = next(m for m in after_twenty if 'id = "SANDBOX-PENDED-APPROVED"' in m)
    quick = f"{after_twenty[0]}[[member]]{scripted.replace('after_seconds = 20', 'after_seconds = 1')}"
    file.write_text(quick, encoding="utf-8")
    made = chart("ra-initial")
    sent = json.dumps(made.bundle).replace(made.member, "SANDBOX-PENDED-APPROVED")
    with serving(sqlite_url(tmp_path), settings={"sandbox": file}) as base_url:
        answer = httpx.post(f"{base_url}/fhir/2.2/Claim/$submit", content=sent, headers=JSON).json()["entry"][0][
            "resource"
        ]
        assert "preAuthRef" not in answer
        for _ in range(300):
            later = httpx.get(f"{base_url}/fhir/2.2/ClaimResponse/{answer['id']}").json()
            if "preAuthRef" in later:
                break
            time.sleep(0.1)
    assert later["preAuthRef"]
