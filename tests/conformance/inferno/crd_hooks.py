"""Calls of the hooks without draft orders, made from one order-sign call of the same patient."""

import json
from typing import Any

from server.fhir.codes import CRD
from server.fhir.version import Version

Json = dict[str, Any]

_PRACTICE: Json = {
    "serviceType": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/service-type", "code": "124"}]}]
}
_PERIOD = {"start": "2026-12-10", "end": "2026-12-11"}
_STAY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def dispatch(signed: Json, version: Version) -> Json:
    """The order of a call, sent to whoever signed it. The older version names a single one, and fixes it as a draft."""
    status = {} if version is Version.V2_0 else {"status": "active"}
    order = signed["context"]["draftOrders"]["entry"][0]["resource"] | status
    named = f"{order['resourceType']}/{order['id']}"
    sent = {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [_entry(order)]}
    orders = {"order": named} if version is Version.V2_0 else {"dispatchedOrders": [named]}
    context = {"patientId": signed["context"]["patientId"], "performer": signed["context"]["userId"], **orders}
    key = f"{order['resourceType'][0].lower()}{order['resourceType'][1:]}s"
    return _call(signed, "order-dispatch", context, {key: sent})


def bookings(signed: Json, version: Version) -> list[Json]:
    """A visit to a general practice, and an appointment that does not say what for."""
    context = {k: signed["context"][k] for k in ("userId", "patientId")}
    patient = {"actor": {"reference": f"Patient/{context['patientId']}"}, "status": "accepted"}
    doctor = {"actor": {"reference": context["userId"]}, "status": "accepted"}
    name = "profile-appointment" if version is Version.V2_0 else "profile-appointment-no-order"
    found = []
    for number, service in enumerate((_PRACTICE, {}), 1):
        appointment = {
            "resourceType": "Appointment",
            "id": f"appointment-{number}",
            "meta": {"profile": [f"{CRD}{name}"]},
            "status": "proposed",
            "start": "2026-12-10T09:00:00Z",
            "end": "2026-12-10T09:30:00Z",
            "created": "2026-11-23",
            "participant": [patient, doctor],
            **service,
            **({"requestedPeriod": [_PERIOD]} if version is Version.V2_0 else {}),
        }
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [_entry(appointment)]}
        found.append(_call(signed, "appointment-book", {**context, "appointments": bundle}, {}))
    return found


def stay(signed: Json, hook: str) -> Json:
    """The start or the end of an inpatient stay."""
    encounter = {
        "resourceType": "Encounter",
        "id": "stay-1",
        "meta": {"profile": [f"{CRD}profile-encounter"]},
        "identifier": [{"system": "https://ehr.example.org/stays", "value": "1"}],
        "status": "in-progress" if hook == "encounter-start" else "finished",
        "class": {"system": _STAY, "code": "IMP", "display": "inpatient encounter"},
        "type": [{"coding": [{"system": "http://snomed.info/sct", "code": "32485007"}]}],
        "subject": {"reference": f"Patient/{signed['context']['patientId']}"},
        "participant": [{"individual": {"reference": signed["context"]["userId"]}}],
        "period": {"start": "2026-11-23"} | ({} if hook == "encounter-start" else {"end": "2026-11-24"}),
    }
    context = {k: signed["context"][k] for k in ("userId", "patientId")} | {"encounterId": encounter["id"]}
    return _call(signed, hook, context, {"encounter": encounter})


def with_member(signed: Json, member: str) -> Json:
    """The same call for another member."""
    copy: Json = json.loads(json.dumps(signed))
    coverage = copy["prefetch"]["coverage"]["entry"][0]["resource"]
    coverage["identifier"][0]["value"] = coverage["subscriberId"] = member
    return copy


def without_payer(signed: Json) -> Json:
    """The same call, whose payer has to be asked for."""
    return signed | {"prefetch": {k: v for k, v in signed["prefetch"].items() if k != "payers"}}


def _call(signed: Json, hook: str, context: Json, prefetch: Json) -> Json:
    return signed | {"hook": hook, "context": context, "prefetch": signed["prefetch"] | prefetch}


def _entry(resource: Json) -> Json:
    return {
        "fullUrl": f"https://ehr.example.org/fhir/{resource['resourceType']}/{resource['id']}",
        "resource": resource,
    }
