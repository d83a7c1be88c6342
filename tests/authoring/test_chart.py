"""The request of a worked case, made from its chart: what a case changes, and nothing else."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from server.authoring.chart import ChartError, changed
from server.authoring.worked_cases_file import Changes
from server.policy.model import Policy
from tests import made_up
from tests.policies import FORM_URL, a_form, a_policy, an_edition

Json = dict[str, Any]

FORM = {
    "resourceType": "Questionnaire",
    "url": FORM_URL,
    "version": "1.0.0",
    "status": "active",
    "item": [
        {"linkId": "score", "type": "integer", "text": "x"},
        {
            "linkId": "page",
            "type": "group",
            "text": "x",
            "item": [
                {
                    "linkId": "trial",
                    "type": "group",
                    "text": "x",
                    "repeats": True,
                    "item": [{"linkId": "days", "type": "integer", "text": "x"}],
                }
            ],
        },
    ],
}
SECOND = {**FORM, "version": "2.0.0"}


def policy() -> Policy:
    """Editions of 2024 with form 1.0.0 and of 2027 with form 2.0.0; the chart's day is in 2026."""
    newer = an_edition(version="2027", effective=date(2027, 1, 1), form=a_form(SECOND))
    return a_policy(editions=(newer, an_edition(version="2024", form=a_form(FORM))))


def chart() -> Json:
    bundle = made_up.request()
    response = bundle["entry"][2]["resource"]
    response["questionnaire"] = f"{FORM_URL}|1.0.0"
    response["item"].append({"linkId": "page", "item": [{"linkId": "trial", "item": []}]})
    return bundle


def changes(record: Json | None = None, answers: Json | None = None) -> Changes:
    return Changes.model_validate({"record": record or {}, "answers": answers or {}})


def made(record: Json | None = None, answers: Json | None = None, edition: str | None = None) -> Json:
    found = policy()
    named = next((e for e in found.editions if e.version == edition), None)
    return changed(chart(), changes(record, answers), found, named, {})


def resources(bundle: Json) -> dict[str, Json]:
    return {e["resource"]["resourceType"]: e["resource"] for e in bundle["entry"]}


def days(*several: int) -> list[Json]:
    return [
        {"linkId": "trial", "item": [{"linkId": "days", "answer": [{"valueInteger": number}]}]} for number in several
    ]


def test_a_case_without_changes_is_its_chart() -> None:
    """Nothing differs, and the chart that was read stays as it is for the next case."""
    read = chart()
    before = deepcopy(read)
    assert changed(read, Changes(), policy(), None, {}) == before
    changed(read, changes({"remove": ["Coverage"]}, {"score": 5}), policy(), None, {})
    assert read == before


def test_answers_replace_those_of_the_chart() -> None:
    """A value, a group as a whole, and nothing at all; what a case does not name stays."""
    score = {"linkId": "score", "answer": [{"valueInteger": 5}]}
    response = resources(made(answers={"score": 5}))["QuestionnaireResponse"]
    assert sorted(response["item"], key=lambda i: str(i["linkId"])) == [
        {"linkId": "page", "item": [{"linkId": "trial", "item": []}]},
        score,
    ]
    response = resources(made(answers={"score": [], "trial": [{"days": 90}, {"days": 30}]}))["QuestionnaireResponse"]
    assert response["item"] == [{"linkId": "page", "item": days(90, 30)}]


def test_places_of_the_record_are_set_added_and_removed() -> None:
    """By `Type.path` or `Type/id.path`; an empty text removes, a place one past the end of a list adds."""
    claim = resources(made({"Claim.item[0].servicedDate": "2026-12-24"}))["Claim"]
    assert claim["item"][0]["servicedDate"] == "2026-12-24"
    patient = resources(made({"Patient/p1.birthDate": "", "Patient.name[1].family": "Second"}))["Patient"]
    assert "birthDate" not in patient
    assert patient["name"][1] == {"family": "Second"}
    condition = {"resourceType": "Condition", "id": "c9"}
    assert made({"add": [condition]})["entry"][-1] == {
        "fullUrl": "https://clinic.example/fhir/Condition/c9",
        "resource": condition,
    }


def test_what_is_removed_is_named_nowhere() -> None:
    """With a resource goes the supporting information that points at it, and the item's mention of that."""
    bundle = made({"remove": ["QuestionnaireResponse/q1", "Coverage"]})
    claim = resources(bundle)["Claim"]
    assert not {"QuestionnaireResponse", "Coverage"} & set(resources(bundle))
    assert "supportingInfo" not in claim
    assert "informationSequence" not in claim["item"][0]


@pytest.mark.parametrize(
    ("edition", "day", "form"),
    [
        (None, "2026-12-01", "1.0.0"),
        (None, "2027-01-01", "2.0.0"),
        (None, "2020-01-01", "1.0.0"),
        (None, "", "1.0.0"),
        ("2027", "2026-12-01", "2.0.0"),
        ("2024", "2027-01-01", "1.0.0"),
    ],
)
def test_the_answers_are_to_the_form_of_the_edition(edition: str | None, day: str, form: str) -> None:
    """The edition that the case names, else the one of the first service day; without one, of the day it was made."""
    response = resources(made({"Claim.item[0].servicedDate": day}, edition=edition))["QuestionnaireResponse"]
    assert response["questionnaire"] == f"{FORM_URL}|{form}"


def test_a_form_that_is_not_of_the_policy_stays_named() -> None:
    """It is the request's problem, and is told when the request is read."""
    bundle = made({"QuestionnaireResponse.questionnaire": "http://elsewhere.example/form"})
    assert resources(bundle)["QuestionnaireResponse"]["questionnaire"] == "http://elsewhere.example/form"


ODD: dict[str, tuple[Json, Json, str]] = {
    "a place without a path": ({"Patient": "x"}, {}, "Patient: name a place inside the resource"),
    "a step that is none": ({"Patient.name[x]": "x"}, {}, "Patient.name[x]: name[x] is no step; write name or name[0]"),
    "a resource that is not there": ({"Device.id": "x"}, {}, "there is no Device in the chart"),
    "a place past the end": ({"Patient.name[7].family": "x"}, {}, "Patient.name[7].family: the chart has no 7 there"),
    "an end past the end": ({"Patient.name[7]": "x"}, {}, "Patient.name[7]: the chart has no 7 there"),
    "nothing to remove": ({"Patient.photo": ""}, {}, "Patient.photo: there is nothing to remove"),
    "a removal of nothing": ({"remove": ["Device"]}, {}, "remove: there is no Device in the chart"),
    "an addition without an id": ({"add": [{"id": "x"}]}, {}, "add: a resource needs its resourceType and id"),
    "an unknown linkId": ({}, {"colour": "red"}, "answers: the form has no linkId colour"),
    "a group that is a value": ({}, {"trial": 5}, "answers: trial is a group; give a list of tables of linkIds"),
    "a group of values": ({}, {"trial": [5]}, "answers: trial is a group; give tables of linkIds"),
    "an unknown linkId of a group": ({}, {"trial": [{"colour": 1}]}, "answers: trial holds no colour"),
    "an answer of another type": ({}, {"score": "high"}, "answers: score: "),
    "answers without answers": ({"remove": ["QuestionnaireResponse"]}, {"score": 5}, "there is no Questionnaire"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_change_that_cannot_be_made_says_which(name: str) -> None:
    """The key of the case, and what is wrong with it."""
    record, answers, said = ODD[name]
    with pytest.raises(ChartError) as error:
        made(record, answers)
    assert str(error.value).startswith(said)
