"""The desk's side of the record, the same on SQLite and on PostgreSQL: work-list, search, holders, clocks, people."""

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from server.decision.apply import apply_all
from server.decision.case import DecidedByMachine, Received
from server.decision.deadline import Alarm
from server.decision.model import Outcome
from server.decision.ruling import Role, Verdict
from server.policy.desk import ClockRules, DeskRole, Reviewer
from server.store.desk_port import DeskCase, SessionRow, Wanted
from server.store.ports import Change
from server.store.sql import SqlStore, open_store
from tests.policies import POLICY_ID
from tests.requests.bundle import a_bundle, resources
from tests.requests.cases import RECEIVED, RENDERINGS, a_transaction, following, judged, opening, ruled
from tests.requests.world import a_request
from tests.store.stored_rows import rows_of

HOUR = timedelta(hours=1)
ALL = Wanted()
LATER = "a later one"
REVIEWER = Reviewer("ana", DeskRole.NURSE, "Ana Lee", "1999999943", None, "$argon2id$x")


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def pended(outcome: Outcome = Outcome.PEND_NURSE, received: datetime = RECEIVED, **request: Any) -> Change:
    return opening(judged(outcome=outcome), received=received, **request)


def ids(found: Sequence[DeskCase]) -> list[str]:
    return [case.id for case in found]


def named(family: str, *given: str, member: str) -> Change:
    """A case that waits, of a patient of this name."""
    bundle = a_bundle()
    (patient,) = resources(bundle, "Patient")
    patient["name"] = [{"family": family, "given": list(given)}]
    request = replace(a_request(bundle), member_ids=(member,), transaction=a_transaction())
    made = judged(outcome=Outcome.PEND_NURSE).made
    facts = (Received(RECEIVED, str(uuid.uuid4()), "loopback", request), DecidedByMachine(RECEIVED, (made,)))
    return Change(apply_all(facts), 0, facts, RENDERINGS)


def test_the_list_is_in_the_order_of_the_deadlines(store: SqlStore) -> None:
    """What was received first is due first; what the machine approved does not wait."""
    late, early = pended(received=RECEIVED + HOUR), pended()
    for change in (late, early, opening()):
        store.append(change)
    assert ids(store.desk.worklist(ALL, 10)) == [early.case.id, late.case.id]
    assert ids(store.desk.worklist(ALL, 1, 1)) == [late.case.id]
    (first,) = store.desk.worklist(ALL, 1)
    assert first.due == RECEIVED + 168 * HOUR
    assert (first.policy_id, first.patient, first.needs) == (POLICY_ID, "Sam Sample", "nurse")
    assert first.service


def test_the_list_is_narrowed(store: SqlStore) -> None:
    """By who is waited for, the least role, the policy, the holder, and by what is late."""
    nurse, physician, asked = map(pended, (Outcome.PEND_NURSE, Outcome.PEND_PHYSICIAN, Outcome.MORE_INFO_NEEDED))
    for change in (nurse, physician, asked):
        store.append(change)
    desk = store.desk
    desk.take(asked.case.id, "ana", RECEIVED)
    assert ids(desk.worklist(Wanted(waits_for="pend-physician"), 9)) == [physician.case.id]
    assert ids(desk.worklist(Wanted(needs="nurse"), 9)) == [nurse.case.id, asked.case.id]
    assert ids(desk.worklist(Wanted(holder="ana"), 9)) == [asked.case.id]
    assert len(desk.worklist(Wanted(policy_id=POLICY_ID), 9)) == 3
    assert desk.worklist(Wanted(policy_id="other"), 9) == []
    assert desk.worklist(Wanted(overdue_at=RECEIVED), 9) == []
    assert len(desk.worklist(Wanted(overdue_at=RECEIVED + 168 * HOUR), 9)) == 3


def test_a_decision_moves_a_case(store: SqlStore) -> None:
    """Forwarded, it waits for who is more senior; decided, for nobody, and nobody holds it any more."""
    change = pended()
    store.append(change)
    store.desk.take(change.case.id, "ana", RECEIVED)
    forwarded = following(change.case, ruled(verdict=Verdict.FORWARD, role=Role.NURSE))
    store.append(forwarded)
    (row,) = store.desk.worklist(ALL, 9)
    assert (row.waits_for, row.needs, row.holder) == ("pend-medical-director", "medical-director", "ana")
    store.append(following(forwarded.case, ruled()))
    assert store.desk.worklist(ALL, 9) == []
    found = store.desk.desk_case(change.case.id)
    assert found is not None
    assert (found.waits_for, found.holder) == (None, None)


def test_a_change_that_came_too_late_moves_nothing(store: SqlStore) -> None:
    """The row of the list belongs to the facts: one that was not written changes neither."""
    change = pended()
    store.append(change)
    store.append(following(change.case, ruled(verdict=Verdict.ASK, role=Role.NURSE)))
    before = store.desk.desk_case(change.case.id)
    assert store.append(following(change.case, ruled())) is None
    assert store.desk.desk_case(change.case.id) == before


def test_a_case_is_searched(store: SqlStore) -> None:
    """By member, number and the beginning of a name, whatever its case and order; newest first; nothing by a piece."""
    lee, other = named("Müller-Lee", "Ana", "B", member="M-77"), named("Muller", "Ana", member="M-78")
    for change in (lee, other):
        store.append(change)
    search = store.desk.search
    number = other.case.items[0].reference
    assert number
    assert ids(search("M-77", 9)) == [lee.case.id]
    assert ids(search(number, 9)) == [other.case.id]
    assert ids(search("MÜLLER", 9)) == [lee.case.id]
    assert ids(search("müller-lee, ana", 9)) == [lee.case.id]
    assert ids(search("Ana B Müller-Lee", 9)) == [lee.case.id]
    assert ids(search("m", 9)) == [other.case.id, lee.case.id]
    for nothing in ("", " ", ",", "Lee", "M-7", "%", "\0", "x" * 5_000):
        assert search(nothing, 9) == [] or not nothing.strip(" ,"), nothing


def test_one_of_many_takes_a_case(store: SqlStore) -> None:
    """However many press the button at once, one holds it and all learn who; it is let go by its holder."""
    change = pended()
    store.append(change)
    with ThreadPoolExecutor(6) as threads:
        takers = [f"r{n}" for n in range(12)]
        holders = set(threads.map(lambda login: store.desk.take(change.case.id, login, RECEIVED), takers))
    assert len(holders) == 1
    (holder,) = holders
    store.desk.release(change.case.id, "somebody else")
    assert ids(store.desk.worklist(Wanted(holder=holder), 9)) == [change.case.id]
    store.desk.release(change.case.id, holder)
    assert store.desk.worklist(Wanted(holder=holder), 9) == []
    store.desk.take(change.case.id, "ana", RECEIVED)
    store.desk.release(change.case.id)
    assert store.desk.worklist(Wanted(holder="ana"), 9) == []
    assert store.desk.take("none", "ana", RECEIVED) is None


def test_each_warning_is_given_out_once(store: SqlStore) -> None:
    """To one of all who look, whether they look often or seldom; what is decided warns no more."""
    change, decided = pended(), pended()
    for one in (change, decided):
        store.append(one)
    store.append(following(decided.case, ruled()))

    def looked(hours: float) -> list[Alarm]:
        with ThreadPoolExecutor(4) as threads:
            found = [c for f in threads.map(store.desk.crossed, [RECEIVED + HOUR * hours] * 4) for c in f]
        assert {c.case_id for c in found} <= {change.case.id}
        return [c.alarm for c in found]

    assert looked(83) == []
    assert looked(84) == [Alarm.HALF]
    assert looked(85) == []
    assert looked(168) == [Alarm.BREACHED]
    assert looked(10_000) == []


def test_alarms_are_counted(store: SqlStore) -> None:
    """How many wait, by how late they are."""
    for hours in (0, 0, 100, 160):
        store.append(pended(received=RECEIVED + HOUR * hours))
    store.append(opening())
    counted = store.desk.alarms(RECEIVED + HOUR * 168)
    assert counted == {Alarm.ON_TIME: 2, Alarm.HALF: 0, Alarm.MOST: 0, Alarm.BREACHED: 2}


def test_new_rules_move_the_cases_that_wait(database_url: str) -> None:
    """Once: at the first start under them. What has no row yet, from before the desk, gets one."""
    store = open_store(database_url)
    change = pended()
    store.append(change)
    store.desk.refresh(ClockRules())
    assert store.desk.refresh(ClockRules()) == 0
    assert store.desk.refresh(ClockRules(standard_hours=100)) == 1
    (row,) = store.desk.worklist(ALL, 9)
    assert row.due == RECEIVED + 100 * HOUR
    store.close()
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM desk_case"))
    engine.dispose()
    store = open_store(database_url)
    assert store.desk.refresh(ClockRules()) == 1
    assert ids(store.desk.worklist(ALL, 9)) == [change.case.id]
    store.close()


def test_a_clock_that_rests_is_kept_so(database_url: str) -> None:
    """Where the law lets it rest, what waits for the provider is not late, and goes on from where it was."""
    store = open_store(database_url, rules=ClockRules(paused_while_asking=True))
    change = pended()
    store.append(change)
    asked = following(change.case, ruled(verdict=Verdict.ASK, role=Role.NURSE, at=RECEIVED + HOUR))
    store.append(asked)
    (row,) = store.desk.worklist(ALL, 9)
    assert row.paused_since == RECEIVED + HOUR
    assert row.alarm(RECEIVED + HOUR * 999) is Alarm.ON_TIME
    assert store.desk.crossed(RECEIVED + HOUR * 999) == ()
    assert store.desk.alarms(RECEIVED + HOUR * 999)[Alarm.BREACHED] == 0
    assert store.desk.worklist(Wanted(overdue_at=RECEIVED + HOUR * 999), 9) == []
    store.append(following(asked.case, ruled(verdict=Verdict.FORWARD, role=Role.NURSE, at=RECEIVED + HOUR * 11)))
    (row,) = store.desk.worklist(ALL, 9)
    assert (row.paused_since, row.due) == (None, RECEIVED + HOUR * 178)
    store.close()


def test_the_history_is_every_fact(store: SqlStore) -> None:
    """In its order; none for no case."""
    change = pended()
    store.append(change)
    later = following(change.case, ruled())
    store.append(later)
    assert tuple(store.desk.history(change.case.id)) == (*change.facts, *later.facts)
    assert store.desk.history("none") == ()


def test_reviewers_and_sessions(store: SqlStore, database_url: str) -> None:
    """A reviewer who is put again is replaced, and every session of theirs is over; old sessions are forgotten."""
    desk = store.desk
    desk.put_reviewer(REVIEWER)
    row = SessionRow("hash", "ana", RECEIVED, RECEIVED)
    desk.open_session(row, RECEIVED)
    assert desk.session("hash") == row
    desk.seen("hash", RECEIVED + HOUR)
    assert desk.session("hash") == replace(row, seen=RECEIVED + HOUR)
    desk.put_reviewer(replace(REVIEWER, role=DeskRole.PHYSICIAN))
    assert desk.session("hash") is None
    assert desk.reviewer("ana") == replace(REVIEWER, role=DeskRole.PHYSICIAN)
    assert desk.reviewer("bo") is None
    desk.open_session(row, RECEIVED)
    desk.open_session(replace(row, token=LATER, opened=RECEIVED + HOUR * 99), RECEIVED + HOUR)
    assert desk.session("hash") is None
    desk.end_session(LATER)
    assert rows_of(database_url, "session") == []


def test_failures_are_counted_for_a_while(store: SqlStore, database_url: str) -> None:
    """By login, across threads; old ones are forgotten, so that guessed names fill no table."""
    desk, since = store.desk, RECEIVED - HOUR
    with ThreadPoolExecutor(4) as threads:
        counted = sorted(threads.map(lambda _: desk.failed("ana", RECEIVED, since), range(5)))
    assert counted[-1] == desk.failures("ana", since) == 5
    assert desk.failures("bo", since) == 0
    assert desk.failures("ana", RECEIVED + HOUR) == 0
    desk.forgive("ana")
    assert desk.failures("ana", since) == 0
    for _ in range(3):
        desk.failed(str(uuid.uuid4()), RECEIVED, since)
    desk.failed("x" * 9_000, RECEIVED + HOUR * 2, RECEIVED + HOUR)
    assert len(rows_of(database_url, "failed_sign_in")) == 1
