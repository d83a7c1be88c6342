"""The OpenAPI document, made of the rows: what each one takes, a body that can be sent as it is, what it answers."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import Response

from server import __version__
from server.url import Url

TITLE = "Vitruvian"

_MEANING = {
    200: "The answer.",
    201: "It was made, and has the address that the answer names.",
    204: "It is no more.",
    304: "It has not changed since the ETag in If-None-Match.",
    401: "The client has not shown who it is.",
    429: "The client has sent more requests than it has in a minute; Retry-After says when to go on.",
    400: "The request cannot be used; every problem is listed, with its place and remedy.",
    404: "Nothing is served under this name.",
    408: "The body did not arrive in time.",
    413: "The body is larger than this server reads.",
    415: "The Content-Type is not read here.",
    412: "What the answer needs neither came along nor could be fetched.",
    422: "A rule of the guide is broken, or something is named that is not known here.",
    503: "The database does not answer.",
}
_OF_BODIES = (408, 413, 415)  # body.py
_OUTCOME = {"schema": {"type": "object", "properties": {"resourceType": {"const": "OperationOutcome"}}}}


def document(rows: Iterable[tuple[str, Url]], examples: Mapping[str, Any]) -> bytes:
    """The OpenAPI document as JSON. rows: each with the base it is served under. examples: bodies by name."""
    described = get_openapi(
        title=TITLE,
        version=__version__,
        summary="Prior authorization by CRD, DTR and PAS, with reasons.",
        routes=[_described(base, url, examples) for base, url in rows],
    )
    return orjson.dumps(described)


def _described(base: str, url: Url, examples: Mapping[str, Any]) -> APIRoute:
    extra: dict[str, Any] = {}
    if url.query:
        extra["parameters"] = [
            {"name": name, "in": "query", "required": False, "description": meaning, "schema": {"type": "string"}}
            for name, meaning in url.query.items()
        ]
    if url.body:
        sent: dict[str, Any] = {"schema": {"type": "object"}}
        if url.body in examples:
            sent["example"] = examples[url.body]
        extra["requestBody"] = {"required": True, "content": {url.sends or url.media: sent}}
    return APIRoute(
        base + url.path,
        url.handler,
        methods=[url.method],
        summary=url.summary,
        tags=[base.lstrip("/") or url.room],
        operation_id=f"{url.method} {url.handler.__name__}{base}{url.path}",
        response_model=None,
        response_class=Response,  # the content of each answer is said below
        responses=_answers(url),
        openapi_extra=extra,
    )


def _answers(url: Url) -> dict[int | str, dict[str, Any]]:
    """By status. `default` is what outcomes.py answers with: it also says that FastAPI's own 422 is never given."""
    answers: dict[int | str, dict[str, Any]] = {
        status: {"description": _MEANING[status]}
        for status in sorted({*url.answers, *(_OF_BODIES if url.body else ())})
    }
    for status in {200, 201} & answers.keys():
        answers[status]["content"] = {url.media: {}}
    refusal = "application/json" if url.room == "crd" else "application/fhir+json"
    answers["default"] = {"description": "Refused: an OperationOutcome.", "content": {refusal: _OUTCOME}}
    return answers
