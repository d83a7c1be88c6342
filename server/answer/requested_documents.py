"""CommunicationRequests: what the provider is asked to send for an item of which something is not known."""

from collections.abc import Iterator
from typing import Any

from server.answer.echoed_entries import reference_to
from server.decision.case import Case
from server.decision.request import AuthorizationRequest
from server.fhir.codes import PAS
from server.fhir.version import Version
from server.fhir.x12 import ELECTRONICALLY, PAYER_FORM, X12_REPORT_TYPE, X12_TRANSMISSION

PAYER_QUESTIONNAIRE = "102089-0"
"""LOINC: the answer is the payer's form; its context is the item's trace number (pas P-89, P-90)."""

_CATEGORY = {"coding": [{"system": X12_REPORT_TYPE, "code": PAYER_FORM}]}
_MEDIUM = {"coding": [{"system": X12_TRANSMISSION, "code": ELECTRONICALLY}]}


def communication_requests(case: Case, version: Version) -> Iterator[dict[str, Any]]:
    """A Bundle entry for each item whose form is asked for, in the shape of one guide version.

    2.2: one payload with the LOINC code, the line number at the root, the missing facts as notes. 2.0: the line number
    in each payload; the code first, then each missing fact in words, which that guide's free text allows.
    """
    for item in case.items:
        if item.document is None:
            continue
        resource = _asked(case.request) | {
            "id": item.document.id,
            "identifier": [item.document.control],
            "authoredOn": case.answered.isoformat(timespec="seconds"),
        }
        line = {"url": f"{PAS}extension-serviceLineNumber", "valuePositiveInt": item.sequence}
        asked = [f.remedy or f.sentence for f in item.missing]
        if version is Version.V2_2:
            resource["extension"] = [line]
            resource["payload"] = [{"contentString": PAYER_QUESTIONNAIRE}]
            resource["note"] = [{"text": text} for text in asked]
        else:
            resource["payload"] = [{"extension": [line], "contentString": t} for t in (PAYER_QUESTIONNAIRE, *asked)]
        yield {"fullUrl": item.document.full_url, "resource": resource}


def _asked(request: AuthorizationRequest) -> dict[str, Any]:
    """What both versions say alike: the payer asks, the requesting organization sends, the payer receives."""
    insurer = reference_to(request.index, request.insurer)
    resource: dict[str, Any] = {
        "resourceType": "CommunicationRequest",
        "meta": {"profile": [f"{PAS}profile-communicationrequest"]},
        "status": "active",
        "category": [_CATEGORY],
        "medium": [_MEDIUM],
        "subject": reference_to(request.index, request.patient),
        "requester": insurer,
        "recipient": [insurer],
    }
    if request.organization is not None:
        resource["sender"] = reference_to(request.index, request.organization)
    return resource
