"""A `Claim/$submit` body that changes an earlier request: what it cancels, and which it means (pas P-80 to P-84).

That it is an update is told by the Claim alone: it names a prior Claim, or it cancels (pas T-4).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from server.decision.case import Case, DecidedByMachine
from server.fhir.read import Resource, dicts, reference
from server.fhir.version import Version
from server.fhir.x12 import CANCEL
from server.pas.judge_again import Touch, judge_again
from server.pas.match import MatchedRequest, read_and_match
from server.pas.request.bundle import INFO_CANCELLED
from server.pas.request.claim_item import kinds_of_request, numbers
from server.policy.library import PolicyLibrary
from server.world import World

Judge = Callable[[MatchedRequest, Case, Touch, World], DecidedByMachine]
"""Decides the items of a case that an update touches."""


@dataclass(frozen=True, slots=True)
class Update:
    """An update as it was read. matched: what it asks for now, without the items that it cancels.

    cancelled: the sequences of those. whole: the request is cancelled with all its items.
    withdrawn: supporting information is taken back. prior: the fullUrls of the Claims that it changes; identifiers: of
    such Claims; numbers: authorization and reference numbers. enclosed: the prior Claim came along.
    full: reads it with what it cancels. judge: by the policies, unless a sandbox puts its script in their place.
    """

    matched: MatchedRequest
    cancelled: tuple[int, ...]
    whole: bool
    withdrawn: bool
    prior: tuple[str, ...]
    identifiers: tuple[tuple[Any, Any], ...]
    numbers: tuple[str, ...]
    enclosed: bool
    full: Callable[[], MatchedRequest]
    judge: Judge = field(default=judge_again)


def is_update(body: Resource) -> bool:
    """Whether a body changes an earlier request. Looks at the Claim alone, whatever else is wrong with the body."""
    claim = _claim(body)
    kinds = [claim, *dicts(claim.get("item"))]
    return bool(claim.get("related")) or any(_cancels(k) for k in kinds)


def read_update(raw: bytes, body: Resource, version: Version, policies: PolicyLibrary) -> Update:
    """Raises InvalidRequest with every problem of what is still asked for; what is cancelled is not looked into."""
    claim = _claim(body)
    items = dicts(claim.get("item"))
    whole = _cancels(claim)
    gone = [i for i in items if whole or _is_cancelled(i)]
    live = raw, body
    if gone:
        text = orjson.dumps(_with_items(body, [i for i in items if i not in gone]))
        live = text, orjson.loads(text)
    matched = read_and_match(*live, version, policies)
    request = matched.request
    named = [r.get("claim") for r in dicts(request.claim.get("related"))]
    found = [numbers(e) for e in (claim, *items)]
    return Update(
        matched=matched,
        cancelled=tuple(i["sequence"] for i in gone if isinstance(i.get("sequence"), int)),
        whole=whole,
        withdrawn=any(_is_cancelled(info) for info in dicts(request.claim.get("supportingInfo"))),
        prior=tuple(dict.fromkeys(url for n in named if (url := _full_url(matched, n)))),
        identifiers=tuple(
            (i.get("system"), i["value"])
            for n in named
            if isinstance(n, dict) and isinstance(i := n.get("identifier"), dict) and i.get("value")
        ),
        numbers=tuple(dict.fromkeys(n for many in found for n in many)),
        full=lambda: read_and_match(raw, body, version, policies) if gone else matched,
        enclosed=any(r.get("resourceType") == "Claim" for n, _, r in request.index.entries if n),
    )


def _claim(body: Resource) -> Resource:
    """The Claim at the head of a Bundle, or of the Bundle in Parameters; empty where there is none."""
    if body.get("resourceType") == "Parameters":
        found = (p.get("resource") for p in dicts(body.get("parameter")) if p.get("name") == "resource")
        body = next((b for b in found if isinstance(b, dict)), {})
    head = next(iter(dicts(body.get("entry"))), {}).get("resource")
    return head if isinstance(head, dict) and head.get("resourceType") == "Claim" else {}


def _with_items(body: Resource, items: list[Resource]) -> Resource:
    """A copy whose Claim has these items."""
    copy: Resource = orjson.loads(orjson.dumps(body))
    claim = _claim(copy)
    claim.pop("item", None)
    if items:
        claim["item"] = items
    return copy


def _cancels(element: Resource) -> bool:
    """Whether the certification type of an item or Claim is a cancel."""
    return isinstance(element.get("extension"), list) and CANCEL in kinds_of_request(element)


def _is_cancelled(element: Resource) -> bool:
    marked = any(
        m.get("url") == INFO_CANCELLED and m.get("valueBoolean") is True
        for m in dicts(element.get("modifierExtension"))
    )
    return marked or _cancels(element)


def _full_url(matched: MatchedRequest, element: Any) -> str | None:
    """The fullUrl that a reference to a prior Claim means; a relative one is read against the update's own."""
    request = matched.request
    literal = reference(element)
    if literal is None:
        return None
    found = request.index.resolve(literal, request.claim)
    if found is not None:
        return request.index.full_url(found)
    absolute = literal.startswith(("http", "urn:"))
    return literal if absolute else f"{request.claim_url.rpartition('/')[0].rpartition('/')[0]}/{literal}"
