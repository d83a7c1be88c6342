"""Whether a login and a password are those of a reviewer: of the plan file, or added by `server add-reviewer`."""

import hmac
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.policy.desk import Reviewer
from server.review.desk import ReviewDesk

FAILURES = 5
LOCKED = timedelta(minutes=15)
SHORTEST = 12
LONGEST = 200

_HASHER = PasswordHasher()


@cache
def _nobodys() -> str:
    """A hash of no password: a login that nobody has takes as long as one that somebody has."""
    return _HASHER.hash("nobody has this password")


def hash_of(password: str) -> str:
    return _HASHER.hash(password)


def reviewer_of_login(login: str, desk: ReviewDesk) -> Reviewer | None:
    """Who may sign in as this. Made-up reviewers with a password in clear are nobody outside of demo mode."""
    named = next((r for r in desk.rules.reviewers if r.login == login), None)
    if named is None:
        return desk.record.reviewer(login)
    return named if named.password_hash or desk.demo else None


def is_locked(login: str, desk: ReviewDesk) -> bool:
    """Whether too many sign-ins as this have failed of late, whoever tried and whether anybody is called so."""
    return desk.record.failures(login, desk.world.clock() - LOCKED) >= FAILURES


def sign_in(login: str, password: str, desk: ReviewDesk) -> Reviewer | None:
    """The reviewer, or None, with the failure counted."""
    reviewer = reviewer_of_login(login, desk)
    if _fits(password[:LONGEST], reviewer) and reviewer is not None:
        desk.record.forgive(login)
        return reviewer
    now = desk.world.clock()
    desk.record.failed(login, now, now - LOCKED)
    return None


def _fits(password: str, reviewer: Reviewer | None) -> bool:
    if reviewer is not None and reviewer.demo_password:
        return hmac.compare_digest(password.encode(), reviewer.demo_password.encode())
    try:
        return _HASHER.verify(reviewer.password_hash if reviewer else _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
