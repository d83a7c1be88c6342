"""Orders for every kind of coverage-information that the demo plan gives, beside those of the worked cases."""

import json
from collections.abc import Iterator
from typing import Any

from server.fhir.codes import CRD, HCPCS

Json = dict[str, Any]


def other_orders(order_sign: Json) -> Iterator[tuple[str, Json]]:
    """Names and requests made from one order-sign request: each service, membership and hook of its own."""
    patient = {"reference": f"Patient/{order_sign['context']['patientId']}"}
    requester = {"reference": order_sign["context"]["userId"]}
    shared = {"status": "draft", "subject": patient, "authoredOn": "2026-11-23", "requester": requester}
    for code in ("G0180", "A9270", "E0431"):
        yield f"service {code}", _with_order(order_sign, _service(code, shared))
    for code in ("E0250", "E0431", "E0185"):
        yield f"device {code}", _with_order(order_sign, _device(code, shared, requester))
    for code in ("J3490", "J3590"):
        order = _order_of(order_sign) | {"medicationCodeableConcept": {"coding": [{"system": HCPCS, "code": code}]}}
        yield f"drug {code}", _with_order(order_sign, order)
    for member in ("W-UNKNOWN-1", "W-INACTIVE-1"):
        yield f"member {member}", _with_member(order_sign, member)
    order = _order_of(order_sign)
    context = order_sign["context"] | {"selections": [f"{order['resourceType']}/{order['id']}"]}
    yield "selected", order_sign | {"hook": "order-select", "context": context}


def _order_of(request: Json) -> Json:
    return dict(request["context"]["draftOrders"]["entry"][0]["resource"])


def _with_order(request: Json, order: Json) -> Json:
    entry = {"fullUrl": f"https://ehr.example.org/fhir/{order['resourceType']}/{order['id']}", "resource": order}
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    return request | {"context": request["context"] | {"draftOrders": drafts}}


def _with_member(request: Json, member: str) -> Json:
    copy: Json = json.loads(json.dumps(request))
    coverage = copy["prefetch"]["coverage"]["entry"][0]["resource"]
    coverage["identifier"][0]["value"] = coverage["subscriberId"] = member
    return copy


def _service(code: str, shared: Json) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": "service-1",
        "meta": {"profile": [f"{CRD}profile-servicerequest"]},
        "intent": "order",
        "code": {"coding": [{"system": HCPCS, "code": code}]},
        "occurrenceDateTime": "2026-12-01",
        **shared,
    }


def _device(code: str, shared: Json, requester: Json) -> Json:
    return {
        "resourceType": "DeviceRequest",
        "id": "device-1",
        "meta": {"profile": [f"{CRD}profile-devicerequest"]},
        "intent": "original-order",
        "codeCodeableConcept": {"coding": [{"system": HCPCS, "code": code}]},
        "performer": requester,
        **shared,
    }
