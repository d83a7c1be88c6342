"""Reading a request body: content type, size, number of values, JSON and depth, with the error that fits each."""

from typing import Any
from urllib.parse import parse_qs

import anyio
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from server.errors import (
    BodyTooLarge,
    BodyTooSlow,
    InvalidRequest,
    Problem,
    UnsupportedEncoding,
    UnsupportedMediaType,
)

FHIR_JSON = ("application/fhir+json", "application/json")
JSON = ("application/json",)
FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 200  # a page of a case with fifty items and as many criteria has fewer
BODY_SECONDS = 30.0  # enough for 10 MB at 3 Mbit/s; a slower sender would hold its connection and delay a shutdown
_AT_ONCE = 2**18  # bytes, parsed in a few ms; a larger body is parsed in a thread, so that other requests go on
MAX_VALUES = 200_000  # a PAS bundle of 24 kB has about 1,000; one of 480 resources, 30,000
MAX_DEPTH = 60  # a PAS bundle nests about 20 deep; no resource of the guides comes near 60

_NESTING = frozenset({dict, list})  # the parser returns exactly these types, so one look-up tells what a value is


async def read_json(
    request: Request, *, accepted: tuple[str, ...], limit: int, seconds: float = BODY_SECONDS
) -> tuple[bytes, dict[str, Any]]:
    """The raw bytes and the JSON object of a request.

    Raises UnsupportedMediaType, BodyTooLarge (before the whole body is in memory), BodyTooSlow or InvalidRequest.
    """
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media not in accepted:
        raise UnsupportedMediaType(media, accepted)
    limit = min(limit, getattr(request.state, "max_body_bytes", limit))  # a client may have less (auth/guard.py)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedEncoding(encoding)
    try:
        with anyio.fail_after(seconds):
            raw = await _read(request, limit)
    except TimeoutError:
        raise BodyTooSlow(seconds) from None
    return raw, parse_object(raw) if len(raw) <= _AT_ONCE else await run_in_threadpool(parse_object, raw)


async def read_form(request: Request, *, limit: int = 2**18, seconds: float = BODY_SECONDS) -> dict[str, list[str]]:
    """The fields of a form that a page of ours sent, urlencoded, each with its values in order.

    Raises UnsupportedMediaType, BodyTooLarge, BodyTooSlow or InvalidRequest.
    """
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media != FORM:
        raise UnsupportedMediaType(media, (FORM,))
    try:
        with anyio.fail_after(seconds):
            raw = await _read(request, limit)
        return parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except TimeoutError:
        raise BodyTooSlow(seconds) from None
    except ValueError as error:
        text = f"The form is not UTF-8, or has more than {MAX_FIELDS} fields; send it from its page."
        raise InvalidRequest([Problem("structure", text)]) from error


async def _read(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge(limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def parse_object(raw: bytes) -> dict[str, Any]:
    """A JSON object from bytes; InvalidRequest when it is not JSON, no object, too much or too deep."""
    _refuse_many(raw)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            [Problem("structure", f"The body is not JSON: {error}. Send one JSON object in UTF-8.", severity="fatal")]
        ) from error
    if not isinstance(body, dict):
        raise InvalidRequest(
            [Problem("structure", "The body is JSON but not an object; send one JSON object.", severity="fatal")]
        )
    _refuse_deep(body)
    return body


def _refuse_many(raw: bytes) -> None:
    """Looked at before parsing: each value costs many times its bytes, then and in all that follows.

    A value starts the body or follows `,`, `{` or `[` (a member's name does); those inside texts count as well.
    """
    if len(raw) > MAX_VALUES and sum(raw.count(start) for start in (b",", b"{", b"[")) >= MAX_VALUES:
        text = f"The body has more than {MAX_VALUES} values; send several requests, each with what one case needs."
        raise InvalidRequest([Problem("too-costly", text, severity="fatal")])


def _refuse_deep(body: dict[str, Any]) -> None:
    """Raises InvalidRequest for a deeply nested body: later code recurses, and would run out of stack."""
    level: list[Any] = [body]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) in _NESTING
        ]
        if not level:
            return
    raise InvalidRequest(
        [Problem("structure", f"The body is nested deeper than {MAX_DEPTH} levels; no FHIR request is that deep.")]
    )
