"""`$log-questionnaire-errors` over HTTP."""

import json
from typing import Any

import pytest
import structlog

from tests.dtr import example_policy as example
from tests.dtr.conftest import Server, issues
from tests.shared_material import SHARED, needs_shared

PATH = "/Questionnaire/$log-questionnaire-errors"
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception", "diagnostics": "line 3: Jane Doe"}],
}


def report(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(parts)}


def form(
    name: str = "questionnaire", canonical: str = f"{example.FORM}|1.0.0", kind: str = "valueCanonical"
) -> dict[str, Any]:
    return {"name": name, kind: canonical}


def outcome(name: str = "operationOutcome") -> dict[str, Any]:
    return {"name": name, "resource": OUTCOME}


@pytest.mark.parametrize(
    ("form_name", "outcome_name"),
    [
        ("questionnaire", "operationOutcome"),
        ("Questionnaire", "OperationOutcome"),
        ("questionnaire", "operationoutcome"),
    ],
)
def test_a_report_is_kept(server: Server, form_name: str, outcome_name: str) -> None:
    """However the guide in use spells the names, the report stands in the store as it came (D-71, T-19)."""
    answer = server.send("POST", PATH, json=report(form(form_name), outcome(outcome_name)))
    assert (answer.status_code, issues(answer)) == (200, [("information", "informational")])
    (kept,) = server.remembered.reports
    assert (kept.received, kept.version, kept.questionnaires) == (
        example.NOW,
        server.version,
        (f"{example.FORM}|1.0.0",),
    )
    assert json.loads(kept.outcomes) == [OUTCOME]


def test_several_forms_and_outcomes_are_one_report(server: Server) -> None:
    """2.2.0 takes one or more of each."""
    body = report(form(), form(canonical="http://example.org/other", kind="valueUri"), outcome(), outcome())
    assert server.send("POST", PATH, json=body).status_code == 200
    (kept,) = server.remembered.reports
    assert (len(kept.questionnaires), len(json.loads(kept.outcomes))) == (2, 2)


def test_its_text_goes_to_no_log(server: Server) -> None:
    """What an app writes may name a patient: the log counts the report and says nothing of it (D-72)."""
    with structlog.testing.capture_logs() as lines:
        server.send("POST", PATH, json=report(form(), outcome()))
    (line,) = [line for line in lines if line["event"] == "questionnaire errors reported"]
    assert line["item"] == 1
    assert "Jane" not in str(lines)


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (report(), ["required", "required"]),
        (report(form()), ["required"]),
        (report(outcome()), ["required"]),
        (report(form(), {"name": "operationOutcome", "resource": {"resourceType": "Patient"}}), ["value"]),
        (report(*[form()] * 51, outcome()), ["structure"]),
        (report("nonsense"), ["structure", "required", "required"]),  # type: ignore[arg-type]
        ({"resourceType": "OperationOutcome"}, ["structure"]),
    ],
)
def test_what_is_no_report_is_refused(server: Server, body: Any, codes: list[str]) -> None:
    """400 with every problem, and nothing is kept."""
    answer = server.send("POST", PATH, json=body)
    assert answer.status_code == 400
    assert [code for _, code in issues(answer)][: len(codes)] == codes
    assert server.remembered.reports == []


@needs_shared
@pytest.mark.parametrize("file", ["64-ig220-log-errors-in", "72-ig201-log-errors-in"])
def test_the_guides_own_reports_are_kept(server: Server, file: str) -> None:
    """The examples of both guides, each in its own spelling."""
    body = (SHARED / "examples/dtr" / f"{file}.json").read_bytes()
    answer = server.send("POST", PATH, content=body, headers={"content-type": "application/fhir+json"})
    assert (answer.status_code, len(server.remembered.reports)) == (200, 1)
