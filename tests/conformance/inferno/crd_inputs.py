"""What the CRD suites are given: orders for all that the demo plan says about an order, and an authorization in force.

What no order of a Kineret patient can show (equipment, a bed, a code that names no drug) are orders of the same
patient for services of the demo plan's catalogue.
"""

import json
from datetime import date, timedelta
from typing import Any

import httpx

from server.demo.requests import order_sign, refill
from server.fhir.version import Version
from tests.conformance.inferno import access
from tests.conformance.inferno.crd_hooks import bookings, dispatch, stay, with_member, without_payer
from tests.conformance.inferno.patients import chart, identifier
from tests.conformance.orders import other_orders

Json = dict[str, Any]


def inputs(base_url: str, version: Version) -> Json:
    """Every input of the version's suite; approves one request on the server, for the order that is satisfied."""
    signed = _authorized(order_sign(chart("ra-initial"), version))
    others = dict(other_orders(signed))
    selected = others.pop("selected")
    unknown, inactive = others.pop("member W-UNKNOWN-1"), others.pop("member W-INACTIVE-1")
    if version is Version.V2_0:
        del others["service A9270"]  # not covered: no answer that says so passes the guide's crd-ci-q2 (crd T-2)
    others["mattress and certification"] = _both(others["device E0185"], others["service G0180"])
    given: Json = {
        "base_url": base_url,
        "authentication_required": "yes" if access.is_on() else "no",
        "encryption_method": "ES384",
        "any_hook_request_body": signed,
        "order_sign_request_bodies": [signed, _satisfied(base_url, version), *others.values()],
        "order_select_request_bodies": [selected, _selected(others["drug J3590"]), _selected(others["device E0185"])],
        "order_dispatch_request_bodies": [
            dispatch(call, version) for call in (others["service E0431"], signed, others["drug J3590"])
        ],
        "appointment_book_request_bodies": bookings(signed, version),
        "encounter_start_request_bodies": [stay(signed, "encounter-start")],
        "encounter_discharge_request_bodies": [stay(signed, "encounter-discharge")],
        "mock_ehr_bundle": {"resourceType": "Bundle", "type": "collection"},
        "manual_continuation": "no",
    }
    if version is Version.V2_2:
        given |= {
            "technical_issues_request_body": without_payer(signed),
            "no_member_found_request_body": unknown,
            "no_active_coverage_request_body": inactive,
            "coverage_not_found_request_body": with_member(signed, "W-SEVERAL-1"),
        }
    return given


def _both(one: Json, other: Json) -> Json:
    """Both orders in one call."""
    first, second = (r["context"]["draftOrders"] for r in (one, other))
    return one | {"context": one["context"] | {"draftOrders": first | {"entry": [*first["entry"], *second["entry"]]}}}


def _selected(signed: Json) -> Json:
    """The same order, selected but not yet signed."""
    order = signed["context"]["draftOrders"]["entry"][0]["resource"]
    selections = [f"{order['resourceType']}/{order['id']}"]
    return signed | {"hook": "order-select", "context": signed["context"] | {"selections": selections}}


def _satisfied(base_url: str, version: Version) -> Json:
    """A refill of an order that PAS has approved: coverage information with the number of that authorization."""
    approved = chart("ra-initial", identifier("approved", version)[:8])
    answer = httpx.post(
        f"{base_url}{version.base}/Claim/$submit",
        content=json.dumps(approved.bundle),
        headers={"content-type": "application/fhir+json"},
        auth=access.sender(),
        timeout=30,
    )
    start = answer.raise_for_status().json()["entry"][0]["resource"]["preAuthPeriod"]["start"]
    again = refill(approved, date.fromisoformat(start) + timedelta(days=30))
    return _authorized(order_sign(approved, version, again))


def _authorized(request: Json) -> Json:
    """With the access to the EHR that a real call carries; Inferno puts its own address and token in."""
    access = {
        "access_token": "set by Inferno",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/Patient.rs patient/Coverage.rs patient/MedicationRequest.rs",
        "subject": "vitruvian",
        "patient": request["context"]["patientId"],
    }
    return request | {"fhirServer": "http://localhost/fhir", "fhirAuthorization": access}
