"""The hooks without draft orders: dispatch, booking, the start and the end of a stay."""

from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest
import respx
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir.codes import HCPCS, NPI
from server.policy.plan import CatalogueEntry
from tests.crd.authorized import authorized_case
from tests.crd.calls import (
    BED,
    OTHER_DRUG,
    OXYGEN,
    PLAN,
    Ehr,
    Json,
    Memory,
    a_bundle,
    a_call,
    a_service,
    an_order,
    children,
    information,
)
from tests.crd.spoilt import spoil
from tests.crd.test_fetch import PLACE, an_ehr, answers
from tests.crd.test_order_sign import AUTHORIZED
from tests.policies import DRUG

VERSIONS = ("2.2", None)
STAY = "http://terminology.hl7.org/CodeSystem/v3-ActCode|IMP"
SUPPLIER: Json = {"resourceType": "Organization", "id": "o-1", "identifier": [{"system": NPI, "value": "1234567893"}]}
WITH_STAYS = replace(
    PLAN,
    catalogue=(
        *(replace(e, contracted=frozenset({"1234567893"})) if OXYGEN in e.tokens else e for e in PLAN.catalogue),
        CatalogueEntry(frozenset({STAY}), "Stays", "covered", "auth-needed", "A planned stay is authorized first."),
    ),
)


def a_hook(hook: str, version: str | None, prefetch: Json, **context: Any) -> Json:
    call = a_call(version=version, hook=hook, prefetch=prefetch)
    del call["context"]["draftOrders"]
    call["context"] |= context
    return call


def a_dispatch(
    *orders: Json, version: str | None = "2.2", performer: str = "Organization/o-1", **prefetch: Json
) -> Json:
    named = [f"{o['resourceType']}/{o['id']}" for o in orders]
    sent = {"orders": a_bundle(*orders), "performer": SUPPLIER, **prefetch}
    return a_hook("order-dispatch", version, sent, dispatchedOrders=named, performer=performer)


def an_appointment(**more: Any) -> Json:
    return {
        "resourceType": "Appointment",
        "id": "a-1",
        "status": "proposed",
        "start": "2026-12-01T09:00:00Z",
        "end": "2026-12-01T10:00:00Z",
        "participant": [{"actor": {"reference": "Patient/p-1"}, "status": "accepted"}],
        **more,
    }


def a_booking(*appointments: Json, version: str | None = "2.2", **prefetch: Json) -> Json:
    return a_hook("appointment-book", version, prefetch, appointments=a_bundle(*appointments, kind="collection"))


def a_stay(hook: str = "encounter-start", version: str | None = "2.2", **more: Any) -> Json:
    encounter: Json = {
        "resourceType": "Encounter",
        "id": "e-1",
        "status": "in-progress",
        "class": {"system": STAY.partition("|")[0], "code": "IMP"},
        "subject": {"reference": "Patient/p-1"},
        **more,
    }
    return a_hook(hook, version, {"encounter": encounter}, encounterId="e-1")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dispatched_order_is_answered_and_comes_back_as_it_was(version: str | None) -> None:
    """The order that stands in the prefetch is the one that is updated, byte for byte but for the extension."""
    order = an_order(status="active", dispenseRequest={"quantity": {"value": 28.0}})
    raw = orjson.dumps(a_dispatch(order, version=version)).replace(b'"value":28.0', b'"value":28.00')
    answer = Ehr().post(raw, "crd-order-dispatch")
    assert answer.status_code == 200
    assert b'"value":28.00' in answer.content
    (action,) = answer.json()["systemActions"]
    assert {k: v for k, v in action["resource"].items() if k != "extension"} == order
    assert children(information(action["resource"]))["pa-needed"] == ["auth-needed"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_older_context_of_order_dispatch_is_read_too(version: str | None) -> None:
    call = a_dispatch(an_order(), version=version)
    del call["context"]["dispatchedOrders"]
    call["context"]["order"] = "MedicationRequest/rx-1"
    (said,) = Ehr().said(call, "crd-order-dispatch")
    assert said["questionnaire"]


@pytest.mark.parametrize(
    ("performer", "on_the_order", "pa_needed"),
    [
        ("Organization/o-1", None, "no-auth"),
        ("Organization/o-2", None, "auth-needed"),
        ("Organization/o-9", None, "conditional"),
        ("Organization/o-1", "Organization/o-2", "auth-needed"),
    ],
)
def test_whom_an_order_goes_to_decides(performer: str, on_the_order: str | None, pa_needed: str) -> None:
    """Who is under contract needs no authorization; but not where the order itself names another."""
    other = {"resourceType": "Organization", "id": "o-2", "identifier": [{"system": NPI, "value": "1888888884"}]}
    order = a_service(OXYGEN) | ({"performer": [{"reference": on_the_order}]} if on_the_order else {})
    (said,) = Ehr(plan=WITH_STAYS).said(a_dispatch(order, performer=performer, other=other), "crd-order-dispatch")
    assert said["pa-needed"] == [pa_needed]


def test_an_authorized_order_is_dispatched_with_its_number() -> None:
    store = Memory(("W-1", AUTHORIZED))
    store.cases["sub-1"] = authorized_case(an_order(order_id="before"), AUTHORIZED.number, AUTHORIZED.period)
    (said,) = Ehr(store).said(a_dispatch(an_order()), "crd-order-dispatch")
    assert (said["pa-needed"], said["satisfied-pa-id"]) == (["satisfied"], ["VA-7"])
    twice = Ehr(store).said(a_dispatch(an_order(), an_order(order_id="rx-2")), "crd-order-dispatch")
    assert [s["pa-needed"] for s in twice] == [["auth-needed"], ["auth-needed"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dispatch_without_its_orders_is_a_precondition_failed(version: str | None) -> None:
    call = a_dispatch(an_order(), version=version)
    del call["prefetch"]["orders"]
    answer = Ehr().post(call, "crd-order-dispatch")
    assert answer.status_code == 412
    assert "prefetch them" in answer.text


def test_another_patients_order_is_not_answered() -> None:
    """However it got into the prefetch, or whatever the EHR answers."""
    call = a_dispatch(an_order(subject={"reference": "Patient/p-2"}))
    assert Ehr().call(call, "crd-order-dispatch") == {"cards": []}


def test_dispatched_orders_and_what_they_name_are_fetched() -> None:
    """Order, then its medicine, then nothing more; what is fetched comes back as the EHR sent it."""
    order = an_order(medicationReference={"reference": "Medication/m-1"}, priority="routine")
    del order["medicationCodeableConcept"]
    medication = {
        "resourceType": "Medication",
        "id": "m-1",
        "code": {"coding": [dict(zip(("system", "code"), DRUG.split("|"), strict=True))]},
    }
    call = a_dispatch(order)
    del call["prefetch"]["orders"]
    sent = orjson.dumps(a_bundle(order)).replace(b'"routine"', b'"rou\\u0074ine"')
    with respx.mock(assert_all_called=True) as router:
        router.get(f"{PLACE}/MedicationRequest?_id=rx-1").mock(return_value=httpx.Response(200, content=sent))
        answers(router, "Medication?_id=m-1", a_bundle(medication))
        answer = an_ehr().post({**call, "fhirServer": "https://ehr.test/fhir"}, "crd-order-dispatch")
    assert b'"rou\\u0074ine"' in answer.content
    (action,) = answer.json()["systemActions"]
    assert children(information(action["resource"]))["pa-needed"] == ["auth-needed"]


def test_a_booking_of_an_order_answers_the_order_under_2_2_and_the_appointment_under_2_0() -> None:
    """Both know what the appointment is for (T-10)."""
    order = a_service(DRUG)
    appointment = an_appointment(basedOn=[{"reference": "ServiceRequest/sr-1"}])
    for version, kind in (("2.2", "ServiceRequest"), (None, "Appointment")):
        call = a_booking(appointment, version=version, serviceRequests=a_bundle(order))
        (action,) = Ehr().call(call, "crd-appointment-book")["systemActions"]
        assert action["resource"]["resourceType"] == kind
        assert children(information(action["resource"]))["pa-needed"] == ["auth-needed"]


def test_an_appointment_may_be_for_a_drug() -> None:
    """Its order stands in an extension of the reference."""
    alternate = {
        "url": "http://hl7.org/fhir/StructureDefinition/alternate-reference",
        "valueReference": {"reference": "MedicationRequest/rx-1"},
    }
    call = a_booking(an_appointment(basedOn=[{"extension": [alternate]}]), medicationRequests=a_bundle(an_order()))
    (action,) = Ehr().call(call, "crd-appointment-book")["systemActions"]
    assert action["resource"]["resourceType"] == "MedicationRequest"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "No code"),
        ({"serviceType": [{"coding": [{"system": "http://x.test", "code": "1"}]}]}, "do not name all"),
        ({"basedOn": [{"reference": "ServiceRequest/gone"}]}, "The ServiceRequest that the order names did not come"),
    ],
)
def test_a_booking_is_never_passed_over(version: str | None, more: Json, words: str) -> None:
    (said,) = Ehr().said(a_booking(an_appointment(**more), version=version), "crd-appointment-book")
    assert (said["covered"], said["pa-needed"]) == (["conditional"], ["conditional"])
    assert words in said["reason"][0]["text"]


def test_a_visit_type_does_not_speak_for_the_order_behind_it() -> None:
    """Nothing is free because the appointment has the code of something that is."""
    bed = {"coding": [{"system": HCPCS, "code": "E0250"}]}
    appointment = an_appointment(serviceType=[bed], basedOn=[{"reference": "MedicationRequest/rx-1"}])
    call = a_booking(appointment, version=None, orders=a_bundle(an_order(OTHER_DRUG)))
    (said,) = Ehr().said(call, "crd-appointment-book")
    assert said["pa-needed"] == ["conditional"]


def test_somebody_elses_appointment_is_left_alone() -> None:
    other = an_appointment(participant=[{"actor": {"reference": "Patient/p-2"}, "status": "accepted"}])
    assert Ehr().call(a_booking(other), "crd-appointment-book") == {"cards": []}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge"])
def test_a_stay_is_answered_where_the_plan_has_a_word_for_it(hook: str, version: str | None) -> None:
    """Without documentation, since the hooks are secondary; and a visit that the plan says nothing of gets nothing."""
    ehr = Ehr(plan=WITH_STAYS)
    (said,) = ehr.said(a_stay(hook, version), f"crd-{hook}")
    assert (said["covered"], said["pa-needed"]) == (["covered"], ["auth-needed"])
    assert "doc-needed" not in said
    visit = a_stay(hook, version, **{"class": {"code": "AMB"}})
    assert ehr.call(visit, f"crd-{hook}")["cards"] == []
    assert ehr.said(visit, f"crd-{hook}") == []
    assert ehr.said(a_stay(hook, version, subject={"reference": "Patient/p-2"}), f"crd-{hook}") == []


@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge"])
def test_a_stay_without_its_encounter_or_coverage_is_no_error(hook: str) -> None:
    """Secondary hooks are no place for errors about what did not come (T-6)."""
    for missing in ("encounter", "coverage"):
        call = a_stay(hook)
        del call["prefetch"][missing]
        assert Ehr(plan=WITH_STAYS).call(call, f"crd-{hook}") == {"cards": []}


@pytest.mark.parametrize(
    ("hook", "gone"),
    [
        ("order-dispatch", "dispatchedOrders"),
        ("order-dispatch", "performer"),
        ("order-dispatch", "patientId"),
        ("appointment-book", "appointments"),
        ("appointment-book", "userId"),
        ("encounter-start", "encounterId"),
        ("encounter-discharge", "userId"),
    ],
)
@pytest.mark.parametrize(("version", "status"), [("2.2", 400), (None, 422)])
def test_a_context_that_lacks_what_its_hook_needs_is_refused(
    hook: str, gone: str, version: str | None, status: int
) -> None:
    call = _rich(hook, version)
    del call["context"][gone]
    answer = Ehr().post(call, f"crd-{hook}")
    assert answer.status_code == status
    assert [i["expression"] for i in answer.json()["issue"]] == [[f"context.{gone}"]]


def _rich(hook: str, version: str | None) -> Json:
    if hook == "order-dispatch":
        return a_dispatch(an_order(), a_service(BED), version=version)
    if hook == "appointment-book":
        alternate = {
            "url": "http://hl7.org/fhir/StructureDefinition/alternate-reference",
            "valueReference": {"reference": "MedicationRequest/rx-1"},
        }
        based = [{"reference": "ServiceRequest/sr-1"}, {"extension": [alternate]}]
        orders = a_bundle(a_service(BED), an_order())
        return a_booking(an_appointment(basedOn=based), an_appointment(id="a-2"), version=version, orders=orders)
    return a_stay(hook, version)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(VERSIONS))
def test_no_request_makes_the_server_fail(data: st.DataObject, version: str | None) -> None:
    """Whatever stands in the place of whatever: 200, or an error that names the place."""
    hook = data.draw(st.sampled_from(["order-dispatch", "appointment-book", "encounter-start", "encounter-discharge"]))
    call = orjson.loads(orjson.dumps(_rich(hook, version)))  # a copy of its own
    spoil(data, call)
    answer = Ehr(plan=WITH_STAYS).post(call, f"crd-{hook}")
    assert answer.status_code in {200, 400, 412, 422}
    if answer.status_code != 200:
        assert answer.json()["issue"]
