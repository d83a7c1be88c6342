"""Claim/$inquire: stored answers replayed; nothing is judged or rendered again (pas P-69 to P-80)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from server.answer.claim_response import INQUIRY, bundle
from server.auth.caller import Caller
from server.clock import NewId
from server.errors import Problem
from server.fhir.version import Version
from server.outcomes import operation_outcome
from server.pas.claim_error import render_rejections
from server.pas.explain import leave_trace
from server.pas.rejections import inquiry_rejections_of
from server.pas.request.inquiry import InquiryRequest
from server.world import World


def inquire(request: InquiryRequest, caller: Caller, world: World) -> bytes:
    """The answers to the member's requests, newest first, for a provider who asked for the services or renders them.

    A provider who is neither, or whom the caller may not ask for, gets the same answer as for a member without requests
    (pas P-78, T-35). 2.2: Parameters with one `return` per match; 2.0: one Bundle with every ClaimResponse (pas P-73,
    T-10). Each answer that is given out leaves an audit row.
    """
    rejections = inquiry_rejections_of(request, world.plan)
    if rejections:
        rejected = render_rejections(
            request, rejections, kind=INQUIRY, response_id=world.new_id(), created=world.clock()
        )
        return _answer(request, [rejected], world)
    own = tuple(npi for npi in request.inquiry.npis if caller.may_see([npi]))
    ids = world.store.inquire(replace(request.inquiry, npis=own))
    leave_trace(world.store, ids, "inquiry", caller)
    found = (world.store.rendering(i, request.version, INQUIRY) for i in ids)
    return _answer(request, [body for body in found if body is not None], world)


def _answer(request: InquiryRequest, bundles: Sequence[bytes], world: World) -> bytes:
    if request.version is Version.V2_2:
        return _parameters(bundles)
    if len(bundles) == 1:
        return bundles[0]
    entries = _merged(bundles) if bundles else [_nothing_found(world.new_id)]
    return bundle(request, world.new_id(), world.clock(), INQUIRY, entries)


def _parameters(bundles: Sequence[bytes]) -> bytes:
    """The stored bytes as they are, one `return` each; no match is Parameters without a parameter (pas 2b)."""
    if not bundles:
        return b'{"resourceType":"Parameters"}'
    returned = b",".join(b'{"name":"return","resource":' + body + b"}" for body in bundles)
    return b'{"resourceType":"Parameters","parameter":[' + returned + b"]}"


def _merged(bundles: Sequence[bytes]) -> list[Any]:
    """Every ClaimResponse, then the resources that they name: each once, as the newest request had it."""
    responses: list[Any] = []
    named: dict[str, Any] = {}
    for body in bundles:
        first, *others = orjson.loads(body)["entry"]
        responses.append(first)
        for entry in others:
            named.setdefault(entry["fullUrl"], entry)
    return [*responses, *named.values()]


def _nothing_found(new_id: NewId) -> dict[str, Any]:
    """The one entry of an answer without matches: a Bundle of the 2.0 guide must have an entry (pas 2b)."""
    nothing = Problem(
        "not-found", "No authorization matches this member, provider and what else was asked.", severity="information"
    )
    return {"fullUrl": f"urn:uuid:{new_id()}", "resource": operation_outcome([nothing])}
