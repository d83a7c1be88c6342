"""One order, three stages: order-sign, `$questionnaire-package` and `Claim/$submit` read the same codes."""

from typing import Any

import orjson
import pytest

from server.auth.caller import LOOPBACK
from server.crd.order import ANSWERED_ORDERS
from server.dtr.form_finder import FormFinder
from server.dtr.package_request import read_package_request
from server.fhir.order import BILLING_OPTIONS
from server.fhir.version import Version
from server.pas.match import read_and_match
from tests.crd.calls import Ehr, Memory, a_call, a_coverage
from tests.policies import DRUG, FORM_URL, POLICY_ID, a_library
from tests.requests.bundle import EHR, a_bundle, an_item
from tests.requests.world import NOW, PLAN

Json = dict[str, Any]

SYSTEM, _, CODE = DRUG.partition("|")
CONCEPT: Json = {"coding": [{"system": SYSTEM, "code": CODE}]}
OPTION: Json = {"extension": [{"url": BILLING_OPTIONS, "valueCodeableConcept": CONCEPT}]}
WORDS: Json = {"text": "as discussed", **OPTION}
MANDATORY: Json = {
    "intent": "order",
    "subject": {"reference": "Patient/patient"},
    "patient": {"reference": "Patient/patient"},
    "dateTime": "2026-11-23",
    "created": "2026-11-23",
    "dateWritten": "2026-11-23",
    "prescriber": {"reference": "Practitioner/surgeon"},
    "quantity": {"value": 1},
}
"""What one kind of order or another must have."""

POLICIES = a_library()


def product(kind: str, element: str, concept: Json = CONCEPT) -> Json:
    return {"contained": [{"resourceType": kind, "id": "product", element: concept}]}


POINTER: Json = {"reference": "#product"}

ORDERS: list[tuple[str, Json]] = [
    ("MedicationRequest", {"medicationCodeableConcept": CONCEPT}),
    ("MedicationRequest", {"medicationReference": POINTER, **product("Medication", "code")}),
    ("MedicationRequest", {"medicationCodeableConcept": WORDS}),
    (
        "MedicationRequest",
        {"medicationReference": {**POINTER, **OPTION}, **product("Medication", "code", {"text": "a drug"})},
    ),
    ("MedicationRequest", {"medicationReference": {"display": "not sent", **OPTION}}),
    ("DeviceRequest", {"codeCodeableConcept": CONCEPT}),
    ("DeviceRequest", {"codeReference": POINTER, **product("Device", "type")}),
    ("DeviceRequest", {"codeReference": {**POINTER, **OPTION}, **product("Device", "type", {"text": "a device"})}),
    ("ServiceRequest", {"code": CONCEPT}),
    ("ServiceRequest", {"code": WORDS}),
    ("ServiceRequest", {"code": {"text": "an infusion"}, "orderDetail": [CONCEPT]}),
    ("NutritionOrder", {"oralDiet": {"type": [CONCEPT]}}),
    ("NutritionOrder", {"enteralFormula": {"additiveType": CONCEPT}}),
    ("VisionPrescription", {"lensSpecification": [{"product": CONCEPT, "eye": "left"}]}),
    ("SupplyRequest", {"itemCodeableConcept": CONCEPT}),
    ("SupplyRequest", {"itemReference": POINTER, **product("Medication", "code")}),
    ("SupplyRequest", {"itemReference": POINTER, **product("Device", "type")}),
    ("SupplyRequest", {"itemReference": {**POINTER, **OPTION}, **product("Device", "type", {"text": "a device"})}),
]


@pytest.mark.parametrize(("kind", "named"), ORDERS)
def test_every_stage_knows_the_policy_of_an_order(kind: str, named: Json) -> None:
    """Wherever an order names the drug, no stage asks for what another one does not know of."""
    order = {"resourceType": kind, "id": "order-1", "status": "active", **MANDATORY, **named}
    said = {"dtr": by_dtr(order), "pas": by_pas(order)}
    if kind in ANSWERED_ORDERS:  # the guide puts no coverage-information on the others
        said["crd"] = by_crd(order)
    assert said == dict.fromkeys(said, POLICY_ID)


def by_crd(order: Json) -> str | None:
    coverage = a_coverage(beneficiary={"reference": "Patient/patient"})
    call = a_call(order, coverages=[coverage], patientId="patient")
    ehr = Ehr(policies=POLICIES)
    assert len(ehr.said(call)) == 1
    (assertion,) = ehr.store.assertions.values()
    return str(assertion.policy_id)


def by_dtr(order: Json) -> str | None:
    coverage = {"resourceType": "Coverage", "id": "c", "status": "active", "beneficiary": {"reference": "Patient/p"}}
    sent = [{"name": "coverage", "resource": coverage}, {"name": "order", "resource": order}]
    request = read_package_request({"resourceType": "Parameters", "parameter": sent}, Version.V2_2)
    store: Any = Memory()
    found = FormFinder(Version.V2_2, POLICIES, PLAN, store).find(request, LOOPBACK, NOW.date())
    return next((w.policy.id for canonical, w in found.forms.items() if canonical.startswith(FORM_URL)), None)


def by_pas(order: Json) -> str | None:
    """The item bills a procedure of no policy, so that only its order can name one."""
    item = an_item(productOrService={"coding": [{"system": "http://example.org/local", "code": "visit"}]})
    item["extension"][-1]["valueReference"] = {"reference": f"{order['resourceType']}/order-1"}
    bundle = a_bundle(item)
    entries = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "MedicationRequest"]
    added = {"fullUrl": f"{EHR}/{order['resourceType']}/order-1", "resource": order}
    body = {**bundle, "entry": [*entries, added]}
    (matched,) = read_and_match(orjson.dumps(body), body, Version.V2_2, POLICIES).items
    return matched.policy.id if matched.policy else None
