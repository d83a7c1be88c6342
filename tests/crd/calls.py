"""Calls of the CDS service over HTTP, against a made-up plan and policy, and what every answer must look like."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any, cast

import httpx
import orjson
from starlette.requests import Request
from starlette.responses import Response

from server.crd.routes import Crd
from server.decision.case import Case
from server.errors import VitruvianError
from server.fhir.codes import COVERAGE_INFORMATION, HCPCS, RXNORM
from server.fhir.version import Version
from server.outcomes import cds_error
from server.outgoing import Outgoing
from server.policy.library import PolicyLibrary
from server.policy.plan import CatalogueEntry, MemberStatus, Plan
from server.store.ports import ActiveAuthorization, Assertion
from server.world import World
from tests.crd.invariants import broken_invariants
from tests.mounted import mounted, send
from tests.policies import DRUG, a_library

Json = dict[str, Any]
TODAY = date(2026, 11, 23)
PAYER_ID = "EXAMPLE-PAYER"
BED, OXYGEN, NEVER = f"{HCPCS}|E0250", f"{HCPCS}|E0431", f"{HCPCS}|A9270"

PLAN = Plan(
    name="Example Plan",
    payer_id=PAYER_ID,
    payer_id_system="http://payer.example/id",
    npi="1999999992",
    phone="+1-555-0100",
    address={},
    unlisted_members=MemberStatus.ACTIVE,
    members={"W-NOBODY": MemberStatus.UNKNOWN, "W-LEFT": MemberStatus.INACTIVE, "W-TWICE": MemberStatus.SEVERAL},
    clients=frozenset(),
    catalogue=(
        CatalogueEntry(frozenset({BED}), "Beds", "covered", "no-auth", "No prior authorization is needed."),
        CatalogueEntry(frozenset({OXYGEN}), "Oxygen", "covered", "conditional", "Name the supplier.", ("performer",)),
        CatalogueEntry(frozenset({NEVER}), "Never", "not-covered", None, "The plan does not cover this."),
        CatalogueEntry(
            frozenset({f"{HCPCS}|J3590", f"{HCPCS}|J3490"}),
            "Unclassified drugs",
            "conditional",
            "conditional",
            "This code names no drug. Add its RxNorm or NDC code.",
            ("detail-code",),
            placeholder=True,
        ),
    ),
)


class Memory:
    """The part of the Store port that CRD uses, in memory."""

    def __init__(self, *authorizations: tuple[str, ActiveAuthorization]) -> None:
        self.assertions: dict[str, Assertion] = {}
        self.authorizations = authorizations
        self.cases: dict[str, Case] = {}
        self.commits = 0

    def remember(self, assertions: Sequence[Assertion]) -> None:
        self.commits += 1
        self.assertions.update({a.id: a for a in assertions})

    def assertion(self, assertion_id: str) -> Assertion | None:
        return self.assertions.get(assertion_id)

    def case(self, case_id: str) -> Case | None:
        return self.cases.get(case_id)

    def active_authorization(self, member_ids: Sequence[str], policy_id: str, on: date) -> ActiveAuthorization | None:
        return next(
            (
                a
                for member, a in self.authorizations
                if member in member_ids and a.policy_id == policy_id and a.period[0] <= on <= a.period[1]
            ),
            None,
        )


def a_world(store: Any, policies: PolicyLibrary | None = None, plan: Plan = PLAN) -> World:
    """The world of a CDS service: it needs no engine."""
    engine: Any = None
    return World(policies or a_library(), plan, store, engine, "http://payer", max_body_bytes=1_000_000)


class Ehr:
    """A client of the CDS service. on: the day it is. door: how the server reaches the FHIR server of the client."""

    def __init__(
        self, store: Any = None, policies: PolicyLibrary | None = None, plan: Plan = PLAN, door: Outgoing | None = None
    ) -> None:
        self.store = cast("Any", store or Memory())
        self.on = TODAY
        self.world = a_world(self.store, policies, plan)
        self.world = replace(self.world, clock=lambda: datetime.combine(self.on, time(9), UTC))
        self.app = mounted(Crd.of(self.world, door or Outgoing(plan.outgoing)), "crd")

    def post(self, body: Any, service: str = "crd-order-sign", media: str = "application/json") -> httpx.Response:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.request("POST", f"/cds-services/{service}", raw, media)

    def request(self, method: str, path: str, raw: bytes = b"", media: str = "application/json") -> httpx.Response:
        """One request in this process. A fault of the server is raised here, never a 500."""
        return send(self.app, method, f"http://payer{path}", content=raw, headers={"Content-Type": media})

    def call(self, body: Any, service: str = "crd-order-sign") -> Json:
        """The answer to a call, after checking everything that any answer must keep to."""
        answer = self.post(body, service)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        parsed = orjson.loads(body) if isinstance(body, bytes) else body
        new = (parsed.get("extension") or {}).get("davinci-crd.requestedVersion") == "2.2"
        check_answer(found, Version.V2_2 if new else Version.V2_0)
        return found

    def said(self, body: Any, service: str = "crd-order-sign") -> list[dict[str, list[Any]]]:
        """The children of our coverage-information on each updated order, by url."""
        answer = self.call(body, service)
        return [children(information(a["resource"])) for a in answer.get("systemActions", ())]


async def _error(_: Request, error: Exception) -> Response:
    assert isinstance(error, VitruvianError)
    return cds_error(error)


def information(order: Json, coverage: str = "") -> Json:
    """The one repetition of coverage-information for a coverage; the only one when none is named."""
    (found,) = (
        e
        for e in order["extension"]
        if e["url"] == COVERAGE_INFORMATION
        and any(c["url"] == "coverage" and c["valueReference"]["reference"].endswith(coverage) for c in e["extension"])
    )
    return dict(found)


def children(extension: Json) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for child in extension["extension"]:
        value = next((v for k, v in child.items() if k.startswith("value")), child.get("extension"))
        found.setdefault(child["url"], []).append(value)
    return found


def check_answer(answer: Json, version: Version) -> None:
    """CDS Hooks, CRDHooksResponseBase (crd C-53 to C-58, C-75 to C-77, C-80), and every invariant of the extension."""
    assert isinstance(answer["cards"], list)
    if version is Version.V2_0:
        assert isinstance(answer["systemActions"], list)
    else:
        assert answer.get("systemActions") != []
    for card in answer["cards"]:
        _check_card(card, version)
    for action in answer.get("systemActions", ()):
        assert action["type"] == "update"
        assert action["description"].strip()
        assert "resourceId" not in action
        ours = [e for e in action["resource"]["extension"] if e["url"] == COVERAGE_INFORMATION]
        assert ours
        for extension in ours:
            assert broken_invariants(extension, version) == []


def _check_card(card: Json, version: Version) -> None:
    uuid.UUID(card["uuid"])
    assert 0 < len(card["summary"]) < 140
    assert card["indicator"] in {"info", "warning", "critical"}
    assert card["detail"].strip()
    assert card["source"]["label"].strip()
    topic = card["source"]["topic"]
    temporary = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
    standard = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
    assert topic["system"] == (temporary if version is Version.V2_0 else standard)
    assert topic["code"] in {
        "claim",
        "guideline",
        "limits",
        "coverage-info",
        "therapy-alternatives-opt",
        "clinical-reminder",
    }
    for suggestion in card.get("suggestions", ()):
        assert card["selectionBehavior"] in {"any", "at-most-one"}
        uuid.UUID(suggestion["uuid"])
        assert all(a["description"] and "resourceId" not in a for a in suggestion["actions"])
    for link in card.get("links", [{"label": "x", "url": "https://x.example", "type": "absolute"}]):
        assert link["type"] == ("smart" if "appContext" in link else "absolute")
        assert link["label"]
        assert link["url"].startswith("http")
    (about,) = card["extension"]["davinci-crd.associated-resource"]
    assert isinstance(about, str if version is Version.V2_0 else dict)


def a_coding(token: str, **more: Any) -> Json:
    system, code = token.split("|")
    return {"system": system, "code": code, **more}


def an_order(*tokens: str, order_id: str = "rx-1", **more: Any) -> Json:
    """A draft MedicationRequest for these codes; for the policy's drug when none is given."""
    return {
        "resourceType": "MedicationRequest",
        "id": order_id,
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"coding": [a_coding(t) for t in tokens or (DRUG,)]},
        "subject": {"reference": "Patient/p-1"},
        "authoredOn": "2026-11-23",
        "requester": {"reference": "Practitioner/d-1"},
        **more,
    }


def a_service(*tokens: str, order_id: str = "sr-1", **more: Any) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": order_id,
        "status": "draft",
        "intent": "order",
        "code": {"coding": [a_coding(t) for t in tokens]},
        "subject": {"reference": "Patient/p-1"},
        **more,
    }


def a_coverage(coverage_id: str = "cov-1", member: str | None = "W-1", **more: Any) -> Json:
    coverage: Json = {
        "resourceType": "Coverage",
        "id": coverage_id,
        "status": "active",
        "beneficiary": {"reference": "Patient/p-1"},
        "payor": [{"reference": "Organization/payer"}],
        **more,
    }
    return coverage if member is None else {"subscriberId": member, **coverage}


def a_payer(value: str | None = PAYER_ID, org_id: str = "payer") -> Json:
    payer: Json = {"resourceType": "Organization", "id": org_id, "name": "A plan"}
    return payer if value is None else {**payer, "identifier": [{"system": "http://payer.example/id", "value": value}]}


def a_bundle(*resources: Json, kind: str = "searchset") -> Json:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [
            {"fullUrl": f"https://ehr.example/fhir/{r['resourceType']}/{r.get('id')}", "resource": r} for r in resources
        ],
    }


def a_call(
    *orders: Json,
    version: str | None = "2.2",
    hook: str = "order-sign",
    coverages: Sequence[Json] | None = None,
    prefetch: Json | None = None,
    configuration: Any = None,
    **context: Any,
) -> Json:
    """A request; one order for the policy's drug under one Coverage of ours unless something else is given."""
    extension: Json = {}
    if version is not None:
        extension["davinci-crd.requestedVersion"] = version
    if configuration is not None:
        extension["davinci-crd.configuration"] = configuration
    return {
        "hook": hook,
        "hookInstance": "0d1f6a34-52a5-4d5e-9a3b-6a0f4bb3d9c1",
        "context": {
            "userId": "Practitioner/d-1",
            "patientId": "p-1",
            "draftOrders": a_bundle(*(orders or (an_order(),)), kind="collection"),
            **context,
        },
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "p-1"},
            "coverage": a_bundle(*(coverages if coverages is not None else [a_coverage()])),
            "payers": a_bundle(a_payer()),
            **(prefetch or {}),
        },
        **({"extension": extension} if extension else {}),
    }


OTHER_DRUG = f"{RXNORM}|1234567"


def an_answered_order(ehr: Ehr, version: str | None, **more: Any) -> Json:
    """An order as the EHR keeps it after its first answer."""
    (action,) = ehr.call(a_call(version=version, **more))["systemActions"]
    return dict(action["resource"])
