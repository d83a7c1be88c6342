"""Subscribers are told: over real connections, in order, at least once, whatever others do; on both databases."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from server.clock import new_id, now
from server.decision.case import Case
from server.decision.model import Outcome
from server.decision.ruling import Verdict
from server.errors import DatabaseGone
from server.fhir.version import Version
from server.outgoing import Outgoing
from server.store.outbox_ports import ACTIVE, ERROR, OFF, REQUESTED, Standing, Subscription
from server.store.shared import InMemory
from server.store.sql import SqlStore, open_store
from server.subscriptions.courier import Courier
from tests.couriers import BASE_URL, HERE, courier
from tests.outgoing import faults
from tests.receiver import Receiver, Sent, receiving
from tests.requests.cases import following, judged, opening, ruled
from tests.serving import sqlite_url
from tests.subscriptions.wanted import a_subscription, kept


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def subscribe(store: SqlStore, receiver: Receiver, id_: str = "s-1", **more: object) -> None:
    """Just asked for: the handshake is to come."""
    version = Version.V2_0 if more.get("content") in {"id-only", "empty"} else Version.V2_2
    body = a_subscription(receiver.url, **more)
    store.outbox.create(kept(id_, body, version=version, standing=Standing(REQUESTED)))


def test_who_is_no_client_any_more_is_told_nothing(database_url: str, store: SqlStore) -> None:
    """Its subscription is off and says why; another's goes on. A record that cannot be asked stops neither for good."""
    asked: list[tuple[str, Any]] = []

    async def stands(owner: str, sees: Sequence[str] | None) -> bool:
        asked.append((owner, sees))
        if len(asked) == 1:
            raise DatabaseGone
        return sees is not None

    with receiving() as gone, receiving() as here:
        subscribe(store, gone, "s-gone")
        body = a_subscription(here.url)
        store.outbox.create(kept("s-here", body, sees=("1888888884",), standing=Standing(REQUESTED)))
        with courier(database_url, stands=stands):
            here.wait_for(lambda sent: len(sent) == 1, 40)
            until = time.monotonic() + 40
            while (found := store.outbox.find("s-gone")) and found.standing.status != OFF and time.monotonic() < until:
                time.sleep(0.05)  # another thread's doing; nothing tells us sooner
        assert found is not None
        assert (found.standing.status, gone.sent) == (OFF, [])
        assert "no client of these organizations" in str(found.standing.reason)
    assert set(asked) == {("loopback", None), ("loopback", ("1888888884",))}


def answer_of(case_id: str, said: str) -> dict[tuple[Version, str], bytes]:
    """A response Bundle, much shortened."""
    response = {"fullUrl": f"urn:uuid:{case_id}", "resource": {"resourceType": "Basic", "code": {"text": said}}}
    bundle = {"resourceType": "Bundle", "id": case_id, "type": "collection", "entry": [response]}
    return {(version, kind): orjson.dumps(bundle) for version in Version for kind in ("submit", "inquiry")}


def change(store: SqlStore, case: Case | None = None, said: str = "decided", verdict: Verdict = Verdict.ASK) -> Case:
    """One change of a case, or of a new one."""
    if case is None:
        opened = opening(judged(outcome=Outcome.PEND_NURSE))
        store.append(opened)
        case = opened.case
    made = following(case, ruled(verdict=verdict), renderings=answer_of(case.id, said))
    assert store.append(made) == case.id
    return made.case


def standing_of(store: SqlStore, id_: str = "s-1") -> Standing:
    found = store.outbox.find(id_)
    assert found is not None
    return found.standing


def until(store: SqlStore, true: Callable[[Standing], bool], id_: str = "s-1") -> Standing:
    """The standing, once it is so."""
    for _ in range(1_000):
        standing = standing_of(store, id_)
        if true(standing):
            return standing
        time.sleep(0.02)  # another thread writes it; nothing tells us sooner
    raise AssertionError(standing)


def assert_well_formed(sent: Sent, kind: str, status: str) -> None:
    """A history Bundle of base R4, SubscriptionStatus first, each entry with request and response (pas P-61, P-62)."""
    assert list(faults(sent.raw)) == []
    assert sent.headers["content-type"] == "application/fhir+json"
    assert sent.headers["authorization"] == "Bearer a-secret-of-yours"
    bundle = sent.bundle
    assert bundle["type"] == "history"
    assert all(e["request"] and e["response"] and e["fullUrl"] for e in bundle["entry"])
    first = bundle["entry"][0]
    assert first["request"]["url"].startswith(BASE_URL)
    assert first["request"]["url"].endswith(f"{sent.said['subscription']['reference']}/$status")
    assert (sent.said["type"], sent.said["status"]) == (kind, status)
    assert sent.said["topic"].endswith("/PASSubscriptionTopic")


def test_a_handshake_then_every_event(store: SqlStore, database_url: str) -> None:
    """Each with the answer of its change, though the case has changed since; numbered from 1, the counter with it."""
    with receiving() as receiver:
        subscribe(store, receiver)
        case = change(store, said="first")
        change(store, case, said="second", verdict=Verdict.APPROVE)
        with courier(database_url):
            events = receiver.wait_for_events(2)
            until(store, lambda s: s.delivered == 2)
        assert [s.type for s in receiver.sent] == ["handshake", "event-notification", "event-notification"]
    assert_well_formed(receiver.sent[0], "handshake", "requested")
    assert receiver.sent[0].said["events"] == []
    assert [s.numbers for s in events] == [[1], [2]]
    for sent, said in zip(events, ("first", "second"), strict=True):
        assert_well_formed(sent, "event-notification", "active")
        assert sent.said["events-since-subscription-start"] == "2"
        ((event,), (_, focus)) = sent.said["events"], sent.bundle["entry"]
        assert event["focus"]["reference"] == focus["fullUrl"] == f"urn:uuid:{case.id}"
        assert focus["resource"] == orjson.loads(answer_of(case.id, said)[Version.V2_2, "submit"])
        assert focus["resource"]["type"] == "collection"
    assert standing_of(store) == Standing(ACTIVE, shaken=True, delivered=2)


@pytest.mark.parametrize("content", ["id-only", "empty"])
def test_content_without_resources(store: SqlStore, database_url: str, content: str) -> None:
    """id-only names the ClaimResponse and carries nothing; empty names nothing (pas P-63, T-23)."""
    with receiving() as receiver:
        subscribe(store, receiver, content=content)
        case = change(store)
        with courier(database_url):
            (sent,) = receiver.wait_for_events(1)
    assert_well_formed(sent, "event-notification", "active")
    entries = sent.bundle["entry"][1:]
    address = f"{BASE_URL}/fhir/2.0/ClaimResponse/{case.id}"
    (event,) = sent.said["events"]
    assert event.get("focus") == ({"reference": address} if content == "id-only" else None)
    assert [(e["fullUrl"], e.get("resource")) for e in entries] == ([(address, None)] if content == "id-only" else [])


def test_what_is_not_taken_is_sent_again_in_order(store: SqlStore, database_url: str) -> None:
    """A subscriber that flaps gets each event, none before the one that it did not take; it is active again."""

    def flaps(n: int) -> tuple[int, dict[str, str]]:
        return (200 if n in {0, 3} or n > 4 else 503), {}

    with receiving(flaps) as receiver:
        subscribe(store, receiver)
        for _ in range(3):
            change(store)
        with courier(database_url):
            until(store, lambda s: s.status == ERROR)
            events = receiver.wait_for_events(3)
            until(store, lambda s: s.status == ACTIVE and s.delivered == 3)
        assert [s.numbers for s in events] == [[1], [1], [1], [2], [2], [3]]


def test_a_handshake_that_is_refused_is_tried_again(store: SqlStore, database_url: str) -> None:
    """The status is `error` meanwhile and says why; no event goes out before it is taken (pas P-59)."""
    with receiving(lambda n: (200 if n else 404, {})) as receiver:
        subscribe(store, receiver)
        change(store)
        with courier(database_url):
            failed = until(store, lambda s: s.failures > 0)
            receiver.wait_for_events(1)
        assert [s.type for s in receiver.sent] == ["handshake", "handshake", "event-notification"]
    assert (failed.status, failed.shaken, failed.reason) == (ERROR, False, "Notifications fail: answered 404.")


def test_one_dead_subscriber_delays_nobody(store: SqlStore, database_url: str) -> None:
    """Not one that takes the call and never answers, nor one that nobody listens for."""
    hang_up = threading.Event()

    def hangs(_: int) -> tuple[int, dict[str, str]]:
        hang_up.wait(30)
        return 200, {}

    with receiving(hangs) as dead, receiving() as alive:
        try:
            store.outbox.create(kept("gone", a_subscription("http://127.0.0.1:9/"), standing=Standing(REQUESTED)))
            subscribe(store, dead, "dead")
            subscribe(store, alive, "alive")
            with courier(database_url, seconds=8):
                dead.wait_for(lambda sent: len(sent) == 1)
                for _ in range(5):
                    change(store)
                events = alive.wait_for_events(5)
                assert len(dead.sent) == 1  # it is still at its first call
                assert standing_of(store, "dead").status == REQUESTED
                hang_up.set()
        finally:
            hang_up.set()
    assert [s.numbers for s in events] == [[n] for n in range(1, 6)]
    assert standing_of(store, "gone").status == ERROR


def test_a_heartbeat_comes_when_nothing_else_does(tmp_path: Path) -> None:
    """Where a period was asked for; it counts no event (pas P-64)."""
    url, ahead = sqlite_url(tmp_path), [timedelta()]
    store = open_store(url)
    with receiving() as receiver:
        subscribe(store, receiver, heartbeat=60)
        subscribe(store, receiver, "without")
        with courier(url, clock=lambda: now() + ahead[0]):
            receiver.wait_for(lambda sent: len(sent) == 2)
            for n in range(2):
                last = until(store, lambda s: s.beat is not None and s.beat > now() + ahead[0]).beat
                ahead[0] += timedelta(seconds=61)
                receiver.wait_for(lambda sent, n=n: len(sent) == 3 + n)  # type: ignore[misc]
                until(store, lambda s, last=last: s.beat != last)  # type: ignore[misc]
            change(store)
            receiver.wait_for_events(1)
    store.close()
    assert [s.type for s in receiver.sent[2:4]] == ["heartbeat", "heartbeat"]
    assert_well_formed(receiver.sent[3], "heartbeat", "active")
    assert receiver.sent[3].said["events-since-subscription-start"] == "0"


def test_it_ends_when_it_said_that_it_would(tmp_path: Path) -> None:
    """Off, and told nothing more; also after a day of failures."""
    url, ahead = sqlite_url(tmp_path), [timedelta()]
    store = open_store(url)
    with receiving() as receiver, receiving(lambda _: (500, {})) as broken:
        end = (now() + timedelta(hours=1)).isoformat(timespec="seconds")
        body = a_subscription(receiver.url) | {"end": end}
        store.outbox.create(kept("s-1", body, standing=Standing(REQUESTED)))
        subscribe(store, broken, "broken")
        with courier(url, clock=lambda: now() + ahead[0]):
            until(store, lambda s: s.shaken)
            until(store, lambda s: s.failures > 0, "broken")
            ahead[0] = timedelta(hours=25)
            assert "end" in str(until(store, lambda s: s.status == OFF).reason)
            assert "24 hours" in str(until(store, lambda s: s.status == OFF, "broken").reason)
            sent = len(receiver.sent)
            change(store)
            assert store.outbox.due(now() + timedelta(days=9), 10) == []
        assert len(receiver.sent) == sent
    store.close()


def test_it_goes_on_where_it_stopped(store: SqlStore, database_url: str) -> None:
    """What came while it was in error is told after the owner has asked again, to the new address."""
    with receiving(lambda _: (500, {})) as old, receiving() as new:
        subscribe(store, old)
        with courier(database_url):
            until(store, lambda s: s.failures > 0)
            for _ in range(2):
                change(store)
            wanted = kept(body=a_subscription(new.url)).asked
            assert store.outbox.change("s-1", wanted, Standing(REQUESTED))
            events = new.wait_for_events(2)
        assert [s.type for s in new.sent] == ["handshake", "event-notification", "event-notification"]
        assert [s.numbers for s in events] == [[1], [2]]


@pytest.mark.parametrize("with_redis", [False, True])
def test_two_workers_never_reorder_one_subscription(
    store: SqlStore,
    database_url: str,
    with_redis: bool,  # noqa: FBT001 - a column
    request: pytest.FixtureRequest,
) -> None:
    """Each event comes once while nobody dies, whoever sends it; with leases in Redis and, without, by the record."""
    redis_url = request.getfixturevalue("redis_url") if with_redis else ""
    with receiving() as one, receiving() as other, ExitStack() as couriers:
        subscribe(store, one, "one")
        subscribe(store, other, "other")
        for _ in range(3):
            couriers.enter_context(courier(database_url, redis_url))
        for _ in range(15):
            change(store)
        for receiver in (one, other):
            told = [n for s in receiver.wait_for_events(15) for n in s.numbers]
            assert told == list(range(1, 16))


def test_a_worker_that_died_leaves_nothing_undone(tmp_path: Path) -> None:
    """Its claim ends by itself; what it had sent and not written is sent again."""
    url, ahead = sqlite_url(tmp_path), [timedelta()]
    store = open_store(url)
    with receiving() as receiver:
        subscribe(store, receiver)
        change(store)
        dead = store.outbox.claim("s-1", "dead", now(), now() + timedelta(seconds=60))
        assert isinstance(dead, Subscription)
        with courier(url, clock=lambda: now() + ahead[0]):
            time.sleep(0.6)  # a few polls, in which it must do nothing
            assert receiver.sent == []
            ahead[0] = timedelta(seconds=61)
            receiver.wait_for_events(1)
    store.close()


def test_a_record_that_is_away_stops_no_courier() -> None:
    """It says so once, and goes on when the record is back."""
    asked: list[int] = []

    class Away:
        """A record that fails twice, once in a way that nobody expects, and then has nothing to do."""

        def due(self, *_: object) -> tuple[str, ...]:
            asked.append(1)
            if len(asked) < 3:
                raise DatabaseGone if len(asked) == 1 else RuntimeError
            return ()

    class Record:
        outbox = Away()

    async def work() -> None:
        made: Any = Record()
        one = Courier(made, InMemory(), Outgoing(HERE), BASE_URL, now, new_id)
        task = asyncio.create_task(one.run())
        while len(asked) < 4:
            await asyncio.sleep(0.02)
            assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with capture_logs() as logs:
        asyncio.run(work())
    assert [entry["error"] for entry in logs] == ["DatabaseGone"]
