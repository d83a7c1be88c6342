"""The people, places and papers of a PAS request that shows every element: made up, and built from small blocks."""

from typing import Any

from server.fhir.codes import COVERAGE_INFORMATION, NPI, PAS
from server.fhir.version import Version

Json = dict[str, Any]

EHR = "https://clinic.example.com/fhir"
X12 = "https://codesystem.x12.org/005010/"
PAS_TEMP = "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes"
ICD_10 = "http://hl7.org/fhir/sid/icd-10-cm"
NUCC = "http://nucc.org/provider-taxonomy"
_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
_ADDRESS = {
    "line": ["2 Sample Road"],
    "city": "Columbus",
    "district": "Franklin",
    "state": "OH",
    "postalCode": "43004",
    "country": "US",
}


def concept(system: str, code: str, display: str = "") -> Json:
    coding = {"system": system, "code": code}
    return {"coding": [coding | ({"display": display} if display else {})]}


def extension(name: str, kind: str, content: Any) -> Json:
    return {"url": f"{PAS}extension-{name}", f"value{kind}": content}


def within(name: str, *parts: tuple[str, str, Any]) -> Json:
    """An extension of extensions: (url, type, value) each."""
    return {
        "url": f"{PAS}extension-{name}",
        "extension": [{"url": url, f"value{kind}": content} for url, kind, content in parts],
    }


def url_of(kind: str, name: str) -> str:
    return f"{EHR}/{kind}/{name}"


def to(kind: str, name: str) -> Json:
    return {"reference": url_of(kind, name)}


def profile(name: str) -> Json:
    return {"profile": [f"{PAS}profile-{name}"]}


def phone(last: str, **more: str) -> Json:
    return {"system": "phone", "value": f"+1-555-{last}", **more}


def member_number(member: str) -> Json:
    return {
        "type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MB"),
        "system": "http://vitruvian.example/member-id",
        "value": member,
    }


def person(name: str, kind: str, member: str, version: Version, *, given: str) -> Json:
    """A Patient: the beneficiary, or the subscriber whose policy covers them."""
    address = {**_ADDRESS, "period": {"start": "2015-01-01"}} if version is Version.V2_0 else _ADDRESS
    patient: Json = {
        "resourceType": "Patient",
        "id": name,
        "meta": profile(kind),
        "identifier": [member_number(member)],
        "name": [{"family": "Sample", "given": [given], "prefix": ["Ms."], "suffix": ["Jr."]}],
        "telecom": [phone("0130", use="home")],
        "gender": "female",
        "birthDate": "1971-06-14",
        "address": [address],
        "multipleBirthInteger": 1,
        "communication": [{"language": concept("urn:ietf:bcp:47", "en")}],
    }
    if version is Version.V2_0:
        patient["extension"] = _demography()
    return patient


def _demography() -> list[Json]:
    omb = "urn:oid:2.16.840.1.113883.6.238"

    def of(name: str, code: str, display: str) -> Json:
        coding = {"system": omb, "code": code, "display": display}
        parts = [{"url": "ombCategory", "valueCoding": coding}, {"url": "text", "valueString": display}]
        return {"url": f"{_US_CORE}us-core-{name}", "extension": parts}

    return [
        of("race", "2106-3", "White"),
        of("ethnicity", "2186-5", "Not Hispanic or Latino"),
        {"url": f"{_US_CORE}us-core-birthsex", "valueCode": "F"},
    ]


def coverage(member: str) -> Json:
    def group(kind: str, value: str, name: str) -> Json:
        kinds = "http://terminology.hl7.org/CodeSystem/coverage-class"
        return {"type": concept(kinds, kind), "value": value, "name": name}

    return {
        "resourceType": "Coverage",
        "id": "coverage",
        "meta": profile("coverage"),
        "identifier": [member_number(member)],
        "status": "active",
        "type": concept("https://nahdo.org/sopt", "52"),
        "subscriber": to("Patient", "subscriber"),
        "subscriberId": member,
        "beneficiary": to("Patient", "patient"),
        "relationship": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/subscriber-relationship", "code": "child"},
                {"system": f"{X12}1069", "code": "19"},
            ]
        },
        "period": {"start": "2026-01-01", "end": "2027-12-31"},
        "payor": [to("Organization", "payer")],
        "class": [group("group", "G-100", "Sample Employer"), group("plan", "P-1", "Vitruvian Demo Health Plan")],
    }


def organization(name: str, kind: str, npi: str, entity: str, title: str) -> Json:
    payer_id = {
        "type": concept("http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType", "payerid"),
        "system": "http://vitruvian.example/payer-id",
        "value": "VITRUVIAN-DEMO" if kind == "insurer" else "SAMPLE-PRACTICE",
    }
    return {
        "resourceType": "Organization",
        "id": name,
        "meta": profile(kind),
        "identifier": [
            {"system": NPI, "value": npi},
            {"system": "http://terminology.hl7.org/NamingSystem/USEIN", "value": "123456789"},
            payer_id,
        ],
        "active": True,
        "type": [concept(f"{X12}98", entity)],
        "name": title,
        "telecom": [phone("0100")],
        "address": [_ADDRESS],
        "contact": [{"name": {"family": "Sample", "given": ["Kim"]}, "telecom": [phone("0101")]}],
    }


def practitioner() -> list[Json]:
    """The prescriber: Practitioner, PractitionerRole, and where and how the role is found."""
    return [
        {
            "resourceType": "PractitionerRole",
            "id": "role",
            "meta": profile("practitionerrole"),
            "practitioner": to("Practitioner", "prescriber"),
            "organization": to("Organization", "practice"),
            "code": [concept(NUCC, "207RR0500X", "Rheumatology Physician")],
            "specialty": [concept(NUCC, "207RR0500X", "Rheumatology Physician")],
            "location": [to("Location", "office")],
            "telecom": [phone("0121")],
            "endpoint": [to("Endpoint", "mail")],
        },
        {
            "resourceType": "Practitioner",
            "id": "prescriber",
            "meta": profile("practitioner"),
            "identifier": [{"system": NPI, "value": "1245319599"}],
            "name": [{"family": "Sample", "given": ["Robin"]}],
            "telecom": [phone("0122")],
            "address": [_ADDRESS],
        },
        {
            "resourceType": "Location",
            "id": "office",
            "status": "active",
            "name": "Sample Practice",
            "telecom": [phone("0120")],
            "address": _ADDRESS,
            "managingOrganization": to("Organization", "practice"),
        },
        {
            "resourceType": "Endpoint",
            "id": "mail",
            "status": "active",
            "connectionType": {
                "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
                "code": "direct-project",
            },
            "payloadType": [{"text": "Letters"}],
            "address": "mailto:practice@direct.example.com",
        },
    ]


def condition() -> Json:
    terms = "http://terminology.hl7.org/CodeSystem/"
    return {
        "resourceType": "Condition",
        "id": "condition",
        "clinicalStatus": concept(f"{terms}condition-clinical", "active"),
        "verificationStatus": concept(f"{terms}condition-ver-status", "confirmed"),
        "category": [concept(f"{terms}condition-category", "problem-list-item")],
        "code": concept(ICD_10, "M06.09"),
        "subject": to("Patient", "patient"),
    }


def encounter() -> Json:
    terms = "http://terminology.hl7.org/CodeSystem/"
    return {
        "resourceType": "Encounter",
        "id": "encounter",
        "meta": {**profile("encounter"), "lastUpdated": "2026-12-01T09:00:00Z"},
        "extension": [
            extension("patientStatus", "CodeableConcept", concept(f"{X12}1352", "01")),
            extension("nursingHomeResidentialStatus", "CodeableConcept", concept(f"{X12}1345", "2")),
        ],
        "identifier": [{"system": f"{EHR}/encounter-id", "value": "E-1"}],
        "status": "planned",
        "class": {"system": f"{terms}v3-ActCode", "code": "AMB"},
        "type": [concept(f"{X12}1315", "1")],
        "subject": to("Patient", "patient"),
        "participant": [
            {
                "type": [concept(f"{terms}v3-ParticipationType", "ATND")],
                "period": {"start": "2027-02-01"},
                "individual": to("Practitioner", "prescriber"),
            }
        ],
        "period": {"start": "2027-02-01", "end": "2027-02-03"},
        "reasonCode": [concept(ICD_10, "M06.09")],
        "reasonReference": [to("Condition", "condition")],
        "hospitalization": {
            "admitSource": concept(f"{X12}1314", "1"),
            "dischargeDisposition": concept(f"{terms}discharge-disposition", "home"),
        },
        "location": [{"location": to("Location", "office")}],
        "serviceProvider": to("Organization", "practice"),
    }


def order(number: int, member: str, *, informed: bool) -> Json:
    """A drug order; the first is the prescriber's own, the second was reported by them. informed: by order-sign."""
    reported: Json = (
        {"reportedBoolean": False} if number == 1 else {"reportedReference": to("Practitioner", "prescriber")}
    )
    quantity = {"value": 30, "unit": "syringe", "system": "http://unitsofmeasure.org", "code": "{syringe}"}
    return {
        "resourceType": "MedicationRequest",
        "id": f"order-{number}",
        "meta": profile("medicationrequest"),
        **({"extension": [_coverage_information(member)]} if informed else {}),
        "status": "active",
        "intent": "order",
        "category": [concept("http://terminology.hl7.org/CodeSystem/medicationrequest-category", "outpatient")],
        **reported,
        "medicationCodeableConcept": concept("http://www.nlm.nih.gov/research/umls/rxnorm", "727714"),
        "subject": to("Patient", "patient"),
        "encounter": to("Encounter", "encounter"),
        "authoredOn": "2026-12-01",
        "requester": to("Practitioner", "prescriber"),
        "dosageInstruction": [
            {
                "text": "100 mg a day",
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [
                    {
                        "doseQuantity": {
                            "value": 100,
                            "unit": "mg",
                            "system": "http://unitsofmeasure.org",
                            "code": "mg",
                        }
                    }
                ],
            }
        ],
        "dispenseRequest": {"numberOfRepeatsAllowed": 5, "quantity": quantity},
    }


def _coverage_information(member: str) -> Json:
    parts: list[Json] = [
        {"url": "coverage", "valueReference": to("Coverage", "coverage")},
        {"url": "covered", "valueCode": "covered"},
        {"url": "pa-needed", "valueCode": "auth-needed"},
        {"url": "date", "valueDate": "2026-12-01"},
        {"url": "coverage-assertion-id", "valueString": f"assertion-{member}"},
    ]
    return {"url": COVERAGE_INFORMATION, "extension": parts}


def document() -> Json:
    """What stands behind the additional information: a note of the last visit, about the second order."""
    return {
        "resourceType": "DocumentReference",
        "id": "note",
        "meta": profile("documentreference"),
        "identifier": [{"system": f"{EHR}/document-id", "value": "N-1"}],
        "status": "current",
        "type": concept("http://loinc.org", "34117-2"),
        "category": [
            concept("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note")
        ],
        "subject": to("Patient", "patient"),
        "date": "2026-12-01T09:00:00Z",
        "author": [to("Practitioner", "prescriber")],
        "context": {"related": [to("MedicationRequest", "order-2")]},
        "content": [{"attachment": {"contentType": "text/plain", "data": "QSBub3RlLg=="}}],
    }
