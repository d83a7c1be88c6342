"""A PAS request and an inquiry that show every element the guide wants a server to read, of a sandbox member."""

from collections.abc import Iterable, Sequence

from server.fhir.codes import HCPCS, PAS, POS
from server.fhir.version import Version
from tests.conformance.inferno import pas_parties as p
from tests.conformance.inferno.pas_parties import Json, concept, extension, to, within

_TRACE = "urn:trnorg:9123456789"
_CLAIM_TYPE = "http://terminology.hl7.org/CodeSystem/claim-type"
_PRIORITY = "http://terminology.hl7.org/CodeSystem/processpriority"
_UNITS = {"value": 2, "unit": "Unit", "system": f"{p.X12}673", "code": "UN"}
_ORDER_OF = {(Version.V2_0, 1): 1, (Version.V2_0, 2): 1, (Version.V2_2, 1): 1, (Version.V2_2, 2): 2}
"""The order that an item asks for.

Under 2.0 both items ask for the first, which says nothing of coverage, and only the note names the second, which does:
the kit's validator loads the value sets of CRD 2.0.1 and the code system of CRD 2.2.1, so that no code of coverage
information passes in an order that it holds to the PAS profile.
"""


def submit_bundle(member: str, version: Version) -> Json:
    """An update of an earlier Claim, with everything that it refers to.

    The earlier one is enclosed under 2.2; a Bundle of 2.0 holds one Claim, and its profile names no earlier one.
    """
    claim, earlier = _update(version), [_prior()] if version is Version.V2_2 else []
    return _bundle("pas-request-bundle", "everything", [claim, *_surroundings(member, version), *earlier])


def inquiry_bundle(member: str, version: Version) -> Json:
    """An inquiry for the same request by its earlier numbers."""
    return _bundle("pas-inquiry-request-bundle", "inquiry", [_inquiry(version), *_parties(member, version)])


def _bundle(kind: str, name: str, resources: Iterable[Json]) -> Json:
    return {
        "resourceType": "Bundle",
        "id": name,
        "meta": p.profile(kind),
        "identifier": {"system": f"{p.EHR}/transaction-id", "value": name},
        "type": "collection",
        "timestamp": "2026-12-01T10:00:00+00:00",
        "entry": [{"fullUrl": p.url_of(r["resourceType"], r["id"]), "resource": r} for r in resources],
    }


def _parties(member: str, version: Version) -> list[Json]:
    return [
        p.person("patient", "beneficiary", member, version, given="Ada"),
        p.person("subscriber", "subscriber", f"{member}-SUBSCRIBER", version, given="Bea"),
        p.coverage(member),
        p.organization("payer", "insurer", "1999999992", "PR", "Vitruvian Demo Health Plan"),
        p.organization("practice", "requestor", "1234567893", "X3", "Sample Practice"),
        *p.practitioner(),
    ]


def _surroundings(member: str, version: Version) -> list[Json]:
    orders = [p.order(n, member, informed=version is Version.V2_2 or n != _ORDER_OF[version, n]) for n in (1, 2)]
    return [*_parties(member, version), p.encounter(), p.condition(), p.document(), *orders]


def _head(kind: str, name: str, version: Version) -> Json:
    """What a Claim of every kind says."""
    return {
        "resourceType": "Claim",
        "id": name,
        "meta": p.profile(kind),
        "extension": _header_extensions(version),
        "identifier": [_identifier(name, version)],
        "status": "active",
        "type": concept(_CLAIM_TYPE, "professional"),
        "use": "preauthorization",
        "patient": to("Patient", "patient"),
        "created": "2026-12-01",
        "insurer": to("Organization", "payer"),
        "provider": to("PractitionerRole", "role"),
        "priority": concept(_PRIORITY, "normal"),
        "careTeam": [_member(1, overall=True, role="DK"), _member(2, overall=False, role="SJ")],
        "supportingInfo": _events(),
        "diagnosis": [
            {
                "sequence": 1,
                "diagnosisCodeableConcept": concept(p.ICD_10, "M06.09"),
                "type": [concept(p.PAS_TEMP, "principal")],
            }
        ],
        "insurance": [{"sequence": 1, "focal": True, "coverage": to("Coverage", "coverage")}],
        "accident": {
            "date": "2026-11-01",
            "type": concept(f"{p.X12}1362", "OA"),
            "locationAddress": {"city": "Columbus", "state": "OH", "country": "US"},
        },
    }


def _header_extensions(version: Version) -> list[Json]:
    level = extension("levelOfServiceCode", "CodeableConcept", concept(f"{p.X12}1338", "U"))
    if version is Version.V2_0:
        return [level]
    return [
        within(
            "TransmissionIdentifiers",
            ("applicationSenderCode", "String", "SAMPLE-EHR"),
            ("applicationReceiverCode", "String", "VITRUVIAN"),
            ("interchangeSenderID", "String", "SAMPLE-0001"),
            ("interchangeReceiverID", "String", "VITRUVIAN-1"),
        ),
        level,
        within(
            "conditionCode",
            ("category", "CodeableConcept", concept(f"{p.X12}1136", "07")),
            ("indicator", "Boolean", True),
            ("code", "CodeableConcept", concept(f"{p.X12}1321", "01")),
        ),
        within(
            "homeHealthCareInformation",
            ("prognosis", "CodeableConcept", concept(f"{p.X12}923", "1")),
            ("date", "Date", "2027-02-01"),
        ),
        *_numbers(version),
    ]


def _numbers(version: Version) -> list[Json]:
    """Those of the request that is updated. Each version's inquiry finds its own, and nothing of the other's shape."""
    return [
        extension("authorizationNumber", "String", f"AUTH-BEFORE-{version}"),
        extension("administrationReferenceNumber", "String", f"ADMIN-BEFORE-{version}"),
    ]


def _certification(code: str = "I") -> Json:
    return extension("certificationType", "CodeableConcept", concept(f"{p.X12}1322", code))


def _identifier(name: str, version: Version) -> Json:
    identifier: Json = {"system": _TRACE, "value": name}
    if version is Version.V2_2:
        identifier["extension"] = [
            extension("identifierSubDepartment", "String", "Rheumatology"),
            extension("identifierJurisdiction", "CodeableConcept", concept("https://www.usps.com/", "OH")),
        ]
    return identifier


def _member(sequence: int, *, overall: bool, role: str) -> Json:
    return {
        "extension": [extension("careTeamClaimScope", "Boolean", overall)],
        "sequence": sequence,
        "provider": to("PractitionerRole", "role"),
        "role": concept(f"{p.X12}98", role),
        "qualification": concept(p.NUCC, "207RR0500X"),
    }


def _events() -> list[Json]:
    stay = {"start": "2027-02-01", "end": "2027-02-03"}
    timings: Sequence[tuple[str, Json]] = (
        ("patientEvent", {"timingPeriod": stay}),
        ("admissionDates", {"timingPeriod": stay}),
        ("dischargeDates", {"timingDate": stay["end"]}),
    )
    return [
        {"sequence": n, "category": concept(p.PAS_TEMP, kind), **timing} for n, (kind, timing) in enumerate(timings, 1)
    ]


def _papers(version: Version, *, changed: bool) -> list[Json]:
    """A document and a message; in an update, marked as added."""
    paper: Json = {
        "extension": [
            within("documentInformation", ("reportTypeCode", "CodeableConcept", concept(f"{p.X12}755", "M1")))
        ],
        "sequence": 4,
        "category": concept(p.PAS_TEMP, "additionalInformation"),
        "valueReference": to("DocumentReference", "note"),
    }
    message: Json = {
        "sequence": 5,
        "category": concept(p.PAS_TEMP, "freeFormMessage"),
        "valueString": "Started on samples of the maker.",
    }
    if version is Version.V2_0:
        del paper["extension"]
    elif changed:
        paper["extension"].append(extension("infoChanged", "Code", "added"))
        paper["modifierExtension"] = [_cancelled()]
    return [paper, message]


def _cancelled() -> Json:
    return {"url": f"{PAS}modifierextension-infoCancelled", "valueBoolean": False}


def _item(sequence: int, version: Version) -> Json:
    serviced = (
        {"servicedDate": "2027-02-01"}
        if sequence == 1
        else {"servicedPeriod": {"start": "2027-02-01", "end": "2027-04-30"}}
    )
    item: Json = {
        "extension": [
            extension("itemTraceNumber", "Identifier", {"system": _TRACE, "value": f"item-{sequence}"}),
            *_numbers(version),
            extension("serviceItemRequestType", "CodeableConcept", concept(f"{p.X12}1525", "HS")),
            _certification(),
        ],
        "sequence": sequence,
        "careTeamSequence": [1, 2],
        "diagnosisSequence": [1],
        "informationSequence": [1],
        "revenue": concept("https://www.nubc.org/CodeSystem/RevenueCodes", "0636"),
        "category": concept(f"{p.X12}1365", "1"),
        "productOrService": concept(HCPCS, "J3590"),
        "modifier": [concept(HCPCS, "JB")],
        **serviced,
        "locationCodeableConcept": concept(POS, "11"),
        "quantity": _UNITS,
    }
    if version is Version.V2_2:
        item["extension"].append(extension("productOrServiceCodeEnd", "CodeableConcept", concept(HCPCS, "J3590")))
    return item


def _requested(sequence: int, version: Version, *, changed: bool) -> Json:
    """An item of a request: what an inquiry does not carry."""
    item = _item(sequence, version)
    item["extension"] += [
        extension("epsdtIndicator", "Boolean", content=False),
        extension("nursingHomeResidentialStatus", "CodeableConcept", concept(f"{p.X12}1345", "2")),
        extension("nursingHomeLevelOfCare", "CodeableConcept", concept(f"{p.X12}1337", "2")),
        extension("revenueUnitRateLimit", "Decimal", 100.5),
        extension("requestedService", "Reference", to("MedicationRequest", f"order-{_ORDER_OF[version, sequence]}")),
    ]
    if changed and version is Version.V2_2:
        item["extension"].append(extension("infoChanged", "Code", "changed"))
        item["modifierExtension"] = [_cancelled()]
    return item | {"informationSequence": [1, 2, 3, 4, 5], "unitPrice": {"value": 100.5, "currency": "USD"}}


def _claim(kind: str, name: str, version: Version, *, changed: bool) -> Json:
    claim = _head(kind, name, version)
    claim["extension"].append(
        {
            "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Claim.encounter",
            "valueReference": to("Encounter", "encounter"),
        }
    )
    claim["supportingInfo"] += _papers(version, changed=changed)
    claim["diagnosis"][0]["extension"] = [extension("diagnosisRecordedDate", "Date", "2026-03-01")]
    claim["item"] = [_requested(n, version, changed=changed) for n in (1, 2)]
    return claim


def _update(version: Version) -> Json:
    claim = _claim("claim-update", "update", version, changed=True)
    if version is Version.V2_2:
        claim["extension"].append(_certification("4"))
        relationship = concept("http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship", "prior")
        claim["related"] = [{"claim": to("Claim", "prior"), "relationship": relationship}]
    return claim


def _prior() -> Json:
    return _claim("claim", "prior", Version.V2_2, changed=False)


def _inquiry(version: Version) -> Json:
    claim = _head("claim-inquiry", "inquiry", version)
    claim["extension"].append(_certification())
    claim["billablePeriod"] = {"start": "2027-01-01", "end": "2027-12-31"}
    claim["item"] = [_item(n, version) for n in (1, 2)]
    for item in claim["item"]:
        item["extension"] += [
            extension("itemCertificationIssueDate", "Date", "2026-12-01"),
            extension("itemCertificationExpirationDate", "Date", "2027-12-31"),
            extension("itemCertificationEffectiveDate", "Date", "2027-02-01"),
            extension("reviewActionCode", "CodeableConcept", concept(f"{p.X12}306", "A1")),
        ]
    return claim
