"""Made-up PAS requests, a made-up policy, and an engine that says what a test wants. Nobody in them is real."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from server.cql.model import CqlLibrary
from server.fhir.codes import HCPCS, NPI, PAS
from server.fhir.read import BundleIndex, Coding, Resource
from server.fhir.version import Version
from server.pas.request.facts import AuthorizationRequest, Rejection, RequestedItem
from server.pas.submit import Submit
from server.policy.model import Criterion, Edition, Form, Reviewer, State, Validity
from server.policy.plan import MemberStatus, Plan
from server.store.ports import Transaction

Json = dict[str, Any]

EHR = "https://ehr.example.org/fhir"
BASE_URL = "https://payer.example.org"
CLINIC, PRESCRIBER, SURGEON, STRANGER = "1888888884", "1000000012", "1000000020", "1777777773"
MEMBER = "M-1"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SERVICE_DAY = date(2027, 1, 15)

PLAN = Plan(
    name="Example Plan",
    payer_id="EXAMPLE",
    payer_id_system="https://payer.example.org/payer-id",
    npi="1999999992",
    phone="+1-555-0100",
    address={},
    unlisted_members=MemberStatus.ACTIVE,
    members={},
    clients=frozenset({CLINIC}),
    catalogue=(),
)

CRITERIA = ("CODE", "DOSE", "PLACE")

EDITION = Edition(
    policy_id="example-123",
    policy_uri="https://payer.example.org/policy/123",
    version="2026-01-01",
    effective=date(2026, 1, 1),
    library=CqlLibrary("Example123", "1", "", "", ""),
    libraries=(),
    value_sets=(),
    form=Form("https://payer.example.org/Questionnaire/form", "1.0.0", {}),
    validity=(Validity("Always", 180),),
    criteria=tuple(
        Criterion(
            id=name,
            define=name,
            sentence=f"The {name.lower()} fits the order.",
            citation=f"Section {n}",
            when_unmet=Reviewer.MEDICAL_DIRECTOR if name == "PLACE" else Reviewer.PHYSICIAN,
            states=tuple(State),
            remedies={s: f"Send what shows the {name.lower()}." for s in (State.UNMET, State.UNKNOWN, State.REVIEW)},
            review=f"{name} Review",
            evidence=f"{name} Evidence",
        )
        for n, name in enumerate(CRITERIA, 1)
    ),
)

States = Mapping[str, State]
MET: States = dict.fromkeys(CRITERIA, State.MET)


class SayingEngine:
    """Gives the states that a test wants, by the item's sequence; all met where the test says nothing."""

    name = "test engine"

    def __init__(self, states: Mapping[int, States] | None = None) -> None:
        self.states = states or {}
        self.evaluations = 0

    def evaluate(  # the port's signature; what it says depends on the item alone
        self,
        library: str,  # noqa: ARG002
        bundle: Resource,  # noqa: ARG002
        parameters: Mapping[str, Any],
    ) -> dict[str, Any]:
        self.evaluations += 1
        results: dict[str, Any] = {"Always": True}
        for name, state in {**MET, **self.states.get(parameters["Item Sequence"], {})}.items():
            results[name] = {State.MET: True, State.UNMET: False}.get(state)
            results[f"{name} Review"] = state is State.REVIEW
            results[f"{name} Evidence"] = (
                []
                if state is State.UNKNOWN
                else [
                    {"ref": "MedicationRequest/order-1", "said": f"the order names the {name.lower()}"},
                    {"ref": "QuestionnaireResponse/answers#dose", "said": "100 mg"},
                ]
            )
        return results


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


def a_bundle(*items: Json, claim: Mapping[str, Any] | None = None, serial: str = "1") -> Json:
    """A PAS request Bundle whose references are relative, as EHRs send them, with a surgeon who renders the items."""
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
    orders = [_order(item["sequence"]) for item in items]
    resources = [{**head, **(claim or {})}, *orders, *_people(), *_organizations()]
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{PAS}profile-pas-request-bundle"]},
        "identifier": {"system": f"{EHR}/transaction-id", "value": f"request-{serial}"},
        "type": "collection",
        "timestamp": "2026-11-23T09:00:00+00:00",
        "entry": [{"fullUrl": f"{EHR}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources],
    }


def a_request(
    bundle: Json | None = None,
    *,
    version: Version = Version.V2_2,
    edition: Edition | None = EDITION,
    rejections: Sequence[Rejection] = (),
    content: str = "content",
) -> AuthorizationRequest:
    """The request as `intake.read_submit` reads it, without asking a policy library."""
    bundle = bundle or a_bundle()
    index = BundleIndex(bundle)
    by_id = {r["id"]: r for _, _, r in index.entries}
    claim = index.entries[0][2]
    return AuthorizationRequest(
        version=version,
        bundle=bundle,
        index=index,
        identifier=bundle.get("identifier"),
        transaction=Transaction(CLINIC, str(bundle.get("identifier")), content),
        claim=claim,
        claim_url=index.full_url(claim),
        identifiers=tuple(claim.get("identifier", ())),
        patient=by_id["patient"],
        coverage=by_id["coverage"],
        insurer=by_id["payer"],
        requester=by_id["clinic"],
        organization=by_id["clinic"],
        member_ids=(MEMBER,),
        payer_ids=(PLAN.payer_id,),
        requester_npis=(CLINIC,),
        npis=(CLINIC, PRESCRIBER, SURGEON),
        created=NOW.date(),
        items=tuple(_read_item(item, by_id, edition) for item in claim["item"]),
        rejections=tuple(rejections),
    )


def a_submit(store: Any, engine: SayingEngine | None = None, *, plan: Plan = PLAN) -> Submit:
    """The operation with a clock that stands still, and ids and numbers that count."""
    serial = itertools.count(1)
    return Submit(
        store=store,
        plan=plan,
        engine=engine or SayingEngine(),
        clock=lambda: NOW,
        new_id=lambda: f"00000000-0000-4000-8000-{next(serial):012}",
        new_number=lambda prefix: f"{prefix}{next(serial):010}",
        base_url=BASE_URL,
    )


def _read_item(raw: Json, by_id: Mapping[str, Json], edition: Edition | None) -> RequestedItem:
    traces = (e["valueIdentifier"] for e in raw.get("extension", ()) if e["url"].endswith("itemTraceNumber"))
    return RequestedItem(
        sequence=raw["sequence"],
        raw=raw,
        trace=tuple(traces),
        service=(SERVICE_DAY, SERVICE_DAY),
        codes=(Coding(HCPCS, "J3590"),),
        order=by_id[f"order-{raw['sequence']}"],
        previous_numbers=(),
        policy=None,
        edition=edition,
    )


def _extension(name: str, type_: str, content: Any) -> Json:
    return {"url": f"{PAS}extension-{name}", f"value{type_}": content}


def _concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def _identifier(value: str, system: str = NPI) -> Json:
    return {"system": system, "value": value}


def _order(sequence: int) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": f"order-{sequence}",
        "meta": {"profile": [f"{PAS}profile-medicationrequest"]},
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": _concept("http://www.nlm.nih.gov/research/umls/rxnorm", "1"),
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
            ("payer", PLAN.npi, "insurer", "PR", PLAN.name),
        )
    ]
