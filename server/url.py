"""One row of the URL table in app.py, from which routes, OpenAPI and CapabilityStatements are made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response

from server.fhir.version import Version


class Access(StrEnum):
    """Who may call a row. A row of CLIENT gets no request without a caller (auth/caller.py).

    With authentication on, a client shows an access token where the row has a scope, else a JWT that it signed.
    """

    PUBLIC = "public"
    CLIENT = "client"
    REVIEWER = "reviewer"
    """Whoever is signed in at the review desk, of whatever role; the handler looks at the session."""
    OPERATOR = "operator"
    """Who watches the server: by the token of VITRUVIAN_METRICS_TOKEN (auth/operator.py)."""
    DECIDER = "decider"
    """Whoever is signed in there and may decide: every role but compliance."""


@dataclass(frozen=True, slots=True)
class Url:
    """method and path as served (under a FHIR base: relative to it); handler: the function that answers.

    interaction: what FHIR calls it, for the CapabilityStatement: `Claim/$submit` (operation), `ClaimResponse:read`,
    `Questionnaire:search-type`, `/$submit-attachment` (of the system), or empty. body: the example of what is sent, a
    file of a policy's `demo/` without `.json` or one of subscriptions.routes.EXAMPLES; empty where nothing is.
    query: what each parameter of the query means. answers: the statuses that the handler gives; any row may also refuse
    in the words of outcomes.py. media: what is answered, and read unless `sends` says otherwise. scope: the right that
    an access token must have, `Claim.c`, by the letters of SMART 2; under a FHIR base each row of CLIENT has one. All
    that belongs to a form goes by `Questionnaire.r`, since no scope is its own (dtr D-2, T-21).
    """

    method: str
    path: str
    handler: Callable[..., Awaitable[Response]]
    summary: str
    access: Access
    interaction: str = ""
    body: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    answers: tuple[int, ...] = (200,)
    media: str = "application/fhir+json"
    scope: str = ""
    sends: str = ""

    @property
    def room(self) -> str:
        """The folder of `server/` that answers."""
        return self.handler.__module__.split(".")[1]


_VERSIONS = {version.base: version for version in Version}


def version_of(request: Request) -> Version:
    """The guide version of the FHIR base that the row is mounted under; nothing in a body says it."""
    path: str = request.scope["path"]
    return _VERSIONS["/".join(path.split("/", 3)[:3])]
