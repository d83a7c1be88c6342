"""`GET /`: what this is, the addresses to give to an EHR, and three commands to try; and a page for each policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from server.policy.model import Policy
from server.policy.plan import Plan

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)

# The page needs its own styles and nothing else; nothing may frame it or run in it.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class Example:
    """Files to send by hand, as paths from the project's folder: an order-sign request and a PAS request Bundle."""

    order_sign: str
    submit: str


def welcome(
    base_url: str,
    plan: Plan,
    policies: Sequence[Policy],
    example: Example | None = None,
    *,
    authenticated: bool = False,
) -> HTMLResponse:
    """The page, rendered once; the response can be sent any number of times.

    base_url: as partners see it, without a trailing slash. Without an example the commands are left out. authenticated:
    whether callers are.
    """
    html = _TEMPLATES.get_template("welcome.html").render(
        base_url=base_url, plan=plan, policies=policies, example=example, authenticated=authenticated
    )
    return HTMLResponse(html, headers=_HEADERS)


def policy_page(policy: Policy, plan: Plan) -> HTMLResponse:
    """What a plan looks at before it authorizes: each criterion of each edition, newest first, by our wording."""
    return HTMLResponse(_TEMPLATES.get_template("policy.html").render(policy=policy, plan=plan), headers=_HEADERS)
