"""`/review/sign-in` and `/review/sign-out`."""

import secrets

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.body import read_form
from server.errors import DatabaseGone
from server.log import log
from server.review.desk import ReviewDesk
from server.review.pages import page, see_other
from server.review.reviewers import LOCKED, is_locked
from server.review.reviewers import sign_in as checked
from server.review.session import (
    COOKIE,
    SignedInOf,
    form_token,
    hashed,
    must_be_ours,
    open_session,
    set_cookie,
    signed_in,
)

_BEFORE = "vitruvian-sign-in"
"""The cookie of the sign-in form: until somebody is signed in, its token has no session to belong to."""

_HASHING = CapacityLimiter(2)  # each check of a password takes 64 MB and a core for a while
_WRONG = "Login or password is wrong."
_LOCKED = f"Too many sign-ins as this have failed. Wait {LOCKED.seconds // 60} minutes, then try again."


async def form(request: Request) -> Response:
    desk: ReviewDesk = request.app.state.review
    if await run_in_threadpool(signed_in, request.cookies.get(COOKIE, ""), desk) is not None:
        return see_other("/review")
    return _form(request, desk)


async def sign_in(request: Request) -> Response:
    """The same words for a login that nobody has and for a wrong password."""
    desk: ReviewDesk = request.app.state.review
    sent = await read_form(request)
    must_be_ours(request, request.cookies.get(_BEFORE, ""), sent.get("token", [""])[0])
    login, password = sent.get("login", [""])[0].strip(), sent.get("password", [""])[0]
    if await run_in_threadpool(is_locked, login, desk):
        return _form(request, desk, 429, _LOCKED, login)
    reviewer = await to_thread.run_sync(checked, login, password, desk, limiter=_HASHING)
    if reviewer is None:
        log.warning("sign-in failed")
        return _form(request, desk, 401, _WRONG, login)
    old = request.cookies.get(COOKIE, "")
    if old:
        await run_in_threadpool(desk.record.end_session, hashed(old))
    secret = await run_in_threadpool(open_session, reviewer.login, desk)
    await run_in_threadpool(_leave_trace, desk, "sign-in", reviewer.login)
    answer = see_other(_inside(sent.get("next", [""])[0]))
    set_cookie(answer, secret, desk)
    answer.delete_cookie(_BEFORE, path="/review/sign-in")
    return answer


async def sign_out(request: Request, me: SignedInOf) -> Response:
    desk: ReviewDesk = request.app.state.review
    sent = await read_form(request)
    must_be_ours(request, me.secret, sent.get("token", [""])[0])
    await run_in_threadpool(desk.record.end_session, hashed(me.secret))
    await run_in_threadpool(_leave_trace, desk, "sign-out", me.reviewer.login)
    answer = see_other("/review/sign-in")
    answer.delete_cookie(COOKIE, path="/review")
    return answer


def _form(request: Request, desk: ReviewDesk, status: int = 200, wrong: str = "", login: str = "") -> Response:
    secret = request.cookies.get(_BEFORE) or secrets.token_urlsafe(32)
    shown = [r for r in desk.rules.reviewers if r.demo_password] if desk.demo else []
    answer = page(
        "sign-in.html",
        status,
        token=form_token(secret),
        wrong=wrong,
        login=login,
        next=request.query_params.get("next", ""),
        plan=desk.world.plan,
        demo=shown,
        me=None,
    )
    secure = desk.world.base_url.startswith("https:")
    answer.set_cookie(_BEFORE, secret, path="/review/sign-in", httponly=True, samesite="strict", secure=secure)
    return answer


def _inside(path: str) -> str:
    """A page of the desk to go on to; nothing that somebody else's link could name."""
    return path if path.startswith("/review/case/") and "\\" not in path and path.isprintable() else "/review"


def _leave_trace(desk: ReviewDesk, event: str, login: str) -> None:
    try:
        desk.world.store.audit(event, [login], {})
    except DatabaseGone as error:
        log.error("audit not written", reason=event, error=type(error).__name__)
