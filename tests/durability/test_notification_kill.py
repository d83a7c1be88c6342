"""kill -9 of servers that bring notifications: every one reaches every live subscriber, at least once and in order.

VITRUVIAN_TEST_NOTIFICATIONS sets how many requests are ruled: few in the suite, 1,000 by hand.
"""

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from server.decision.case import Case
from server.decision.model import Outcome
from server.decision.ruling import Verdict
from server.demo.serving import free_port
from server.fhir.version import Version
from server.store.outbox_ports import ACTIVE, ERROR, REQUESTED, Standing
from server.store.sql import SqlStore, open_store
from tests import made_up
from tests.durability.kills import at_a_random_moment
from tests.durability.test_server_kill import server
from tests.receiver import Receiver, receiving
from tests.requests.cases import following, judged, opening, ruled
from tests.store.stored_rows import rows_of
from tests.subscriptions.test_courier import answer_of
from tests.subscriptions.wanted import a_subscription, kept

pytestmark = pytest.mark.durability

REQUESTS = int(os.environ.get("VITRUVIAN_TEST_NOTIFICATIONS", "60"))
RULING_SECONDS = max(8.0, REQUESTS * 0.06)
ALIVE_SECONDS = (0.5, 4.0)
PATIENCE = 180 + REQUESTS * 0.2
"""Seconds that the last server has: the pauses of the one that flaps, and claims of servers that were killed."""


def subscribe(store: SqlStore, id_: str, endpoint: str, version: Version) -> None:
    content = "id-only" if version is Version.V2_0 else "full-resource"
    body = a_subscription(endpoint, content=content)
    store.outbox.create(kept(id_, body, version=version, standing=Standing(REQUESTED)))


def pended(store: SqlStore) -> Case:
    change = opening(judged(outcome=Outcome.PEND_NURSE))
    assert store.append(change) == change.case.id
    return change.case


def rule_all(store: SqlStore, cases: list[Case], done: threading.Event, chance: random.Random) -> None:
    """As reviewers do, one after the other; each case once."""
    try:
        for n, case in enumerate(cases):
            verdict = Verdict.ASK if n % 3 else Verdict.APPROVE
            made = following(case, ruled(verdict=verdict), renderings=answer_of(case.id, f"ruling {n}"))
            assert store.append(made) == case.id
            at_a_random_moment(chance, 2 * RULING_SECONDS / len(cases))
    finally:
        done.set()


def flaps(chance: random.Random) -> Callable[[int], tuple[int, dict[str, str]]]:
    """Refuses one in eight, and now and then takes one so late that its server may be dead by then."""

    def answer(_: int) -> tuple[int, dict[str, str]]:
        drawn = chance.random()
        if drawn > 0.97:
            at_a_random_moment(chance, 2.0)
        return (503 if drawn < 0.12 else 200), {}

    return answer


def numbers_of(receiver: Receiver) -> list[int]:
    return [n for sent in receiver.sent for n in sent.numbers]


@pytest.mark.parametrize("with_redis", [False, True], ids=["memory", "redis"])
def test_every_notification_arrives_in_order_over_kills(
    database_url: str,
    with_redis: bool,  # noqa: FBT001 - a column
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """One subscriber is steady, one flaps, one is dead; the server is killed again and again."""
    made_up.folders(tmp_path)
    settings = {"redis_url": request.getfixturevalue("redis_url")} if with_redis else {}
    port, chance = free_port(), random.Random(11_24)
    store, ruled_all, kills = open_store(database_url), threading.Event(), 0
    cases = [pended(store) for _ in range(REQUESTS)]
    with receiving() as steady, receiving(flaps(random.Random(7))) as flapping:
        subscribe(store, "steady", steady.url, Version.V2_2)
        subscribe(store, "flapping", flapping.url, Version.V2_0)
        subscribe(store, "dead", f"http://127.0.0.1:{free_port()}/", Version.V2_2)
        ruling = threading.Thread(target=rule_all, args=(store, cases, ruled_all, random.Random(3)))
        ruling.start()
        while not ruled_all.is_set() or kills < 3:
            with server(database_url, port, tmp_path, **settings) as process:
                time.sleep(chance.uniform(*ALIVE_SECONDS))
                process.kill()
                kills += 1
        ruling.join()
        before = {name: len(numbers_of(r)) for name, r in (("steady", steady), ("flapping", flapping))}
        with server(database_url, port, tmp_path, **settings):
            for receiver, id_ in ((steady, "steady"), (flapping, "flapping")):
                receiver.wait_for_events(REQUESTS, PATIENCE)
                wait_until_delivered(store, id_)
        assert_all_in_order(store, cases, steady, "steady")
        assert_all_in_order(store, cases, flapping, "flapping")
        assert_kept(store, cases, "dead")
        assert_decided_once(database_url, cases)
        said = {name: (len(numbers_of(r)), before[name]) for name, r in (("steady", steady), ("flapping", flapping))}
        sys.stdout.write(f"{REQUESTS} requests, {kills} kills; events received (before the last start): {said}\n")
    store.close()


def wait_until_delivered(store: SqlStore, id_: str) -> None:
    """The last one has arrived; until it is written it may come again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = store.outbox.find(id_)
        if found is not None and found.standing.delivered == REQUESTS:
            assert found.standing.status == ACTIVE
            return
        time.sleep(0.1)  # another process writes it; nothing tells us sooner
    raise AssertionError(f"{id_}: {found}")


def assert_all_in_order(store: SqlStore, cases: list[Case], receiver: Receiver, id_: str) -> None:
    """Each number came; none before its predecessor; what came again is the one whose taking was not written."""
    highest = 0
    for number in numbers_of(receiver):
        assert number in (highest, highest + 1), f"{id_}: {number} came after {highest}"
        highest = max(highest, number)
    assert highest == REQUESTS
    about: dict[str, str] = {}
    for sent in receiver.sent:
        for event in sent.said["events"]:
            focus = event["focus"]["reference"].rsplit("/", 1)[-1].removeprefix("urn:uuid:")
            assert about.setdefault(event["event-number"], focus) == focus
            assert sent.said["status"] == ACTIVE
    assert Counter(about.values()) == Counter(case.id for case in cases)
    assert [e.case_id for e in store.outbox.events(id_, 1, REQUESTS)] == [about[str(n)] for n in range(1, REQUESTS + 1)]


def assert_kept(store: SqlStore, cases: list[Case], id_: str) -> None:
    """For one that nobody reaches, every event waits, and it is known to fail."""
    found = store.outbox.find(id_)
    assert found is not None
    assert (found.standing.status, found.standing.delivered, found.events) == (ERROR, 0, REQUESTS)
    assert {e.case_id for e in store.outbox.events(id_, 1, REQUESTS)} == {case.id for case in cases}


def assert_decided_once(database_url: str, cases: list[Case]) -> None:
    """The record holds one ruling of each case, and one event of it for each subscription."""
    per_case = Counter(row["submission"] for row in rows_of(database_url, "fact") if row["kind"] == "ruled")
    assert sorted(per_case.values()) == [1] * len(cases)
    told = Counter(row["submission"] for row in rows_of(database_url, "event"))
    assert sorted(told.values()) == [3] * len(cases)
