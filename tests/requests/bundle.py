"""Made-up PAS request Bundles, as an EHR sends them. Nobody in them is real."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date
from typing import Any

from server.fhir.codes import DTR, HCPCS, NPI, PAS
from server.fhir.read import Resource
from tests.policies import DRUG, FORM_URL

Json = dict[str, Any]

EHR = "https://ehr.example.org/fhir"
CLINIC, PRESCRIBER, SURGEON, STRANGER = "1888888884", "1000000012", "1000000020", "1777777773"
PAYER = "1999999992"
MEMBER = "M-1"
SERVICE_DAY = date(2027, 1, 15)
NO_POLICYS_DRUG = DRUG.replace("9990001", "4711")
CLAIM = "Bundle.entry[0].resource"


def an_item(sequence: int = 1, **changes: Any) -> Json:
    item = {
        "extension": [
            _extension("itemTraceNumber", "Identifier", {"system": "urn:trnorg:9012345678", "value": f"T{sequence}"}),
            _extension(
                "serviceItemRequestType", "CodeableConcept", _concept("https://codesystem.x12.org/005010/1525", "HS")
            ),
            _extension("certificationType", "CodeableConcept", _concept("https://codesystem.x12.org/005010/1322", "I")),
            _extension("requestedService", "Reference", {"reference": f"MedicationRequest/order-{sequence}"}),
        ],
        "sequence": sequence,
        "careTeamSequence": [1, 2],
        "category": _concept("https://codesystem.x12.org/005010/1365", "1"),
        "productOrService": _concept(HCPCS, "J3590"),
        "servicedDate": SERVICE_DAY.isoformat(),
        "locationCodeableConcept": _concept(
            "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set", "12"
        ),
    }
    return {**item, **changes}


def item_without(*elements: str, **changes: Any) -> Json:
    return {k: v for k, v in an_item(**changes).items() if k not in elements}


def a_bundle(
    *items: Json,
    extra: tuple[Resource, ...] = (),
    claim: Mapping[str, Any] | None = None,
    serial: str = "1",
    drug: str | Sequence[str] = DRUG,
) -> Json:
    """A request whose references are relative, as EHRs send them, with a surgeon who renders the items.

    claim: changes of the Claim. extra: further entries, after the usual nine. serial: tells transactions apart.
    drug: what each order names, as `system|code`; of several, each order its own.
    """
    items = items or (an_item(),)
    head: Json = {
        "resourceType": "Claim",
        "id": "claim",
        "meta": {"profile": [f"{PAS}profile-claim"]},
        "identifier": [{"system": "urn:trnorg:9012345678", "value": f"claim-{serial}"}],
        "status": "active",
        "type": _concept("http://terminology.hl7.org/CodeSystem/claim-type", "professional"),
        "use": "preauthorization",
        "patient": {"reference": "Patient/patient"},
        "created": "2026-11-23T09:00:00+00:00",
        "insurer": {"reference": "Organization/payer"},
        "provider": {"reference": "Organization/clinic"},
        "priority": _concept("http://terminology.hl7.org/CodeSystem/processpriority", "normal"),
        "careTeam": [
            {
                "sequence": 1,
                "provider": {"reference": "PractitionerRole/prescriber-role"},
                "role": _concept("https://codesystem.x12.org/005010/98", "DK"),
            },
            {
                "sequence": 2,
                "provider": {"reference": "Practitioner/surgeon"},
                "role": _concept("https://codesystem.x12.org/005010/98", "SJ"),
            },
        ],
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/coverage"}}],
        "item": list(items),
    }
    drugs = [drug] * len(items) if isinstance(drug, str) else drug
    orders = [_order(item["sequence"], named) for item, named in zip(items, drugs, strict=False)]
    entries = [{**head, **(claim or {})}, *orders, *_people(), *_organizations(), *extra]
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{PAS}profile-pas-request-bundle"]},
        "identifier": {"system": f"{EHR}/transaction-id", "value": f"request-{serial}"},
        "type": "collection",
        "timestamp": "2026-11-23T09:00:00+00:00",
        "entry": [{"fullUrl": f"{EHR}/{r['resourceType']}/{r['id']}", "resource": deepcopy(r)} for r in entries],
    }


def answers(id_: str = "answers", *, order: int | None = 1, **changes: Any) -> Json:
    """A response to the form of world.EDITION, tied to an order by qr-context."""
    response: Json = {
        "resourceType": "QuestionnaireResponse",
        "id": id_,
        "questionnaire": f"{FORM_URL}|2.0.0",
        "status": "completed",
        "subject": {"reference": "Patient/patient"},
        "authored": "2026-11-20",
        "item": [
            {"linkId": "indication", "answer": [{"valueString": "a reason"}]},
            {"linkId": "kind", "answer": [{"valueCoding": {"code": "new"}}]},
        ],
    }
    if order is not None:
        context = {"url": f"{DTR}qr-context", "valueReference": {"reference": f"MedicationRequest/order-{order}"}}
        response["extension"] = [context]
    return {**response, **changes}


def claim_of(bundle: Json) -> Json:
    found: Json = bundle["entry"][0]["resource"]
    return found


def item_changed(bundle: Json, **changes: Any) -> Json:
    """The same bundle, with other elements in its first item."""
    claim_of(bundle)["item"][0].update(changes)
    return bundle


def resources(bundle: Json, kind: str) -> list[Json]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def _extension(name: str, type_: str, content: Any) -> Json:
    return {"url": f"{PAS}extension-{name}", f"value{type_}": content}


def _concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def _identifier(value: str, system: str = NPI) -> Json:
    return {"system": system, "value": value}


def _order(sequence: int, drug: str) -> Json:
    system, _, code = drug.rpartition("|")
    return {
        "resourceType": "MedicationRequest",
        "id": f"order-{sequence}",
        "meta": {"profile": [f"{PAS}profile-medicationrequest"]},
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": _concept(system, code),
        "subject": {"reference": "Patient/patient"},
        "requester": {"reference": "Practitioner/prescriber"},
    }


def _people() -> list[Json]:
    member = {
        "type": _concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MB"),
        **_identifier(MEMBER, "https://payer.example.org/member-id"),
    }
    people = [
        {
            "resourceType": "Practitioner",
            "id": id_,
            "meta": {"profile": [f"{PAS}profile-practitioner"]},
            "identifier": [_identifier(npi)],
            "name": [{"family": id_.capitalize(), "given": ["Alex"]}],
        }
        for id_, npi in (("prescriber", PRESCRIBER), ("surgeon", SURGEON))
    ]
    return [
        {
            "resourceType": "Patient",
            "id": "patient",
            "meta": {"profile": [f"{PAS}profile-beneficiary"]},
            "identifier": [member],
            "name": [{"family": "Sample", "given": ["Sam"]}],
            "gender": "female",
            "birthDate": "1980-01-01",
            "generalPractitioner": [{"reference": "PractitionerRole/prescriber-role"}],
        },
        {
            "resourceType": "Coverage",
            "id": "coverage",
            "meta": {"profile": [f"{PAS}profile-coverage"]},
            "identifier": [member],
            "status": "active",
            "beneficiary": {"reference": "Patient/patient"},
            "payor": [{"reference": "Organization/payer"}],
        },
        {
            "resourceType": "PractitionerRole",
            "id": "prescriber-role",
            "meta": {"profile": [f"{PAS}profile-practitionerrole"]},
            "practitioner": {"reference": "Practitioner/prescriber"},
            "organization": {"reference": "Organization/clinic"},
            "telecom": [{"system": "phone", "value": "+1-555-0111"}],
        },
        *people,
    ]


def _organizations() -> list[Json]:
    return [
        {
            "resourceType": "Organization",
            "id": id_,
            "meta": {"profile": [f"{PAS}profile-{profile}"]},
            "identifier": [_identifier(npi)],
            "active": True,
            "type": [_concept("https://codesystem.x12.org/005010/98", entity)],
            "name": name,
            "telecom": [{"system": "phone", "value": "+1-555-0110"}],
            "address": [{"line": ["1 Example Street"], "city": "Springfield", "state": "MA", "country": "US"}],
        }
        for id_, npi, profile, entity, name in (
            ("clinic", CLINIC, "requestor", "X3", "Example Clinic"),
            ("payer", PAYER, "insurer", "PR", "Example Plan"),
        )
    ]
