"""server/pas/cql_input.py: for each item CQL sees its Claim and answers, one patient, and references it can follow."""

import random
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir.codes import PAS
from server.pas.cql_input import cql_input_of
from server.pas.patient_record import patient_record
from tests.requests.bundle import EHR, a_bundle, an_item, answers, resources
from tests.requests.world import matched

Json = dict[str, Any]

TODAY = date(2026, 11, 24)
STRANGER = {"resourceType": "Patient", "id": "stranger", "name": [{"family": "Else"}]}


def observation(id_: str, **about: Any) -> Json:
    return {"resourceType": "Observation", "id": id_, "status": "final", "code": {"text": "weight"}, **about}


@dataclass(frozen=True)
class Seen:
    """What CQL sees of one item: its own resources, then the shared ones."""

    bundle: Json
    urls: Mapping[str, str]
    service_date: date | None
    request_date: date
    received_date: date


def inputs(bundle: Json) -> list[Seen]:
    found = matched(bundle)
    given = cql_input_of(found, patient_record(found.request), TODAY)
    return [
        Seen(
            {"entry": [*({"resource": r} for r in item.resources), *given.shared["entry"]]},
            given.urls,
            item.service_date,
            given.request_date,
            given.received_date,
        )
        for item in given.items
    ]


def inside(cql: Seen, kind: str) -> list[str]:
    return sorted(r["id"] for r in resources(cql.bundle, kind))


def the_claim(cql: Seen) -> Json:
    return resources(cql.bundle, "Claim")[0]


def two_items() -> Json:
    return a_bundle(
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
    """The first Claim has the item alone with its care team, and every diagnosis; the answers are the item's own."""
    for n, cql in enumerate(inputs(two_items()), 1):
        assert [i["sequence"] for i in the_claim(cql)["item"]] == [n]
        assert [m["sequence"] for m in the_claim(cql)["careTeam"]] == [n]
        assert [d["sequence"] for d in the_claim(cql)["diagnosis"]] == [1, 2]
        assert inside(cql, "QuestionnaireResponse") == ["ab"[n - 1]]
        assert inside(cql, "Observation") == ["other"]


def test_every_order_is_in_view_of_every_item() -> None:
    """What another item asks for, and what is ordered beside the request, is taken together with it."""
    bundle = two_items()
    concurrent = {**resources(bundle, "MedicationRequest")[0], "id": "concurrent"}
    bundle["entry"].append({"fullUrl": f"{EHR}/MedicationRequest/concurrent", "resource": concurrent})
    for cql in inputs(bundle):
        assert inside(cql, "MedicationRequest") == ["concurrent", "order-1", "order-2"]


def test_the_whole_claim_stands_behind_the_items_own() -> None:
    """The other items of the request can be looked at, under an id that tells the whole Claim from the narrowed one."""
    for cql in inputs(two_items()):
        own, whole = resources(cql.bundle, "Claim")
        assert whole["id"] == f"{own['id']}-whole"
        assert [i["sequence"] for i in whole["item"]] == [1, 2]
        assert cql.urls[f"Claim/{whole['id']}"] == cql.urls[f"Claim/{own['id']}"] == f"{EHR}/Claim/claim"


def test_the_whole_claims_care_team_stays() -> None:
    """A member marked for the whole claim is seen by every item; an item that names nobody sees all."""
    bundle = two_items()
    team = bundle["entry"][0]["resource"]["careTeam"]
    team[0]["extension"] = [{"url": f"{PAS}extension-careTeamClaimScope", "valueBoolean": True}]
    del bundle["entry"][0]["resource"]["item"][0]["careTeamSequence"]
    assert [[m["sequence"] for m in the_claim(r)["careTeam"]] for r in inputs(bundle)] == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("about", "seen"),
    [
        ({"subject": {"reference": "Patient/patient"}}, True),
        ({"subject": {"reference": f"{EHR}/Patient/patient"}}, True),
        ({}, False),
        ({"subject": {"display": "Sam Sample"}}, False),
        ({"subject": {"reference": "Patient/stranger"}}, False),
        ({"subject": {"reference": "Patient/not-in-the-bundle"}}, False),
        ({"subject": {"reference": "Organization/clinic"}}, False),
        ({"subject": {"identifier": {"system": "https://payer.example.org/member-id", "value": "M-1"}}}, True),
        ({"subject": {"identifier": {"system": "https://payer.example.org/member-id", "value": "M-2"}}}, False),
        ({"subject": {"identifier": {"value": "M-1"}}}, False),
        ({"subject": {"reference": "https://elsewhere.example.org/fhir/Patient/patient"}}, False),
    ],
)
def test_another_patients_data_is_never_seen(about: Json, seen: bool) -> None:  # noqa: FBT001 - a table's column
    """What is not shown to be about the beneficiary is left out, and so is every other Patient."""
    (cql,) = inputs(a_bundle(extra=(STRANGER, observation("o", **about))))
    assert inside(cql, "Observation") == (["o"] if seen else [])
    assert inside(cql, "Patient") == ["patient"]
    assert "Else" not in orjson.dumps(cql.bundle).decode()


def test_only_the_focal_coverage_is_seen() -> None:
    """A second insurance does not reach the decision."""
    bundle = a_bundle()
    second = {**resources(bundle, "Coverage")[0], "id": "second"}
    bundle["entry"].append({"fullUrl": f"{EHR}/Coverage/second", "resource": second})
    insurance = bundle["entry"][0]["resource"]["insurance"]
    insurance.append({"sequence": 2, "focal": True, "coverage": {"reference": "Coverage/second"}})
    insurance[0]["focal"] = False
    (cql,) = inputs(bundle)
    assert inside(cql, "Coverage") == ["second"]


def test_the_answers_are_the_cleaned_ones() -> None:
    """Hidden answers are gone and codes have the form's system before CQL looks."""
    (cql,) = inputs(a_bundle(extra=(answers(),)))
    (response,) = resources(cql.bundle, "QuestionnaireResponse")
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
def test_every_reference_leads_to_a_resource_of_the_input(turned: Any) -> None:
    """Whatever the sender's addresses, references are `Type/id` inside the input and `urls` leads back."""
    bundle = turned(two_items())
    urls = {e["fullUrl"] for e in bundle["entry"]}
    for cql in inputs(bundle):
        keys = {f"{r['resourceType']}/{r['id']}" for r in (e["resource"] for e in cql.bundle["entry"])}
        assert keys <= set(cql.urls)
        assert set(cql.urls.values()) <= urls
        assert set(references(cql.bundle)) <= keys | {"QuestionnaireResponse/a", "QuestionnaireResponse/b"}
        claim = the_claim(cql)
        order = next(e for e in claim["item"][0]["extension"] if e["url"].endswith("requestedService"))
        assert order["valueReference"]["reference"] in keys


def test_ids_that_collide_are_told_apart() -> None:
    """Two resources of one type and id, from two servers, are two resources of the input."""
    mine = observation("o", subject={"reference": f"{EHR}/Patient/patient"})
    bundle = a_bundle(extra=(mine,))
    bundle["entry"].append({"fullUrl": "https://elsewhere.example.org/fhir/Observation/o", "resource": mine})
    (cql,) = inputs(bundle)
    assert len(set(inside(cql, "Observation"))) == 2
    assert len([u for u in cql.urls.values() if u.endswith("Observation/o")]) == 2


def test_text_that_looks_like_a_reference_is_left_alone() -> None:
    """Only Reference.reference is rewritten, never what somebody wrote."""
    note = f'"reference":"{EHR}/Patient/patient"'
    (cql,) = inputs(
        a_bundle(extra=(observation("o", subject={"reference": "Patient/patient"}, note=[{"text": note}]),))
    )
    assert resources(cql.bundle, "Observation")[0]["note"][0]["text"] == note


def test_dates_of_the_input() -> None:
    """The first service day, the day of the claim and the day of receipt go with the input."""
    (cql,) = inputs(a_bundle())
    assert (cql.service_date, cql.request_date) == (date(2027, 1, 15), date(2026, 11, 23))
    assert cql.received_date == TODAY


def test_the_request_stays_as_it_was() -> None:
    """Making inputs changes nothing in the request, not even through shared parts."""
    found = matched(two_items())
    before = orjson.dumps(found.request.bundle)
    given = cql_input_of(found, patient_record(found.request), TODAY)
    for resource in (*(e["resource"] for e in given.shared["entry"]), *(r for i in given.items for r in i.resources)):
        resource.clear()
    assert orjson.dumps(found.request.bundle) == before


@settings(deadline=None)  # the first request that is read loads what checks its structure
@given(st.randoms(use_true_random=False))
def test_the_order_of_entries_and_answers_does_not_matter(shuffle: random.Random) -> None:
    """A shuffled request gives inputs with the same content."""
    bundle = two_items()
    shuffled = deepcopy(bundle)
    head, *rest = shuffled["entry"]
    shuffled["entry"] = [head, *shuffle.sample(rest, len(rest))]
    for response in resources(shuffled, "QuestionnaireResponse"):
        shuffle.shuffle(response["item"])
    assert [content(r) for r in inputs(shuffled)] == [content(r) for r in inputs(bundle)]


def content(cql: Seen) -> set[bytes]:
    found = deepcopy(cql.bundle)
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
    (cql,) = inputs(a_bundle(extra=(order,)))
    beside = next(r for r in resources(cql.bundle, "MedicationRequest") if r["id"] == "beside")
    assert beside["medicationReference"] == {"reference": "Medication/m"}
    assert inside(cql, "Medication") == ["m"]
    assert inside(cql, "Patient") == ["patient"]


def test_an_order_in_the_claim_stands_by_itself() -> None:
    """What is asked for is seen wherever the sender put it."""
    bundle = a_bundle()
    order = next(e for e in bundle["entry"] if e["resource"]["resourceType"] == "MedicationRequest")
    bundle["entry"].remove(order)
    claim = bundle["entry"][0]["resource"]
    claim["contained"] = [{**order["resource"], "id": "inside"}]
    named = next(e for e in claim["item"][0]["extension"] if e["url"].endswith("requestedService"))
    named["valueReference"] = {"reference": "#inside"}
    (cql,) = inputs(bundle)
    assert inside(cql, "MedicationRequest") == ["inside"]
    seen = next(e for e in the_claim(cql)["item"][0]["extension"] if e["url"].endswith("requestedService"))
    assert seen["valueReference"] == {"reference": "MedicationRequest/inside"}


@pytest.mark.parametrize("subject", [{"reference": "Patient/stranger"}, {"reference": "#stranger"}])
def test_what_is_contained_and_about_another_is_not_seen(subject: Json) -> None:
    """Evidence about somebody else does not become the member's by standing inside the member's resource."""
    panel = observation(
        "panel", subject={"reference": "Patient/patient"}, contained=[STRANGER, observation("inner", subject=subject)]
    )
    (cql,) = inputs(a_bundle(extra=(panel,)))
    assert inside(cql, "Observation") == ["panel"]
