"""A Subscription as a subscriber sends it: read whole, or refused with everything that is wrong (pas P-52..P-55)."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from server.errors import InvalidRequest, Problem
from server.fhir.read import Resource, extension_value, extensions
from server.fhir.structure import structure_problems
from server.fhir.version import Version
from server.store.outbox_ports import OFF, REQUESTED, Asked

TOPIC = "http://hl7.org/fhir/us/davinci-pas/SubscriptionTopic/PASSubscriptionTopic"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
FILTER, CONTENT, HEARTBEAT = (
    f"{BACKPORT}backport-{name}" for name in ("filter-criteria", "payload-content", "heartbeat-period")
)
FULL, ID_ONLY, EMPTY = "full-resource", "id-only", "empty"
CONTENTS = {Version.V2_2: (FULL,), Version.V2_0: (ID_ONLY, FULL, EMPTY)}
"""What may be asked for: 2.2 knows full-resource alone (pas P-53)."""
MEDIA = ("application/fhir+json", "application/json")
KEYS = ("org-identifier", "orgIdentifier", "identifier")
"""The guides spell the one filter in three ways (pas T-13)."""
MASK = "********"

_MOST_FILTERS = 50
_HEARTBEATS = range(10, 86_401)
_MOST_HEADERS, _HEADER_BYTES = 20, 8_192
_HEADER = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(?P<value>[!-~](?:[ -~\t]*[!-~])?)[ \t]*")
_OURS = {
    "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
    "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
_CHANNEL = "Subscription.channel"


def read_subscription(raw: bytes, body: Resource, version: Version, now: datetime) -> tuple[Asked, str]:
    """What is asked for, and the status that is asked for: `requested`, or `off`. Raises InvalidRequest.

    Where the endpoint may be is not looked at here.
    """
    if body.get("resourceType") != "Subscription":
        raise InvalidRequest([Problem("invalid", "A resource of type Subscription is read here; send one.")])
    problems = structure_problems(raw, body)
    if problems:
        raise InvalidRequest(problems)
    problems = [*_criteria(body), *_channel(body["channel"], version), *_times(body, now)]
    if problems:
        raise InvalidRequest(problems)
    kept = {k: v for k, v in body.items() if k not in ("id", "meta", "status", "error", "channel")}
    channel = {k: v for k, v in body["channel"].items() if k != "header"}
    asked = Asked(
        version=version,
        resource=kept | {"channel": channel},
        headers=tuple(body["channel"].get("header") or ()),
        filters=tuple(value for _, value in _filters(body)),
        heartbeat=extension_value(body["channel"], HEARTBEAT),
        end=_end(body),
    )
    return asked, body["status"]


def headers_of(asked: Asked) -> list[tuple[str, str]]:
    """Names and values of the headers that go with every notification (pas P-60)."""
    found = (_HEADER.fullmatch(header) for header in asked.headers)
    return [(header["name"], header["value"]) for header in found if header is not None]


def content_of(asked: Asked) -> str:
    """empty, id-only or full-resource."""
    return str(extension_value(asked.resource["channel"].get("_payload"), CONTENT))


def _criteria(body: Resource) -> Iterator[Problem]:
    if body.get("status") not in (REQUESTED, OFF):
        text = "A subscriber sets the status `requested`, or `off` to stop; the server alone sets the others."
        yield Problem("value", text, "Subscription.status")
    if body.get("criteria") != TOPIC:
        yield Problem("not-supported", f"There is one topic here; send {TOPIC}.", "Subscription.criteria")
    place = "Subscription.criteria.extension"
    filters = list(_filters(body))
    if not filters:
        text = f"Say whose requests it is about: an extension {FILTER} with `{KEYS[0]}=ID`, ID of the sending system."
        yield Problem("required", text, place)
    if len(filters) > _MOST_FILTERS:
        text = f"More than {_MOST_FILTERS} identifiers; make several subscriptions."
        yield Problem("too-costly", text, place)
    for key, value in filters:
        if key not in KEYS or not value:
            yield Problem("value", f"Filters are written `{KEYS[0]}=ID`, or `{KEYS[0]}=ID,ID` for several.", place)


def _filters(body: Resource) -> Iterator[tuple[str, str]]:
    """Key and value of each filter; several values are listed with commas (pas P-55)."""
    for extension in extensions(body.get("_criteria"), FILTER):
        key, _, values = str(extension.get("valueString", "")).strip().partition("=")
        yield from ((key.strip(), value.strip()) for value in values.split(","))


def _channel(channel: Resource, version: Version) -> Iterator[Problem]:
    if channel.get("type") != "rest-hook":
        yield Problem("not-supported", "Notifications go out as `rest-hook` alone; send that.", f"{_CHANNEL}.type")
    if not channel.get("endpoint"):
        yield Problem("required", "Name the address that notifications go to.", f"{_CHANNEL}.endpoint")
    if channel.get("payload") not in MEDIA:
        yield Problem("not-supported", f"Notifications are {' or '.join(MEDIA)}; name one.", f"{_CHANNEL}.payload")
    content = extension_value(channel.get("_payload"), CONTENT)
    if content not in CONTENTS[version]:
        text = f"Under this base the extension {CONTENT} says {' or '.join(CONTENTS[version])}; send one."
        yield Problem("not-supported" if content else "required", text, f"{_CHANNEL}.payload.extension")
    heartbeat = extension_value(channel, HEARTBEAT)
    if heartbeat is not None and (type(heartbeat) is not int or heartbeat not in _HEARTBEATS):
        text = (
            f"A heartbeat comes every {_HEARTBEATS[0]} to {_HEARTBEATS[-1]} seconds; ask for one of these or for none."
        )
        yield Problem("value", text, f"{_CHANNEL}.extension")
    yield from _headers(channel.get("header") or [])


def _headers(headers: list[Any]) -> Iterator[Problem]:
    if len(headers) > _MOST_HEADERS or sum(len(str(h)) for h in headers) > _HEADER_BYTES:
        text = f"At most {_MOST_HEADERS} headers of {_HEADER_BYTES} characters in all go with a notification."
        yield Problem("too-long", text, f"{_CHANNEL}.header")
        return
    for n, header in enumerate(headers):
        place = f"{_CHANNEL}.header[{n}]"
        found = _HEADER.fullmatch(str(header))
        if found is None:
            text = "A header is written `Name: value`, on one line, in ASCII; send it so."
            yield Problem("value", text, place)
        elif found["name"].lower() in _OURS:
            yield Problem("not-supported", "This header is set by the server itself; leave it out.", place)
        elif found["value"] == MASK:
            text = "Values of headers are not shown when a subscription is read; send the value again."
            yield Problem("value", text, place)


def _times(body: Resource, now: datetime) -> Iterator[Problem]:
    end = _end(body)
    if "end" in body and (end is None or end <= now):
        text = "The end of the subscription is past; send one to come, or none."
        yield Problem("value", text, "Subscription.end")


def _end(body: Resource) -> datetime | None:
    try:
        return datetime.fromisoformat(body["end"]) if "end" in body else None
    except ValueError:  # a leap second: FHIR has them, Python does not
        return None
