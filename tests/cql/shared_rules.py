"""A small record for the rules of cql/shared, and what they say of it."""

import base64
from collections.abc import Mapping
from datetime import date
from typing import Any

from server.cql.engine import CqlEngine
from server.fhir.read import Resource

TODAY = date(2026, 12, 1)
PARAMETERS: Mapping[str, Any] = {
    "Received Date": TODAY,
    "Request Date": TODAY,
    "Service Date": date(2027, 2, 1),
    "Adult Age": 18,
    "Oldest Age": 120,
    "Weight Days": 90,
    "Least Weight": 1.0,
    "Most Weight": 300.0,
    "Dialysis Days": 90,
    "Consultation Days": 365,
    "Document Days": 365,
    "Least Document Bytes": 20,
    "Least Picture Bytes": 1000,
    "Answer Days": 180,
    "Clock Days": 1,
    "Claim Days": 90,
    "Order Days": 365,
    "Service Days Back": 90,
    "Service Days Ahead": 180,
    "Most Units": 1000,
}
HOSPITAL, OFFICE, SKILLED_NURSING = "22", "11", "31"
PLACES = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-"


def text(words: str) -> str:
    """Words as the data of an attachment."""
    return base64.b64encode(words.encode()).decode()


NOTE = text("Seen in clinic; the history is described here.")


def concept(system: str, *codes: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} for code in codes]}


def icd(*codes: str) -> dict[str, Any]:
    return concept("http://hl7.org/fhir/sid/icd-10-cm", *codes)


def specialty(code: str) -> list[dict[str, Any]]:
    return [concept("http://nucc.org/provider-taxonomy", code)]


RHEUMATOLOGY, FAMILY_MEDICINE = specialty("207RR0500X"), specialty("207Q00000X")


def item(place: str = OFFICE, **changes: Any) -> dict[str, Any]:
    order = {"url": f"{PAS}requestedService", "valueReference": {"reference": "MedicationRequest/order"}}
    return {"sequence": 1, "extension": [order], "locationCodeableConcept": concept(PLACES, place), **changes}


def claim(**changes: Any) -> Resource:
    team = {"provider": {"reference": "PractitionerRole/role"}, "role": concept("x12", "DK")}
    diagnosis = {"sequence": 1, "diagnosisCodeableConcept": icd("M05.79")}
    return {"resourceType": "Claim", "item": [item()], "careTeam": [team], "diagnosis": [diagnosis], **changes}


def order(**changes: Any) -> Resource:
    requester = {"reference": "Practitioner/prescriber"}
    good = {"status": "active", "intent": "order", "authoredOn": "2026-11-30", "requester": requester}
    return {"resourceType": "MedicationRequest", "id": "order", **good, **changes}


def role(**changes: Any) -> Resource:
    person = {"reference": "Practitioner/prescriber"}
    return {"resourceType": "PractitionerRole", "id": "role", "practitioner": person, **changes}


def condition(code: str = "M05.79", **changes: Any) -> Resource:
    return {"resourceType": "Condition", "id": "c", "code": icd(code), **changes}


def note(**changes: Any) -> Resource:
    content = [{"attachment": {"contentType": "text/plain", "data": NOTE}}]
    return {"resourceType": "DocumentReference", "id": "note", "status": "current", "content": content, **changes}


def answers(given: Mapping[str, Any], **changes: Any) -> Resource:
    """A response: strings are codes, `(key, value)` any other kind of value, a list several answers."""

    def answer(value: Any) -> dict[str, Any]:
        match value:
            case bool():
                return {"valueBoolean": value}
            case str():
                return {"valueCoding": {"code": value}}
            case (key, inner):
                return {key: inner}
        raise TypeError(value)

    items = [
        {"linkId": link, "answer": [answer(v) for v in (value if isinstance(value, list) else [value])]}
        for link, value in given.items()
    ]
    signed = {"author": {"reference": "Practitioner/prescriber"}, "authored": "2026-12-01T09:00:00Z"}
    return {"resourceType": "QuestionnaireResponse", "id": "form", "item": items, **signed, **changes}


def coverage(*codes: str, **changes: Any) -> Resource:
    kind = {"type": concept("https://nahdo.org/sopt", *codes)} if codes else {}
    return {"resourceType": "Coverage", "status": "active", **kind, **changes}


def say(engine: CqlEngine, *resources: Resource, **parameters: Any) -> dict[str, Any]:
    """What the rules say of the resources; a Patient, a Claim and an order are there unless they are among them."""
    sent = {r["resourceType"] for r in resources}
    spare: list[Resource] = [{"resourceType": "Patient", "birthDate": "1980-05-05"}, claim(), order()]
    every = [*resources, *(r for r in spare if r["resourceType"] not in sent)]
    entries = [{"resource": {"id": f"r{n}", **r}} for n, r in enumerate(every)]
    named = {name.replace("_", " "): value for name, value in parameters.items()}
    return engine.evaluate("SharedRules|1.0.0", {"entry": entries}, {**PARAMETERS, **named})
