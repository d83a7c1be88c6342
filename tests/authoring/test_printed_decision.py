"""`explain` tells a person what would be decided, and why, without a server."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from server.authoring.printed_decision import explain, refusal
from server.cql.engine import CqlEngine
from server.errors import InvalidRequest, Problem
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan
from server.policy.plan_file import load_plan
from server.services import open_engine
from server.settings import Settings
from tests import made_up

Json = dict[str, Any]
World = tuple[PolicyLibrary, Plan, CqlEngine]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = Settings(**made_up.folders(tmp_path_factory.mktemp("policies")), isolates=1)  # type: ignore[arg-type]
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    engine = open_engine(settings, policies)
    yield policies, load_plan(settings.plan), engine
    engine.close()


def told(world: World, bundle: Json) -> list[str]:
    return "".join(explain(orjson.dumps(bundle), *world)).splitlines()


APPROVED = [
    "Item 1: approve under novestra-9, edition 2025-01-01",
    "  from 2026-12-01 to 2026-12-30, both days included",
    "  MET      SCORE: The test score is low enough.",
    "           a score of 3",
]
PENDED = [
    "Item 1: pend-physician under novestra-9, edition 2025-01-01",
    "  UNMET    SCORE: The test score is low enough.",
    "           a score of 11",
    "           To settle it: A physician decides whether a higher score is acceptable.",
]
UNKNOWN = [
    "Item 1: more-info-needed under novestra-9, edition 2025-01-01",
    "  UNKNOWN  SCORE: The test score is low enough.",
    "           Nothing that was sent speaks to it.",
    "           To settle it: Answer the question about the test score.",
]


@pytest.mark.parametrize(("score", "lines"), [(3, APPROVED), (11, PENDED), (None, UNKNOWN)])
def test_a_decision_is_told_with_its_reasons(world: World, score: int | None, lines: list[str]) -> None:
    """Outcome, edition, the days of an approval, and each criterion with what shows it and what would settle it."""
    assert told(world, made_up.request(score)) == lines


def test_what_no_policy_judges_is_said(world: World) -> None:
    """An item of an unknown drug is named with its sequence."""
    bundle = made_up.request()
    bundle["entry"][1]["resource"]["medicationCodeableConcept"]["coding"][0]["code"] = "1"
    assert told(world, bundle) == ["Item 1: no policy of this plan judges it."]


def test_an_answer_with_an_error_is_said_before_the_items(world: World) -> None:
    """A request of somebody the plan does not insure is told as PAS would reject it."""
    policies, plan, engine = world
    bundle = made_up.request()
    bundle["entry"][4]["resource"]["subscriberId"] = next(iter(plan.members))
    lines = told((policies, plan, engine), bundle)
    assert lines[0].startswith("This request would be answered with an error: ")


def test_a_request_that_cannot_be_read_is_refused_with_every_problem(world: World) -> None:
    """Each problem with its place; one without a place is the body's."""
    bundle = made_up.request()
    del bundle["entry"][0]["resource"]["item"]
    with pytest.raises(InvalidRequest) as error:
        told(world, bundle)
    lines = "".join(refusal(error.value)).splitlines()
    assert lines[0] == "This request would be refused:"
    assert len(lines) == 1 + len(error.value.problems)
    assert any("entry[0].resource.item" in line for line in lines[1:])
    assert list(refusal(InvalidRequest([Problem("structure", "Not JSON.")])))[1] == "  body: Not JSON.\n"
