"""Courses on record: how long, what runs now, and what shows that nothing was taken (issue 12, points 6 and 8)."""

from typing import Any

import pytest

from server.cql.engine import CqlEngine
from tests.cql.shared import RXNORM, concept, fill, read, statement

ETANERCEPT = concept(RXNORM, "214555", "etanercept")


def courses(engine: CqlEngine, *resources: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    return read(engine, "Courses", *resources, **parameters)


@pytest.mark.parametrize(
    ("resources", "longest"),
    [
        ([statement(ETANERCEPT, "stopped", "2026-03-02", "2026-05-30")], 90),
        ([statement(ETANERCEPT, "active", "2026-11-01")], 31),
        ([statement(ETANERCEPT, "completed", "2026-03-02", "2027-05-30")], 275),
        ([fill(ETANERCEPT, "2026-03-02", 28), fill(ETANERCEPT, "2026-04-10", 28)], 67),
        ([fill(ETANERCEPT, "2026-03-02", 28), fill(ETANERCEPT, "2026-05-10", 28)], 28),
        ([fill(ETANERCEPT, "2016-03-02", 3650)], None),
        ([fill(ETANERCEPT, "2026-03-02", 0)], None),
    ],
)
def test_the_longest_course_of_an_agent(
    shared: CqlEngine, resources: list[dict[str, Any]], longest: int | None
) -> None:
    """Both ends count, short pauses do not break it, tomorrow is not taken yet; what cannot be has no length."""
    assert [agent["longest"] for agent in courses(shared, *resources)["Agents"]] == [longest]


def test_what_was_taken_before_birth_is_no_course(shared: CqlEngine) -> None:
    """It shows nothing, and stands against a trial of that agent which is answered."""
    told = courses(shared, statement(ETANERCEPT, "completed", "1900-01-01", "2026-03-02"))
    assert told["Agents"] == []
    assert [denial["denial"] for denial in told["Denials"]] == ["before birth"]


def test_what_was_taken_after_the_first_day_of_service_is_in_doubt(shared: CqlEngine) -> None:
    """Where service came before the request, what was taken since shows nothing for it, and a person looks."""
    taken = statement(ETANERCEPT, "completed", "2026-03-02", "2026-08-14")
    for service, denials in (("2026-08-14", 0), ("2026-08-13", 1), ("2026-03-01", 1)):
        assert len(courses(shared, taken, **{"Service Date": service})["Denials"]) == denials


def administration(day: str, status: str = "completed") -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "status": status,
        "medicationCodeableConcept": ETANERCEPT,
        "effectiveDateTime": day,
    }


@pytest.mark.parametrize(
    ("resource", "running"),
    [
        (fill(ETANERCEPT, "2026-09-02"), True),
        (fill(ETANERCEPT, "2026-09-01"), False),
        (fill(ETANERCEPT, "2026-09"), True),
        (fill(ETANERCEPT, "2026-06-01", 200), True),
        (fill(ETANERCEPT, "2026-12-02"), False),
        (administration("2026-09-02"), True),
        (administration("2026-09-01"), False),
        (administration("2020-01-01", "in-progress"), True),
        (statement(ETANERCEPT, "on-hold", "2026-01-01"), True),
        (statement(ETANERCEPT, "active", "2026-01-01", "2026-02-01"), False),
        (statement(ETANERCEPT, "completed", "2026-01-01", "2026-11-30"), False),
    ],
)
def test_what_runs_now(shared: CqlEngine, resource: dict[str, Any], *, running: bool) -> None:
    """A fill or an administration of the last 90 days does, a supply that is not used up, and what is said to run."""
    assert [c["running"] for c in courses(shared, resource)["Recorded"]] == [running]


@pytest.mark.parametrize(
    ("resource", "denial"),
    [
        (statement(ETANERCEPT, "not-taken"), "not taken"),
        (statement(ETANERCEPT, "entered-in-error", "2026-01-01"), "entered in error"),
        (statement(ETANERCEPT, "stopped", "2026-05-30", "2026-03-02"), "stopped before it began"),
        (statement(ETANERCEPT, "active", "2027-01-05"), "not begun"),
        (fill(ETANERCEPT, "2026-03-02", status="declined"), "not handed over"),
        (administration("2026-03-02", "not-done"), "not taken"),
        (statement(ETANERCEPT, "stopped", "2026-03-02", "2026-05-30"), None),
    ],
)
def test_what_shows_that_nothing_was_taken(shared: CqlEngine, resource: dict[str, Any], denial: str | None) -> None:
    """Each is kept by agent, in words, and none of them is a course."""
    found = courses(shared, resource)
    assert [d["denial"] for d in found["Denials"]] == ([denial] if denial else [])
    assert (found["Agents"] == []) is (denial is not None)


def test_the_reasons_of_each_course_stay_apart(shared: CqlEngine) -> None:
    """A month for one disease and a year for another are told apart by who reads them."""
    month = statement(ETANERCEPT, "completed", "2026-01-01", "2026-01-31", "M06.09")
    year = statement(ETANERCEPT, "completed", "2025-01-01", "2025-12-31", "M45.9")
    silent = statement(ETANERCEPT, "completed", "2024-01-01", "2024-12-31")
    reasons = courses(shared, month, year, silent)["Agents"][0]["reasons"]
    assert [[code["code"] for code in course] for course in reasons] == [["M06.09"], ["M45.9"]]
