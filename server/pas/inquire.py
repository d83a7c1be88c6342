"""Claim/$inquire: stored answers replayed; nothing is judged or rendered again (pas P-69 to P-80)."""

from collections.abc import Sequence
from typing import Any

import orjson

from server.auth.caller import Caller
from server.clock import Clock, NewId
from server.errors import Problem
from server.fhir.version import Version
from server.outcomes import operation_outcome
from server.pas.request.facts import InquiryRequest
from server.pas.response.claim_error import render_rejections
from server.pas.response.claim_response import INQUIRY, bundle
from server.store.ports import Store


def inquire(request: InquiryRequest, caller: Caller, *, store: Store, clock: Clock, new_id: NewId) -> bytes:
    """What is known of the member's requests, newest first, to a provider who asked for or renders them.

    A provider who is neither gets the same answer as for a member without requests (pas P-78, T-35). 2.2: Parameters
    with one `return` per match; 2.0: one Bundle with every ClaimResponse (pas P-73, T-10). Each answer that is given
    out leaves an audit row.
    """
    if request.rejections:
        rejected = render_rejections(request, kind=INQUIRY, response_id=new_id(), created=clock())
        return _answer(request, [rejected], clock, new_id)
    ids = store.inquire(request.inquiry)
    store.audit("read", ids, {"by": "inquiry", "caller": caller.name})
    found = (store.rendering(i, request.version, INQUIRY) for i in ids)
    return _answer(request, [body for body in found if body is not None], clock, new_id)


def _answer(request: InquiryRequest, bundles: Sequence[bytes], clock: Clock, new_id: NewId) -> bytes:
    if request.version is Version.V2_2:
        return _parameters(bundles)
    if len(bundles) == 1:
        return bundles[0]
    entries = _merged(bundles) if bundles else [_nothing_found(new_id)]
    return bundle(request, new_id(), clock(), INQUIRY, entries)


def _parameters(bundles: Sequence[bytes]) -> bytes:
    """The stored bytes as they are, one `return` each; no match is Parameters without a parameter (pas 2b)."""
    if not bundles:
        return b'{"resourceType":"Parameters"}'
    returned = b",".join(b'{"name":"return","resource":' + body + b"}" for body in bundles)
    return b'{"resourceType":"Parameters","parameter":[' + returned + b"]}"


def _merged(bundles: Sequence[bytes]) -> list[Any]:
    """Every ClaimResponse first, then what they name, each resource once and as it was in the newest request."""
    responses: list[Any] = []
    named: dict[str, Any] = {}
    for body in bundles:
        first, *others = orjson.loads(body)["entry"]
        responses.append(first)
        for entry in others:
            named.setdefault(entry["fullUrl"], entry)
    return [*responses, *named.values()]


def _nothing_found(new_id: NewId) -> dict[str, Any]:
    """A Bundle of the 2.0 guide needs an entry even when there is nothing to say (pas 2b)."""
    nothing = Problem(
        "not-found", "No authorization matches this member, provider and what else was asked.", severity="information"
    )
    return {"fullUrl": f"urn:uuid:{new_id()}", "resource": operation_outcome([nothing])}
