"""Business reasons not to decide a request (X12 AAA): answered with 200 and ClaimResponse.error (pas P-49)."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from server.decision.request import AuthorizationRequest
from server.fhir.coverage import in_force
from server.fhir.read import Resource, dicts
from server.fhir.x12 import (
    CANCEL,
    CORRECT_AND_RESUBMIT,
    INPUT_ERRORS,
    INVALID_PARTICIPANT,
    NO_RESUBMISSION,
    PATIENT_NOT_ELIGIBLE,
    PAYER_ID_MISSING,
    SUBSCRIBER_NOT_FOUND,
)
from server.pas.request.bundle import CLAIM, INFO_CANCELLED, modifiers
from server.pas.request.claim_item import kinds_of_request
from server.pas.request.inquiry import InquiryRequest
from server.policy.plan import MemberStatus, Plan

_OVER = frozenset({"cancelled", "entered-in-error"})

UPDATE = INPUT_ERRORS
"""X12 901 of a request that is refused for being an update, and for nothing else."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A business reason not to decide: 200 and ClaimResponse.error, no 4xx (pas P-49).

    code: X12 901 reject reason. follow_up: X12 889, `C` correct and resubmit, `N` no resubmission.
    text: what is wrong and what would mend it, without patient data. expression: FHIRPath from `Bundle`.
    """

    code: str
    text: str
    expression: str
    follow_up: str = CORRECT_AND_RESUBMIT


def rejections_of(request: AuthorizationRequest, plan: Plan, *, update: bool = False) -> tuple[Rejection, ...]:
    """The reasons not to decide a request; none when it is decided. update: it is one, and is read as one."""
    return (
        *(_withdrawn(request) if update else _updates(request)),
        *_payer(plan, request.insurer),
        *_member(plan, request.member_ids, request.index.place(request.coverage or request.patient)),
        *_coverage(plan, request),
    )


def inquiry_rejections_of(request: InquiryRequest, plan: Plan) -> tuple[Rejection, ...]:
    """The reasons not to answer an inquiry. A member who is no longer covered may still be asked about."""
    holder = request.patient if request.coverage is None else request.coverage
    return (
        *_payer(plan, request.insurer),
        *_member(plan, request.inquiry.member_ids, request.index.place(holder), past_counts=True),
    )


def _updates(request: AuthorizationRequest) -> Iterator[Rejection]:
    """An update or a cancel of an earlier request (pas P-85: the payer may ask for a new request instead).

    infoCancelled=false and infoChanged stand on first requests too and say nothing (pas T-4); anything else that is
    marked by infoCancelled is cancelled, wherever it stands.
    """
    claim = request.claim
    text = "What is cancelled names no earlier request; name the Claim that it changes in `related`."
    if claim.get("related"):
        yield Rejection(UPDATE, text, f"{CLAIM}.related[0]", NO_RESUBMISSION)
    elif CANCEL in kinds_of_request(claim):
        yield Rejection(UPDATE, text, CLAIM, NO_RESUBMISSION)
    else:
        items = enumerate(claim.get("item", ()))
        cancelled = [f"{CLAIM}.item[{n}]" for n, i in items if CANCEL in kinds_of_request(i)]
        for place in dict.fromkeys((*cancelled, *_cancelled(request.bundle))):
            yield Rejection(UPDATE, text, place, NO_RESUBMISSION)


def _withdrawn(request: AuthorizationRequest) -> Iterator[Rejection]:
    """An update cancels items, and takes back supporting information; what else is cancelled cannot be told.

    An earlier Claim that it encloses (pas P-80) says what was cancelled before.
    """
    earlier = [f"Bundle.entry[{n}]." for n, _, r in request.index.entries if n and r.get("resourceType") == "Claim"]
    for place in dict.fromkeys(_cancelled(request.bundle)):
        if not place.startswith((f"{CLAIM}.supportingInfo[", *earlier)):
            text = "An update cancels items and supporting information, and nothing else; leave out the mark."
            yield Rejection(UPDATE, text, place)


def _cancelled(bundle: Resource) -> Iterator[str]:
    """The places of what is marked as cancelled."""
    if INFO_CANCELLED.encode() in orjson.dumps(bundle):
        for path, modifier in modifiers(bundle, "Bundle"):
            if isinstance(modifier, dict) and modifier.get("valueBoolean") is not False:
                yield path.rpartition(".")[0]


def _payer(plan: Plan, insurer: Resource) -> Iterator[Rejection]:
    """A request to another payer, or to one that cannot be identified."""
    known = plan.is_payer(insurer)
    if known is None:
        text = f"The insurer has no identifier; send the payer id {plan.payer_id} or the NPI {plan.npi}."
        yield Rejection(PAYER_ID_MISSING, text, f"{CLAIM}.insurer")
    elif not known:
        text = f"The insurer is not {plan.name} (payer id {plan.payer_id}, NPI {plan.npi}); send this to its payer."
        yield Rejection(INVALID_PARTICIPANT, text, f"{CLAIM}.insurer", NO_RESUBMISSION)


def _member(plan: Plan, member_ids: tuple[str, ...], place: str, *, past_counts: bool = False) -> Iterator[Rejection]:
    """A member the plan does not know, or no longer covers; past_counts: an inactive one may still ask."""
    status = plan.member(member_ids)
    if status is MemberStatus.UNKNOWN:
        text = "This member id is not known to the plan; compare it with the member's card and send it again."
        yield Rejection(SUBSCRIBER_NOT_FOUND, text, place)
    elif status is MemberStatus.SEVERAL and not past_counts:
        text = "The plan cannot resolve this member to a single coverage; ask the member which one is billed."
        yield Rejection(SUBSCRIBER_NOT_FOUND, text, place)
    elif status is MemberStatus.INACTIVE and not past_counts:
        text = "The member is not covered by the plan now; ask the member for the current coverage."
        yield Rejection(PATIENT_NOT_ELIGIBLE, text, place, NO_RESUBMISSION)


def _coverage(plan: Plan, request: AuthorizationRequest) -> Iterator[Rejection]:
    """A focal Coverage that is over, that does not reach the days of a service, or that is another payer's."""
    found = request.coverage or {}
    place = request.index.place(found)
    services = [i.service or (request.created, request.created) for i in request.items]
    if found.get("status") in _OVER:
        text = "This coverage is not in force; ask the member for the current coverage and send that."
        yield Rejection(PATIENT_NOT_ELIGIBLE, text, f"{place}.status", NO_RESUBMISSION)
    elif not all(in_force(found, first, last) for first, last in services):
        text = "This coverage is not in force on the day of service; ask the member for the one that is."
        yield Rejection(PATIENT_NOT_ELIGIBLE, text, f"{place}.period", NO_RESUBMISSION)
    payors = [_is_payer(plan, p, request) for p in dicts(found.get("payor"))]
    whose = f"{plan.name} (payer id {plan.payer_id}, NPI {plan.npi})"
    if payors and all(known is False for known in payors):
        text = f"The coverage is not of {whose}; send this to its payer."
        yield Rejection(INVALID_PARTICIPANT, text, f"{place}.payor", NO_RESUBMISSION)
    elif True not in payors:
        text = f"The coverage is not shown to be of {whose}; name it as `payor` with one of these numbers."
        yield Rejection(INVALID_PARTICIPANT, text, f"{place}.payor")


def _is_payer(plan: Plan, payor: Resource, request: AuthorizationRequest) -> bool | None:
    """As Plan.is_payer, of the payor or of what it points at. The insurer is checked elsewhere; the name is enough.

    False for a person: that is a coverage that somebody pays for himself.
    """
    organization = request.index.resolve(payor, request.coverage)
    if organization is request.insurer:
        return True
    if organization is not None and organization.get("resourceType") != "Organization":
        return False
    said = (plan.is_payer(organization), plan.is_payer(payor))
    if True in said or False in said:
        return True in said
    names = ((organization or {}).get("name"), payor.get("display"))
    return True if any(isinstance(n, str) and n.casefold() == plan.name.casefold() for n in names) else None
