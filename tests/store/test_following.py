"""Facts that follow in a case, on every database behind the port: what is answered then, and what is kept of before."""

import multiprocessing
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from server.decision.authorization import Role, Verdict
from server.decision.case import apply
from server.decision.fact_json import fact_from
from server.decision.model import Outcome
from server.store.ports import Change, Inquiry
from server.store.schema import metadata
from server.store.sql import SqlStore, open_store
from tests.requests.bundle import MEMBER
from tests.requests.cases import (
    LATER_RENDERINGS,
    NPI,
    POLICY,
    RECEIVED,
    RENDERINGS,
    YEAR,
    an_assertion,
    following,
    judged,
    opening,
    ruled,
)
from tests.store.stored_rows import rows_of

LATER = RECEIVED + timedelta(hours=1)


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    opened = open_store(database_url, clock=lambda: RECEIVED)
    yield opened
    opened.close()


def pended(*, items: int = 1) -> Change:
    return opening(*(judged(n, Outcome.PEND_NURSE) for n in range(1, items + 1)))


def append_once(url: str, change: Change) -> str | None:
    """In a process of its own."""
    opened = open_store(url)
    stored = opened.append(change)
    opened.close()
    return stored


def test_a_later_fact_is_what_is_answered_from_then_on(store: SqlStore) -> None:
    """Items, renderings, the active authorization and the search by number are those of the case as it stands now."""
    first = pended()
    store.append(first)
    change = following(first.case, ruled(at=LATER))
    assert store.append(change) == first.case.id
    assert {which: store.rendering(first.case.id, *which) for which in LATER_RENDERINGS} == LATER_RENDERINGS
    explanation = store.explanation(first.case.id)
    assert explanation is not None
    (item,) = explanation.items
    (now,) = change.case.items
    assert (item.outcome, item.action, item.number, item.period) == ("approve", "A1", now.number, YEAR)
    assert item.reference == first.case.items[0].reference
    active = store.active_authorization([MEMBER], POLICY, YEAR[0])
    assert active is not None
    assert (active.number, active.case_id) == (now.number, first.case.id)


def test_numbers_of_before_and_of_now_find_the_case(store: SqlStore) -> None:
    """The reference that an item was pended under still finds what became of it (pas P-76)."""
    first = pended()
    store.append(first)
    change = following(first.case, ruled())
    store.append(change)
    store.append(opening())  # another request of the member, which a number must not find
    for number in (first.case.items[0].reference, change.case.items[0].number):
        assert store.inquire(Inquiry((MEMBER,), (NPI,), numbers=(str(number),))) == [first.case.id]


def test_what_stood_there_is_kept(store: SqlStore, database_url: str) -> None:
    """Every former rendering stays byte for byte, every fact as it was written, and the audit tells each decision."""
    first = pended()
    store.append(first)
    before = rows_of(database_url, "fact")
    second = following(first.case, ruled(verdict=Verdict.FORWARD, role=Role.NURSE, at=LATER))
    store.append(second)
    third = following(second.case, ruled(at=LATER + timedelta(hours=1)), renderings=dict.fromkeys(RENDERINGS, b"third"))
    store.append(third)
    former = rows_of(database_url, "former_rendering")
    assert {(r["facts"], r["version"], r["kind"]): r["body"] for r in former} == {
        **{(2, *which): body for which, body in RENDERINGS.items()},
        **{(3, *which): body for which, body in LATER_RENDERINGS.items()},
    }
    kept = sorted(rows_of(database_url, "fact"), key=lambda row: row["number"])
    assert kept[:2] == before
    assert [fact_from(row["kind"], row["body"]) for row in kept] == [*first.facts, *second.facts, *third.facts]
    assert [(row["number"], row["at"]) for row in kept[2:]] == [(3, second.facts[0].at), (4, third.facts[0].at)]
    assert store.case(first.case.id) == third.case
    audited = rows_of(database_url, "audit")
    assert [(r["event"], r["subject"], r["at"]) for r in audited] == [
        ("decision", first.case.id, at) for at in (RECEIVED, LATER, LATER + timedelta(hours=1))
    ]


def test_of_parallel_changes_one_is_written(store: SqlStore, database_url: str) -> None:
    """Of changes that follow the same facts one wins, and the others hear that the case has moved on."""
    first = pended()
    store.append(first)
    many = [following(first.case, ruled()) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(store.append, many))
    assert (told.count(None), told.count(first.case.id)) == (7, 1)
    (winner,) = (change for change, said in zip(many, told, strict=True) if said)
    assert store.case(first.case.id) == winner.case
    assert [r["number"] for r in rows_of(database_url, "approval")] == [winner.case.items[0].number]
    assert len(rows_of(database_url, "audit")) == 2


def test_of_changes_from_several_processes_one_is_written(store: SqlStore, database_url: str) -> None:
    """Processes that share a database agree on which change came first."""
    first = pended()
    store.append(first)
    many = [following(first.case, ruled()) for _ in range(8)]
    with ProcessPoolExecutor(4, multiprocessing.get_context("forkserver")) as processes:
        told = list(processes.map(append_once, [database_url] * len(many), many))
    assert (told.count(None), told.count(first.case.id)) == (7, 1)


def test_who_comes_late_writes_nothing_and_may_try_again(store: SqlStore, database_url: str) -> None:
    """A change that follows what no longer stands leaves no row; made from the case as it stands, it is written."""
    first = pended(items=2)
    store.append(first)
    won = following(first.case, ruled(1))
    assert store.append(won) == first.case.id
    before = {table: rows_of(database_url, table) for table in metadata.tables}
    assert store.append(following(first.case, ruled(2))) is None
    assert {table: rows_of(database_url, table) for table in metadata.tables} == before
    now = store.case(first.case.id)
    assert now == won.case
    assert now is not None
    assert store.append(following(now, ruled(2))) == first.case.id


def test_items_that_no_fact_names_stay(store: SqlStore) -> None:
    """A ruling on one of two items leaves the other, with its reference, as it was."""
    first = opening(judged(1), judged(2, Outcome.PEND_NURSE))
    store.append(first)
    store.append(following(first.case, ruled(2, verdict=Verdict.DENY)))
    found = store.explanation(first.case.id)
    assert found is not None
    assert [(i.sequence, i.action, i.number) for i in found.items] == [
        (1, "A1", first.case.items[0].number),
        (2, "A3", None),
    ]
    active = store.active_authorization([MEMBER], POLICY, YEAR[0])
    assert active is not None
    assert active.number == first.case.items[0].number


def test_a_change_needs_its_case(store: SqlStore, database_url: str) -> None:
    """Nothing can follow in a case that was never opened."""
    with pytest.raises(LookupError):
        store.append(following(pended().case, ruled()))
    assert not rows_of(database_url, "fact")


def test_a_failure_leaves_nothing(store: SqlStore, database_url: str) -> None:
    """A number that is taken fails the whole change: the answer, the facts and the items are those of before."""
    first, taken = pended(), opening()
    store.append(first)
    store.append(taken)
    fact = ruled()
    stolen = replace(fact, rulings=(replace(fact.rulings[0], number=taken.case.items[0].number),))
    before = {table: rows_of(database_url, table) for table in metadata.tables}
    with pytest.raises(IntegrityError):
        store.append(following(first.case, stolen))
    assert {table: rows_of(database_url, table) for table in metadata.tables} == before
    assert store.append(following(first.case, fact)) == first.case.id


def test_what_was_only_received_can_be_decided_later(store: SqlStore) -> None:
    """A case that was opened without a decision gets its items, answers and what they refer to with the next fact."""
    whole, said = opening(), an_assertion()
    received, decided = whole.facts
    bare = apply(None, received)
    store.append(Change(bare, 0, (received,), {}))
    change = replace(following(bare, decided, renderings=RENDERINGS), assertions=(said,))
    assert store.append(change) == whole.case.id
    assert store.case(whole.case.id) == whole.case
    assert {which: store.rendering(whole.case.id, *which) for which in RENDERINGS} == RENDERINGS
    found = store.explanation(whole.case.id)
    assert found is not None
    assert [i.number for i in found.items] == [whole.case.items[0].number]
    active = store.active_authorization([MEMBER], POLICY, YEAR[0])
    assert active is not None
    assert active.number == whole.case.items[0].number
    assert store.assertion(said.id) == said


def test_every_member_id_keeps_its_approval(store: SqlStore) -> None:
    """An approval that a person gives is found by each of the member's ids, as a machine's is."""
    member = str(uuid.uuid4())
    first = opening(judged(outcome=Outcome.PEND_NURSE), member_ids=(member, f"{member}-b"), npis=(NPI, "1000000012"))
    store.append(first)
    change = following(first.case, ruled())
    store.append(change)
    for known in (member, f"{member}-b"):
        active = store.active_authorization([known], POLICY, YEAR[0])
        assert active is not None
        assert active.number == change.case.items[0].number
