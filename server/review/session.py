"""Who is signed in: the cookie, the session behind it in the record, its two ends, and the token of its forms."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.errors import VitruvianError
from server.policy.desk import DeskRole, Reviewer
from server.review.desk import ReviewDesk
from server.review.reviewers import reviewer_of_login
from server.store.desk_port import SessionRow

COOKIE = "vitruvian-review"
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=10)
_SEEN_EVERY = timedelta(seconds=30)
"""How exactly the last visit is known: a page with its pictures writes one row, not ten."""
QUIET = "/changed"
"""A page asks there by itself whether its case has changed: nobody is thereby at work."""


class SignInNeeded(VitruvianError):
    """Nobody is signed in, or the session is over."""


class NotAllowed(VitruvianError):
    """Who is signed in may not do this; the message says who may."""


class FormRefused(VitruvianError):
    """A form that no page of this session made."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A reviewer and the secret of the session, which the cookie holds."""

    reviewer: Reviewer
    secret: str

    @property
    def token(self) -> str:
        """What each form of the session carries."""
        return form_token(self.secret)

    @property
    def decides(self) -> bool:
        return self.reviewer.role is not DeskRole.COMPLIANCE


def form_token(secret: str) -> str:
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def set_cookie(response: Response, secret: str, desk: ReviewDesk) -> None:
    """Kept until the browser closes; no script reads it, and no other site sends it."""
    secure = desk.world.base_url.startswith("https:")
    response.set_cookie(COOKIE, secret, path="/review", httponly=True, samesite="strict", secure=secure)


def open_session(login: str, desk: ReviewDesk) -> str:
    """A fresh session; its secret."""
    secret, now = secrets.token_urlsafe(32), desk.world.clock()
    desk.record.open_session(SessionRow(hashed(secret), login, now, now), now - LONGEST)
    return secret


def signed_in(secret: str, desk: ReviewDesk, *, quiet: bool = False) -> SignedIn | None:
    """Whose session this is; None for one that is over, or whose reviewer may not sign in any more.

    quiet: the visit keeps the session from no end.
    """
    row = desk.record.session(hashed(secret)) if secret else None
    if row is None:
        return None
    now = desk.world.clock()
    reviewer = reviewer_of_login(row.login, desk)
    if reviewer is None or now - row.seen > IDLE or now - row.opened > LONGEST:
        desk.record.end_session(row.token)
        return None
    if not quiet and now - row.seen > _SEEN_EVERY:
        desk.record.seen(row.token, now)
    return SignedIn(reviewer, secret)


async def reviewer_of(request: Request) -> SignedIn:
    """Who is signed in. Raises SignInNeeded."""
    quiet = request.url.path.endswith(QUIET)
    desk: ReviewDesk = request.app.state.review
    secret = request.cookies.get(COOKIE, "")
    found = await run_in_threadpool(signed_in, secret, desk, quiet=quiet)
    if found is None:
        raise SignInNeeded
    return found


async def decider_of(me: Annotated[SignedIn, Depends(reviewer_of)]) -> SignedIn:
    """Who is signed in and may decide. Raises SignInNeeded or NotAllowed."""
    if not me.decides:
        raise NotAllowed("Compliance reads every case and decides none.")
    return me


SignedInOf = Annotated[SignedIn, Depends(reviewer_of)]


def must_be_ours(request: Request, secret: str, token: str) -> None:
    """Raises FormRefused unless a page of this session made the form, and a browser sent it from here."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or not hmac.compare_digest(token.encode(), form_token(secret).encode()):
        raise FormRefused("This form was not made by this page, or is from before you signed in. Nothing was done.")
