"""`/review/unmatched`: documents that came for no request that is known; nothing that came in is lost from sight."""

from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.errors import NotFound
from server.fhir.read import BundleIndex, dicts
from server.review.case_page import leave_trace
from server.review.desk import ReviewDesk
from server.review.documents import documents_in, response_of
from server.review.pages import page
from server.review.readable import rows_of, title_of
from server.review.session import SignedIn, SignedInOf
from server.review.worklist import local_time
from server.store.message_port import Unmatched

MOST = 200
"""How many of them are listed, the newest first."""
Content = Annotated[str, Path(alias="id", description="The hash of an attachment, by which it is kept once.")]
_UNKNOWN = "No attachment has this address; it may have found its request since."


@dataclass(frozen=True, slots=True)
class Line:
    """An attachment of the list, in words."""

    kept: Unmatched
    came: str


async def unmatched(request: Request, me: SignedInOf) -> Response:
    return await run_in_threadpool(_unmatched, me, request.app.state.review)


def _unmatched(me: SignedIn, desk: ReviewDesk) -> Response:
    lines = [_line(kept, desk) for kept in desk.world.store.messages.unmatched(MOST)]
    return page("unmatched.html", me=me.reviewer, token=me.token, lines=lines, most=MOST, zone=desk.rules.calendar.zone)


async def unmatched_one(request: Request, content: Content, me: SignedInOf) -> Response:
    return await run_in_threadpool(_one, content, me, request.app.state.review)


def _one(content: str, me: SignedIn, desk: ReviewDesk) -> Response:
    kept, index = _load(content, desk)
    leave_trace(desk, "read", content, me, by="review")
    resources = [resource for _, _, resource in index.entries]
    return page(
        "attachment.html",
        me=me.reviewer,
        token=me.token,
        line=_line(kept, desk),
        documents=documents_in(resources, index),
        chart=[(title_of(r), rows_of(r, index)) for r in resources],
    )


async def unmatched_document(request: Request, content: Content, number: int, me: SignedInOf) -> Response:
    return await run_in_threadpool(_document, content, number, me, request.app.state.review)


def _document(content: str, number: int, me: SignedIn, desk: ReviewDesk) -> Response:
    _, index = _load(content, desk)
    documents = documents_in([resource for _, _, resource in index.entries], index)
    found = next((d for d in documents if d.number == number), None)
    if found is None:
        raise NotFound(_UNKNOWN)
    leave_trace(desk, "read", content, me, by="review", document=number)
    return response_of(found)


def _line(kept: Unmatched, desk: ReviewDesk) -> Line:
    return Line(kept, local_time(kept.at, desk))


def _load(content: str, desk: ReviewDesk) -> tuple[Unmatched, BundleIndex]:
    """An attachment, and the resources in it. Raises NotFound."""
    found = desk.world.store.messages.unmatched_one(content)
    if found is None:
        raise NotFound(_UNKNOWN)
    kept, body = found
    parts = [part for sent in dicts(orjson.loads(body).get("parameter")) for part in dicts(sent.get("part"))]
    resources = [{"resource": part["resource"]} for part in parts if isinstance(part.get("resource"), dict)]
    return kept, BundleIndex({"entry": resources})
