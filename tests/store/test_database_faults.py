"""What is wrong with a database is one error, told in bounded time; nothing is acknowledged that is not there."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import pytest

from server.errors import DatabaseGone
from server.store.sql import SqlStore, open_store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    opened = open_store(f"sqlite:///{file}")
    yield opened
    opened.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_was_taken_away_acknowledges_nothing(store: SqlStore, file: Path, *, replaced: bool) -> None:
    """Writes to a file that the next start would not find are refused, and the server says that it is not ready."""
    store.audit("read", ["a"], {})
    file.unlink()
    if replaced:
        file.touch()
    with pytest.raises(DatabaseGone):
        store.audit("read", ["b"], {})
    assert not store.ready()


def test_damaged_pages_are_an_error_and_not_ready(store: SqlStore, file: Path) -> None:
    """Once a page cannot be read, requests are told that the database does not answer, and nobody is sent here."""
    store.audit("read", [f"{n}" for n in range(2_000)], {"filler": "x" * 500})
    store.close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'audit'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as raw:
        raw.seek((root - 1) * size)
        raw.write(b"\xff" * size)
    damaged = open_store(f"sqlite:///{file}")
    assert damaged.ready()
    with pytest.raises(DatabaseGone):
        damaged.audit("read", ["a"], {})
    assert not damaged.ready()
    damaged.close()


def test_waiting_for_a_lock_is_bounded_for_all_together(store: SqlStore, file: Path) -> None:
    """However many writers wait while somebody else holds the lock, each is told within the same few seconds."""
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    def write(n: int) -> float:
        began = time.monotonic()
        with pytest.raises(DatabaseGone):
            store.audit("read", [f"{n}"], {})
        return time.monotonic() - began

    with patch("server.store.commit.MOST_SECONDS", 6), ThreadPoolExecutor(12) as threads:
        waited = list(threads.map(write, range(12)))
    holder.rollback()
    holder.close()
    assert max(waited) < 15
    store.audit("read", ["after"], {})


def test_whoever_gives_up_writes_nothing_later(store: SqlStore, file: Path) -> None:
    """A write that was told that the database does not answer is not made when the lock is free again."""
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    def give_up() -> None:
        with pytest.raises(DatabaseGone):
            store.audit("read", ["first"], {})

    first = threading.Thread(target=give_up)
    with patch("server.store.commit.MOST_SECONDS", 0.2):
        first.start()
        time.sleep(0.1)
        with pytest.raises(DatabaseGone):
            store.audit("read", ["second"], {})
    first.join()
    holder.rollback()
    store.audit("read", ["third"], {})
    found = {row[0] for row in holder.execute("SELECT subject FROM audit")}
    holder.close()
    assert found == {"third"}
