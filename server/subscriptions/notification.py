"""What a subscriber is sent and may ask for: history Bundles that begin with a SubscriptionStatus (pas P-61..P-64)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from server.fhir.parameters import part, value
from server.fhir.primitives import instant
from server.fhir.read import Resource
from server.store.outbox_ports import ACTIVE, REQUESTED, Event, Subscription
from server.subscriptions.read_subscription import BACKPORT, EMPTY, FULL, MASK, TOPIC, content_of, headers_of

HANDSHAKE, HEARTBEAT, EVENT, STATUS, QUERY = (
    "handshake",
    "heartbeat",
    "event-notification",
    "query-status",
    "query-event",
)
_SENT_AS = {HANDSHAKE: REQUESTED, HEARTBEAT: ACTIVE, EVENT: ACTIVE}
"""The status that a notification tells: whoever takes it makes the subscription so (pas T-21)."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a Bundle says of its making. base_url: this server's public URL."""

    base_url: str
    at: datetime
    id: str


def subscription_resource(subscription: Subscription, *, to_creator: bool = False) -> Json:
    """The Subscription as it is read. Values of headers are shown to its creator alone, in the 201 (pas T-20)."""
    asked, standing = subscription.asked, subscription.standing
    channel = dict(asked.resource["channel"])
    if asked.headers:
        masked = [f"{name}: {MASK}" for name, _ in headers_of(asked)]
        channel["header"] = list(asked.headers) if to_creator else masked
    said = {"error": standing.reason} if standing.reason else {}
    head = {"resourceType": "Subscription", "id": subscription.id, "status": standing.status}
    return head | {k: v for k, v in asked.resource.items() if k != "resourceType"} | said | {"channel": channel}


def notification(subscription: Subscription, kind: str, stamp: Stamp, events: Sequence[Event] = ()) -> bytes:
    """A handshake, a heartbeat, or events: what goes to the endpoint, or answers `$events`."""
    base = stamp.base_url + subscription.asked.version.base
    status = _SENT_AS.get(kind, subscription.standing.status)
    parts = (_about(e, subscription, base) for e in events)
    said = _status(subscription, kind, status, base) | {"id": stamp.id}
    first = _entry(f"urn:uuid:{stamp.id}", f"{base}/Subscription/{subscription.id}/$status", said)
    first["resource"]["parameter"] += parts
    entries = [first, *(entry for e in events for entry in _focus(e, subscription, base))]
    return orjson.dumps(
        {
            "resourceType": "Bundle",
            "id": stamp.id,
            "meta": {"profile": [f"{BACKPORT}backport-subscription-notification-r4"]},
            "type": "history",
            "timestamp": instant(stamp.at),
            "entry": entries,
        }
    )


def status_bundle(subscription: Subscription, stamp: Stamp) -> Json:
    """The answer to `$status` (pas P-66)."""
    base = stamp.base_url + subscription.asked.version.base
    status = _status(subscription, STATUS, subscription.standing.status, base)
    if subscription.standing.reason:
        status["parameter"].append({"name": "error", "valueCodeableConcept": {"text": subscription.standing.reason}})
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": instant(stamp.at),
        "total": 1,
        "entry": [
            {"fullUrl": f"urn:uuid:{stamp.id}", "resource": status | {"id": stamp.id}, "search": {"mode": "match"}}
        ],
    }


def _status(subscription: Subscription, kind: str, status: str, base: str) -> Json:
    """Numbers are strings in R4; handshake and heartbeat count no event (pas P-62, P-64, T-22)."""
    reference = {"reference": f"{base}/Subscription/{subscription.id}"}
    return {
        "resourceType": "Parameters",
        "meta": {"profile": [f"{BACKPORT}backport-subscription-status-r4"]},
        "parameter": [
            value("subscription", "Reference", reference),
            value("topic", "canonical", TOPIC),
            value("status", "code", status),
            value("type", "code", kind),
            value("events-since-subscription-start", "string", str(subscription.events)),
        ],
    }


def _about(event: Event, subscription: Subscription, base: str) -> Resource:
    said = [
        value("event-number", "string", str(event.number)),
        value("timestamp", "instant", instant(event.at)),
    ]
    content = content_of(subscription.asked)
    if content != EMPTY:
        said.append(value("focus", "Reference", {"reference": _url_of(event, content, base)}))
    return part("notification-event", *said)


def _focus(event: Event, subscription: Subscription, base: str) -> list[Json]:
    """full-resource: the response Bundle as it was given out; id-only: the address of the ClaimResponse (pas T-23)."""
    content = content_of(subscription.asked)
    if content == EMPTY:
        return []
    response = f"{base}/ClaimResponse/{event.case_id}"
    resource = orjson.Fragment(event.body) if content == FULL else None
    return [_entry(_url_of(event, content, base), response, resource)]


def _url_of(event: Event, content: str, base: str) -> str:
    if content == FULL:
        return f"urn:uuid:{event.case_id}"
    return f"{base}/ClaimResponse/{event.case_id}"


def _entry(full_url: str, url: str, resource: Any) -> Json:
    carried = {} if resource is None else {"resource": resource}
    request = {"request": {"method": "GET", "url": url}, "response": {"status": "200"}}
    return {"fullUrl": full_url, **carried, **request}
