"""Subscriptions over HTTP: made, read, changed, deleted, asked about; and refused with nothing stored."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from server.auth.caller import Caller, CallerKind, caller_of
from server.decision.model import Outcome
from server.fhir.version import Version
from server.outgoing import Outgoing
from server.policy.outgoing import OutgoingRules
from server.store.outbox_ports import ACTIVE, ERROR, Standing
from server.store.sql import SqlStore, open_store
from server.subscriptions.read_subscription import MASK
from server.subscriptions.routes import Subscriptions
from tests.mounted import mounted, send
from tests.outgoing import faults
from tests.requests.bundle import CLINIC, STRANGER
from tests.requests.cases import following, judged, opening, ruled
from tests.requests.world import NOW, a_world
from tests.store.stored_rows import rows_of
from tests.subscriptions.wanted import Json, a_subscription, kept

PLACES = {"ehr.example.org": ["8.8.8.8"], "inside.example.org": ["10.0.0.1"], "localhost": ["127.0.0.1"]}
SHOWN_ONCE = "a-secret-of-yours"


async def places(host: str, _: int) -> Sequence[str]:
    if host not in PLACES:
        raise OSError("not known")
    return PLACES[host]


class Http:
    """The rows of subscriptions of one version, in this process."""

    def __init__(self, store: SqlStore, version: Version, url: str) -> None:
        self.store, self.version, self.url = store, version, url
        room = Subscriptions(version, a_world(store), Outgoing(OutgoingRules(), places))
        self.app = mounted({version: room}, "subscriptions", version.base)

    def __call__(self, method: str, path: str = "", body: Any = None, **more: Any) -> httpx.Response:
        url = f"http://server.example.org{self.version.base}/Subscription{path}"
        if body is not None:
            more |= {"content": orjson.dumps(body), "headers": {"content-type": "application/fhir+json"}}
        return send(self.app, method, url, **more)

    def create(self, body: Json | None = None) -> Json:
        answer = self("POST", "", body or a_subscription())
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()
        assert answer.headers["location"].endswith(f"{self.version.base}/Subscription/{made['id']}")
        return made

    def as_client_of(self, *npis: str) -> None:
        caller = Caller(CallerKind.CLIENT, frozenset(npis), "client-of-" + "-".join(npis))
        self.app.dependency_overrides[caller_of] = lambda: caller

    def stand(self, id_: str, standing: Standing) -> None:
        """As a worker leaves it."""
        found = self.store.outbox.claim(id_, "test", NOW, NOW)
        assert found is not None
        assert self.store.outbox.settle(found, "test", standing, NOW)
        self.store.outbox.release(id_, "test")


@pytest.fixture(params=list(Version))
def http(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Http]:
    url = f"sqlite:///{tmp_path / 'record.db'}"
    store = open_store(url)
    yield Http(store, request.param, url)
    store.close()


def events_of(store: SqlStore, many: int) -> list[str]:
    """Changes of so many cases; their ids."""
    ids = []
    for _ in range(many):
        change = opening(judged(outcome=Outcome.PEND_NURSE))
        store.append(change)
        store.append(following(change.case, ruled(), renderings=RENDERED))
        ids.append(change.case.id)
    return ids


RENDERED = {
    (version, kind): orjson.dumps({"resourceType": "Bundle", "type": "collection"})
    for version in Version
    for kind in ("submit", "inquiry")
}


def test_secrets_are_shown_to_their_creator_once(http: Http) -> None:
    """In the 201; masked ever after, and in no answer to anybody else (pas T-20)."""
    made = http.create()
    assert made["status"] == "requested"
    assert made["channel"]["header"] == [f"Authorization: Bearer {SHOWN_ONCE}"]
    wanted = a_subscription()
    assert made == wanted | {"id": made["id"]}
    for answer in (
        http("GET", f"/{made['id']}"),
        http("GET", f"/{made['id']}/$status"),
        http("GET", f"/{made['id']}/$events"),
        http("PUT", f"/{made['id']}", wanted | {"id": made["id"]}),
    ):
        assert answer.status_code == 200
        assert SHOWN_ONCE not in answer.text
    assert http("GET", f"/{made['id']}").json()["channel"]["header"] == [f"Authorization: {MASK}"]


def test_it_is_changed_and_begins_anew(http: Http) -> None:
    """With a handshake, and with the event that comes next; `off` stops it."""
    made = http.create()
    http.stand(made["id"], Standing(ACTIVE, shaken=True))
    wanted = a_subscription("https://ehr.example.org/new") | {"id": made["id"]}
    changed = http("PUT", f"/{made['id']}", wanted).json()
    assert (changed["status"], changed["channel"]["endpoint"]) == ("requested", "https://ehr.example.org/new")
    assert http("PUT", f"/{made['id']}", wanted | {"status": "off"}).json()["status"] == "off"
    events_of(http.store, 1)
    assert http("GET", f"/{made['id']}/$events").json()["entry"][1:] == []


def test_it_is_deleted(http: Http) -> None:
    """And is not there any more."""
    made = http.create()
    assert http("DELETE", f"/{made['id']}").status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/$status"), ("GET", "/$events")):
        answer = http(method, f"/{made['id']}{path}")
        assert answer.status_code == 404
        assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_its_status_is_told_in_every_state(http: Http, method: str) -> None:
    """Also in error, with the reason (pas P-65, P-66); a POST needs no body."""
    made = http.create()
    http.stand(made["id"], Standing(ERROR, shaken=True, reason="Notifications fail: answered 500."))
    events_of(http.store, 2)
    (entry,) = http(method, f"/{made['id']}/$status").json()["entry"]
    said = {p["name"]: next(v for k, v in p.items() if k != "name") for p in entry["resource"]["parameter"]}
    assert said["type"] == "query-status"
    assert said["status"] == "error"
    assert said["events-since-subscription-start"] == "2"
    assert said["error"] == {"text": "Notifications fail: answered 500."}
    assert said["subscription"]["reference"].endswith(f"/Subscription/{made['id']}")


def test_its_events_are_told_again(http: Http) -> None:
    """By number, in order, a hundred at most, by GET and by POST."""
    made = http.create()
    ids = events_of(http.store, 5)
    path = f"/{made['id']}/$events"

    def numbers(answer: httpx.Response) -> list[str]:
        assert answer.status_code == 200, answer.text
        bundle = answer.json()
        assert list(faults(answer.content)) == []
        status, *focus = bundle["entry"]
        told = [p["part"][0]["valueString"] for p in status["resource"]["parameter"] if "part" in p]
        assert len(focus) == len(told)
        return told

    assert numbers(http("GET", path)) == ["1", "2", "3", "4", "5"]
    assert numbers(http("GET", path, params={"eventsSinceNumber": "2", "eventsUntilNumber": "3"})) == ["2", "3"]
    since = {"name": "eventsSinceNumber", "valueString": "4"}
    assert numbers(http("POST", path, {"resourceType": "Parameters", "parameter": [since]})) == ["4", "5"]
    assert numbers(http("GET", path, params={"eventsSinceNumber": "6"})) == []
    assert ids[0] in http("GET", path).text
    for bad in ("x", "-1", "1.5", "9" * 30):
        answer = http("GET", path, params={"eventsSinceNumber": bad})
        assert answer.status_code == 400
        assert "whole number" in answer.text


@pytest.mark.parametrize(
    ("endpoint", "remedy"),
    [
        ("https://localhost/hook", "not public"),
        ("https://127.0.0.1/hook", "not public"),
        ("https://inside.example.org/hook", "not public"),
        ("https://unknown.example.org/hook", "check its spelling"),
        ("http://ehr.example.org/hook", "https://"),
        ("https://user:pass@ehr.example.org/hook", "without a user"),
        ("https://ehr.example.org:22/hook", "Port 22"),
        ("file:///etc/passwd", "https://HOST"),
    ],
)
def test_an_endpoint_that_is_not_called_is_refused(http: Http, endpoint: str, remedy: str) -> None:
    """At its place, with a remedy, beside what else is wrong; nothing is stored, on creation and on change."""
    body = a_subscription(endpoint, header=["x"])
    made = http.create()
    for answer in (http("POST", "", body), http("PUT", f"/{made['id']}", body | {"id": made["id"]})):
        assert answer.status_code == 400
        issues = {issue["expression"][0]: issue["details"]["text"] for issue in answer.json()["issue"]}
        assert set(issues) == {"Subscription.channel.header[0]", "Subscription.channel.endpoint"}
        assert remedy in issues["Subscription.channel.endpoint"]
    (row,) = rows_of(http.url, "subscription")
    assert "https://ehr.example.org/hook" in row["resource"]


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Subscription"},
        {"resourceType": "Subscription", "channel": []},
        {"resourceType": "Subscription", "channel": {"endpoint": 7}},
        a_subscription() | {"status": "off"},
        a_subscription() | {"status": "active"},
        a_subscription(header=["X: " + "a" * 70_000]),
    ],
)
def test_nothing_is_stored_of_what_is_refused(http: Http, body: Json) -> None:
    """Whatever is wrong with it."""
    answer = http("POST", "", body)
    assert 400 <= answer.status_code < 500
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert rows_of(http.url, "subscription") == []


def test_an_id_that_is_anothers_is_refused(http: Http) -> None:
    """The body of a change has the id of its address; no id is made by a client."""
    made = http.create()
    answer = http("PUT", f"/{made['id']}", a_subscription() | {"id": "other"})
    assert answer.status_code == 400
    assert http("PUT", "/mine", a_subscription() | {"id": "mine"}).status_code == 404


def test_a_subscriber_sees_its_own_alone(http: Http) -> None:
    """Another's is not there; the other base's neither."""
    http.as_client_of(CLINIC)
    made = http.create()
    assert http("GET", f"/{made['id']}").status_code == 200
    http.as_client_of(STRANGER)
    wanted = a_subscription() | {"id": made["id"]}
    for method, path, body in (("GET", "", None), ("PUT", "", wanted), ("DELETE", "", None), ("GET", "/$events", None)):
        assert http(method, f"/{made['id']}{path}", body).status_code == 404
    events_of(http.store, 1)
    http.as_client_of(CLINIC)
    assert len(http("GET", f"/{made['id']}/$events").json()["entry"]) == 2
    http.app.dependency_overrides.clear()
    assert http("GET", f"/{made['id']}").status_code == 200
    other = next(v for v in Version if v is not http.version)
    http.store.outbox.create(kept("elsewhere", version=other))
    assert http("GET", "/elsewhere").status_code == 404


def test_a_client_is_told_of_its_own_alone(http: Http) -> None:
    """Whatever id it filters by: what belongs to others is not counted for it either."""
    http.as_client_of(STRANGER)
    made = http.create(a_subscription(filters=[f"org-identifier={CLINIC}"]))
    events_of(http.store, 1)
    told = http("GET", f"/{made['id']}/$status").text
    assert re.search(r'"events-since-subscription-start","valueString":"0"', told)
