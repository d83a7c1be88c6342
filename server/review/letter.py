"""`/review/case/{id}/letter`: what was decided, told to the member or the provider in plain words; to be printed."""

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.decision.case import Case, CaseItem
from server.decision.model import Outcome
from server.decision.ruling import PersonDecision, Status
from server.policy.plan import Plan
from server.review.case_page import CaseId, leave_trace, load
from server.review.desk import ReviewDesk
from server.review.pages import ROLES, page
from server.review.session import SignedIn, SignedInOf
from server.store.desk_rows import name_of, service_of

MEMBER, PROVIDER = "member", "provider"


@dataclass(frozen=True, slots=True)
class Part:
    """What a letter says of one item. needed: what is asked for. denied: whether an appeal is open."""

    service: str
    said: tuple[str, ...]
    why: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    denied: bool = False


async def letter(request: Request, case_id: CaseId, me: SignedInOf) -> Response:
    to = PROVIDER if request.query_params.get("to") == PROVIDER else MEMBER
    return await run_in_threadpool(_letter, case_id, to, me, request.app.state.review)


def _letter(case_id: str, to: str, me: SignedIn, desk: ReviewDesk) -> Response:
    _, case = load(case_id, desk)
    leave_trace(desk, "read", case_id, me, by="letter")
    plan, rules = desk.world.plan, desk.rules
    day = rules.calendar.local(case.answered)
    name = name_of(case.request.patient)
    provider = case.request.organization or case.request.requester
    parts = [part_of(item, to, dict(rules.denial_reasons)) for item in case.items]
    return page(
        "letter.html",
        me=me.reviewer,
        token=me.token,
        case=case,
        to=to,
        patient=name,
        member=", ".join(case.request.member_ids),
        provider=str(provider.get("name")) if isinstance(provider.get("name"), str) else name_of(provider),
        day=f"{day:%B} {day.day}, {day.year}",
        parts=parts,
        subject=subject_of(case),
        plan=plan,
        address=address_of(plan),
        appeals=rules.appeals,
        denied=any(p.denied for p in parts),
        script=desk.script is not None,
    )


def subject_of(case: Case) -> str:
    statuses = {item.status for item in case.items}
    if statuses == {Status.APPROVED}:
        return "Your request is approved"
    if statuses == {Status.CANCELLED}:
        return "Your request was cancelled"
    if statuses == {Status.DENIED}:
        return "Your request is denied"
    if any(item.waits_for is Outcome.MORE_INFO_NEEDED for item in case.items):
        return "We need more information about your request"
    if any(item.waits_for is not None for item in case.items):
        return "Your request is being reviewed"
    return "Our decision about your request"


def part_of(item: CaseItem, to: str, reasons: dict[str, str]) -> Part:
    service = service_of(item.requested.order, item.requested.raw)
    ruling = item.ruling
    if item.status is Status.APPROVED:
        return Part(service, ("We approved this.", *_authorized(item)), ruling.reasons if ruling else ())
    if item.status is Status.MODIFIED and ruling is not None:
        quantity = (ruling.instead or {}).get("quantity", {})
        amount = f"Approved: {quantity.get('value')} {quantity.get('unit') or quantity.get('code') or ''}".strip() + "."
        said = ("We approved this in part, not all that was asked for.", amount, *_authorized(item), _by(ruling))
        return Part(service, said, ruling.reasons, denied=True)
    if item.status is Status.DENIED and ruling is not None:
        words = reasons.get(ruling.reason_code or "", "")
        return Part(service, ("We denied this.", *filter(None, (words,)), _by(ruling)), ruling.reasons, denied=True)
    if item.waits_for is Outcome.MORE_INFO_NEEDED:
        who = "Your doctor's office was asked" if to == MEMBER else "Please send us"
        asked = ruling.reasons if ruling else tuple(f.remedy or f.sentence for f in item.missing)
        return Part(
            service,
            (
                "We cannot decide yet.",
                f"{who} for what is listed here." if to == MEMBER else f"{who} what is listed here.",
            ),
            needed=asked,
        )
    if item.waits_for is not None:
        return Part(service, ("We have your request. A person is reviewing it, and we will write to you again.",))
    return Part(service, ("This part of the request is closed.",))


def _authorized(item: CaseItem) -> tuple[str, ...]:
    days = f"It is approved from {item.period[0]} to {item.period[1]}, both days included." if item.period else ""
    number = f"Your authorization number is {item.number}." if item.number else ""
    return tuple(filter(None, (days, number)))


def _by(ruling: PersonDecision) -> str:
    return f"A {ROLES[ruling.person.role]} made this decision (NPI {ruling.person.npi})."


def address_of(plan: Plan) -> list[str]:
    """The plan's address, a line each."""
    address = plan.address
    town = " ".join(str(address[k]) for k in ("city", "state", "postalCode") if address.get(k))
    return [*(str(line) for line in address.get("line", ())), *([town] if town else [])]
