"""What CQL sees of a request: only this patient's data, and for each item its own claim and answers."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice

import orjson

from server.decision.judge import CqlInput, CqlItem
from server.decision.request import AuthorizationRequest, RequestedItem
from server.fhir.codes import PAS
from server.fhir.normalise import normalised
from server.fhir.read import Resource, dicts, extension_value
from server.fhir.subject import is_about
from server.pas.match import MatchedItem, MatchedRequest

_CLAIM_SCOPE = f"{PAS}extension-careTeamClaimScope"
_REFERENCE = re.compile(rb'"reference":"((?:[^"\\]|\\.)*)"')
_UUID = re.compile(r"urn:uuid:([0-9A-Fa-f\-]{36})")
_NOT_SHARED = frozenset({"Bundle", "Claim", "Coverage", "QuestionnaireResponse"})
_MOST_CONTAINED = 200
"""Contained resources of one entry; nobody sends more, and each costs as much as an entry."""


def cql_input_of(matched: MatchedRequest, received: date) -> CqlInput:
    """What CQL reads of a request, as `decision.judge.CqlInput` describes it. The request is not changed.

    Shared by all items: the beneficiary, every order, the focal Coverage, the whole Claim (its id ends in `-whole`),
    and the other resources that are about the beneficiary or about no person. For each item: the Claim with this item
    alone (all diagnoses; the care team of the item and of the whole claim), and its answers. Left out: other coverages
    and answers, and what is not about the beneficiary. What a resource contains is a resource of its own, since CQL
    does not look into contained ones. received: the day the request came.
    """
    request = matched.request
    shared = list(_shared(request))
    own = [list(_own(request, item)) for item in matched.items]
    originals = {id(original): (url, original) for url, original, _ in (s for part in (shared, *own) for s in part)}
    keys = dict(zip(originals, _keys(list(originals.values())), strict=True))

    def seen_as(original: Resource, seen: Resource, suffix: str = "") -> Resource:
        id_ = keys[id(original)].partition("/")[2] + suffix
        return _with_relative_references(request, original, {**seen, "id": id_}, keys)

    entries = [{"resource": seen_as(original, seen)} for _, original, seen in shared]
    entries.append({"resource": seen_as(request.claim, request.claim, "-whole")})
    items = tuple(
        CqlItem(
            sequence=item.item.sequence,
            resources=tuple(seen_as(original, seen) for _, original, seen in parts),
            service_date=item.item.service[0] if item.item.service else None,
        )
        for item, parts in zip(matched.items, own, strict=True)
    )
    urls = {keys[key]: url for key, (url, _) in originals.items() if url}
    return CqlInput(
        shared={"resourceType": "Bundle", "type": "collection", "entry": entries},
        items=items,
        urls={**urls, f"{keys[id(request.claim)]}-whole": request.claim_url},
        request_date=request.created,
        received_date=received,
    )


def _shared(request: AuthorizationRequest) -> Iterator[tuple[str, Resource, Resource]]:
    """fullUrl, the resource as sent, and the resource as CQL sees it."""
    orders = {id(item.order) for item in request.items if item.order is not None}
    for _, url, resource in request.index.entries:
        if resource.get("resourceType") not in _NOT_SHARED:
            if id(resource) in orders or is_about(request.index, request.patient, resource, resource):
                yield url, resource, resource
                yield from _contained(request, resource)
        elif resource is request.claim:
            yield from _contained(request, resource)
        elif resource is request.coverage:
            yield url, resource, resource


def _own(request: AuthorizationRequest, matched: MatchedItem) -> Iterator[tuple[str, Resource, Resource]]:
    yield request.claim_url, request.claim, _narrowed(request.claim, matched.item)
    if matched.response is not None and matched.sent is not None:
        yield matched.sent.url, matched.sent.resource, matched.response


def _contained(request: AuthorizationRequest, holder: Resource) -> Iterator[tuple[str, Resource, Resource]]:
    for inner in islice(dicts(holder.get("contained")), _MOST_CONTAINED):
        if inner.get("resourceType") not in _NOT_SHARED and is_about(request.index, request.patient, inner, holder):
            yield "", inner, inner


def _narrowed(claim: Resource, item: RequestedItem) -> Resource:
    narrowed = {**claim, "item": [item.raw]}
    wanted = item.raw.get("careTeamSequence")
    team = narrowed.pop("careTeam", None) or ()
    kept = [m for m in team if not wanted or m.get("sequence") in wanted or extension_value(m, _CLAIM_SCOPE) is True]
    return {**narrowed, "careTeam": kept} if kept else narrowed


def _keys(chosen: list[tuple[str, Resource]]) -> list[str]:
    """`Type/id` of each resource, all different: the id sent, else the UUID of the fullUrl, else a number."""
    keys: dict[str, None] = {}
    for n, (url, resource) in enumerate(chosen):
        kind = resource.get("resourceType")
        uuid = _UUID.fullmatch(url)
        spare = uuid[1].lower() if uuid else f"entry-{n}"
        key = f"{kind}/{resource.get('id') or spare}"
        key = f"{kind}/{spare}" if key in keys else key
        while key in keys:
            key += "-x"
        keys[key] = None
    return list(keys)


def _with_relative_references(
    request: AuthorizationRequest, original: Resource, seen: Resource, keys: dict[int, str]
) -> Resource:
    """A copy whose codings are normalised and whose references to what CQL sees are `Type/id`.

    Other references stay as they are. The JSON text is rewritten, which takes a tenth of the time of walking the
    resource: in it `"reference":"` can only be a key, since quotes inside a string are escaped.
    """
    rewrite = _rewriter(request, original, keys)
    return normalised(_REFERENCE.sub(rewrite, orjson.dumps(seen)))


def _rewriter(
    request: AuthorizationRequest, holder: Resource, keys: dict[int, str]
) -> Callable[[re.Match[bytes]], bytes]:
    def rewrite(match: re.Match[bytes]) -> bytes:
        literal = match[1].decode()
        target = request.index.resolve(literal, holder)
        key = keys.get(id(target)) if target is not None else None
        return match[0] if key is None else b'"reference":"' + key.encode() + b'"'

    return rewrite
