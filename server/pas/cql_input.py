"""What CQL sees of one requested item: its own claim, order and answers, and only this patient's data."""

import re
from collections.abc import Callable, Iterator

import orjson

from server.decision.judge import CqlInput
from server.decision.request import AuthorizationRequest, RequestedItem
from server.fhir.codes import PAS
from server.fhir.normalise import normalised
from server.fhir.read import Resource, dicts, extension_value
from server.fhir.subject import is_about_another
from server.pas.match import MatchedItem

_CLAIM_SCOPE = f"{PAS}extension-careTeamClaimScope"
_REFERENCE = re.compile(rb'"reference":"((?:[^"\\]|\\.)*)"')
_SEEN_WHERE_CONTAINED = frozenset({"Condition", "Medication", "PractitionerRole"})
"""The types of contained resources that CQL sees as if they had been sent as entries."""
_UUID = re.compile(r"urn:uuid:([0-9A-Fa-f\-]{36})")


def cql_input_of(request: AuthorizationRequest, matched: MatchedItem) -> CqlInput:
    """What CQL reads of one item, as `decision.judge.CqlInput` describes it. The request is not changed.

    In: the beneficiary, the Claim with this item alone (all diagnoses; the care team of the item and of the whole
    claim), the item's order, the focal Coverage, the item's answers, and the other resources sent. Out: the orders of
    other items, other coverages and answers, and whatever is about another patient. A medicine, a diagnosis or a role
    that one of them contains is a resource of its own, since CQL does not look into contained ones.
    """
    item = matched.item
    chosen = list(_resources(request, matched))
    keys = _keys(chosen)
    relative = {id(original): key for (_, original, _), key in zip(chosen, keys, strict=True)}
    entries = [
        {"resource": _with_relative_references(request, original, {**seen, "id": key.partition("/")[2]}, relative)}
        for (_, original, seen), key in zip(chosen, keys, strict=True)
    ]
    return CqlInput(
        bundle={"resourceType": "Bundle", "type": "collection", "entry": entries},
        urls={key: url for (url, _, _), key in zip(chosen, keys, strict=True) if url},
        service_date=item.service[0] if item.service else None,
        request_date=request.created,
        item_sequence=item.sequence,
    )


def _resources(request: AuthorizationRequest, matched: MatchedItem) -> Iterator[tuple[str, Resource, Resource]]:
    """fullUrl, the resource as sent, and the resource as CQL sees it."""
    item = matched.item
    others = {id(i.order) for i in request.items if i.order is not None and i.order is not item.order}
    for _, url, resource in request.index.entries:
        match resource.get("resourceType"):
            case "Claim":
                if resource is request.claim:
                    yield url, resource, _narrowed(resource, item)
                    yield from _contained(resource)
            case "Coverage":
                if resource is request.coverage:
                    yield url, resource, resource
            case "QuestionnaireResponse" | "Bundle":
                continue
            case _:
                if id(resource) not in others and not is_about_another(request.index, request.patient, resource):
                    yield url, resource, resource
                    yield from _contained(resource)
    if matched.response is not None and matched.sent is not None:
        yield matched.sent.url, matched.sent.resource, matched.response


def _contained(resource: Resource) -> Iterator[tuple[str, Resource, Resource]]:
    for inner in dicts(resource.get("contained")):
        if inner.get("resourceType") in _SEEN_WHERE_CONTAINED:
            yield "", inner, inner


def _narrowed(claim: Resource, item: RequestedItem) -> Resource:
    narrowed = {**claim, "item": [item.raw]}
    wanted = item.raw.get("careTeamSequence")
    team = narrowed.pop("careTeam", None) or ()
    kept = [m for m in team if not wanted or m.get("sequence") in wanted or extension_value(m, _CLAIM_SCOPE) is True]
    return {**narrowed, "careTeam": kept} if kept else narrowed


def _keys(chosen: list[tuple[str, Resource, Resource]]) -> list[str]:
    """`Type/id` of each resource, all different: the id sent, else the UUID of the fullUrl, else a number."""
    keys: dict[str, None] = {}
    for n, (url, resource, _) in enumerate(chosen):
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
    request: AuthorizationRequest, original: Resource, seen: Resource, relative: dict[int, str]
) -> Resource:
    """A copy whose codings are normalised and whose references into the record are `Type/id`.

    Other references stay as they are. The JSON text is rewritten, which takes a tenth of the time of walking the
    resource: in it `"reference":"` can only be a key, since quotes inside a string are escaped.
    """
    rewrite = _rewriter(request, original, relative)
    return normalised(_REFERENCE.sub(rewrite, orjson.dumps(seen)))


def _rewriter(
    request: AuthorizationRequest, holder: Resource, relative: dict[int, str]
) -> Callable[[re.Match[bytes]], bytes]:
    def rewrite(match: re.Match[bytes]) -> bytes:
        literal = match[1].decode()
        target = request.index.resolve(literal, holder)
        key = relative.get(id(target)) if target is not None else None
        return match[0] if key is None else b'"reference":"' + key.encode() + b'"'

    return rewrite
