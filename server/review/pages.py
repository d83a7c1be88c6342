"""How every page of the desk is sent: rendered from a template, never kept by a cache, and unable to run a script."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from server.decision.model import Outcome

_HERE = Path(__file__).parent
TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
STYLE = (_HERE / "static" / "review.css").read_bytes()
COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HEADERS = COMMON | {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}

WAITS_FOR = {
    Outcome.MORE_INFO_NEEDED: "the provider",
    Outcome.PEND_NURSE: "a nurse",
    Outcome.PEND_PHYSICIAN: "a physician",
    Outcome.PEND_MEDICAL_DIRECTOR: "the medical director",
}
"""Who looks next, in words."""

ROLES = {
    "nurse": "nurse",
    "physician": "physician",
    "medical-director": "medical director",
    "compliance": "compliance",
}


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from templates/."""
    html = TEMPLATES.get_template(template).render(roles=ROLES, waits=WAITS_FOR, **values)
    return HTMLResponse(html, status, headers=HEADERS)


def see_other(path: str) -> Response:
    """Sends the browser on, after a form, to a page of this server."""
    return Response(status_code=303, headers=COMMON | {"Location": path})


def problem_page(status: int, title: str, text: str) -> HTMLResponse:
    """What could not be done, in words, and the way back."""
    return page("problem.html", status, title=title, text=text, me=None, token="")
