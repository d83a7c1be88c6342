"""What CQL sees of a request: only this patient's data, and for each item its own claim and answers."""

import re
from collections.abc import Callable, Iterator
from datetime import date

import orjson

from server.decision.judge import CqlInput, CqlItem
from server.decision.request import AuthorizationRequest, RequestedItem
from server.fhir.codes import PAS
from server.fhir.normalise import normalised
from server.fhir.read import Resource, dicts, extension_value, type_and_id
from server.pas.match import MatchedItem, MatchedRequest
from server.pas.patient_record import PatientRecord

_CLAIM_SCOPE = f"{PAS}extension-careTeamClaimScope"
_REFERENCE = re.compile(rb'"reference":"([^"\\]*(?:\\.[^"\\]*)*)"')
_UUID = re.compile(r"urn:uuid:([0-9A-Fa-f\-]{36})")


def cql_input_of(matched: MatchedRequest, record: PatientRecord, received: date) -> CqlInput:
    """What CQL reads of a request, as `decision.judge.CqlInput` describes it. The request is not changed.

    Shared by all items: what is placed in the patient's `record`, the whole Claim (its id ends in `-whole`), and every
    item as the service that it asks for, since it may come without an order. For each item: the Claim with this item
    alone (all diagnoses; the care team of the item and of the whole claim), and its answers. received: the day the
    request came.
    """
    request = matched.request
    shared = [(url, resource, resource) for url, resource in record.placed]
    own = [list(_own(request, item)) for item in matched.items]
    originals = {id(original): (url, original) for url, original, _ in (s for part in (shared, *own) for s in part)}
    keys = dict(zip(originals, _keys(list(originals.values())), strict=True))

    def seen_as(original: Resource, seen: Resource, suffix: str = "") -> Resource:
        id_ = keys[id(original)].partition("/")[2] + suffix
        return _with_relative_references(request, original, {**seen, "id": id_}, keys)

    entries = [{"resource": seen_as(original, seen)} for _, original, seen in shared]
    entries.append({"resource": seen_as(request.claim, request.claim, "-whole")})
    services = {f"{keys[id(request.claim)]}-item-{n}".partition("/")[2]: i.item for n, i in enumerate(matched.items)}
    subject = {"reference": keys[id(request.patient)]}
    entries += [{"resource": normalised(orjson.dumps(_service(i, id_, subject)))} for id_, i in services.items()]
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
        urls={
            **urls,
            f"{keys[id(request.claim)]}-whole": request.claim_url,
            **{f"ServiceRequest/{id_}": request.claim_url for id_ in services},
        },
        request_date=request.created,
        received_date=received,
    )


def _own(request: AuthorizationRequest, matched: MatchedItem) -> Iterator[tuple[str, Resource, Resource]]:
    yield request.claim_url, request.claim, _narrowed(request.claim, matched.item)
    if matched.response is not None and matched.sent is not None:
        yield matched.sent.url, matched.sent.resource, matched.response


def _service(item: RequestedItem, id_: str, subject: Resource) -> Resource:
    """What an item asks for by all its codes: product, packages, and what is in them."""
    parts = [item.raw, *dicts(item.raw.get("detail"))]
    parts += [sub for detail in parts[1:] for sub in dicts(detail.get("subDetail"))]
    products = [part.get("productOrService") or {} for part in parts]
    codes = [c for product in products for c in dicts(product.get("coding"))]
    words = "; ".join(product["text"] for product in products if product.get("text"))
    return {
        "resourceType": "ServiceRequest",
        "id": id_,
        "status": "active",
        "intent": "order",
        "code": {"coding": codes, **({"text": words} if words else {})},
        "subject": subject,
    }


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

    A relative reference that leads elsewhere is made absolute: CQL compares references as text, and must not take it
    for the resource of the same number that it does see. Other references stay as they are. The JSON text is rewritten,
    which takes a tenth of the time of walking the resource: in it `"reference":"` can only be a key, since quotes in a
    string are escaped.
    """
    rewrite = _rewriter(request, original, keys)
    return normalised(_REFERENCE.sub(rewrite, orjson.dumps(seen)))


def _rewriter(
    request: AuthorizationRequest, holder: Resource, keys: dict[int, str]
) -> Callable[[re.Match[bytes]], bytes]:
    base = request.index.full_url(holder).rpartition("/")[0].rpartition("/")[0]

    def rewrite(match: re.Match[bytes]) -> bytes:
        literal = match[1].decode()
        target = request.index.resolve(literal, holder)
        key = keys.get(id(target)) if target is not None else None
        if key is not None:
            return b'"reference":"' + key.encode() + b'"'
        relative = not literal.startswith("http") and type_and_id(literal) is not None
        return b'"reference":' + orjson.dumps(f"{base}/{literal}") if relative else match[0]

    return rewrite
