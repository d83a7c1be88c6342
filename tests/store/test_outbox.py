"""The outbox: events are written with the change that they tell of, in order, to those whom it concerns."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from server.decision.case import Case
from server.decision.model import Outcome
from server.decision.ruling import Verdict
from server.fhir.codes import PAS
from server.fhir.version import Version
from server.store.outbox_events import senders_of
from server.store.outbox_ports import ACTIVE, ERROR, OFF, REQUESTED, Backlog, Standing
from server.store.sql import SqlStore, open_store
from tests.requests.bundle import CLINIC, STRANGER, a_bundle
from tests.requests.cases import LATER_RENDERINGS, following, judged, opening, ruled
from tests.requests.world import a_request
from tests.store.stored_rows import rows_of
from tests.subscriptions.wanted import NOW, a_subscription, kept

SOON = NOW + timedelta(seconds=15)


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def pended(store: SqlStore) -> Case:
    change = opening(judged(outcome=Outcome.PEND_NURSE))
    store.append(change)
    return change.case


def events(store: SqlStore, id_: str = "s-1") -> list[tuple[int, str, bytes]]:
    return [(e.number, e.case_id, e.body) for e in store.outbox.events(id_, 1, 1000)]


def test_a_first_answer_is_no_event_and_each_change_is_one(store: SqlStore) -> None:
    """The asker holds the first answer; each later one is numbered, and keeps the answer that it told of."""
    store.outbox.create(kept())
    case = pended(store)
    assert events(store) == []
    asked = following(case, ruled(verdict=Verdict.ASK))
    store.append(asked)
    first = (1, case.id, LATER_RENDERINGS[Version.V2_2, "submit"])
    assert events(store) == [first]
    last = {which: b"last " + body for which, body in LATER_RENDERINGS.items()}
    store.append(following(asked.case, ruled(), renderings=last))
    assert events(store) == [first, (2, case.id, last[Version.V2_2, "submit"])]
    found = store.outbox.find("s-1")
    assert found is not None
    assert (found.events, found.standing.delivered) == (2, 0)


def test_a_change_that_came_second_tells_nobody(store: SqlStore) -> None:
    """What is not written is not told."""
    store.outbox.create(kept())
    case = pended(store)
    store.append(following(case, ruled()))
    assert store.append(following(case, ruled(verdict=Verdict.ASK))) is None
    assert [number for number, _, _ in events(store)] == [1]


def test_only_those_whom_it_concerns_are_told(store: SqlStore) -> None:
    """By the filter, by what the owner may see, while it is on and not past its end."""
    store.outbox.create(kept("mine"))
    store.outbox.create(kept("of-two", a_subscription(filters=[f"identifier=OTHER,{CLINIC}"])))
    store.outbox.create(kept("other", a_subscription(filters=["org-identifier=OTHER"])))
    store.outbox.create(kept("foreign", sees=(STRANGER,)))
    store.outbox.create(kept("own", sees=(STRANGER, CLINIC)))
    store.outbox.create(kept("off", standing=Standing(OFF)))
    store.outbox.create(kept("failing", standing=Standing(ERROR, shaken=True, failures=3)))
    store.outbox.create(kept("not-shaken", standing=Standing(REQUESTED)))
    store.outbox.create(kept("ended", a_subscription() | {"end": "2026-03-01T09:05:00Z"}))
    store.append(following(pended(store), ruled()))
    ids = ("mine", "of-two", "other", "foreign", "own", "off", "failing", "not-shaken", "ended")
    assert [i for i in ids if events(store, i)] == ["mine", "of-two", "own", "failing", "not-shaken"]


def test_whose_a_request_is() -> None:
    """By the sender's codes and by each identifier of the provider's organization; not by the receiver's (pas T-14)."""
    codes = {"applicationSenderCode": "APP", "interchangeSenderID": "SND", "interchangeReceiverID": "RCV"}
    parts = [{"url": url, "valueString": code} for url, code in codes.items()]
    sent = {"extension": [{"url": f"{PAS}extension-TransmissionIdentifiers", "extension": parts}]}
    assert senders_of(a_request(a_bundle(claim=sent))) == {"APP", "SND", CLINIC}
    role = {"resourceType": "PractitionerRole", "id": "asks", "organization": {"reference": "Organization/clinic"}}
    entry = {"fullUrl": "https://ehr.example.org/fhir/PractitionerRole/asks", "resource": role}
    by_role = a_bundle(claim={"provider": {"reference": "PractitionerRole/asks"}})
    by_role["entry"].append(entry)
    assert senders_of(a_request(by_role)) == {CLINIC}


def test_numbers_have_no_gap_and_no_twin(store: SqlStore) -> None:
    """Also when several cases change at once."""
    for id_ in ("s-1", "s-2"):
        store.outbox.create(kept(id_))
    cases = [pended(store) for _ in range(24)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda case: store.append(following(case, ruled())), cases))
    for id_ in ("s-1", "s-2"):
        told = events(store, id_)
        assert [number for number, _, _ in told] == list(range(1, 25))
        assert {case_id for _, case_id, _ in told} == {case.id for case in cases}


def test_one_worker_has_a_subscription_at_a_time(store: SqlStore) -> None:
    """Until it lets go or its time is over; what another has is not due, and cannot be written by it."""
    outbox = store.outbox
    outbox.create(kept(standing=Standing(REQUESTED)))
    assert outbox.due(NOW, 10) == ["s-1"]
    mine = outbox.claim("s-1", "mine", NOW, SOON)
    assert mine is not None
    assert mine.claimed_until == SOON
    assert outbox.due(NOW, 10) == []
    assert outbox.claim("s-1", "theirs", NOW, SOON) is None
    assert outbox.settle(mine, "theirs", Standing(ACTIVE), SOON) is None
    later = SOON + timedelta(seconds=1)
    theirs = outbox.claim("s-1", "theirs", later, later + timedelta(seconds=15))
    assert theirs is not None
    assert outbox.settle(mine, "mine", Standing(ACTIVE), later) is None
    outbox.release("s-1", "mine")
    assert outbox.due(later, 10) == []
    outbox.release("s-1", "theirs")
    assert outbox.due(later, 10) == ["s-1"]


def test_a_worker_does_not_write_over_its_owners_change(store: SqlStore) -> None:
    """What came of a call to the old endpoint says nothing of the new one; what was delivered stays delivered."""
    outbox = store.outbox
    outbox.create(kept(standing=Standing(ACTIVE, shaken=True, delivered=0)))
    store.append(following(pended(store), ruled()))
    mine = outbox.claim("s-1", "mine", NOW, SOON)
    assert mine is not None
    mine = outbox.settle(mine, "mine", Standing(ACTIVE, shaken=True, delivered=1), SOON)
    assert mine is not None
    wanted = kept(body=a_subscription("https://new.example.org/"))
    changed = outbox.change("s-1", wanted.asked, Standing(REQUESTED))
    assert changed is not None
    assert (changed.standing.delivered, changed.standing.shaken, changed.revision) == (1, False, 1)
    assert outbox.settle(mine, "mine", Standing(ACTIVE, shaken=True, delivered=2), SOON) is None
    found = outbox.find("s-1")
    assert found is not None
    assert (found.standing.status, found.asked) == (REQUESTED, wanted.asked)


def test_what_is_due(store: SqlStore) -> None:
    """A handshake, an event, a heartbeat, an end: each when its time has come, and not before."""
    past, to_come = NOW - timedelta(seconds=1), NOW + timedelta(hours=1)
    active = Standing(ACTIVE, shaken=True)
    for id_, standing in {
        "to-shake": Standing(REQUESTED, not_before=past),
        "shake-later": Standing(REQUESTED, not_before=to_come),
        "nothing": active,
        "beat": replace(active, beat=past),
        "beat-later": replace(active, beat=to_come),
        "off": Standing(OFF),
    }.items():
        store.outbox.create(kept(id_, standing=standing))
    store.outbox.create(kept("ended", a_subscription() | {"end": "2026-03-01T09:30:00Z"}))
    assert sorted(store.outbox.due(NOW, 10)) == ["beat", "to-shake"]
    assert "ended" in store.outbox.due(to_come, 10)
    store.append(following(pended(store), ruled(at=NOW)))
    assert sorted(store.outbox.due(NOW, 10)) == ["beat", "beat-later", "ended", "nothing", "to-shake"]
    assert len(store.outbox.due(NOW, 2)) == 2


def test_what_is_deleted_leaves_nothing(store: SqlStore, database_url: str) -> None:
    """Its filters and events go with it, also while cases change; another's stay."""
    for id_ in ("s-1", "s-2"):
        store.outbox.create(kept(id_))
    cases = [pended(store) for _ in range(12)]
    with ThreadPoolExecutor(4) as threads:
        changing = [threads.submit(store.append, following(case, ruled())) for case in cases]
        assert store.outbox.delete("s-1")
        assert all(c.result() for c in changing)
    assert not store.outbox.delete("s-1")
    assert store.outbox.find("s-1") is None
    assert events(store, "s-1") == []
    assert len(events(store, "s-2")) == 12
    assert len({r["subscription"] for r in rows_of(database_url, "event")}) == 1
    assert len(rows_of(database_url, "subscription_filter")) == 1


def test_a_change_is_made_known_after_its_commit(database_url: str) -> None:
    """Whoever is woken finds the event; a first answer wakes nobody."""
    seen: list[int] = []
    reading = open_store(database_url)
    store = open_store(database_url, changed=lambda: seen.append(len(events(reading))))
    store.outbox.create(kept())
    case = pended(store)
    assert seen == []
    store.append(following(case, ruled()))
    assert seen == [1]
    store.close()
    reading.close()


def test_headers_are_kept_apart(store: SqlStore) -> None:
    """The resource that is shown holds no secret; what was asked comes back whole."""
    wanted = kept()
    store.outbox.create(wanted)
    assert store.outbox.find("s-1") == wanted
    assert b"a-secret-of-yours" not in orjson.dumps(wanted.asked.resource)
    assert wanted.asked.headers == ("Authorization: Bearer a-secret-of-yours",)


def test_what_waits_is_counted(store: SqlStore) -> None:
    """Events that were not taken, of all subscriptions but those that are told nothing more; a metric for operators."""
    assert store.outbox.backlog() == Backlog(0, 0)
    store.outbox.create(kept())
    store.outbox.create(kept("failing", standing=Standing(ERROR, shaken=True, failures=3)))
    case = pended(store)
    asked = following(case, ruled(verdict=Verdict.ASK))
    store.append(asked)
    assert store.outbox.backlog() == Backlog(2, 1)
    found = store.outbox.claim("s-1", "me", SOON, SOON)
    assert found is not None
    store.outbox.settle(found, "me", replace(found.standing, delivered=1), SOON)
    assert store.outbox.backlog() == Backlog(1, 1)
    store.outbox.create(kept("off", standing=Standing(OFF)))
    assert store.outbox.backlog() == Backlog(1, 1)
