"""What a record is for, a plan or a sandbox, on every database behind the port."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.errors import UnusableDatabase
from server.store.sql import SqlStore, open_store
from tests.requests.cases import RECEIVED, opening
from tests.store.stored_rows import rows_of


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    opened = open_store(database_url, clock=lambda: RECEIVED)
    yield opened
    opened.close()


def test_an_empty_record_can_become_a_sandbox(store: SqlStore, database_url: str) -> None:
    """A dedicated record serves its sandbox again and again, with what it decided, and nothing else."""
    store.dedicate(sandbox=True)
    store.append(opening())
    store.dedicate(sandbox=True)
    with pytest.raises(UnusableDatabase, match="is a sandbox's"):
        store.dedicate(sandbox=False)
    assert [r["name"] for r in rows_of(database_url, "mark")] == ["sandbox"]


def test_processes_of_one_sandbox_may_start_at_once(store: SqlStore, database_url: str) -> None:
    """Parallel starts on an empty record mark it once, and none of them fails."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: store.dedicate(sandbox=True), range(4)))
    assert len(rows_of(database_url, "mark")) == 1


def test_a_record_of_requests_is_no_sandbox(store: SqlStore) -> None:
    """A record that holds one decision refuses a sandbox, and goes on serving without one."""
    store.dedicate(sandbox=False)
    store.append(opening())
    with pytest.raises(UnusableDatabase, match="no sandbox made"):
        store.dedicate(sandbox=True)
    store.dedicate(sandbox=False)
