"""A finding of the worked cases says what was looked at, where, and what is missing there."""

from typing import Any
from unittest.mock import patch

import pytest

from server.authoring import worked_cases
from server.decision.model import Decision, Finding
from server.pas.machine_decision import judge_items
from server.policy.library import PolicyLibrary
from server.policy.model import State
from server.policy.plan_file import load_plan
from server.services import open_engine
from server.settings import Settings

WITHOUT_A_WORD = ("Nothing that was sent speaks to it.", "What was sent needs a person's judgement.")


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    """Of every worked case of every policy."""
    settings = Settings(isolates=1)
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    engine = open_engine(settings, policies)
    found: list[Finding] = []

    def noted(*arguments: Any) -> dict[int, Decision]:
        decisions = judge_items(*arguments)
        found.extend(f for decision in decisions.values() for f in decision.findings)
        return decisions

    with patch.object(worked_cases, "judge_items", noted):
        worked_cases.run_worked_cases(settings.policies, policies, load_plan(settings.plan), engine)
    engine.close()
    return found


def test_what_is_open_says_what_is_missing(findings: list[Finding]) -> None:
    """No partner is told that nothing speaks to a criterion, and left to guess where something was looked for."""
    assert len(findings) > 5000
    assert {f.criterion for f in findings if f.why in WITHOUT_A_WORD} == set()


def test_a_diagnosis_that_only_the_form_answers_is_told_as_answered(findings: list[Finding]) -> None:
    """It is asked for on the claim, and nobody is told that nothing speaks to it."""
    answered = [f for f in findings if f.criterion == "DX-1" and "Answered in the form alone: " in f.why]
    assert answered
    assert {f.state for f in answered} == {State.UNKNOWN}
    assert all("as a diagnosis of the claim" in f.remedy for f in answered)


def test_what_came_is_not_asked_for_as_if_it_had_not(findings: list[Finding]) -> None:
    """Where age is open, the finding names the date of birth or the first day of service, whichever is missing."""
    ages = [f for f in findings if f.criterion == "RA-AGE" and f.state is State.UNKNOWN]
    assert ages
    for finding in ages:
        missing = [w for w in ("No date of birth", "not complete", "No first day of service") if w in finding.why]
        assert len(missing) == 1, finding.why
