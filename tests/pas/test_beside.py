"""What a nurse is told where the policy is met and there is more to look at: what, where, and what settles it."""

from typing import Any

import pytest

from server.decision.model import Finding, Outcome
from server.fhir.codes import PAS
from server.pas.beside import HIDDEN_ANSWERS, KIND_OF_REQUEST, SAME_SERVICE, UNKNOWN_BESIDE, WHOLE_RECORD
from server.pas.machine_decision import decide_by_machine
from tests.requests.bundle import a_bundle, an_item, answers
from tests.requests.world import a_world, matched

Json = dict[str, Any]

WEIGHT = {"resourceType": "Observation", "id": "weight", "status": "final", "code": {"text": "Body weight"}}
OF_THE_PATIENT = {"subject": {"reference": "Patient/patient"}}
OF_ANOTHER = {"subject": {"reference": "Patient/another"}}


def looked_at(body: Json) -> dict[str, Finding]:
    """The findings that keep the first item, whose policy is met, from being approved; none where it is approved."""
    decision = decide_by_machine(matched(body), a_world()).items[0].decision
    found = {f.criterion: f for f in decision.findings if f.state != "met"}
    assert decision.outcome is (Outcome.PEND_NURSE if found else Outcome.APPROVE)
    return found


def inside(*resources: Json, kind: str = "collection") -> Json:
    entries = [
        {"fullUrl": f"urn:uuid:{n:08}-0000-4000-8000-000000000000", "resource": r} for n, r in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "id": "inside", "type": kind, "entry": entries}


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        (WEIGHT, "Bundle.entry[9].resource"),
        ({**WEIGHT, **OF_ANOTHER}, "Bundle.entry[9].resource"),
        ({"resourceType": "Organization", "id": "o", "contained": [WEIGHT]}, "Bundle.entry[9].resource.contained[0]"),
        (inside(WEIGHT), "Bundle.entry[9].resource.entry[0].resource"),
        ({"resourceType": "Parameters", "id": "p"}, "Bundle.entry[9].resource"),
        (
            {**WEIGHT, **OF_THE_PATIENT, "contained": [{"resourceType": "Medication", "id": "m"}] * 201},
            "Bundle.entry[9].resource.contained[200]",
        ),
    ],
)
def test_what_cannot_be_placed_is_named(sent: Json, place: str) -> None:
    """What is nobody's, another's or out of reach is not judged; a nurse is told where it stands."""
    found = looked_at(a_bundle(extra=(sent,)))
    assert set(found) == {WHOLE_RECORD}
    assert place in found[WHOLE_RECORD].why


@pytest.mark.parametrize(
    "sent",
    [
        {**WEIGHT, **OF_THE_PATIENT},
        inside({**WEIGHT, **OF_THE_PATIENT}),
        {"resourceType": "Patient", "id": "subscriber"},
        {"resourceType": "RelatedPerson", "id": "mother", "patient": {"reference": "Patient/another"}},
        {"resourceType": "Organization", "id": "o"},
    ],
)
def test_what_can_be_placed_or_tells_nothing_of_care_is_no_matter(sent: Json) -> None:
    """What is shown to be the patient's is judged; who else is named along the way is nobody's evidence."""
    assert looked_at(a_bundle(extra=(sent,))) == {}


def test_an_appeal_is_for_a_nurse() -> None:
    """Certification types that go back to a decision are not for the machine."""
    body = a_bundle()
    for extension in body["entry"][0]["resource"]["item"][0]["extension"]:
        if extension["url"] == f"{PAS}extension-certificationType":
            extension["valueCodeableConcept"]["coding"][0]["code"] = "1"
    assert "code 1" in looked_at(body)[KIND_OF_REQUEST].why


def test_an_answer_that_the_others_make_void_is_named() -> None:
    """An answered question that the form would not have asked contradicts the answers that hide it."""
    void = answers()
    void["item"].append({"linkId": "hidden", "answer": [{"valueBoolean": True}]})
    assert looked_at(a_bundle(extra=(answers(),))) == {}
    assert "hidden" in looked_at(a_bundle(extra=(void,)))[HIDDEN_ANSWERS].why


def test_items_are_looked_at_together() -> None:
    """Two items under one policy, and an item that may be any medicine, are for a nurse."""
    assert set(looked_at(a_bundle(an_item(1), an_item(2)))) == {SAME_SERVICE}
    unknown = {"sequence": 2, "productOrService": {"text": "the other one"}}
    found = looked_at(a_bundle(an_item(1), {**unknown, "category": an_item()["category"]}))
    assert "sequence 2" in found[UNKNOWN_BESIDE].why
