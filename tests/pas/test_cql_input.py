"""server/pas/record.py: CQL sees one item, one patient, and references it can follow."""

import random
from copy import deepcopy
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.judge import Record
from server.fhir.codes import PAS
from server.pas.cql_input import record_of
from tests.pas.reading import a_drug_bundle, answers, resources, submit
from tests.pas_requests import EHR, an_item

Json = dict[str, Any]

STRANGER = {"resourceType": "Patient", "id": "stranger", "name": [{"family": "Else"}]}


def observation(id_: str, **about: Any) -> Json:
    return {"resourceType": "Observation", "id": id_, "status": "final", "code": {"text": "weight"}, **about}


def records(bundle: Json) -> list[Record]:
    request = submit(bundle)
    return [record_of(request, item) for item in request.items]


def inside(record: Record, kind: str) -> list[str]:
    return sorted(r["id"] for r in resources(record.bundle, kind))


def the_claim(record: Record) -> Json:
    return resources(record.bundle, "Claim")[0]


def two_items() -> Json:
    return a_drug_bundle(
        an_item(careTeamSequence=[1]),
        an_item(2, careTeamSequence=[2]),
        extra=(
            answers("a", order=1),
            answers("b", order=2),
            {**observation("other"), "subject": {"reference": "Patient/patient"}},
        ),
        claim={"diagnosis": [{"sequence": n, "diagnosisCodeableConcept": {"text": str(n)}} for n in (1, 2)]},
    )


def test_an_item_is_seen_alone() -> None:
    """Each record has its own item, order, answers and care team, and every diagnosis of the Claim."""
    for n, record in enumerate(records(two_items()), 1):
        assert [i["sequence"] for i in the_claim(record)["item"]] == [n]
        assert [m["sequence"] for m in the_claim(record)["careTeam"]] == [n]
        assert [d["sequence"] for d in the_claim(record)["diagnosis"]] == [1, 2]
        assert inside(record, "MedicationRequest") == [f"order-{n}"]
        assert inside(record, "QuestionnaireResponse") == ["ab"[n - 1]]
        assert inside(record, "Observation") == ["other"]


def test_orders_that_no_item_asks_for_stay() -> None:
    """Other medication of the patient is evidence of concurrent therapy, and only other items' orders are left out."""
    bundle = two_items()
    concurrent = {**resources(bundle, "MedicationRequest")[0], "id": "concurrent"}
    bundle["entry"].append({"fullUrl": f"{EHR}/MedicationRequest/concurrent", "resource": concurrent})
    assert [inside(r, "MedicationRequest") for r in records(bundle)] == [
        ["concurrent", "order-1"],
        ["concurrent", "order-2"],
    ]


def test_the_whole_claims_care_team_stays() -> None:
    """A member marked for the whole claim is seen by every item; an item that names nobody sees all."""
    bundle = two_items()
    team = bundle["entry"][0]["resource"]["careTeam"]
    team[0]["extension"] = [{"url": f"{PAS}extension-careTeamClaimScope", "valueBoolean": True}]
    del bundle["entry"][0]["resource"]["item"][0]["careTeamSequence"]
    assert [[m["sequence"] for m in the_claim(r)["careTeam"]] for r in records(bundle)] == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("about", "seen"),
    [
        ({"subject": {"reference": "Patient/patient"}}, True),
        ({"subject": {"reference": f"{EHR}/Patient/patient"}}, True),
        ({}, True),
        ({"subject": {"reference": "Patient/stranger"}}, False),
        ({"subject": {"reference": "Patient/not-in-the-bundle"}}, False),
        ({"subject": {"reference": "Organization/clinic"}}, False),
        ({"subject": {"identifier": {"system": "https://payer.example.org/member-id", "value": "M-1"}}}, True),
        ({"subject": {"identifier": {"system": "https://payer.example.org/member-id", "value": "M-2"}}}, False),
    ],
)
def test_another_patients_data_is_never_seen(about: Json, seen: bool) -> None:  # noqa: FBT001 - a table's column
    """A resource about anybody but the beneficiary is left out, and so is every other Patient."""
    (record,) = records(a_drug_bundle(extra=(STRANGER, observation("o", **about))))
    assert inside(record, "Observation") == (["o"] if seen else [])
    assert inside(record, "Patient") == ["patient"]
    assert "Else" not in orjson.dumps(record.bundle).decode()


def test_only_the_focal_coverage_is_seen() -> None:
    """A second insurance does not reach the decision."""
    bundle = a_drug_bundle()
    second = {**resources(bundle, "Coverage")[0], "id": "second"}
    bundle["entry"].append({"fullUrl": f"{EHR}/Coverage/second", "resource": second})
    insurance = bundle["entry"][0]["resource"]["insurance"]
    insurance.append({"sequence": 2, "focal": True, "coverage": {"reference": "Coverage/second"}})
    insurance[0]["focal"] = False
    (record,) = records(bundle)
    assert inside(record, "Coverage") == ["second"]


def test_the_answers_are_the_cleaned_ones() -> None:
    """Hidden answers are gone and codes have the form's system before CQL looks."""
    (record,) = records(a_drug_bundle(extra=(answers(),)))
    (response,) = resources(record.bundle, "QuestionnaireResponse")
    assert [i["linkId"] for i in response["item"]] == ["indication", "kind"]
    assert response["item"][1]["answer"][0]["valueCoding"]["system"].endswith("/local")
    assert response["extension"][0]["valueReference"]["reference"] == "MedicationRequest/order-1"


def as_uuids(bundle: Json) -> Json:
    """The same request as an EHR sends it that has no addresses: urn:uuid fullUrls and no ids."""
    text = orjson.dumps(bundle).decode()
    for n, entry in enumerate(bundle["entry"]):
        resource = entry["resource"]
        urn = f"urn:uuid:00000000-0000-4000-8000-{n:012}"
        for address in (entry["fullUrl"], f"{resource['resourceType']}/{resource['id']}"):
            text = text.replace(f'"{address}"', f'"{urn}"')
    found: Json = orjson.loads(text)
    for entry in found["entry"]:
        del entry["resource"]["id"]
    return found


@pytest.mark.parametrize("turned", [lambda b: b, as_uuids], ids=["relative", "urn:uuid"])
def test_every_reference_leads_to_a_resource_of_the_record(turned: Any) -> None:
    """Whatever the sender's addresses, references are `Type/id` inside the record and `urls` leads back."""
    bundle = turned(two_items())
    urls = {e["fullUrl"] for e in bundle["entry"]}
    for record in records(bundle):
        keys = {f"{r['resourceType']}/{r['id']}" for r in (e["resource"] for e in record.bundle["entry"])}
        assert keys == set(record.urls)
        assert set(record.urls.values()) <= urls
        followed = {r for r in references(record.bundle) if not r.startswith("MedicationRequest")}
        assert followed <= keys
        claim = the_claim(record)
        order = next(e for e in claim["item"][0]["extension"] if e["url"].endswith("requestedService"))
        assert order["valueReference"]["reference"] in keys


def test_ids_that_collide_are_told_apart() -> None:
    """Two resources of one type and id, from two servers, are two resources of the record."""
    bundle = a_drug_bundle(extra=(observation("o"),))
    bundle["entry"].append(
        {"fullUrl": "https://elsewhere.example.org/fhir/Observation/o", "resource": observation("o")}
    )
    (record,) = records(bundle)
    assert len(set(inside(record, "Observation"))) == 2
    assert len([u for u in record.urls.values() if u.endswith("Observation/o")]) == 2


def test_text_that_looks_like_a_reference_is_left_alone() -> None:
    """Only Reference.reference is rewritten, never what somebody wrote."""
    note = f'"reference":"{EHR}/Patient/patient"'
    (record,) = records(a_drug_bundle(extra=(observation("o", note=[{"text": note}]),)))
    assert resources(record.bundle, "Observation")[0]["note"][0]["text"] == note


def test_dates_of_the_record() -> None:
    """The first service day and the day of the claim go with the record."""
    (record,) = records(a_drug_bundle())
    assert (record.service_date, record.request_date) == (date(2027, 1, 15), date(2026, 11, 23))


def test_the_request_stays_as_it_was() -> None:
    """Making records changes nothing in the request, not even through shared parts."""
    request = submit(two_items())
    before = orjson.dumps(request.bundle)
    for item in request.items:
        for entry in record_of(request, item).bundle["entry"]:
            entry["resource"].clear()
    assert orjson.dumps(request.bundle) == before


@given(st.randoms(use_true_random=False))
def test_the_order_of_entries_and_answers_does_not_matter(shuffle: random.Random) -> None:
    """A shuffled request gives records with the same content."""
    bundle = two_items()
    shuffled = deepcopy(bundle)
    head, *rest = shuffled["entry"]
    shuffled["entry"] = [head, *shuffle.sample(rest, len(rest))]
    for response in resources(shuffled, "QuestionnaireResponse"):
        shuffle.shuffle(response["item"])
    assert [content(r) for r in records(shuffled)] == [content(r) for r in records(bundle)]


def content(record: Record) -> set[bytes]:
    found = deepcopy(record.bundle)
    for response in resources(found, "QuestionnaireResponse"):
        response["item"].sort(key=lambda i: str(i["linkId"]))
    return {orjson.dumps(e["resource"], option=orjson.OPT_SORT_KEYS) for e in found["entry"]}


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [r for child in node for r in references(child)]
    if not isinstance(node, dict):
        return []
    own = [node["reference"]] if isinstance(node.get("reference"), str) else []
    return [*own, *(r for child in node.values() for r in references(child))]


def test_a_contained_medicine_stands_by_itself() -> None:
    """What a resource contains is found like what is sent by itself; a contained Patient is not a second one."""
    order = {
        "resourceType": "MedicationRequest",
        "id": "beside",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/patient"},
        "medicationReference": {"reference": "#m"},
        "contained": [{"resourceType": "Medication", "id": "m", "code": {"text": "kit"}}, {**STRANGER, "id": "p"}],
    }
    (record,) = records(a_drug_bundle(extra=(order,)))
    beside = next(r for r in resources(record.bundle, "MedicationRequest") if r["id"] == "beside")
    assert beside["medicationReference"] == {"reference": "Medication/m"}
    assert inside(record, "Medication") == ["m"]
    assert inside(record, "Patient") == ["patient"]
