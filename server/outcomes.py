"""Turns errors into answers, here alone: an OperationOutcome, a CDS Hooks error, or a status without a body.

Every answer of the FHIR bases and of the CDS service is built from these response classes.
"""

from collections.abc import Iterable
from typing import Any

import orjson
from starlette.responses import Response

from server.errors import (
    BodyTooLarge,
    BodyTooSlow,
    DatabaseGone,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PreconditionFailed,
    Problem,
    TooManyRequests,
    Unprocessable,
    UnsupportedMediaType,
    VitruvianError,
)


class FhirResponse(Response):
    """FHIR JSON. Bytes are sent as they are; orjson writes anything else."""

    media_type = "application/fhir+json"

    def render(self, content: Any) -> bytes:
        return content if isinstance(content, bytes) else orjson.dumps(content)


class CdsResponse(FhirResponse):
    media_type = "application/json"


_STATUS: tuple[tuple[type[VitruvianError], int], ...] = (
    (Unprocessable, 422),
    (PreconditionFailed, 412),
    (InvalidRequest, 400),
    (BodyTooLarge, 413),
    (BodyTooSlow, 408),
    (DatabaseGone, 503),
    (UnsupportedMediaType, 415),
    (NotAuthenticated, 401),
    (NotPermitted, 403),
    (NotFound, 404),
    (TooManyRequests, 429),
)
_CODE: tuple[tuple[type[VitruvianError], str], ...] = (
    (BodyTooLarge, "too-long"),
    (BodyTooSlow, "timeout"),
    (DatabaseGone, "transient"),
    (UnsupportedMediaType, "not-supported"),
    (NotAuthenticated, "login"),
    (NotPermitted, "forbidden"),
    (NotFound, "not-found"),
    (TooManyRequests, "throttled"),
)


def status_of(error: VitruvianError) -> int:
    """The HTTP status of an error; 500 for any error that the caller did not cause."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problems_of(error: VitruvianError) -> tuple[Problem, ...]:
    """What to tell the caller: every problem of a request, or the message of an error that is meant for the caller."""
    if isinstance(error, InvalidRequest):
        return error.problems
    code = next((code for kind, code in _CODE if isinstance(error, kind)), None)
    if code is None:
        return (Problem("exception", "The server failed. Nothing was stored; send the request again later."),)
    return (Problem(code, str(error)),)


def headers_of(error: VitruvianError) -> dict[str, str]:
    """What an answer says in its headers: how to authenticate (RFC 6750), or when to come again."""
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": 'Bearer error="invalid_token"' if error.sent else "Bearer"}
    if isinstance(error, NotPermitted) and error.scope:
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{error.scope}"'}
    return {"Retry-After": str(error.seconds)} if isinstance(error, TooManyRequests) else {}


def operation_outcome(problems: Iterable[Problem]) -> dict[str, Any]:
    """One OperationOutcome with an issue for each problem (pas P-46, P-48)."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(p) for p in problems]}


def _issue(problem: Problem) -> dict[str, Any]:
    issue: dict[str, Any] = {
        "severity": problem.severity,
        "code": problem.code,
        "details": {"text": problem.text},
        "diagnostics": problem.text,
    }
    if problem.expression:
        issue["expression"] = [problem.expression]
    return issue


def fhir_error(error: VitruvianError) -> Response:
    """The answer of a FHIR base to an error. 5xx carries no OperationOutcome (pas P-47)."""
    status = status_of(error)
    if status >= 500:  # noqa: PLR2004 - the class of server faults
        return Response(status_code=status)
    return FhirResponse(operation_outcome(problems_of(error)), status, headers_of(error))


def cds_error(error: VitruvianError) -> Response:
    """The answer of the CDS service to an error: the status and an OperationOutcome body (crd C-49, hook-10)."""
    return CdsResponse(operation_outcome(problems_of(error)), status_of(error), headers_of(error))
