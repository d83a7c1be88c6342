"""What a subscriber may ask for: everything else is refused, with the place and what would do."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from server.errors import InvalidRequest
from server.fhir.version import Version
from server.subscriptions.read_subscription import CONTENT, MASK, TOPIC, content_of, headers_of, read_subscription
from tests.subscriptions.wanted import NOW, Json, a_subscription

Change = Callable[[Json], Any]


def read(body: Json, version: Version = Version.V2_2) -> Any:
    return read_subscription(orjson.dumps(body), body, version, NOW)


def refused(body: Json, version: Version = Version.V2_2) -> list[tuple[str | None, str]]:
    with pytest.raises(InvalidRequest) as error:
        read(body, version)
    return [(p.expression, p.text) for p in error.value.problems]


def test_what_is_asked_for() -> None:
    """Everything that the courier needs, and the resource without its secrets."""
    body = a_subscription(heartbeat=60, filters=["org-identifier=N123456,4543315", "identifier=X"])
    asked, status = read(body | {"end": "2027-01-01T00:00:00Z", "id": "theirs"})
    assert status == "requested"
    assert asked.filters == ("N123456", "4543315", "X")
    assert (asked.heartbeat, content_of(asked)) == (60, "full-resource")
    assert asked.end is not None
    assert asked.end.year == 2027
    assert headers_of(asked) == [("Authorization", "Bearer a-secret-of-yours")]
    assert {"id", "status"}.isdisjoint(asked.resource)
    assert "header" not in asked.resource["channel"]


@pytest.mark.parametrize("key", ["org-identifier", "orgIdentifier", "identifier"])
@pytest.mark.parametrize("version", list(Version))
def test_the_filter_is_spelled_in_three_ways(key: str, version: Version) -> None:
    """Under both bases (pas T-13)."""
    asked, _ = read(a_subscription(filters=[f"{key}=1"]), version)
    assert asked.filters == ("1",)


@pytest.mark.parametrize(
    ("version", "content", "taken"),
    [
        (Version.V2_2, "full-resource", True),
        (Version.V2_2, "id-only", False),
        (Version.V2_2, "empty", False),
        (Version.V2_0, "id-only", True),
        (Version.V2_0, "full-resource", True),
        (Version.V2_0, "empty", True),
        (Version.V2_0, "everything", False),
    ],
)
def test_the_content_of_each_version(version: Version, content: str, taken: bool) -> None:  # noqa: FBT001 - a column
    """2.2 knows full-resource alone (pas P-53)."""
    body = a_subscription(content=content)
    if taken:
        assert content_of(read(body, version)[0]) == content
    else:
        assert [place for place, _ in refused(body, version)] == ["Subscription.channel.payload.extension"]


def _channel(**elements: Any) -> Change:
    return lambda body: body["channel"].update(elements)


def _without(element: str) -> Change:
    return lambda body: body["channel"].pop(element)


BAD: dict[str, tuple[Change, str, str]] = {
    "another topic": (lambda b: b.update(criteria="http://x.example/topic"), "Subscription.criteria", TOPIC),
    "a query for criteria": (lambda b: b.update(criteria="ClaimResponse?"), "Subscription.criteria", TOPIC),
    "no criteria": (lambda b: b.pop("criteria"), "Subscription.criteria", TOPIC),
    "a status that is an extension": (
        lambda b: b.update(_status={"extension": [{"url": "http://x.example"}]}, status=None) or b.pop("status"),
        "Subscription.status",
        "requested",
    ),
    "no filter": (lambda b: b.pop("_criteria"), "Subscription.criteria.extension", "org-identifier=ID"),
    "no channel": (lambda b: b.pop("channel"), "Subscription", "channel"),
    "no reason": (lambda b: b.pop("reason"), "Subscription", "reason"),
    "active at once": (lambda b: b.update(status="active"), "Subscription.status", "requested"),
    "a past end": (lambda b: b.update(end="2020-12-31T00:00:00Z"), "Subscription.end", "past"),
    "an end that is none": (lambda b: b.update(end="2027-06-30T23:59:60Z"), "Subscription.end", "past"),
    "email": (_channel(type="email"), "Subscription.channel.type", "rest-hook"),
    "websocket": (_channel(type="websocket"), "Subscription.channel.type", "rest-hook"),
    "no endpoint": (_without("endpoint"), "Subscription.channel.endpoint", "Name the address"),
    "no payload": (_without("payload"), "Subscription.channel.payload", "application/fhir+json"),
    "xml": (_channel(payload="application/fhir+xml"), "Subscription.channel.payload", "application/fhir+json"),
    "no content": (_without("_payload"), "Subscription.channel.payload.extension", CONTENT),
    "content as text": (
        _channel(_payload={"extension": [{"url": CONTENT}]}),
        "Subscription.channel.payload.extension",
        "full-resource",
    ),
    "a line more": (
        _channel(header=["X-A: 1\r\nHost: inside"]), "Subscription.channel.header[0]", "on one line",
    ),
    "no name": (_channel(header=["X-A: 1", "secret"]), "Subscription.channel.header[1]", "Name: value"),
    "a zero byte": (_channel(header=["X-A: a\0b"]), "Subscription.channel.header[0]", "on one line"),
    "no ASCII": (_channel(header=["X-A: \u00fc"]), "Subscription.channel.header[0]", "ASCII"),
    "another host": (_channel(header=["Host: inside"]), "Subscription.channel.header[0]", "leave it out"),
    "a length": (_channel(header=["content-LENGTH: 3"]), "Subscription.channel.header[0]", "leave it out"),
    "a mask": (_channel(header=[f"Authorization: {MASK}"]), "Subscription.channel.header[0]", "value again"),
    "huge headers": (_channel(header=["X-A: " + "a" * 9_000]), "Subscription.channel.header", "8192"),
    "many headers": (_channel(header=["X-A: a"] * 21), "Subscription.channel.header", "20"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_had(name: str) -> None:
    """One thing wrong is one problem, at its place, with a remedy; its values are not repeated."""
    change, place, remedy = BAD[name]
    body = a_subscription()
    change(body)
    ((where, text),) = refused(body)
    assert where is not None
    assert where.startswith(place)
    assert remedy in text or remedy in where
    assert "secret" not in text


@pytest.mark.parametrize(
    "filters",
    [
        ["patient=1"],
        ["org-identifier"],
        ["org-identifier="],
        ["org-identifier=1,,2"],
        ["=1"],
        [f"identifier={'1,' * 60}1"],
    ],
)
def test_filters_that_are_none(filters: list[str]) -> None:
    """Another key, no value, too many."""
    assert {place for place, _ in refused(a_subscription(filters=filters))} == {"Subscription.criteria.extension"}


@pytest.mark.parametrize("seconds", [0, 9, 86_401])
def test_a_heartbeat_has_bounds(seconds: int) -> None:
    """One a second would be a flood, and is refused rather than slowed (pas P-64)."""
    assert [place for place, _ in refused(a_subscription(heartbeat=seconds))] == ["Subscription.channel.extension"]


def test_everything_wrong_is_said_at_once() -> None:
    """Nobody mends one thing after the other."""
    body = a_subscription(type="email", payload="text/plain", content="none", header=["x"])
    body["criteria"] = "x"
    assert len(refused(body)) == 5


@pytest.mark.parametrize("body", [{}, {"resourceType": "Patient"}, {"resourceType": "Subscription"}])
def test_what_is_no_subscription(body: Json) -> None:
    """Is refused before anything of it is used."""
    assert refused(body)
