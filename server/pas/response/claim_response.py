"""The answer to a PAS request: ClaimResponse and its Bundle, rendered once for each guide version (pas section 2)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from server.decision.authorization import Status
from server.fhir.codes import PAS
from server.fhir.read import Resource, extensions
from server.fhir.version import Version
from server.pas.request.facts import AuthorizationRequest, InquiryRequest
from server.pas.response.add_item import added_item, reviewer
from server.pas.response.claim_response_item import fits, item_element, period_of, rendering_providers
from server.pas.response.echoed_entries import echoed_entries, reference_to
from server.pas.response.process_note import ProcessNotes, notes_of
from server.pas.response.requested_documents import communication_requests
from server.pas.response.review_action import DecidedItem, disposition

SUBMIT, INQUIRY = "submit", "inquiry"
"""The kinds of rendering that the store keeps."""

_PROFILES = {
    SUBMIT: (f"{PAS}profile-pas-response-bundle", f"{PAS}profile-claimresponse"),
    INQUIRY: (f"{PAS}profile-pas-inquiry-response-bundle", f"{PAS}profile-claiminquiryresponse"),
}
_TRANSMISSION = f"{PAS}extension-TransmissionIdentifiers"
_SWAPPED = {
    "applicationSenderCode": "applicationReceiverCode",
    "applicationReceiverCode": "applicationSenderCode",
    "interchangeSenderID": "interchangeReceiverID",
    "interchangeReceiverID": "interchangeSenderID",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A decided request, ready to be rendered.

    id: the id of the submission and of its ClaimResponse. base_url: this server's public URL, without a trailing slash.
    remark: what the disposition says beside the decision.
    """

    id: str
    request: AuthorizationRequest
    items: Sequence[DecidedItem]
    received: datetime
    base_url: str
    remark: str = ""


def render(answer: Answer) -> dict[tuple[Version, str], bytes]:
    """The PAS response Bundle (`submit`) and the inquiry response Bundle (`inquiry`) under both versions.

    What the renderings share is built once: the notes, the echoed entries and, per version, the items.
    """
    notes = ProcessNotes()
    numbers = {d.item.sequence: [notes.number(t) for t in notes_of(d)] for d in answer.items}
    echoed = [orjson.Fragment(orjson.dumps(entry)) for entry in _echoed(answer)]
    ruling = next((d.ruling for d in answer.items if d.ruling), None)
    renderings = {}
    for version in Version:
        body = _decided(answer, numbers, notes.elements(), version)
        documents = list(communication_requests(answer.items, answer.request, answer.received, version))
        full_url = f"{answer.base_url}{version.base}/ClaimResponse/{answer.id}"
        for kind in (SUBMIT, INQUIRY):
            response = head(answer.request, answer.id, answer.received, kind, version) | body
            if version is Version.V2_2:
                response["extension"] = [*response.get("extension", ()), reviewer(ruling)]
            entries: list[Any] = [{"fullUrl": full_url, "resource": response}, *echoed]
            if kind == SUBMIT and documents:
                response["communicationRequest"] = [{"reference": d["fullUrl"]} for d in documents]
                entries += documents
            renderings[version, kind] = bundle(answer.request, answer.id, answer.received, kind, entries)
    return renderings


def head(
    request: AuthorizationRequest | InquiryRequest, response_id: str, created: datetime, kind: str, version: Version
) -> dict[str, Any]:
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
        "created": _instant(created),
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


def bundle(
    request: AuthorizationRequest | InquiryRequest, bundle_id: str, timestamp: datetime, kind: str, entries: list[Any]
) -> bytes:
    """The response Bundle: the submitter's transaction id echoed, ClaimResponse first (pas 2a, P-32, P-97)."""
    return orjson.dumps(
        {
            "resourceType": "Bundle",
            "id": bundle_id,
            "meta": {"profile": [_PROFILES[kind][0]]},
            "identifier": request.identifier or {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{bundle_id}"},
            "type": "collection",
            "timestamp": _instant(timestamp),
            "entry": entries,
        }
    )


def _instant(moment: datetime) -> str:
    """A FHIR instant, with its zone (pas P-100)."""
    return moment.isoformat(timespec="milliseconds")


def parties(request: AuthorizationRequest | InquiryRequest) -> list[Resource]:
    """The resources that a ClaimResponse names, in the order of the guide's examples (pas 2a)."""
    return [request.requester, request.insurer, request.patient]


def _echoed(answer: Answer) -> list[dict[str, Any]]:
    request = answer.request
    named = parties(request)
    if request.organization is not None and any(d.document for d in answer.items):
        named.append(request.organization)
    for decided in answer.items:
        named += [p.resource for p in rendering_providers(decided, request)]
    return echoed_entries(request.index, named)


def _decided(
    answer: Answer, numbers: Mapping[int, Sequence[int]], notes: list[dict[str, Any]], version: Version
) -> dict[str, Any]:
    """The decision: outcome, words, header number and period, items and notes."""
    items = answer.items
    said = " ".join(filter(None, (disposition(items), answer.remark)))
    body: dict[str, Any] = {"outcome": _outcome(items, version), "disposition": said}
    if len(items) == 1 and items[0].approved and items[0].number:
        body["preAuthRef"] = items[0].number
    periods = {d.period for d in items}
    if len(periods) == 1 and all(d.approved for d in items) and items[0].period:
        body["preAuthPeriod"] = period_of(items[0].period)
    body["item"] = [
        item_element(d, answer.request, notes=numbers[d.item.sequence], issued=answer.received.date(), version=version)
        for d in items
    ]
    modified = [d for d in items if d.status is Status.MODIFIED]
    if modified:
        body["addItem"] = [added_item(d, answer.received.date(), version) for d in modified]
    if notes:
        body["processNote"] = notes
    return body


def _outcome(items: Sequence[DecidedItem], version: Version) -> str:
    """Not the decision, which the review action tells (pas P-38, T-9).

    complete: every item is decided; partial: decided and pended items mix. When every item is pended, 2.2 knows
    `complete` only, while 2.0 has `queued`, which FHIR R4 defines as held for processing.
    """
    pended = {d.status is Status.PENDED for d in items}
    if len(pended) > 1:
        return "partial"
    return "queued" if pended == {True} and version is Version.V2_0 else "complete"


def _swapped_transmission(claim: Resource) -> Iterator[dict[str, Any]]:
    """The request's TransmissionIdentifiers, sender and receiver swapped (pas P-99)."""
    for sent in extensions(claim, _TRANSMISSION):
        yield {
            "url": _TRANSMISSION,
            "extension": [p | {"url": _SWAPPED.get(p["url"], p["url"])} for p in sent.get("extension") or ()],
        }
