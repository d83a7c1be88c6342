"""ClaimResponse.item: the decision of one requested item, in the shape of one guide version (pas section 2d)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from server.decision.case import CaseItem
from server.decision.request import AuthorizationRequest
from server.decision.review_action import ACTION, reason_of
from server.fhir.codes import PAS
from server.fhir.read import Resource, codings, extension_value
from server.fhir.version import Version
from server.fhir.x12 import RENDERING_ENTITIES, X12_ACTION, X12_ENTITY, X12_REASON

_TRACE = f"{PAS}extension-itemTraceNumber"
CATEGORY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/adjudication", "code": "submitted"}]}


def item_element(
    item: CaseItem, request: AuthorizationRequest, *, notes: Sequence[int], issued: date, version: Version
) -> dict[str, Any]:
    """The item with its sequence, trace numbers and review action; a number and a period only when approved."""
    element: dict[str, Any] = {
        "extension": [
            *_traces(item, version),
            *(certified(item, issued) if item.approved else ()),
            *_references(item, request.claim),
            *_requested_date(item.requested.raw),
            *(_authorized_provider(p, version) for p in rendering_providers(item, request)),
        ],
        "itemSequence": item.sequence,
        "adjudication": [{"extension": [_review_action(item)], "category": CATEGORY}],
    }
    if not element["extension"]:
        del element["extension"]  # FHIR JSON has no empty arrays
    if notes:
        element["noteNumber"] = list(notes)
    return element


def fits(identifier: Resource, version: Version) -> bool:
    """Whether an identifier can be echoed under the version: PAS 2.2 wants system and value (pas 2c)."""
    return version is Version.V2_0 or bool(identifier.get("system") and identifier.get("value"))


def _traces(item: CaseItem, version: Version) -> Iterator[dict[str, Any]]:
    own = (item.document.context,) if item.document else ()
    for trace in (*item.requested.trace, *own):
        if fits(trace, version):
            yield {"url": _TRACE, "valueIdentifier": trace}


def certified(item: CaseItem, issued: date) -> Iterator[dict[str, Any]]:
    """The extensions that say when an item was authorized and for which days."""
    yield {"url": f"{PAS}extension-itemPreAuthIssueDate", "valueDate": issued.isoformat()}
    if item.period:
        yield {"url": f"{PAS}extension-itemPreAuthPeriod", "valuePeriod": period_of(item.period)}


def period_of(days: tuple[date, date]) -> dict[str, str]:
    """A FHIR Period; both ends count."""
    return {"start": days[0].isoformat(), "end": days[1].isoformat()}


def _references(item: CaseItem, claim: Resource) -> Iterator[dict[str, Any]]:
    """The number of an earlier authorization as it was sent (REF-BB), and ours while pended (REF-NT)."""
    number = f"{PAS}extension-authorizationNumber"
    previous = extension_value(item.requested.raw, number) or extension_value(claim, number)
    if isinstance(previous, str):
        yield {"url": number, "valueString": previous}
    if item.reference and item.waits_for:
        yield {"url": f"{PAS}extension-administrationReferenceNumber", "valueString": item.reference}


def _requested_date(raw: Resource) -> Iterator[dict[str, Any]]:
    url = f"{PAS}extension-itemRequestedServiceDate"
    if raw.get("servicedDate"):
        yield {"url": url, "valueDateTime": raw["servicedDate"]}
    elif raw.get("servicedPeriod"):
        yield {"url": url, "valuePeriod": raw["servicedPeriod"]}


def _review_action(item: CaseItem) -> dict[str, Any]:
    """The code's url is the full one (pas T-7); `number` is the new authorization number (pas T-8)."""
    parts: list[dict[str, Any]] = []
    if item.approved and item.number:
        parts.append({"url": "number", "valueString": item.number})
    reason = reason_of(item)
    if reason:
        concept = {"coding": [{"system": X12_REASON, "code": reason[0]}], "text": reason[1]}
        parts.append({"url": "reasonCode", "valueCodeableConcept": concept})
    code, display = ACTION[item.status]
    concept = {"coding": [{"system": X12_ACTION, "code": code, "display": display}]}
    parts.append({"url": f"{PAS}extension-reviewActionCode", "valueCodeableConcept": concept})
    return {"url": f"{PAS}extension-reviewAction", "extension": parts}


@dataclass(frozen=True, slots=True)
class RenderingProvider:
    """Who will provide an item: the Practitioner or Organization, its fullUrl, and its X12 98 role."""

    resource: Resource
    full_url: str
    role: str


def rendering_providers(item: CaseItem, request: AuthorizationRequest) -> list[RenderingProvider]:
    """The care team members who are authorized to render an item; none while it is pended.

    One who orders, refers or was consulted is not thereby authorized to provide it.
    """
    sequences = item.requested.raw.get("careTeamSequence") if item.approved else None
    if not sequences:
        return []
    found = []
    for member in request.claim.get("careTeam") or ():
        role = next((c.code for c in codings(member.get("role")) if c.system == X12_ENTITY), "")
        if member.get("sequence") not in sequences or role not in RENDERING_ENTITIES:
            continue
        provider = request.index.resolve(member.get("provider"), request.claim)
        if provider is not None and provider.get("resourceType") == "PractitionerRole":
            provider = request.index.resolve(provider.get("practitioner"), provider)
        if provider is not None:
            found.append(RenderingProvider(provider, request.index.full_url(provider), role))
    return found


def _authorized_provider(provider: RenderingProvider, version: Version) -> dict[str, Any]:
    """itemAuthorizedProvider; 2.2 names the provider type by a full URL, 2.0 by a short one (pas 2d)."""
    kind = "providerType" if version is Version.V2_0 else f"{PAS}extension-authorizedProviderType"
    return {
        "url": f"{PAS}extension-itemAuthorizedProvider",
        "extension": [
            {"url": "provider", "valueReference": {"reference": provider.full_url}},
            {"url": kind, "valueCodeableConcept": {"coding": [{"system": X12_ENTITY, "code": provider.role}]}},
        ],
    }
