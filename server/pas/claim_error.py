"""A business rejection: 200 with ClaimResponse.error, where nothing is decided (pas P-49)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from server.answer.claim_response import bundle, head, parties
from server.answer.echoed_entries import echoed_entries
from server.decision.request import ClaimBundle
from server.fhir.codes import PAS
from server.fhir.version import Version
from server.fhir.x12 import X12_FOLLOW_UP, X12_REJECT
from server.pas.rejections import Rejection


def render_rejections(
    request: ClaimBundle, rejections: Sequence[Rejection], *, kind: str, response_id: str, created: datetime
) -> bytes:
    """The Bundle that names every rejection, under the request's own version.

    Nothing is stored for it, so the ClaimResponse has no address of ours: its fullUrl is `urn:uuid:`.
    """
    version = request.version
    response = head(request, response_id, created, kind, version) | {
        "outcome": "error",
        "disposition": "Not decided: " + " ".join(r.text for r in rejections),
        "processNote": [{"number": n, "text": r.text} for n, r in enumerate(rejections, 1)],
        "error": [_error(r, n, version) for n, r in enumerate(rejections, 1)],
    }
    entries: list[Any] = [
        {"fullUrl": f"urn:uuid:{response_id}", "resource": response},
        *echoed_entries(request.index, parties(request)),
    ]
    return bundle(request, response_id, created, kind, entries)


def _error(rejection: Rejection, note: int, version: Version) -> dict[str, Any]:
    """In 2.0 errorElement is a string; in 2.2 it points at the note that says the same (pas 2e)."""
    url = f"{PAS}extension-errorElement"
    element: dict[str, Any] = (
        {"url": url, "valueString": rejection.text}
        if version is Version.V2_0
        else {"url": url, "extension": [{"url": "processNote", "valuePositiveInt": note}]}
    )
    follow_up = {"coding": [{"system": X12_FOLLOW_UP, "code": rejection.follow_up}]}
    return {
        "extension": [
            {"url": f"{PAS}extension-errorFollowupAction", "valueCodeableConcept": follow_up},
            element,
            {"url": f"{PAS}extension-errorPath", "valueString": rejection.expression},
        ],
        "code": {"coding": [{"system": X12_REJECT, "code": rejection.code}], "text": rejection.text},
    }
