"""Point 1: what came along and no criterion reads: words, documents, resources of other types, marks of entries."""

from typing import Any

from server.fhir.codes import PAS
from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    ADALIMUMAB,
    HCPCS,
    RXNORM,
    add,
    an_order,
    claim,
    concept,
    item,
    order,
    patient_reference,
    url_of,
    with_order,
)

TABLE = Table(1)

_INFLIXIMAB = concept(HCPCS, "J1745", "Injection, infliximab")
_WORDS = {"text": "Infliximab infusion"}
_HUMIRA = concept(RXNORM, ADALIMUMAB, "adalimumab")
_CATEGORY = concept("http://terminology.hl7.org/CodeSystem/claiminformationcategory", "info")
_TEMPORARY = PAS.replace("StructureDefinition", "CodeSystem") + "PASTempCodes"
_DAYS = {"start": "2026-11-01", "end": "2027-12-31"}


def _told(bundle: Json, more: Json) -> None:
    sent = claim(bundle).setdefault("supportingInfo", [])
    number = max([s["sequence"] for s in sent], default=0) + 1
    sent.append({"sequence": number, "category": _CATEGORY, **more})


TABLE.rows_of(
    [
        ("words that say a biologic goes on", {"valueString": "Takes adalimumab every two weeks and will go on"}),
        (
            "message that says the patient died",
            {"category": concept(_TEMPORARY, "freeFormMessage"), "valueString": "Withdrawn, the patient has died."},
        ),
        ("attachment that nobody reads", {"valueAttachment": {"contentType": "text/plain", "data": "SHVtaXJh"}}),
        ("supporting information that is a biologic", {"code": _HUMIRA}),
        ("supporting information that is a display", {"valueReference": {"display": "Letter: takes Humira"}}),
        (
            "days in a hospital as supporting information",
            {"category": concept(_TEMPORARY, "admissionDates"), "timingPeriod": _DAYS},
        ),
        (
            "hospital stay as supporting information",
            {
                "category": concept("http://terminology.hl7.org/CodeSystem/claiminformationcategory", "hospitalized"),
                "timingPeriod": _DAYS,
            },
        ),
    ],
    "Somebody has to read that.",
    _told,
)


def _beside(bundle: Json, resource: Json) -> None:
    who = patient_reference(bundle)
    add(bundle, {k: who if v == "PATIENT" else v for k, v in {"id": "beside", **resource}.items()})


def _service(code: Json, **more: Any) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": "PATIENT",
        "code": code,
        **more,
    }


def _plan(detail: Json) -> Json:
    activity = [{"detail": {"status": "in-progress", **detail}}]
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "subject": "PATIENT",
        "activity": activity,
    }


def _done(**more: Any) -> Json:
    return {"resourceType": "Procedure", "status": "in-progress", "subject": "PATIENT", **more}


TABLE.rows_of(
    [
        ("biologic ordered as a service in words", _service(_WORDS)),
        ("biologic ordered as a service by a small letter", _service(concept(HCPCS, "j1745"))),
        (
            "biologic ordered as a service by a display",
            _service(concept("http://snomed.info/sct", "1", "Infliximab infusion")),
        ),
        (
            "biologic ordered as the detail of a service",
            _service(concept("http://www.ama-assn.org/go/cpt", "96413"), orderDetail=[_INFLIXIMAB]),
        ),
        ("biologic given as a procedure in words", _done(code=_WORDS)),
        ("biologic used in a procedure", _done(code={"text": "Infusion"}, usedCode=[_INFLIXIMAB])),
        ("biologic planned by code", _plan({"code": _INFLIXIMAB})),
        ("biologic planned in words", _plan({"description": "Continue Humira"})),
        (
            "biologic ordered as a device",
            {
                "resourceType": "DeviceRequest",
                "status": "active",
                "intent": "order",
                "subject": "PATIENT",
                "codeCodeableConcept": _HUMIRA,
            },
        ),
        (
            "biologic in a group of requests",
            {
                "resourceType": "RequestGroup",
                "status": "active",
                "intent": "order",
                "subject": "PATIENT",
                "action": [{"title": "Infliximab", "code": [_INFLIXIMAB]}],
            },
        ),
        (
            "biologic on a list",
            {
                "resourceType": "List",
                "status": "current",
                "mode": "working",
                "subject": "PATIENT",
                "entry": [{"item": {"display": "adalimumab 40 mg every 2 weeks"}}],
            },
        ),
        (
            "biologic given as an immunization",
            {
                "resourceType": "Immunization",
                "status": "completed",
                "patient": "PATIENT",
                "vaccineCode": _HUMIRA,
                "occurrenceString": "yesterday",
            },
        ),
        (
            "flag that says do not give it",
            {
                "resourceType": "Flag",
                "status": "active",
                "subject": "PATIENT",
                "code": {"text": "Do not give Kineret"},
            },
        ),
        (
            "issue of high severity",
            {
                "resourceType": "DetectedIssue",
                "status": "final",
                "severity": "high",
                "patient": "PATIENT",
                "code": {"text": "Interaction with adalimumab"},
            },
        ),
        (
            "message that takes the request back",
            {
                "resourceType": "Communication",
                "status": "completed",
                "subject": "PATIENT",
                "payload": [{"contentString": "We take this request back"}],
            },
        ),
        (
            "encounter in which the patient died",
            {
                "resourceType": "Encounter",
                "status": "finished",
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
                "subject": "PATIENT",
                "hospitalization": {
                    "dischargeDisposition": concept(
                        "http://terminology.hl7.org/CodeSystem/discharge-disposition", "exp", "Expired"
                    )
                },
            },
        ),
    ],
    "It is in what was sent, and it speaks against it.",
    _beside,
)


@TABLE.row("The plan has paid for adalimumab lately.")
def biologic_in_a_claim_that_was_paid(bundle: Json) -> None:
    day = claim(bundle)["created"][:10]
    paid = {
        "resourceType": "ExplanationOfBenefit",
        "status": "active",
        "type": concept("http://terminology.hl7.org/CodeSystem/claim-type", "pharmacy"),
        "use": "claim",
        "patient": "PATIENT",
        "created": day,
        "insurer": claim(bundle)["insurer"],
        "provider": claim(bundle)["provider"],
        "outcome": "complete",
        "insurance": [{"focal": True, "coverage": claim(bundle)["insurance"][0]["coverage"]}],
        "item": [{"sequence": 1, "productOrService": _HUMIRA, "servicedDate": day}],
    }
    _beside(bundle, paid)


@TABLE.row("The plan has denied it already.")
def denial_that_came_along(bundle: Json) -> None:
    denied = {
        "resourceType": "ClaimResponse",
        "id": "denied",
        "status": "active",
        "type": claim(bundle)["type"],
        "use": "preauthorization",
        "patient": patient_reference(bundle),
        "created": claim(bundle)["created"][:10],
        "insurer": claim(bundle)["insurer"],
        "outcome": "complete",
        "disposition": "Denied",
    }
    claim(bundle)["insurance"][0]["claimResponse"] = {"reference": add(bundle, denied)}


@TABLE.row("The prescription that the claim names was cancelled.", fits=with_order)
def prescription_of_the_claim_that_was_cancelled(bundle: Json) -> None:
    made = an_order(bundle, dict(order(bundle)["medicationCodeableConcept"]), "prescription", status="cancelled")
    claim(bundle)["prescription"] = {"reference": add(bundle, made)}


TABLE.rows_of(
    [(f"{name} that did not come along", name) for name in ("prescription", "originalPrescription", "referral")],
    "It rests on what did not come along.",
    lambda bundle, name: claim(bundle).update({name: {"reference": "MedicationRequest/gone"}}),
)


@TABLE.row("At home, during a stay in the hospital?")
def encounter_of_an_inpatient(bundle: Json) -> None:
    stay = {
        "resourceType": "Encounter",
        "id": "stay",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": patient_reference(bundle),
    }
    item(bundle)["encounter"] = [{"reference": add(bundle, stay)}]


def _marked(bundle: Json, more: Json) -> None:
    entry = next(e for e in bundle["entry"] if e["resource"] is order(bundle))
    entry.update(more)


TABLE.rows_of(
    [
        ("order that the bundle could not find", {"response": {"status": "404"}}),
        ("order that the bundle gives as an outcome", {"search": {"mode": "outcome"}}),
    ],
    "Such an entry is not part of a request.",
    _marked,
    fits=with_order,
)


@TABLE.row("The rest of it is on another page.")
def bundle_that_goes_on_elsewhere(bundle: Json) -> None:
    bundle["link"] = [{"relation": "next", "url": "https://clinic.example.com/fhir?page=2"}]


@TABLE.row("The order's record was made void.", fits=with_order)
def order_that_a_provenance_nullifies(bundle: Json) -> None:
    void = {
        "resourceType": "Provenance",
        "id": "void",
        "target": [{"reference": url_of(bundle, order(bundle))}],
        "recorded": claim(bundle)["created"][:10] + "T00:00:00Z",
        "activity": concept("http://terminology.hl7.org/CodeSystem/v3-DataOperation", "NULLIFY"),
        "agent": [{"who": {"display": "Clinic"}}],
    }
    add(bundle, void)
