"""A request body becomes an AuthorizationRequest or an InquiryRequest, or every problem with it is named."""

import hashlib
import re
from dataclasses import replace
from datetime import date
from typing import Any

import orjson

from server.errors import InvalidRequest
from server.fhir.codes import PAS
from server.fhir.read import Resource, codings, extensions, reference
from server.fhir.structure import real_day
from server.fhir.version import Version
from server.pas import rejections
from server.pas.request.answers import ResponseReader
from server.pas.request.bundle import CLAIM, Envelope
from server.pas.request.claim_item import ItemReader, numbers, plausible, service_dates
from server.pas.request.facts import AuthorizationRequest, InquiryRequest, Rejection, RequestedItem
from server.pas.request.parties import PartyReader, identifier_values, requester_npis, treating_npis
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan
from server.store.ports import Inquiry, Transaction

__all__ = ["AuthorizationRequest", "InquiryRequest", "Rejection", "RequestedItem", "read_inquiry", "read_submit"]

_REVIEW_ACTION_CODE = f"{PAS}extension-reviewActionCode"
_OF_THE_BUNDLE = frozenset({"id", "meta", "timestamp", "entry"})
_WRITTEN_WITH_POINT = re.compile(rb"\.0[,}\]]")  # in a string it may be found for nothing, never missed
_EXACT = 2**53
_MOST_CRITERIA = 1_000  # of a kind; each is looked up, and a database takes only so many
_NO_CRITERION = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


def read_submit(
    raw: bytes, body: dict[str, Any], *, version: Version, policies: PolicyLibrary, plan: Plan
) -> AuthorizationRequest:
    """Reads a `Claim/$submit` body: a Bundle, or Parameters with `resource` (pas P-14, P-15).

    raw and body are the same JSON object. Raises InvalidRequest with all problems. Business reasons not to decide are
    data: `rejections`.
    """
    envelope = Envelope(raw, body)
    claim = envelope.claim
    created = _claim(envelope)
    _submitted(envelope)
    reader = PartyReader(envelope, coverage_needed=True)
    responses = ResponseReader(envelope, policies, reader.patient)
    items = ItemReader(envelope, policies, responses, created or date.max).items()
    parties = reader.found()
    if parties.coverage is None or created is None:  # found() has raised; this tells the type checker
        raise InvalidRequest(envelope.problems)
    own = requester_npis(envelope, parties.requester)
    return AuthorizationRequest(
        version=version,
        bundle=envelope.bundle,
        index=envelope.index,
        identifier=envelope.bundle.get("identifier"),
        transaction=_transaction(envelope.bundle, own),
        claim=claim,
        claim_url=envelope.claim_url,
        identifiers=tuple(claim.get("identifier") or ()),
        patient=parties.patient,
        coverage=parties.coverage,
        insurer=parties.insurer,
        requester=parties.requester,
        organization=parties.organization,
        member_ids=parties.member_ids,
        payer_ids=identifier_values(parties.insurer),
        requester_npis=own,
        npis=tuple(dict.fromkeys((*own, *treating_npis(envelope, items)))),
        created=created,
        items=items,
        rejections=(
            *rejections.updates(claim),
            *rejections.payer(plan, parties.insurer),
            *rejections.member(plan, parties.member_ids, envelope.place(parties.coverage)),
            *rejections.coverage(plan, parties, envelope, [i.service or (created, created) for i in items]),
        ),
    )


def read_inquiry(raw: bytes, body: dict[str, Any], *, version: Version, plan: Plan) -> InquiryRequest:
    """Reads a `Claim/$inquire` body likewise (pas P-69 to P-72).

    `inquiry.npis` are those of Claim.provider alone: who asks must be the requester or a provider of the request
    (pas P-78). Claim.identifier and trace numbers are never search keys (pas P-71, T-35).
    """
    envelope = Envelope(raw, body)
    claim = envelope.claim
    _claim(envelope)
    reader = PartyReader(envelope, coverage_needed=False)
    criteria = _criteria(envelope)
    parties = reader.found()
    holder = parties.patient if parties.coverage is None else parties.coverage
    return InquiryRequest(
        version=version,
        bundle=envelope.bundle,
        index=envelope.index,
        identifier=envelope.bundle.get("identifier"),
        claim=claim,
        claim_url=envelope.claim_url,
        identifiers=tuple(claim.get("identifier") or ()),
        patient=parties.patient,
        coverage=parties.coverage,
        insurer=parties.insurer,
        requester=parties.requester,
        organization=parties.organization,
        inquiry=replace(criteria, member_ids=parties.member_ids, npis=requester_npis(envelope, parties.requester)),
        rejections=(
            *rejections.payer(plan, parties.insurer),
            *rejections.member(plan, parties.member_ids, envelope.place(holder), past_counts=True),
        ),
    )


def _claim(envelope: Envelope) -> date | None:
    """What a Claim of either operation must say; returns the day it was created."""
    if envelope.claim.get("use") not in ("preauthorization", None):
        envelope.add("value", "Claim.use must be `preauthorization` here; send that.", f"{CLAIM}.use")
    if envelope.claim.get("status") not in ("active", None):
        envelope.add("value", "Claim.status must be `active`; a Claim that is not is no request.", f"{CLAIM}.status")
    created = envelope.claim.get("created")
    if created is None:  # with a data-absent-reason: the day the Bundle was made is the nearest that is known
        created = envelope.bundle.get("timestamp")
    day = real_day(created)
    if day is None or not plausible(day):
        text = "Claim.created is a full, real day (YYYY-MM-DD), near our time; send one."
        envelope.add("value", text, f"{CLAIM}.created")
        return None
    return day


def _submitted(envelope: Envelope) -> None:
    """What `$submit` asks for beyond base FHIR: identifiers, one Claim, sequences told apart, evidence enclosed."""
    claim = envelope.claim
    envelope.require(envelope.bundle.get("identifier"), "Bundle.identifier")
    envelope.require(claim.get("identifier"), f"{CLAIM}.identifier")
    for n, _, resource in envelope.index.entries:
        if n and resource.get("resourceType") == "Claim" and not claim.get("related"):
            text = "A request holds one Claim; a second one is only the prior Claim of an update. Send it by itself."
            envelope.add("business-rule", text, f"Bundle.entry[{n}].resource")
    for name in ("item", "supportingInfo"):
        seen: set[int] = set()
        for n, element in enumerate(claim.get(name) or ()):
            sequence = element.get("sequence")
            if sequence in seen:
                text = "This sequence stands twice, so answers could not be told apart; number each once."
                envelope.add("duplicate", text, f"{CLAIM}.{name}[{n}].sequence")
            seen.add(sequence)
    for n, info in enumerate(claim.get("supportingInfo") or ()):
        element = info.get("valueReference")
        if reference(element) and envelope.index.resolve(element, claim) is None:
            text = "No entry of this Bundle has this reference; add the supporting resource as an entry."
            envelope.add("not-found", text, f"{CLAIM}.supportingInfo[{n}].valueReference.reference")


def _transaction(bundle: Resource, npis: tuple[str, ...]) -> Transaction:
    """What makes a request the same one again: who asks, its Bundle.identifier, and what it says (pas P-51, T-3).

    It says the same when only this differs: what the Bundle tells of itself (id, meta, timestamp), narratives, the
    order of members and of the entries behind the Claim, and how a number is written.
    """
    identifier = bundle.get("identifier") or {}
    return Transaction(
        client=npis[0] if npis else "",
        identifier=f"{identifier.get('system', '')}|{identifier.get('value', '')}",
        content=hashlib.sha256(_content(bundle)).hexdigest(),
    )


def _content(bundle: Resource) -> bytes:
    first, *others = bundle["entry"]
    said = _said({k: v for k, v in bundle.items() if k not in _OF_THE_BUNDLE})
    said["entry"] = [_said_in(e) for e in (first, *sorted(others, key=_full_url))]
    text = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    return orjson.dumps(_whole(said), option=orjson.OPT_SORT_KEYS) if _WRITTEN_WITH_POINT.search(text) else text


def _full_url(entry: Resource) -> str:
    return str(entry.get("fullUrl", ""))


def _said_in(entry: Resource) -> Resource:
    return {**entry, "resource": _said(entry["resource"])} if isinstance(entry.get("resource"), dict) else entry


def _said(resource: Resource) -> Resource:
    """A resource without narratives: its own, and those of what it contains or, as a Bundle, holds."""
    kept = {k: v for k, v in resource.items() if k != "text"}
    for name, inner in (("contained", _said), ("entry", _said_in)):
        if isinstance(kept.get(name), list):
            kept[name] = [inner(part) if isinstance(part, dict) else part for part in kept[name]]
    return kept


def _whole(node: Any) -> Any:
    """The same, with each whole number as an integer; a float holds whole numbers exactly up to 2^53."""
    if isinstance(node, dict):
        return {k: _whole(v) for k, v in node.items()}
    if isinstance(node, list):
        return [_whole(v) for v in node]
    return int(node) if isinstance(node, float) and node.is_integer() and abs(node) <= _EXACT else node


def _criteria(envelope: Envelope) -> Inquiry:
    """What an inquiry narrows by; who asks, and about whom, is filled in later."""
    claim = envelope.claim
    holders = [claim, *(claim.get("item") or ())]
    spans = [service_dates(envelope, claim, "billablePeriod", CLAIM)]
    spans += [service_dates(envelope, item, "serviced", f"{CLAIM}.item[{n}]") for n, item in enumerate(holders[1:])]
    days = [day for span in spans if span for day in span]
    codes = (c for item in holders[1:] for c in codings(item.get("productOrService")) if c.system != _NO_CRITERION)
    actions = (e.get("valueCodeableConcept") for h in holders for e in extensions(h, _REVIEW_ACTION_CODE))
    found = Inquiry(
        member_ids=(),
        npis=(),
        numbers=tuple(dict.fromkeys(n for holder in holders for n in numbers(holder))),
        codes=tuple(dict.fromkeys(c.token for c in codes)),
        service=(min(days), max(days)) if days else None,
        actions=tuple(dict.fromkeys(c.code for concept in actions for c in codings(concept))),
    )
    if max(map(len, (found.numbers, found.codes, found.actions))) > _MOST_CRITERIA:
        text = f"An inquiry narrows by {_MOST_CRITERIA} numbers, codes or actions at most; send fewer."
        envelope.add("too-costly", text, f"{CLAIM}.item")
    return found
