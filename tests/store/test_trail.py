"""The audit rows in a database: chains stay whole however many write, and are written or not with what they tell of."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from server.decision.case import Attached, DecidedByMachine, Updated
from server.decision.model import Outcome
from server.decision.ruling import Role
from server.store.chain import AuditRow, Head, problems
from server.store.ports import Store
from server.store.sql import SqlStore, open_store
from tests.requests.cases import RECEIVED, a_transaction, following, judged, opening, ruled
from tests.store.processes import append_all


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def read(store: Store) -> tuple[list[Head], list[AuditRow]]:
    with store.trail() as (heads, rows):
        return list(heads), list(rows)


def test_rows_are_one_whole_chain(store: SqlStore) -> None:
    """One who writes alone uses one chain, also for several rows at once, with any text in an id."""
    store.append(opening())
    store.audit("read", ["a", "b\0c", "Zoë \N{GRINNING FACE}"], {"caller": "x"})
    store.audit("read", [], {"caller": "x"})
    store.append(opening())
    heads, rows = read(store)
    assert [(row.chain, row.number, row.event) for row in rows] == [
        (0, 1, "decision"),
        (0, 2, "read"),
        (0, 3, "read"),
        (0, 4, "read"),
        (0, 5, "decision"),
    ]
    assert [head.number for head in heads] == [5] + [0] * 15
    assert list(problems(rows, heads)) == []


def test_a_write_that_fails_leaves_the_chain_whole(store: SqlStore) -> None:
    """Head and rows go back with the rest of the transaction."""
    taken = judged(outcome=Outcome.APPROVE)
    store.append(opening(taken))
    with pytest.raises(IntegrityError):
        store.append(opening(judged(1, Outcome.APPROVE, number=taken.made.number)))
    store.audit("read", ["after"], {"caller": "x"})
    heads, rows = read(store)
    assert [row.event for row in rows] == ["decision", "read"]
    assert list(problems(rows, heads)) == []


def test_many_threads_and_processes_leave_whole_chains(store: SqlStore, database_url: str) -> None:
    """Each row is in some chain once, and every chain is whole."""
    with ThreadPoolExecutor(8) as threads:
        writing = [threads.submit(store.audit, "read", [f"{n}", f"{n}+"], {"caller": "x"}) for n in range(60)]
        opened = append_all(database_url, [opening() for _ in range(24)])
        for one in writing:
            one.result()
    heads, rows = read(store)
    assert sorted(row.subject for row in rows) == sorted(
        [*(f"{n}" for n in range(60)), *(f"{n}+" for n in range(60)), *map(str, opened)]
    )
    assert list(problems(rows, heads)) == []


def test_a_ruling_names_the_person(store: SqlStore) -> None:
    """The machine's decision names the caller; a person's, the NPI and the role."""
    first = opening(judged(outcome=Outcome.PEND_NURSE))
    store.append(first)
    store.append(following(first.case, ruled(role=Role.NURSE)))
    _, (machine, person) = read(store)
    assert '"caller":"loopback"' in machine.detail
    assert '"role":"nurse"' in person.detail
    assert '"npi":"1999999984"' in person.detail
    assert '"did":["ruled"]' in person.detail


def test_a_later_message_names_its_caller(store: SqlStore) -> None:
    """An update or a document: who sent it, and what happened by it."""
    first = opening(judged(outcome=Outcome.PEND_NURSE))
    store.append(first)
    request, again = first.case.request, judged(outcome=Outcome.PEND_NURSE).made
    for fact in (Updated, Attached):
        case = store.case(first.case.id)
        assert case is not None
        later = replace(request, transaction=a_transaction())
        facts = (fact(RECEIVED, "clinic", later, (1,)), DecidedByMachine(RECEIVED, (again,)))
        assert store.append(following(case, *facts))
    _, (_, updated, attached) = read(store)
    for row, did in ((updated, "updated"), (attached, "attached")):
        assert f'"caller":"clinic","did":["{did}","decided-by-machine"]' in row.detail


def test_reading_does_not_wait_and_sees_one_moment(store: SqlStore) -> None:
    """While the rows are read others write; what they write is neither seen nor called inserted."""
    store.audit("read", ["a"], {"caller": "x"})
    with store.trail() as (heads, rows):
        store.audit("read", ["b"], {"caller": "x"})
        found = list(rows)
    assert [row.subject for row in found] == ["a"]
    assert list(problems(found, heads)) == []
    assert [row.subject for row in read(store)[1]] == ["a", "b"]


def test_a_chain_that_is_held_is_not_waited_for(database_url: str, store: SqlStore) -> None:
    """On PostgreSQL, beside a transaction that has not committed, a write takes the next chain."""
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer")
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as holder:
        holder.execute(text("SELECT 1 FROM audit_head WHERE chain = 0 FOR UPDATE"))
        store.audit("read", ["a"], {"caller": "x"})
    engine.dispose()
    ((_, *_), (row,)) = read(store)
    assert (row.chain, row.number) == (1, 1)
