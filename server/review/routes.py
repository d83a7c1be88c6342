"""The desk's pages of no case, and how its errors are told: as a page."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from server.errors import DecisionRefused, NotFound, VitruvianError
from server.outcomes import status_of
from server.review.actions import form as action_form
from server.review.actions import send as action_send
from server.review.case_page import case_page, changed, document, release, take
from server.review.desk import ReviewDesk
from server.review.letter import letter
from server.review.pages import COMMON, STYLE, problem_page, see_other
from server.review.session import FormRefused, NotAllowed, SignInNeeded, decider_of, reviewer_of
from server.review.sign_in import form as sign_in_form
from server.review.sign_in import sign_in, sign_out
from server.review.unmatched import unmatched, unmatched_document, unmatched_one
from server.review.worklist import worklist

__all__ = [
    "action_form",
    "action_send",
    "case_page",
    "changed",
    "decider_of",
    "document",
    "fault",
    "letter",
    "on_error",
    "release",
    "reviewer_of",
    "script",
    "sign_in",
    "sign_in_form",
    "sign_out",
    "style",
    "take",
    "unmatched",
    "unmatched_document",
    "unmatched_one",
    "worklist",
]


async def style() -> Response:
    return Response(STYLE, media_type="text/css", headers=COMMON | {"Cache-Control": "max-age=300"})


async def script(request: Request) -> Response:
    """The script is htmx. Pages work without it; with it, a page tells when its case was changed by somebody else."""
    desk: ReviewDesk = request.app.state.review
    if desk.script is None:
        raise NotFound("The script of these pages is not built; run `make setup`.")
    return Response(desk.script, media_type="text/javascript", headers=COMMON | {"Cache-Control": "max-age=300"})


def on_error(request: Request, error: VitruvianError) -> Response:
    """What a person reads when a page of the desk cannot be given."""
    if isinstance(error, SignInNeeded):
        path = request.url.path
        onward = f"?next={quote(path)}" if request.method == "GET" and path.startswith("/review/case/") else ""
        return see_other(f"/review/sign-in{onward}")
    title, status = next(((t, s) for kind, t, s in _TOLD if isinstance(error, kind)), ("", status_of(error)))
    if status >= 500:  # noqa: PLR2004 - the class of server faults
        return fault(status)
    return problem_page(status, title or "This could not be read", str(error))


def fault(status: int = 500) -> Response:
    return problem_page(status, "This server has a problem", "Look whether anything was done, and try again.")


_TOLD = (
    (NotAllowed, "This is not yours to do", 403),
    (FormRefused, "Nothing was done", 403),
    (DecisionRefused, "Nothing was decided", 409),
    (NotFound, "There is no such page", 404),
)
