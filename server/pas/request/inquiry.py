"""A `Claim/$inquire` body becomes an InquiryRequest, or every problem with it is named (pas P-69 to P-72)."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from server.decision.request import ClaimBundle
from server.fhir.codes import PAS
from server.fhir.read import codings, extensions
from server.fhir.version import Version
from server.pas.request.bundle import CLAIM, RequestBundle
from server.pas.request.claim import read_claim
from server.pas.request.claim_item import numbers, service_dates
from server.pas.request.parties import PartyReader, requester_npis
from server.store.ports import Inquiry

_REVIEW_ACTION_CODE = f"{PAS}extension-reviewActionCode"
_EFFECTIVE, _EXPIRATION = (f"{PAS}extension-itemCertification{which}Date" for which in ("Effective", "Expiration"))
_MOST_CRITERIA = 1_000  # criteria of one kind; each is looked up, and a database takes a limited number of parameters
_NO_CRITERION = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class InquiryRequest(ClaimBundle):
    """A `Claim/$inquire` request: `inquiry` is what to ask the store. coverage: None when the Bundle holds none."""

    inquiry: Inquiry


def read_inquiry(raw: bytes, body: dict[str, Any], version: Version) -> InquiryRequest:
    """Raises InvalidRequest with every problem.

    `inquiry.npis` are those of Claim.provider alone: who asks must be the requester or a provider of the request
    (pas P-78). Claim.identifier and trace numbers are never search keys (pas P-71, T-35).
    """
    bundle = RequestBundle(raw, body)
    read_claim(bundle)
    reader = PartyReader(bundle, coverage_needed=False)
    criteria = _criteria(bundle)
    parties = reader.found()
    asked = replace(criteria, member_ids=parties.member_ids, npis=requester_npis(bundle.index, parties.requester))
    return InquiryRequest(
        version=version,
        bundle=bundle.bundle,
        index=bundle.index,
        patient=parties.patient,
        coverage=parties.coverage,
        insurer=parties.insurer,
        requester=parties.requester,
        organization=parties.organization,
        inquiry=asked,
    )


def _criteria(bundle: RequestBundle) -> Inquiry:
    """What an inquiry narrows by; who asks, and about whom, is filled in later."""
    claim = bundle.claim
    holders = [claim, *(claim.get("item") or ())]
    spans = [service_dates(bundle, claim, "billablePeriod", CLAIM)]
    spans += [service_dates(bundle, item, "serviced", f"{CLAIM}.item[{n}]") for n, item in enumerate(holders[1:])]
    days = [day for span in spans if span for day in span]
    codes = (c for item in holders[1:] for c in codings(item.get("productOrService")) if c.system != _NO_CRITERION)
    actions = (e.get("valueCodeableConcept") for h in holders for e in extensions(h, _REVIEW_ACTION_CODE))
    found = Inquiry(
        member_ids=(),
        npis=(),
        numbers=tuple(dict.fromkeys(n for holder in holders for n in numbers(holder))),
        codes=tuple(dict.fromkeys(c.token for c in codes)),
        service=(min(days), max(days)) if days else None,
        begins=_certification(bundle, _EFFECTIVE),
        ends=_certification(bundle, _EXPIRATION),
        actions=tuple(dict.fromkeys(c.code for concept in actions for c in codings(concept))),
    )
    if max(map(len, (found.numbers, found.codes, found.actions))) > _MOST_CRITERIA:
        text = f"An inquiry narrows by {_MOST_CRITERIA} numbers, codes or actions at most; send fewer."
        bundle.add("too-costly", text, f"{CLAIM}.item")
    return found


def _certification(bundle: RequestBundle, url: str) -> tuple[date, date] | None:
    """From the first to the last day that Claim and items name for the begin, or the end, of an authorization."""
    items = enumerate(bundle.claim.get("item") or ())
    holders = [(bundle.claim, CLAIM), *((item, f"{CLAIM}.item[{n}]") for n, item in items)]
    named = [(e, f"{at}.extension") for holder, at in holders for e in extensions(holder, url)]
    spans = [service_dates(bundle, e, "value", at) for e, at in named]
    days = [day for span in spans if span for day in span]
    return (min(days), max(days)) if days else None
