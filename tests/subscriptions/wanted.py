"""Subscriptions as partners send them, and as the record keeps them."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import orjson

from server.fhir.version import Version
from server.store.outbox_ports import ACTIVE, Standing, Subscription
from server.subscriptions.read_subscription import CONTENT, FILTER, HEARTBEAT, read_subscription
from server.subscriptions.routes import EXAMPLES
from tests.requests.bundle import CLINIC

Json = dict[str, Any]

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def a_subscription(endpoint: str = "https://ehr.example.org/hook", **channel: Any) -> Json:
    """A body; content, filters and heartbeat are set by these names, other names are elements of the channel."""
    body: Json = deepcopy(EXAMPLES["subscription"])
    content, filters = channel.pop("content", "full-resource"), channel.pop("filters", [f"org-identifier={CLINIC}"])
    if "heartbeat" in channel:
        channel["extension"] = [{"url": HEARTBEAT, "valueUnsignedInt": channel.pop("heartbeat")}]
    body["_criteria"] = {"extension": [{"url": FILTER, "valueString": f} for f in filters]}
    body["channel"] |= {"endpoint": endpoint, **channel}
    body["channel"]["_payload"] = {"extension": [{"url": CONTENT, "valueCode": content}]}
    return body


def kept(
    id_: str = "s-1",
    body: Json | None = None,
    *,
    version: Version = Version.V2_2,
    sees: tuple[str, ...] | None = None,
    standing: Standing | None = None,
) -> Subscription:
    """As the record keeps it; by default active, with its handshake taken."""
    body = body or a_subscription()
    asked, _ = read_subscription(orjson.dumps(body), body, version, NOW)
    return Subscription(id_, "loopback", sees, asked, standing or Standing(ACTIVE, shaken=True))
