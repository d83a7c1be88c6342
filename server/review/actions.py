"""`/review/case/{id}/{verb}`: a form, a page that says in words what goes out, and the decision on record."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.answer.change import change_of
from server.body import read_form
from server.decision.case import Case, Fact
from server.decision.ruling import Verdict
from server.errors import DecisionRefused, NotFound
from server.log import log
from server.meter import OUTCOMES
from server.review.allowed import ACTIONS, items_for
from server.review.case_page import UNKNOWN, CaseId, leave_trace, load
from server.review.case_view import events_of
from server.review.desk import ReviewDesk
from server.review.pages import page, see_other
from server.review.ruling_form import RulingForm, empty_form, not_met, read_ruling, ruled, seniors_of
from server.review.session import NotAllowed, SignedIn, decider_of, must_be_ours
from server.store.desk_rows import service_of
from server.store.ports import ActiveAuthorization

DeciderOf = Annotated[SignedIn, Depends(decider_of)]


async def form(request: Request, case_id: CaseId, verb: str, me: DeciderOf) -> Response:
    return await run_in_threadpool(_form, case_id, _verdict(verb), me, request.app.state.review)


async def send(request: Request, case_id: CaseId, verb: str, me: DeciderOf) -> Response:
    """The filled form leads to the page that says what goes out, and that page to the decision."""
    desk: ReviewDesk = request.app.state.review
    sent = await read_form(request)
    must_be_ours(request, me.secret, sent.get("token", [""])[0])
    return await run_in_threadpool(_sent, case_id, _verdict(verb), sent, me, desk)


def _verdict(verb: str) -> Verdict:
    try:
        return Verdict(verb)
    except ValueError:
        raise NotFound(UNKNOWN) from None


def _form(case_id: str, verdict: Verdict, me: SignedIn, desk: ReviewDesk) -> Response:
    _, case = load(case_id, desk)
    if case.items and all(i.waits_for is None for i in case.items):
        return see_other(f"/review/case/{case_id}")
    _must_be_allowed(verdict, case, me)
    leave_trace(desk, "read", case_id, me, by="review")
    return _shown("action.html", empty_form(verdict, case, me.reviewer), case, me, desk)


def _must_be_allowed(verdict: Verdict, case: Case, me: SignedIn) -> None:
    if not items_for(verdict, case, me.reviewer.role):
        text = "No open item of this case is yours to decide so. Forward it to who may, or look at the case again."
        raise NotAllowed(text)


def _sent(case_id: str, verdict: Verdict, sent: dict[str, list[str]], me: SignedIn, desk: ReviewDesk) -> Response:
    facts, case = load(case_id, desk)
    read = read_ruling(sent, verdict, case, me.reviewer, desk.rules)
    if read.facts != case.facts:
        return _too_late(read, facts, case, me, desk)
    _must_be_allowed(verdict, case, me)
    step = sent.get("step", [""])[0]
    if read.wrong or step == "edit":
        return _shown("action.html", read, case, me, desk, status=422 if read.wrong else 200)
    if step != "send":
        return _shown("confirm.html", read, case, me, desk)
    return _decide(read, case, me, desk)


def _decide(read: RulingForm, case: Case, me: SignedIn, desk: ReviewDesk) -> Response:
    """On record, or refused, or told that somebody else came first."""
    try:
        fact = ruled(read, case, me.reviewer, desk.world.clock(), desk.world.new_number)
        change = change_of(case, (fact,), desk.world.base_url)
    except DecisionRefused as error:
        return _shown("action.html", read, case, me, desk, status=409, refused=str(error))
    if desk.world.store.append(change) is None:
        facts, now = load(case.id, desk)
        return _too_late(read, facts, now, me, desk)
    leave_trace(desk, "ruling", case.id, me, verdict=read.verdict)
    OUTCOMES.labels("person", read.verdict.value).inc()
    log.info("ruled", submission=case.id, outcome=read.verdict.value)
    return see_other(f"/review/case/{case.id}")


def _too_late(read: RulingForm, facts: tuple[Fact, ...], case: Case, me: SignedIn, desk: ReviewDesk) -> Response:
    """Somebody else changed the case: what happened since, and what was written, kept."""
    since = events_of(facts, desk)[: max(case.facts - read.facts, 1)]
    return _shown("action.html", read, case, me, desk, status=409, since=since)


def _shown(template: str, read: RulingForm, case: Case, me: SignedIn, desk: ReviewDesk, **more: Any) -> Response:
    """The form, or what goes out. more: status, refused (why the decision was), since (what others did meanwhile)."""
    items = items_for(read.verdict, case, me.reviewer.role)
    shown: dict[str, Any] = {"refused": "", "since": (), "status": 200} | more
    return page(
        template,
        me=me.reviewer,
        token=me.token,
        case=case,
        form=read,
        facts=case.facts,
        title=ACTIONS[read.verdict],
        verb=read.verdict.value,
        items=[(i, service_of(i.requested.order, i.requested.raw)) for i in items],
        findings=not_met(items),
        reasons=desk.rules.denial_reasons,
        seniors=seniors_of(me.reviewer),
        beside=_beside(read, case, desk),
        appeals=desk.rules.appeals,
        script=desk.script is not None,
        **shown,
    )


def _beside(read: RulingForm, case: Case, desk: ReviewDesk) -> ActiveAuthorization | None:
    """An authorization that stands already on the first day of what would be approved."""
    if read.days is None:
        return None
    policies = {i.decision.policy_id for i in case.items if i.sequence in read.items and i.decision.policy_id}
    members, first = case.request.member_ids, read.days[0]
    found = (desk.world.store.active_authorization(members, policy, first) for policy in policies)
    return next((one for one in found if one), None)
