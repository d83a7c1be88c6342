"""The HTTP side of subscriptions: one function an interaction. Errors leave as exceptions; outcomes.py words them."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.auth.caller import Caller, CallerOf
from server.body import FHIR_JSON, read_json
from server.errors import CallRefused, InvalidRequest, NotFound, Problem
from server.fhir.parameters import DeclaredParameter, read_parameters
from server.fhir.version import Version
from server.outcomes import FhirResponse
from server.outgoing import Outgoing
from server.store.outbox_ports import REQUESTED, Asked, Subscription
from server.subscriptions.notification import QUERY, Stamp, notification, status_bundle, subscription_resource
from server.subscriptions.read_subscription import CONTENT, FILTER, FULL, TOPIC, read_subscription
from server.subscriptions.standing import new_standing
from server.url import version_of
from server.world import World

EVENTS = {
    "eventsSinceNumber": "The number of the first event; without it, 1.",
    "eventsUntilNumber": "The number of the last event; an answer has at most 100 events.",
}
EXAMPLES: dict[str, Any] = {
    "subscription": {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "To hear of decisions on our requests",
        "criteria": TOPIC,
        "_criteria": {"extension": [{"url": FILTER, "valueString": "org-identifier=1888888884"}]},
        "channel": {
            "type": "rest-hook",
            "endpoint": "http://127.0.0.1:9000/notifications",
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": CONTENT, "valueCode": FULL}]},
            "header": ["Authorization: Bearer a-secret-of-yours"],
        },
    },
    "no-parameters": {"resourceType": "Parameters"},
}
"""Bodies that can be sent to the demo plan."""

_MOST_EVENTS = 100
_LIMIT = 2**16  # bytes of a Subscription
_NUMBERS = [DeclaredParameter(name, 0, 1, ("string", "integer", "integer64")) for name in EVENTS]
_UNKNOWN = "No subscription has this id here; it was deleted, or is another's. Create one."


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Subscriptions under one guide version, made once. outgoing: looks at the endpoints."""

    version: Version
    world: World
    outgoing: Outgoing


async def _subscriptions(request: Request) -> Subscriptions:
    found: Subscriptions = request.app.state.subscriptions[version_of(request)]
    return found


RoomOf = Annotated[Subscriptions, Depends(_subscriptions)]
Id = Annotated[str, Path(alias="id", description="Subscription.id, as in the answer to its creation.")]


async def create(request: Request, room: RoomOf, caller: CallerOf) -> FhirResponse:
    """Answers 201; the handshake follows (pas P-59, T-20, T-21)."""
    asked, status = await _read(request, room)
    if status != REQUESTED:
        text = "A new subscription begins as `requested`; send that."
        raise InvalidRequest([Problem("value", text, "Subscription.status")])
    sees = None if caller.npis is None else tuple(sorted(caller.npis))
    standing = new_standing(status, room.world.clock())
    made = Subscription(room.world.new_id(), caller.name, sees, asked, standing)
    await run_in_threadpool(room.world.store.outbox.create, made)
    location = {"location": f"{room.world.base_url}{room.version.base}/Subscription/{made.id}"}
    return FhirResponse(subscription_resource(made, to_creator=True), status_code=201, headers=location)


async def read(id_: Id, room: RoomOf, caller: CallerOf) -> FhirResponse:
    """How it stands, with the values of its headers hidden."""
    return FhirResponse(subscription_resource(await _own(id_, room, caller)))


async def update(request: Request, id_: Id, room: RoomOf, caller: CallerOf) -> FhirResponse:
    """Replaced whole. `requested` begins anew with a handshake and goes on with the next event; `off` stops it."""
    await _own(id_, room, caller)
    asked, status = await _read(request, room, id_)
    standing = new_standing(status, room.world.clock())
    changed = await run_in_threadpool(room.world.store.outbox.change, id_, asked, standing)
    if changed is None:
        raise NotFound(_UNKNOWN)
    return FhirResponse(subscription_resource(changed))


async def delete(id_: Id, room: RoomOf, caller: CallerOf) -> Response:
    """Forgotten, with its events."""
    await _own(id_, room, caller)
    if not await run_in_threadpool(room.world.store.outbox.delete, id_):
        raise NotFound(_UNKNOWN)
    return Response(status_code=204)


async def status(id_: Id, room: RoomOf, caller: CallerOf) -> FhirResponse:
    """`GET` or `POST Subscription/{id}/$status`, in every state (pas P-65, P-66)."""
    found = await _own(id_, room, caller)
    return FhirResponse(status_bundle(found, _stamp(room.world)))


async def events_by_query(request: Request, id_: Id, room: RoomOf, caller: CallerOf) -> FhirResponse:
    """`GET Subscription/{id}/$events`: what was to be told, taken or not."""
    return await _events({k: request.query_params.get(k) for k in EVENTS}, id_, room, caller)


async def events(request: Request, id_: Id, room: RoomOf, caller: CallerOf) -> FhirResponse:
    """The same, by POST."""
    _, body = await read_json(request, accepted=FHIR_JSON, limit=_LIMIT)
    sent = read_parameters(body, _NUMBERS)
    return await _events({k: str(v[0].value) if v else None for k, v in sent.items()}, id_, room, caller)


async def _events(sent: dict[str, str | None], id_: str, room: Subscriptions, caller: Caller) -> FhirResponse:
    found = await _own(id_, room, caller)
    problems = [
        Problem("value", f"`{name}` is the number of an event; send a whole number from 1.", name)
        for name, number in sent.items()
        if number is not None and not (number.isascii() and number.isdigit() and len(number) <= 18)  # noqa: PLR2004
    ]
    if problems:
        raise InvalidRequest(problems)
    first, until = (sent[name] for name in EVENTS)
    start = int(first or 1)
    last = min(int(until or found.events), start + _MOST_EVENTS - 1)
    kept = await run_in_threadpool(room.world.store.outbox.events, id_, start, last)
    return FhirResponse(notification(found, QUERY, _stamp(room.world), kept))


async def _read(request: Request, room: Subscriptions, id_: str | None = None) -> tuple[Asked, str]:
    """The body, with its endpoint looked up; everything that is wrong at once."""
    raw, body = await read_json(request, accepted=FHIR_JSON, limit=_LIMIT)
    problems: list[Problem] = []
    if id_ is not None and body.get("id") != id_:
        problems.append(Problem("invalid", "`id` is not that of the address; send the same.", "Subscription.id"))
    found: tuple[Asked, str] | None = None
    try:
        found = read_subscription(raw, body, room.version, room.world.clock())
    except InvalidRequest as error:
        problems += error.problems
    channel = body.get("channel")
    endpoint = channel.get("endpoint") if isinstance(channel, dict) else None
    if isinstance(endpoint, str) and endpoint:
        try:
            await room.outgoing.check(endpoint)
        except CallRefused as refused:
            problems.append(Problem("value", str(refused), "Subscription.channel.endpoint"))
    if problems or found is None:
        raise InvalidRequest(problems)
    return found


async def _own(id_: str, room: Subscriptions, caller: Caller) -> Subscription:
    """The caller's subscription. Another's is not there, so that nobody learns of it; nor is one of the other base."""
    found = await run_in_threadpool(room.world.store.outbox.find, id_)
    if found is None or found.asked.version is not room.version or not _sees(caller, found):
        raise NotFound(_UNKNOWN)
    return found


def _sees(caller: Caller, subscription: Subscription) -> bool:
    """A caller who sees everybody's requests sees every subscription; a client sees what it made itself (pas P-56)."""
    return caller.npis is None or subscription.owner == caller.name


def _stamp(world: World) -> Stamp:
    return Stamp(world.base_url, world.clock(), world.new_id())
