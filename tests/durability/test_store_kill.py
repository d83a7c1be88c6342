"""kill -9 of real processes that record cases: what was acknowledged is there, once and whole."""

import multiprocessing
import random
from dataclasses import replace
from itertools import count
from multiprocessing.connection import Connection
from threading import Lock, Thread

import pytest
from sqlalchemy import func, select

from server.decision.request import Transaction
from server.store import schema
from server.store.chain import problems
from server.store.connect import connect
from server.store.sql import SqlStore, open_store
from tests.durability.kills import KILLS, at_a_random_moment
from tests.requests.cases import RENDERINGS, opening

pytestmark = pytest.mark.durability

THREADS = 3
BODY = b"x" * 20_000


def transaction(thread: int, n: int) -> Transaction:
    return Transaction("clinic", f"{thread}-{n}", "content")


def record(store: SqlStore, thread: int, n: int) -> str:
    case_id = store.append(replace(opening(transaction=transaction(thread, n)), raw=BODY))
    assert case_id is not None
    return case_id


def record_until_killed(url: str, first: list[int], acknowledge: Connection) -> None:
    """The victim: each thread records its transactions one after the other, and says so only after the store did."""
    store, speaking = open_store(url), Lock()

    def work(thread: int) -> None:
        for n in count(first[thread]):
            stored = record(store, thread, n)
            with speaking:
                acknowledge.send((thread, n, stored))

    for thread in range(1, THREADS):
        Thread(target=work, args=(thread,), daemon=True).start()
    work(0)


def test_what_was_acknowledged_before_a_kill_is_there_once_and_whole(database_url: str) -> None:
    """Over many kills: every acknowledged id is found again, no transaction twice, no case in parts."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.durability.test_store_kill"])
    chance = random.Random(20261124)
    acknowledged: dict[tuple[int, int], str] = {}
    first = [0] * THREADS
    for _ in range(KILLS):
        listening, speaking = processes.Pipe(duplex=False)
        victim = processes.Process(target=record_until_killed, args=(database_url, first, speaking))
        victim.start()
        speaking.close()
        with listening:
            assert listening.poll(30), "the process recorded nothing"
            at_a_random_moment(chance, 0.03)
            victim.kill()
            try:
                while True:  # what it said before it died is still in the pipe
                    thread, n, stored = listening.recv()
                    assert acknowledged.setdefault((thread, n), stored) == stored
                    first[thread] = n + 1  # what was under way is sent again by the next one
            except (EOFError, OSError):
                victim.join()
        assert victim.exitcode == -9
    store = open_store(database_url)
    acknowledged |= {(thread, n): record(store, thread, n) for thread, n in enumerate(first)}
    assert len(acknowledged) > KILLS
    assert all(store.find_transaction(transaction(*key)) == stored for key, stored in acknowledged.items())
    assert_whole(store, database_url, set(acknowledged.values()))
    store.close()


def assert_whole(store: SqlStore, url: str, acknowledged: set[str]) -> None:
    """What was acknowledged and nothing else, each transaction once, each case with all that belongs to it."""
    engines = connect(url)
    with engines.reads.connect() as connection:
        ids = connection.scalars(select(schema.submission.c.id)).all()
        assert set(ids) == acknowledged
        sent = connection.scalars(select(schema.submission.c.identifier)).all()
        assert len(set(sent)) == len(ids)
        assert sorted(connection.scalars(select(schema.audit.c.subject))) == sorted(ids)
        parts = ((schema.fact, 2), (schema.item, 1), (schema.rendering, len(RENDERINGS)), (schema.approval, 1))
        for table, each in parts:
            per_case = connection.scalars(select(func.count()).select_from(table).group_by(table.c.submission)).all()
            assert list(per_case) == [each] * len(ids), table.name
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    engines.dispose()
    with store.trail() as (heads, rows):
        assert list(problems(rows, heads)) == []
    assert all(store.explanation(i) is not None and store.case(i) is not None for i in ids)
