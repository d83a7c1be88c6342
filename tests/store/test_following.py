"""Facts that follow in a case, on every database behind the port: what is answered then, and what is kept of before."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from server.decision.apply import apply
from server.decision.case import Case
from server.decision.fact_json import fact_from
from server.decision.model import Outcome
from server.decision.ruling import Role, Verdict
from server.store.ports import ActiveAuthorization, Change, Inquiry
from server.store.schema import metadata
from server.store.sql import SqlStore, open_store
from tests.requests.cases import (
    LATER_RENDERINGS,
    NPI,
    POLICY,
    RECEIVED,
    RENDERINGS,
    YEAR,
    Judged,
    an_assertion,
    following,
    judged,
    opening,
    ruled,
)
from tests.store.processes import append_all
from tests.store.stored_rows import rows_of

LATER = RECEIVED + timedelta(hours=1)


@pytest.fixture(scope="module")
def store(module_database_url: str) -> Iterator[SqlStore]:
    """One store for the module: tests keep apart by member, as patients do."""
    opened = open_store(module_database_url, clock=lambda: RECEIVED)
    yield opened
    opened.close()


def of_a_member(*items: Judged, **request: Any) -> Change:
    """A case of a member of its own."""
    return opening(*items, **{"member_ids": (f"M-{uuid.uuid4()}",), **request})


def pended(*, items: int = 1) -> Change:
    return of_a_member(*(judged(n, Outcome.PEND_NURSE) for n in range(1, items + 1)))


def rows_about(url: str, table: str, case: Case) -> list[dict[str, Any]]:
    """The rows of a table that belong to a case."""
    (seq,) = (row["seq"] for row in rows_of(url, "submission") if row["id"] == case.id)
    return [row for row in rows_of(url, table) if row.get("submission") == seq or row.get("subject") == case.id]


def everything(url: str) -> dict[str, list[dict[str, Any]]]:
    return {table: rows_of(url, table) for table in metadata.tables}


def active(store: SqlStore, case: Case) -> ActiveAuthorization | None:
    return store.active_authorization(case.request.member_ids, POLICY, YEAR[0])


def test_a_later_fact_is_what_is_answered_from_then_on(store: SqlStore) -> None:
    """Items, renderings and the active authorization are those of the case as it stands now."""
    first = pended()
    store.append(first)
    assert active(store, first.case) is None
    change = following(first.case, ruled(at=LATER))
    assert store.append(change) == first.case.id
    assert {which: store.rendering(first.case.id, *which) for which in LATER_RENDERINGS} == LATER_RENDERINGS
    explanation = store.explanation(first.case.id)
    assert explanation is not None
    (item,) = explanation.items
    (now,) = change.case.items
    assert now.number is not None
    assert (item.outcome, item.action, item.number, item.period) == ("approve", "A1", now.number, YEAR)
    assert item.reference == first.case.items[0].reference
    assert active(store, first.case) == ActiveAuthorization(now.number, POLICY, YEAR, first.case.id)


def test_numbers_of_before_and_of_now_find_the_case(store: SqlStore) -> None:
    """The reference that an item was pended under still finds what became of it (pas P-76)."""
    first = pended()
    store.append(first)
    change = following(first.case, ruled())
    store.append(change)
    members = first.case.request.member_ids
    store.append(opening(member_ids=members))  # another request of the member, which a number must not find
    for number in (first.case.items[0].reference, change.case.items[0].number):
        assert store.inquire(Inquiry(members, (NPI,), numbers=(str(number),))) == [first.case.id]


def test_what_stood_there_is_kept(store: SqlStore, module_database_url: str) -> None:
    """Every former rendering stays byte for byte, every fact as it was written, and the audit tells each decision."""
    first = pended()
    store.append(first)
    before = rows_about(module_database_url, "fact", first.case)
    second = following(first.case, ruled(verdict=Verdict.FORWARD, role=Role.NURSE, at=LATER))
    store.append(second)
    third = following(second.case, ruled(at=LATER + timedelta(hours=1)), renderings=dict.fromkeys(RENDERINGS, b"third"))
    store.append(third)
    former = rows_about(module_database_url, "former_rendering", first.case)
    assert {(r["facts"], r["version"], r["kind"]): r["body"] for r in former} == {
        **{(2, *which): body for which, body in RENDERINGS.items()},
        **{(3, *which): body for which, body in LATER_RENDERINGS.items()},
    }
    kept = sorted(rows_about(module_database_url, "fact", first.case), key=lambda row: row["number"])
    assert kept[:2] == before
    assert [fact_from(row["kind"], row["body"]) for row in kept] == [*first.facts, *second.facts, *third.facts]
    assert [(row["number"], row["at"]) for row in kept[2:]] == [(3, second.facts[0].at), (4, third.facts[0].at)]
    assert store.case(first.case.id) == third.case
    audited = rows_about(module_database_url, "audit", first.case)
    assert [(r["event"], r["at"]) for r in audited] == [
        ("decision", at) for at in (RECEIVED, LATER, LATER + timedelta(hours=1))
    ]


def test_of_parallel_changes_one_is_written(store: SqlStore, module_database_url: str) -> None:
    """Of changes that follow the same facts one wins, and the others hear that the case has moved on."""
    first = pended()
    store.append(first)
    many = [following(first.case, ruled()) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(store.append, many))
    assert (told.count(None), told.count(first.case.id)) == (7, 1)
    (winner,) = (change for change, said in zip(many, told, strict=True) if said)
    assert store.case(first.case.id) == winner.case
    approvals = rows_about(module_database_url, "approval", first.case)
    assert [r["number"] for r in approvals] == [winner.case.items[0].number]
    assert len(rows_about(module_database_url, "audit", first.case)) == 2


def test_of_changes_from_several_processes_one_is_written(store: SqlStore, module_database_url: str) -> None:
    """Processes that share a database agree on which change came first."""
    first = pended()
    store.append(first)
    told = append_all(module_database_url, [following(first.case, ruled()) for _ in range(8)])
    assert (told.count(None), told.count(first.case.id)) == (7, 1)


def test_who_comes_late_writes_nothing_and_may_try_again(store: SqlStore, module_database_url: str) -> None:
    """A change that follows what no longer stands leaves no row; made from the case as it stands, it is written."""
    first = pended(items=2)
    store.append(first)
    won = following(first.case, ruled(1))
    assert store.append(won) == first.case.id
    before = everything(module_database_url)
    assert store.append(following(first.case, ruled(2))) is None
    assert everything(module_database_url) == before
    now = store.case(first.case.id)
    assert now == won.case
    assert now is not None
    assert store.append(following(now, ruled(2))) == first.case.id


def test_items_that_no_fact_names_stay(store: SqlStore) -> None:
    """A ruling on one of two items leaves the other, with its number, as it was."""
    first = of_a_member(judged(1), judged(2, Outcome.PEND_NURSE))
    store.append(first)
    store.append(following(first.case, ruled(2, verdict=Verdict.DENY)))
    found = store.explanation(first.case.id)
    assert found is not None
    number = first.case.items[0].number
    assert [(i.sequence, i.action, i.number) for i in found.items] == [(1, "A1", number), (2, "A3", None)]
    authorized = active(store, first.case)
    assert authorized is not None
    assert authorized.number == number


def test_a_change_needs_its_case(store: SqlStore, module_database_url: str) -> None:
    """Nothing can follow in a case that was never opened."""
    before = everything(module_database_url)
    with pytest.raises(LookupError):
        store.append(following(pended().case, ruled()))
    assert everything(module_database_url) == before


def test_a_failure_leaves_nothing(store: SqlStore, module_database_url: str) -> None:
    """A number that is taken fails the whole change: the answer, the facts and the items are those of before."""
    first, taken = pended(), of_a_member()
    store.append(first)
    store.append(taken)
    fact = ruled()
    stolen = replace(fact, rulings=(replace(fact.rulings[0], number=taken.case.items[0].number),))
    before = everything(module_database_url)
    with pytest.raises(IntegrityError):
        store.append(following(first.case, stolen))
    assert everything(module_database_url) == before
    assert store.append(following(first.case, fact)) == first.case.id


def test_what_was_only_received_can_be_decided_later(store: SqlStore) -> None:
    """A case that was opened without a decision gets its items, answers and what they refer to with the next fact."""
    whole, said = of_a_member(), an_assertion()
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
    authorized = active(store, whole.case)
    assert authorized is not None
    assert authorized.number == whole.case.items[0].number
    assert store.assertion(said.id) == said


def test_every_member_id_keeps_its_approval(store: SqlStore) -> None:
    """An approval that a person gives is found by each of the member's ids, as a machine's is."""
    member = str(uuid.uuid4())
    members = (member, f"{member}-b")
    first = opening(judged(outcome=Outcome.PEND_NURSE), member_ids=members, npis=(NPI, "1000000012"))
    store.append(first)
    change = following(first.case, ruled())
    store.append(change)
    for known in members:
        authorized = store.active_authorization([known], POLICY, YEAR[0])
        assert authorized is not None
        assert authorized.number == change.case.items[0].number
