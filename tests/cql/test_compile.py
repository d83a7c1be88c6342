"""What is built from CQL and from the npm packages is what is committed and what runs."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest

from server.cql.engine import CqlEngine
from tests.cql.conftest import LIBRARIES, ROOT

NODE_BIN = ROOT / "build/node-bin"
PATH = os.pathsep.join([*([NODE_BIN.read_text().strip()] if NODE_BIN.is_file() else []), os.environ.get("PATH", "")])
NODE = shutil.which("node", path=PATH)
COMPILE = "server/cql/js/compile.mjs"

pytestmark = pytest.mark.skipif(
    NODE is None or not (ROOT / "node_modules/@cqframework/cql").is_dir(),
    reason="Node or node_modules is missing; `make test` installs both",
)


def node(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    assert NODE is not None
    command = [NODE, *arguments]
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, check=False, timeout=120)  # noqa: S603


def test_recompiling_gives_the_committed_elm() -> None:
    """Every .elm.json of the policies and of these tests is what the locked translator makes of its source."""
    for files in ([], [str(f) for f in sorted(LIBRARIES.glob("*.cql"))]):
        done = node(COMPILE, "--check", *files)
        assert done.returncode == 0, done.stdout.decode()


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    """--check fails and names the file when the ELM is not of its source; it writes nothing."""
    file = tmp_path / "Small.cql"
    file.write_text("library Small version '1.0.0'\n")
    assert node(COMPILE, "--check", str(file)).returncode == 1
    assert node(COMPILE, str(file)).returncode == 0
    assert node(COMPILE, "--check", str(file)).returncode == 0
    file.write_text("library Small version '1.0.1'\n")
    done = node(COMPILE, "--check", str(file))
    assert done.returncode == 1
    assert "Small.elm.json" in done.stdout.decode()


def test_faulty_cql_is_reported_and_not_written(tmp_path: Path) -> None:
    """The translator writes ELM for faulty CQL too; ours gives file:line:column and leaves no file."""
    file = tmp_path / "Faulty.cql"
    file.write_text("library Faulty version '1.0.0'\ndefine \"A\": 1 + 'x'\ndefine \"B\": 3 'mgg'\n")
    done = node(COMPILE, str(file))
    assert done.returncode == 1
    assert "Faulty.cql:2:13: error:" in done.stdout.decode()
    assert "Faulty.cql:3:13: error: 'mgg' is not a UCUM unit" in done.stdout.decode()
    assert not (tmp_path / "Faulty.elm.json").exists()


def test_fhirhelpers_is_what_the_model_info_gives() -> None:
    """Generating FHIRHelpers again changes nothing."""
    file = ROOT / "cql/shared/FHIRHelpers.cql"
    before = file.read_bytes()
    assert node("server/cql/js/fhirhelpers.mjs").returncode == 0
    assert file.read_bytes() == before


def test_the_bundled_engine_answers_as_the_packages_do(engine: CqlEngine) -> None:
    """The bundle runs without awaiting and shares getters; the packages as published give the same values."""
    requests: list[bytes] = []
    run = CqlEngine._run  # noqa: SLF001 - what goes into V8 is compared, not only what comes out

    def record(self: CqlEngine, request: bytes) -> Any:
        requests.append(request)
        return run(self, request)

    with patch.object(CqlEngine, "_run", record):
        ours = engine.evaluate("Logic|1.0.0", _chart(), {"Request Date": "2026-06-14", "Days": 3})
    both = b'{"load":' + engine._load.encode() + b',"evaluate":' + requests[0] + b"}"  # noqa: SLF001
    done = node("tests/cql/reference.mjs", stdin=both)
    assert done.returncode == 0, done.stderr.decode()
    assert orjson.loads(done.stdout) == ours


_SPELLINGS = (
    "2024-02-29",
    "2026-02-30",
    "2026-13-01",
    "2026-00-10",
    "0099-03-01",
    "2026-01-05T10:00:00Z",
    "2026-01-05T10:00:00.250-05:30",
    "2026-01-05T10:00:00.25Z",
    "2026-01-05T24:00:00Z",
    "2026-01-05T10:00",
    "2026-01-05T10:00:00",
    "2026-01-05T10:00:00+14:00",
)
"""Days and times that the bundled engine reads itself, and those that it leaves to the package."""


def _chart() -> dict[str, Any]:
    """A patient with something for each retrieve of Logic.cql."""

    def concept(system: str, code: str) -> dict[str, Any]:
        return {"coding": [{"system": f"http://codes.example/{system}", "code": code, "display": code.upper()}]}

    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "birthDate": "1980-02", "name": [{"given": ["A", "B"]}]},
        {"resourceType": "Condition", "code": concept("conditions", "gout"), "recordedDate": "2026-01-05"},
        {"resourceType": "Condition", "code": concept("conditions", "ra"), "recordedDate": "2026-01-05T10:00:00+02:00"},
        {"resourceType": "Condition", "code": concept("conditions", "other"), "recordedDate": "2026-03"},
        *(
            {"resourceType": "Condition", "code": concept("conditions", "other"), "recordedDate": day}
            for day in _SPELLINGS
        ),
        {
            "resourceType": "MedicationRequest",
            "medicationCodeableConcept": concept("medicines", "m1"),
            "authoredOn": "2026-02",
        },
        {"resourceType": "MedicationStatement", "medicationCodeableConcept": concept("medicines", "m2")},
        {"resourceType": "AllergyIntolerance", "code": concept("medicines", "m2"), "criticality": "high"},
        {"resourceType": "Observation", "valueQuantity": {"value": 4.5, "unit": "mg"}},
        {"resourceType": "Encounter"},
    ]
    return {
        "resourceType": "Bundle",
        "entry": [{"resource": {**resource, "id": f"r{n}"}} for n, resource in enumerate(resources)],
    }
