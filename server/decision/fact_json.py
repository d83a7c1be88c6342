"""Facts as JSON and back, without loss: a request that was read once is never read again from its raw bytes.

A request is written as its Bundle and the places in it that were read: patient, order, answers. What was derived
(codes, service days, who may see it) is written too, so that a later version of the reader changes no old case.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter

from server.decision.case import Attached, DecidedByMachine, Fact, Received, Ruled, Updated
from server.decision.request import AuthorizationRequest, RequestedItem, SentResponse, Transaction
from server.decision.ruling import NOT_RECORDED
from server.fhir.read import BundleIndex, Coding, Resource
from server.fhir.version import Version


@dataclass(frozen=True, slots=True)
class _Response:
    """place: FHIRPath of the resource; orders: those of the resources that its qr-context names."""

    place: str
    url: str
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """responses: by their number in the request. The item itself stands in the Claim, at the same number."""

    sequence: int
    trace: tuple[Resource, ...]
    service: tuple[date, date] | None
    codes: tuple[Coding, ...]
    order: str | None
    previous_numbers: tuple[str, ...]
    responses: tuple[int, ...]
    tied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request; every resource by its place in `bundle`."""

    version: Version
    bundle: Resource
    patient: str
    coverage: str | None
    insurer: str
    requester: str
    organization: str | None
    transaction: Transaction
    member_ids: tuple[str, ...]
    payer_ids: tuple[str, ...]
    requester_npis: tuple[str, ...]
    npis: tuple[str, ...]
    created: date
    responses: tuple[_Response, ...]
    items: tuple[_Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Received(_Asked):
    """A Received fact."""

    at: datetime
    case_id: str
    caller: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed(_Asked):
    """An Updated or an Attached fact, which has nothing cancelled."""

    at: datetime
    caller: str
    touched: tuple[int, ...]
    cancelled: tuple[int, ...] = ()


_KINDS: dict[type[Fact], str] = {
    Received: "received",
    DecidedByMachine: "decided-by-machine",
    Ruled: "ruled",
    Updated: "updated",
    Attached: "attached",
}
_WRITTEN: dict[str, type[Any]] = {
    "received": _Received,
    "decided-by-machine": DecidedByMachine,
    "ruled": Ruled,
    "updated": _Changed,
    "attached": _Changed,
}


def kind_of(fact: Fact) -> str:
    """The word under which the record keeps a fact: one of _WRITTEN."""
    return _KINDS[type(fact)]


def fact_json(fact: Fact) -> bytes:
    """One JSON object; fact_from gives the same fact back."""
    match fact:
        case Received():
            asked = _asked(fact.request)
            return orjson.dumps(_Received(at=fact.at, case_id=fact.case_id, caller=fact.caller, **asked))
        case Updated():
            asked = _asked(fact.request) | {"touched": fact.touched, "cancelled": fact.cancelled}
            return orjson.dumps(_Changed(at=fact.at, caller=fact.caller, **asked))
        case Attached():
            return orjson.dumps(_Changed(at=fact.at, caller=fact.caller, touched=fact.touched, **_asked(fact.request)))
        case _:
            return orjson.dumps(fact)


def fact_from(kind: str, body: bytes) -> Fact:
    """The fact that fact_json wrote. Raises KeyError for a kind that is none, ValueError for what it did not write."""
    if kind == "ruled" and b'"deny"' in body:
        body = _denial_of_before(body)
    found = _reader(kind).validate_json(body)
    match found:
        case _Received():
            return Received(found.at, found.case_id, found.caller, _request(found))
        case _Changed() if kind == "updated":
            return Updated(found.at, found.caller, _request(found), found.touched, found.cancelled)
        case _Changed():
            return Attached(found.at, found.caller, _request(found), found.touched)
    fact: Fact = found
    return fact


def _denial_of_before(body: bytes) -> bytes:
    """A denial as it is asked for today: what was not asked for when it was made is said to be not recorded."""
    fact = orjson.loads(body)
    for decision in (ruling["decision"] for ruling in fact["rulings"] if ruling["decision"]["verdict"] == "deny"):
        if "criteria" not in decision:
            decision["person"]["name"] = NOT_RECORDED
            decision["person"]["specialty"] = decision["person"].get("specialty") or NOT_RECORDED
            decision["reason_code"] = decision.get("reason_code") or NOT_RECORDED
            decision["criteria"] = [NOT_RECORDED]
    return orjson.dumps(fact)


@cache
def _reader(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_WRITTEN[kind])


def _asked(request: AuthorizationRequest) -> dict[str, Any]:
    """The fields of _Asked."""
    places = {id(resource): place for place, resource in _places(request.bundle)}

    def at(resource: Resource | None) -> str | None:
        return None if resource is None else places[id(resource)]

    numbers = {id(response.resource): n for n, response in enumerate(request.responses)}
    responses = (_Response(r.place, r.url, tuple(places[id(order)] for order in r.orders)) for r in request.responses)
    same = ("version", "bundle", "transaction", "member_ids", "payer_ids", "requester_npis", "npis", "created")
    return {
        **{name: getattr(request, name) for name in same},
        **{
            name: at(getattr(request, name)) for name in ("patient", "coverage", "insurer", "requester", "organization")
        },
        "responses": tuple(responses),
        "items": tuple(_written_item(i, at, numbers) for i in request.items),
    }


def _written_item(item: RequestedItem, at: Callable[[Resource | None], str | None], numbers: dict[int, int]) -> _Item:
    return _Item(
        sequence=item.sequence,
        trace=item.trace,
        service=item.service,
        codes=item.codes,
        order=at(item.order),
        previous_numbers=item.previous_numbers,
        responses=tuple(numbers[id(r.resource)] for r in item.responses),
        tied=item.tied,
    )


def _request(written: _Asked) -> AuthorizationRequest:
    there = dict(_places(written.bundle))
    responses = tuple(
        SentResponse(there[r.place], r.place, r.url, tuple(there[order] for order in r.orders))
        for r in written.responses
    )
    claim_items = written.bundle["entry"][0]["resource"].get("item", ())
    items = tuple(
        RequestedItem(
            sequence=i.sequence,
            raw=raw,
            trace=i.trace,
            service=i.service,
            codes=i.codes,
            order=there[i.order] if i.order else None,
            previous_numbers=i.previous_numbers,
            responses=tuple(responses[n] for n in i.responses),
            tied=i.tied,
        )
        for i, raw in zip(written.items, claim_items, strict=True)
    )
    return AuthorizationRequest(
        version=written.version,
        bundle=written.bundle,
        index=BundleIndex(written.bundle),
        patient=there[written.patient],
        coverage=there[written.coverage] if written.coverage else None,
        insurer=there[written.insurer],
        requester=there[written.requester],
        organization=there[written.organization] if written.organization else None,
        transaction=written.transaction,
        member_ids=written.member_ids,
        payer_ids=written.payer_ids,
        requester_npis=written.requester_npis,
        npis=written.npis,
        created=written.created,
        responses=responses,
        items=items,
    )


def _places(bundle: Resource) -> Iterator[tuple[str, Resource]]:
    """FHIRPath and resource of everything a request may refer to: entries, what they contain, entries of a document."""
    for n, entry in enumerate(bundle.get("entry") or ()):
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield from _within(f"Bundle.entry[{n}].resource", entry["resource"])


def _within(place: str, resource: Resource) -> Iterator[tuple[str, Resource]]:
    yield place, resource
    for n, inner in enumerate(resource.get("contained") or ()):
        yield f"{place}.contained[{n}]", inner
    if resource.get("resourceType") == "Bundle":
        for n, entry in enumerate(resource.get("entry") or ()):
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                yield from _within(f"{place}.entry[{n}].resource", entry["resource"])
