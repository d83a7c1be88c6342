"""The policies that only the lab serves are policies like any other."""

import shutil
from pathlib import Path

import pytest

from server.__main__ import main
from server.settings import ROOT
from tests.conformance.inferno import lab_policies


def test_they_are_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`check-policies` finds nothing wrong with their cases, criteria, forms and ELM."""
    shutil.copytree(Path(lab_policies.__file__).parent / "policies", tmp_path, dirs_exist_ok=True)
    shutil.copytree(ROOT / "cql/shared", tmp_path / "cql/shared")
    monkeypatch.setenv("VITRUVIAN_POLICIES", str(tmp_path / "cql"))
    monkeypatch.setenv("VITRUVIAN_QUESTIONNAIRES", str(tmp_path / "questionnaires"))
    assert main(["check-policies"]) == 0
    assert "2 policies, 7 cases, 0 problems" in capsys.readouterr().out


def test_they_stand_beside_those_of_the_product(tmp_path: Path) -> None:
    """The lab's tree holds all that is served, and more; the product's own holds none of them."""
    settings = lab_policies.folders(tmp_path)
    served = {p.name for p in (ROOT / "cql").iterdir()}
    assert served < {p.name for p in Path(settings["policies"]).iterdir()}
    assert served.isdisjoint({"pap-device", "power-wheelchair"})
