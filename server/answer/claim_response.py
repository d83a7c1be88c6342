"""The answer to a PAS request: ClaimResponse and its Bundle, rendered once for each guide version (pas section 2)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from server.answer.add_item import added_item, reviewer
from server.answer.claim_response_item import fits, item_element, period_of, rendering_providers
from server.answer.disposition import disposition
from server.answer.echoed_entries import echoed_entries, reference_to
from server.answer.process_note import ProcessNotes, notes_of
from server.answer.requested_documents import communication_requests
from server.decision.case import Case, CaseItem
from server.decision.request import ClaimBundle
from server.decision.ruling import Status
from server.fhir.codes import PAS, TRANSMISSION_IDENTIFIERS
from server.fhir.primitives import instant
from server.fhir.read import Resource, dicts, extensions
from server.fhir.version import Version

SUBMIT, INQUIRY = "submit", "inquiry"
"""The kinds of rendering that the store keeps."""

_PROFILES = {
    SUBMIT: (f"{PAS}profile-pas-response-bundle", f"{PAS}profile-claimresponse"),
    INQUIRY: (f"{PAS}profile-pas-inquiry-response-bundle", f"{PAS}profile-claiminquiryresponse"),
}
_SWAPPED = {
    "applicationSenderCode": "applicationReceiverCode",
    "applicationReceiverCode": "applicationSenderCode",
    "interchangeSenderID": "interchangeReceiverID",
    "interchangeReceiverID": "interchangeSenderID",
}
_APPLICATIONS = frozenset({"applicationSenderCode", "applicationReceiverCode"})


def render(case: Case, base_url: str) -> dict[tuple[Version, str], bytes]:
    """The PAS response Bundle (`submit`) and the inquiry response Bundle (`inquiry`) under both versions.

    base_url: this server's public URL, without a trailing slash. What the renderings share is built once: the notes,
    the echoed entries and, per version, the items.
    """
    notes = ProcessNotes()
    numbers = {item.sequence: [notes.number(text) for text in notes_of(item)] for item in case.items}
    echoed = [orjson.Fragment(orjson.dumps(entry)) for entry in _echoed(case)]
    ruling = next((item.ruling for item in case.items if item.ruling), None)
    renderings = {}
    for version in Version:
        body = _decided(case, numbers, notes.elements(), version)
        documents = list(communication_requests(case, version))
        full_url = f"{base_url}{version.base}/ClaimResponse/{case.id}"
        for kind in (SUBMIT, INQUIRY):
            response = head(case.request, case.id, case.answered, kind, version) | body
            if version is Version.V2_2:
                response["extension"] = [*response.get("extension", ()), reviewer(ruling)]
            entries: list[Any] = [{"fullUrl": full_url, "resource": response}, *echoed]
            if kind == SUBMIT and documents:
                response["communicationRequest"] = [{"reference": d["fullUrl"]} for d in documents]
                entries += documents
            renderings[version, kind] = bundle(case.request, case.id, case.answered, kind, entries)
    return renderings


def head(request: ClaimBundle, response_id: str, created: datetime, kind: str, version: Version) -> dict[str, Any]:
    """What every ClaimResponse says, decided or not: whose, for whom, to which Claim (pas 2c, P-36, P-97, P-99)."""
    claim = request.claim
    response: dict[str, Any] = {
        "resourceType": "ClaimResponse",
        "id": response_id,
        "meta": {"profile": [_PROFILES[kind][1]]},
        "identifier": [i for i in request.identifiers if fits(i, version)],
        "status": "active",
        "type": claim["type"],
        "use": "preauthorization",
        "patient": reference_to(request.index, request.patient),
        "created": instant(created),
        "insurer": reference_to(request.index, request.insurer),
        "requestor": reference_to(request.index, request.requester),
        "request": {"reference": request.claim_url},
    }
    if not response["identifier"]:
        del response["identifier"]
    transmission = list(_swapped_transmission(claim)) if version is Version.V2_2 else []
    if transmission:
        response["extension"] = transmission
    return response


def bundle(request: ClaimBundle, bundle_id: str, timestamp: datetime, kind: str, entries: list[Any]) -> bytes:
    """The response Bundle: the submitter's transaction id echoed, ClaimResponse first (pas 2a, P-32, P-97)."""
    return orjson.dumps(
        {
            "resourceType": "Bundle",
            "id": bundle_id,
            "meta": {"profile": [_PROFILES[kind][0]]},
            "identifier": request.identifier or {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{bundle_id}"},
            "type": "collection",
            "timestamp": instant(timestamp),
            "entry": entries,
        }
    )


def parties(request: ClaimBundle) -> list[Resource]:
    """The resources that a ClaimResponse names, in the order of the guide's examples (pas 2a)."""
    return [request.requester, request.insurer, request.patient]


def _echoed(case: Case) -> list[dict[str, Any]]:
    request = case.request
    named = parties(request)
    if request.organization is not None and any(item.document for item in case.items):
        named.append(request.organization)
    for item in case.items:
        named += [p.resource for p in rendering_providers(item, request)]
    return echoed_entries(request.index, named)


def _decided(
    case: Case, numbers: Mapping[int, Sequence[int]], notes: list[dict[str, Any]], version: Version
) -> dict[str, Any]:
    """The decision: outcome, words, header number and period, items and notes."""
    items, issued = case.items, case.answered.date()
    said = " ".join(filter(None, (disposition(items), case.remark)))
    body: dict[str, Any] = {"outcome": _outcome(items, version), "disposition": said}
    if len(items) == 1 and items[0].approved and items[0].number:
        body["preAuthRef"] = items[0].number
    periods = {item.period for item in items}
    if len(periods) == 1 and all(item.approved for item in items) and items[0].period:
        body["preAuthPeriod"] = period_of(items[0].period)
    body["item"] = [
        item_element(item, case.request, notes=numbers[item.sequence], issued=issued, version=version) for item in items
    ]
    modified = [item for item in items if item.status is Status.MODIFIED]
    if modified:
        body["addItem"] = [added_item(item, issued, version) for item in modified]
    if notes:
        body["processNote"] = notes
    return body


def _outcome(items: Sequence[CaseItem], version: Version) -> str:
    """Not the decision, which the review action tells (pas P-38, T-9).

    complete: every item is decided; partial: decided and pended items mix. When every item is pended, 2.2 knows
    `complete` only, while 2.0 has `queued`, which FHIR R4 defines as held for processing.
    """
    pended = {d.status is Status.PENDED for d in items if d.status is not Status.CANCELLED}
    if len(pended) > 1:
        return "partial"
    return "queued" if pended == {True} and version is Version.V2_0 else "complete"


def _swapped_transmission(claim: Resource) -> Iterator[dict[str, Any]]:
    """The request's TransmissionIdentifiers, sender and receiver swapped (pas P-99).

    The guide wants both application codes; identifiers that came without are not given back.
    """
    for sent in extensions(claim, TRANSMISSION_IDENTIFIERS):
        parts = dicts(sent.get("extension"))
        if {p.get("url") for p in parts} >= _APPLICATIONS:
            swapped = [p | {"url": _SWAPPED.get(str(p.get("url")), p.get("url"))} for p in parts]
            yield {"url": TRANSMISSION_IDENTIFIERS, "extension": swapped}
