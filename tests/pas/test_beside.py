"""What a nurse is told where the policy is met and there is more to look at: what, where, and what settles it."""

from typing import Any

import pytest

from server.decision.model import Finding, Outcome
from server.fhir.codes import CPT, DTR, HCPCS, PAS
from server.pas.beside import (
    ALL_READ,
    HIDDEN_ANSWERS,
    KIND_OF_REQUEST,
    SAME_SERVICE,
    UNKNOWN_BESIDE,
    UNSAID_ANSWERS,
    WHOLE_RECORD,
)
from server.pas.machine_decision import decide_by_machine
from tests.requests.bundle import a_bundle, an_item, answers
from tests.requests.world import a_world, matched

Json = dict[str, Any]

WEIGHT = {"resourceType": "Observation", "id": "weight", "status": "final", "code": {"text": "Body weight"}}
OF_THE_PATIENT = {"subject": {"reference": "Patient/patient"}}
OF_ANOTHER = {"subject": {"reference": "Patient/another"}}

ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
AUTOMATIC = {"url": f"{DTR}information-origin", "extension": [{"url": "source", "valueCode": "auto"}]}


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


INFORMATION = {"sequence": 9, "category": {"text": "info"}}
CLAIM = "Bundle.entry[0].resource"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"supportingInfo": [{**INFORMATION, "valueString": "Please read this."}]}, "supportingInfo[0]"),
        ({"supportingInfo": [{**INFORMATION, "timingDate": "2026-11-01"}]}, "supportingInfo[0]"),
        ({"supportingInfo": [{**INFORMATION, "valueReference": {"display": "a letter"}}]}, "supportingInfo[0]"),
        ({"accident": {"date": "2026-11-01"}}, "accident"),
        ({"prescription": {"reference": "MedicationRequest/gone"}}, "prescription"),
        ({"referral": {"reference": "ServiceRequest/gone"}}, "referral"),
        ({"billablePeriod": {"start": "2020-01-01", "end": "2020-02-01"}}, "billablePeriod"),
        ({"meta": {"tag": [{"code": "SUBSETTED"}]}}, "meta"),
    ],
)
def test_what_no_criterion_reads_is_named(changes: Json, place: str) -> None:
    """A nurse is told where the Claim says something that decides nothing."""
    found = looked_at(a_bundle(claim=changes))
    assert set(found) == {ALL_READ}
    assert f"{CLAIM}.{place}" in found[ALL_READ].why


@pytest.mark.parametrize(
    "changes",
    [
        {"prescription": {"reference": "MedicationRequest/order-1"}},
        {"billablePeriod": {"start": "2026-01-01", "end": "2028-01-01"}},
        {"billablePeriod": {"start": "2026-01-01"}},
    ],
)
def test_what_agrees_with_what_is_read_is_no_matter(changes: Json) -> None:
    """The prescription is the item's order, and the days of the Claim hold those of the item."""
    assert looked_at(a_bundle(claim=changes)) == {}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"authored": "2026"}, "authored"),
        ({"source": {"reference": "Patient/patient"}}, "source"),
        ({"order": 7}, "extension(qr-context)"),
    ],
)
def test_answers_of_another_order_day_or_person_are_named(changes: Json, place: str) -> None:
    """What the answers say of themselves must fit the item that they are for."""
    found = looked_at(a_bundle(extra=(answers(**changes),)))
    assert f".{place}" in found[ALL_READ].why


@pytest.mark.parametrize(
    "item",
    [
        {"linkId": "indication", "text": "What is it not for?", "answer": [{"valueString": "a reason"}]},
        {"linkId": "indication", "answer": [{"valueString": "a", "extension": [ABSENT]}]},
        {"linkId": "indication", "answer": [{"valueString": "a", "_valueString": {"extension": [ABSENT]}}]},
        {"linkId": "indication", "answer": [{"valueString": "a", "extension": [AUTOMATIC]}]},
    ],
)
def test_answers_that_unsay_themselves_are_named(item: Json) -> None:
    """The text of a question, a mark of absence, and a machine that answers for a person turn an answer."""
    sent = answers()
    sent["item"][0] = item
    assert "indication" in looked_at(a_bundle(extra=(sent,)))[UNSAID_ANSWERS].why


@pytest.mark.parametrize("code", ["J1234", "Q5140", "C9999", "S0999", "e0250", "XXXXX"])
def test_a_billing_code_may_be_of_a_medicine(code: str) -> None:
    """Drugs have their letters in HCPCS, and a code that is none may be anything."""
    beside = {**an_item(2), "productOrService": {"coding": [{"system": HCPCS, "code": code}]}}
    del beside["extension"]
    assert set(looked_at(a_bundle(an_item(1), beside))) == {UNKNOWN_BESIDE}


@pytest.mark.parametrize(("system", "code"), [(HCPCS, "E0250"), (CPT, "99213")])
def test_a_billing_code_may_be_of_no_medicine(system: str, code: str) -> None:
    """A bed and a visit are no medicines."""
    beside = {**an_item(2), "productOrService": {"coding": [{"system": system, "code": code}]}}
    del beside["extension"]
    assert looked_at(a_bundle(an_item(1), beside)) == {}
