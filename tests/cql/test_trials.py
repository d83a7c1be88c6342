"""Trials by answers and record, and what speaks against them (issue 12, wrong approvals, point 8)."""

from typing import Any

import pytest

from server.cql.engine import CqlEngine
from tests.cql.shared import RXNORM, answer, answers, concept, fill, read, statement

FORM = "http://vitruvian.example/fhir/CodeSystem/kineret-form"
ETANERCEPT = concept(RXNORM, "214555", "etanercept")


def trial(code: str = "214555", outcome: str = "inadequate", **given: Any) -> dict[str, Any]:
    days = {"start": "valueDate", "end": "valueDate", "days": "valueInteger"}
    return {
        "linkId": "trial",
        "item": [
            answer("trial.medicine", valueCoding={"system": RXNORM, "code": code}),
            answer("trial.for-condition", valueCoding={"system": FORM, "code": "yes"}),
            answer("trial.outcome", valueCoding={"system": FORM, "code": outcome}),
            *(answer(f"trial.{link}", **{days[link]: value}) for link, value in given.items()),
        ],
    }


def trials(engine: CqlEngine, *resources: dict[str, Any], **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(engine, "Trials", *resources, **parameters)["All"]
    return found


def form(*given: dict[str, Any]) -> dict[str, Any]:
    return answers({"linkId": "prior-therapy", "item": [answer("prior-therapy-any", valueBoolean=True), *given]})


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"start": "2026-03-02", "end": "2026-05-30"}, 90),
        ({"start": "2026-11-01"}, 31),
        ({"start": "2026-11-01", "end": "2027-05-30"}, 31),
        ({"start": "2026-12-02"}, 0),
        ({"days": 90}, 90),
        ({"days": -90}, None),
        ({"end": "2026-12-31", "days": 90}, 60),
        ({"start": "2026-05-30", "end": "2026-03-02"}, None),
    ],
)
def test_days_taken_by_the_answers(shared: CqlEngine, given: dict[str, Any], taken: int | None) -> None:
    """Both ends count, and no day after the request."""
    assert [t["taken"] for t in trials(shared, form(trial(**given)))] == [taken]


@pytest.mark.parametrize(
    ("given", "recorded", "doubt"),
    [
        ({"days": 120}, [], None),
        ({"days": 18_301}, [], "longer than can be"),
        ({"start": "1970-01-01", "end": "1970-06-01"}, [], "before birth"),
        ({"days": 120}, [statement(ETANERCEPT, "not-taken")], "not taken"),
        ({"days": 120}, [statement(ETANERCEPT, "entered-in-error")], "entered in error"),
        ({"days": 120}, [fill(ETANERCEPT, "2026-03-02", status="declined")], "not handed over"),
        ({"days": 120}, [statement(ETANERCEPT, "active", "2027-01-05")], "not begun"),
    ],
)
def test_what_speaks_against_an_answer(
    shared: CqlEngine, given: dict[str, Any], recorded: list[dict[str, Any]], doubt: str | None
) -> None:
    """Each is a doubt of the trial in words, for a person; it never makes the trial unknown or untried."""
    assert [t["doubt"] for t in trials(shared, form(trial(**given)), *recorded)] == [doubt]


def test_beside_a_course_on_record_only_a_denial_is_a_doubt(shared: CqlEngine) -> None:
    """A statement entered in error beside the one that replaced it says nothing; "not taken" does."""
    course = statement(ETANERCEPT, "completed", "2026-03-02", "2026-08-14")
    answered = form(trial(days=120))
    wrong, denied = statement(ETANERCEPT, "entered-in-error"), statement(ETANERCEPT, "not-taken")
    assert [t["doubt"] for t in trials(shared, answered, course, wrong)] == [None]
    assert [t["doubt"] for t in trials(shared, answered, course, denied)] == ["not taken"]


def test_the_record_adds_what_the_form_does_not_list(shared: CqlEngine) -> None:
    """One trial for each agent: the answered one with what the record shows of it, and one of the record alone."""
    adalimumab = statement(concept(RXNORM, "327361"), "stopped", "2026-01-01", "2026-03-31")
    etanercept = statement(ETANERCEPT, "stopped", "2026-01-01", "2026-01-31")
    found = trials(shared, form(trial(days=120)), etanercept, adalimumab)
    assert [(t["condition"], t["taken"], t["shownAtLeast"]) for t in found] == [("yes", 120, 31), (None, 90, 90)]


def test_the_medicine_asked_for_is_no_trial_of_its_own(shared: CqlEngine) -> None:
    """Beside others it counts for nothing, alone it is for a person."""
    kineret = trial("72435", days=120)
    alone = read(shared, "Trials", form(kineret))
    beside = read(shared, "Trials", form(kineret, trial(days=120)))
    assert (len(alone["Counted Trials"]), len(alone["Only Of The Medicine Asked For"])) == (0, 1)
    assert (len(beside["Counted Trials"]), len(beside["Only Of The Medicine Asked For"])) == (1, 0)
