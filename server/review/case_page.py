"""`/review/case/{id}`: everything that is known of one case; its documents; taking it and letting it go."""

from typing import Annotated

from fastapi import Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.body import read_form
from server.decision.apply import apply_all
from server.decision.case import Case, Fact
from server.decision.state import case_state
from server.errors import NotFound
from server.policy.desk import DeskRole
from server.review.allowed import verbs_of
from server.review.case_view import chart_of, earlier_of, events_of, items_of, people_of, told_of
from server.review.desk import ReviewDesk
from server.review.documents import documents_of, response_of
from server.review.pages import page, see_other
from server.review.session import SignedIn, SignedInOf, must_be_ours
from server.review.state_words import STATE_WORDS
from server.review.worklist import line_of
from server.store.ports import Inquiry

CaseId = Annotated[str, Path(alias="id", description="The id of a case.")]
UNKNOWN = "No case has this address. It may have been typed wrong, or be older than the desk."


def load(case_id: str, desk: ReviewDesk) -> tuple[tuple[Fact, ...], Case]:
    """The facts of a case, and what they come to. Raises NotFound."""
    facts = tuple(desk.record.history(case_id))
    if not facts:
        raise NotFound(UNKNOWN)
    return facts, apply_all(facts)


def later_of(case: Case, desk: ReviewDesk) -> list[Case]:
    """Other cases of the member and provider that name an authorization of this one; the newest first."""
    numbers = tuple(item.number for item in case.items if item.number)
    if not numbers:
        return []
    asked = Inquiry(case.request.member_ids, case.request.npis, numbers=numbers)
    ids = desk.world.store.inquire(asked)
    return [found for i in ids if i != case.id and (found := desk.world.store.case(i))]


def leave_trace(desk: ReviewDesk, event: str, case_id: str, me: SignedIn, **detail: str | int) -> None:
    """An audit row. One that cannot be written stops what it would tell of: nobody reads a case unseen."""
    who = {"reviewer": me.reviewer.login, "npi": me.reviewer.npi, "role": me.reviewer.role}
    desk.world.store.audit(event, [case_id], {**who, **detail})


async def case_page(request: Request, case_id: CaseId, me: SignedInOf) -> Response:
    return await run_in_threadpool(_case_page, case_id, me, request.app.state.review)


def _case_page(case_id: str, me: SignedIn, desk: ReviewDesk) -> Response:
    facts, case = load(case_id, desk)
    row = desk.record.desk_case(case_id)
    if row is None:
        raise NotFound(UNKNOWN)
    leave_trace(desk, "read", case_id, me, by="review")
    now = desk.world.clock()
    later, today = later_of(case, desk), desk.rules.calendar.local(now).date()
    return page(
        "case.html",
        me=me.reviewer,
        token=me.token,
        case=case,
        line=line_of(row, now, desk),
        row=row,
        state=STATE_WORDS[case_state(case, today, later)],
        items=items_of(case, desk, today, later),
        people=people_of(case),
        chart=chart_of(case),
        earlier=earlier_of(facts),
        documents=documents_of(facts),
        events=events_of(facts, desk),
        told=told_of(case_id, desk),
        verbs=verbs_of(case, me.reviewer.role),
        decides=me.decides,
        may_release=row.holder is not None and may_release(row.holder, me),
        zone=desk.rules.calendar.zone,
        script=desk.script is not None,
    )


async def changed(request: Request, case_id: CaseId, me: SignedInOf) -> Response:
    """What a page asks by itself: whether its case has other facts than it shows."""
    desk: ReviewDesk = request.app.state.review
    facts = await run_in_threadpool(desk.record.history, case_id)
    stale = str(len(facts)) != request.query_params.get("facts")
    return page("changed.html", case_id=case_id, stale=stale, me=me.reviewer)


async def document(request: Request, case_id: CaseId, number: int, me: SignedInOf) -> Response:
    return await run_in_threadpool(_document, case_id, number, me, request.app.state.review)


def _document(case_id: str, number: int, me: SignedIn, desk: ReviewDesk) -> Response:
    facts, _ = load(case_id, desk)
    found = next((d for d in documents_of(facts) if d.number == number), None)
    if found is None:
        raise NotFound(UNKNOWN)
    leave_trace(desk, "read", case_id, me, by="review", document=number)
    return response_of(found)


async def take(request: Request, case_id: CaseId, me: SignedInOf) -> Response:
    desk: ReviewDesk = request.app.state.review
    await _ours(request, me)
    await run_in_threadpool(desk.record.take, case_id, me.reviewer.login, desk.world.clock())
    return see_other(f"/review/case/{case_id}")


async def release(request: Request, case_id: CaseId, me: SignedInOf) -> Response:
    """By who holds it; the medical director may free one that somebody else holds."""
    desk: ReviewDesk = request.app.state.review
    await _ours(request, me)
    anybodys = me.reviewer.role is DeskRole.MEDICAL_DIRECTOR
    await run_in_threadpool(desk.record.release, case_id, None if anybodys else me.reviewer.login)
    return see_other(f"/review/case/{case_id}")


def may_release(holder: str, me: SignedIn) -> bool:
    return me.decides and (holder == me.reviewer.login or me.reviewer.role is DeskRole.MEDICAL_DIRECTOR)


async def _ours(request: Request, me: SignedIn) -> None:
    sent = await read_form(request)
    must_be_ours(request, me.secret, sent.get("token", [""])[0])
