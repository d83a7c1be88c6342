"""A made-up policy with a small form, and PAS requests that carry answers to it."""

from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import orjson

from server.fhir.codes import DTR
from server.fhir.version import Version
from server.pas.request.read import AuthorizationRequest, InquiryRequest, read_inquiry, read_submit
from server.policy.library import PolicyLibrary
from server.policy.plan import MemberStatus, Plan
from tests.pas_requests import EHR, PLAN, a_bundle
from tests.policies import DRUG, FORM_URL, a_form, a_library, a_policy, an_edition

Json = dict[str, Any]

LOCAL = "http://payer.example/fhir/CodeSystem/local"
CLAIM = "Bundle.entry[0].resource"

_QUESTIONS = [
    {"linkId": "indication", "type": "string"},
    {"linkId": "kind", "type": "choice", "answerOption": [{"valueCoding": {"system": LOCAL, "code": "new"}}]},
    {
        "linkId": "hidden",
        "type": "boolean",
        "enableWhen": [{"question": "indication", "operator": "exists", "answerBoolean": False}],
    },
]


def a_form_with(version: str) -> Any:
    questionnaire = {"resourceType": "Questionnaire", "url": FORM_URL, "version": version, "status": "active"}
    return a_form({**questionnaire, "item": _QUESTIONS})


NEW = an_edition(version="2026-06-01", effective=date(2026, 6, 1), form=a_form_with("2.0.0"))
OLD = an_edition(form=a_form_with("1.0.0"))
OTHER_FORM = "http://payer.example/fhir/Questionnaire/other"
OTHER = a_policy(
    id="other-456",
    placeholders=frozenset(),
    identified_by=frozenset({"http://www.nlm.nih.gov/research/umls/rxnorm|9990002"}),
    editions=(
        an_edition(
            policy_id="other-456",
            form=a_form({**a_form_with("1.0.0").questionnaire, "url": OTHER_FORM}),
        ),
    ),
)
LIBRARY = a_library(a_policy(editions=(NEW, OLD)), OTHER)


def answers(id_: str = "answers", *, order: int | None = 1, **changes: Any) -> Json:
    """A response to the current form, tied to an order by qr-context."""
    response: Json = {
        "resourceType": "QuestionnaireResponse",
        "id": id_,
        "questionnaire": f"{FORM_URL}|2.0.0",
        "status": "completed",
        "subject": {"reference": "Patient/patient"},
        "item": [
            {"linkId": "indication", "answer": [{"valueString": "a reason"}]},
            {"linkId": "kind", "answer": [{"valueCoding": {"code": "new"}}]},
            {"linkId": "hidden", "answer": [{"valueBoolean": True}]},
        ],
    }
    if order is not None:
        context = {"url": f"{DTR}qr-context", "valueReference": {"reference": f"MedicationRequest/order-{order}"}}
        response["extension"] = [context]
    return {**response, **changes}


def a_drug_bundle(*items: Json, extra: tuple[Json, ...] = (), claim: Json | None = None) -> Json:
    """A request whose orders name the made-up drug, with further entries after the usual ones."""
    bundle = deepcopy(a_bundle(*items, claim=claim))
    for resource in resources(bundle, "MedicationRequest"):
        system, _, code = DRUG.rpartition("|")
        resource["medicationCodeableConcept"] = {"coding": [{"system": system, "code": code}]}
    bundle["entry"] += [{"fullUrl": f"{EHR}/{r['resourceType']}/{r['id']}", "resource": deepcopy(r)} for r in extra]
    return bundle


def resources(bundle: Json, kind: str) -> list[Json]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def submit(body: Json, *, policies: PolicyLibrary = LIBRARY, plan: Plan = PLAN) -> AuthorizationRequest:
    raw = orjson.dumps(body)
    return read_submit(raw, orjson.loads(raw), version=Version.V2_2, policies=policies, plan=plan)


def inquire(body: Json, *, plan: Plan = PLAN) -> InquiryRequest:
    raw = orjson.dumps(body)
    return read_inquiry(raw, orjson.loads(raw), version=Version.V2_2, plan=plan)


def a_plan(**members: MemberStatus) -> Plan:
    """The plan with a member file: `M_1=...` stands for member id M-1."""
    return replace(PLAN, members={id_.replace("_", "-"): status for id_, status in members.items()})
