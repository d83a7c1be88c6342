"""What runs beside the medicine asked for, against the answer "none" (issue 12, wrong approvals, points 3 and 6)."""

from typing import Any

import pytest

from server.cql.engine import CqlEngine
from tests.cql.shared import RXNORM, answer, answers, concept, fill, read, statement

NONE = answers(answer("concurrent-any", valueBoolean=False))
ADALIMUMAB = concept(RXNORM, "327361", "adalimumab")
UNKNOWN = concept(None, "", text="study drug")
METHOTREXATE = concept(RXNORM, "6851", "methotrexate")


def order(medicine: dict[str, Any], status: str = "active", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": medicine,
        **more,
    }


@pytest.mark.parametrize(
    ("resource", "state"),
    [
        (order(METHOTREXATE), "met"),
        (order(concept(RXNORM, "72435", "anakinra")), "met"),
        (order(ADALIMUMAB), "review"),
        (order(ADALIMUMAB, "draft"), "review"),
        (order(ADALIMUMAB, "stopped"), "met"),
        (order(ADALIMUMAB, intent="proposal"), "met"),
        (order(ADALIMUMAB, doNotPerform=True), "met"),
        (order(UNKNOWN), "review"),
        (statement(UNKNOWN, "active"), "review"),
        (statement(UNKNOWN, "intended"), "review"),
        (statement(UNKNOWN, "completed", "2026-01-01", "2026-02-01"), "met"),
        (fill(UNKNOWN, "2026-11-20"), "review"),
        (fill(UNKNOWN, "2025-11-20"), "met"),
    ],
)
def test_none_answered(shared: CqlEngine, resource: dict[str, Any], state: str) -> None:
    """A biologic in force, and a medicine in force that is not recognised, are for a person; the rest is none."""
    found = read(shared, "Concurrency", NONE, resource)
    assert found["State"] == state
    assert len(found["Found Beside"]) == (state == "review")


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ([], "unknown"),
        ([answer("concurrent-any", valueBoolean=True)], "unmet"),
        ([answer("concurrent-any", valueBoolean=False), answer("stopping-first", valueBoolean=True)], "review"),
        ([answer("concurrent-any", valueBoolean=False)], "met"),
    ],
)
def test_the_answer_alone(shared: CqlEngine, given: list[dict[str, Any]], state: str) -> None:
    """No answer is unknown, whatever the record lacks."""
    assert read(shared, "Concurrency", answers(*given))["State"] == state


def test_evidence_names_what_was_found(shared: CqlEngine) -> None:
    """A person reads which medicine it is, and that it is not recognised."""
    found = read(shared, "Concurrency", NONE, order(UNKNOWN))
    assert found["Evidence"][-1]["said"] == "An active prescription for study drug, which is not recognised"
