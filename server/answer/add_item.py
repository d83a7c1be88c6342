"""ClaimResponse.addItem and the reviewer: what only a person's decision brings into an answer (pas P-39, 2c)."""

from datetime import date
from typing import Any

from server.answer.claim_response_item import CATEGORY, certified
from server.decision.case import CaseItem
from server.decision.ruling import PersonDecision
from server.fhir.codes import NPI, PAS
from server.fhir.version import Version
from server.fhir.x12 import CERTIFIED, X12_ACTION

_TAKEN_OVER = (
    "productOrService",
    "modifier",
    "servicedDate",
    "servicedPeriod",
    "locationCodeableConcept",
    "quantity",
    "unitPrice",
)
_NUCC = "http://nucc.org/provider-taxonomy"


def added_item(item: CaseItem, issued: date, version: Version) -> dict[str, Any]:
    """What is authorized instead of a requested item: as requested, but for what the person changed.

    It has the same itemSequence, the action A1 and the authorization number. 2.0 allows no dates here (pas 2d).
    """
    instead = item.ruling.instead if item.ruling and item.ruling.instead else {}
    taken = {k: item.requested.raw[k] for k in _TAKEN_OVER if k in item.requested.raw}
    if any(k.startswith("serviced") for k in instead):
        taken = {k: v for k, v in taken.items() if not k.startswith("serviced")}
    code = {"coding": [{"system": X12_ACTION, "code": CERTIFIED[0], "display": CERTIFIED[1]}]}
    action: list[dict[str, Any]] = [{"url": "number", "valueString": item.number}] if item.number else []
    action.append({"url": f"{PAS}extension-reviewActionCode", "valueCodeableConcept": code})
    dates = {"extension": list(certified(item, issued))} if version is Version.V2_2 else {}
    return {
        **dates,
        "itemSequence": [item.sequence],
        **taken,
        **instead,
        "adjudication": [
            {"extension": [{"url": f"{PAS}extension-reviewAction", "extension": action}], "category": CATEGORY}
        ],
    }


def reviewer(ruling: PersonDecision | None) -> dict[str, Any]:
    """The claimResponseReviewer of PAS 2.2: whether a person decided, and which."""
    parts: list[dict[str, Any]] = [{"url": "wasHumanReviewedFlag", "valueBoolean": ruling is not None}]
    if ruling is not None:
        parts.append({"url": "reviewerNPI", "valueIdentifier": {"system": NPI, "value": ruling.person.npi}})
        if ruling.person.specialty:
            concept = {"coding": [{"system": _NUCC, "code": ruling.person.specialty}]}
            parts.append({"url": "reviewerSpecialty", "valueCodeableConcept": concept})
    return {"url": f"{PAS}extension-claimResponseReviewer", "extension": parts}
