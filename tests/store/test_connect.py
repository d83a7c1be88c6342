"""Opening a database: migrations, parallel starts, settings that durability needs, and clear refusals."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from server.errors import UnusableDatabase
from server.store import schema
from server.store.connect import connect
from server.store.ports import Inquiry
from server.store.sql import open_store
from tests.requests.bundle import MEMBER
from tests.requests.cases import NPI, opening

ROOT = Path(__file__).resolve().parents[2]
RELEASED = ["0001", "0002", "0003", "0004", "0006", "0007", "0008", "0009", "0010"]


def test_migrations_make_the_tables_that_the_code_uses(database_url: str) -> None:
    """From empty, the migrations give exactly the tables, columns, keys and indexes of schema.py."""
    engines = connect(database_url)
    with engines.reads.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, schema.metadata) == []
    engines.dispose()


def test_the_head_in_the_code_is_the_newest_migration() -> None:
    """schema.HEAD names the head of migrations/versions, and there is only one head."""
    assert ScriptDirectory(str(ROOT / "server/store/migrations")).get_heads() == [schema.HEAD]


def test_what_was_released_is_only_followed() -> None:
    """A migration never slips in before one that records have run already: they would never run it."""
    newest_first = ScriptDirectory(str(ROOT / "server/store/migrations")).walk_revisions()
    assert [script.revision for script in newest_first][::-1] == RELEASED


def test_what_was_recorded_is_there_after_reopening(database_url: str) -> None:
    """Closing and opening again loses nothing and migrates nothing."""
    store = open_store(database_url)
    made = opening()
    store.append(made)
    store.close()
    again = open_store(database_url)
    assert again.find_transaction(made.case.request.transaction) == made.case.id
    assert list(again.inquire(Inquiry((MEMBER,), (NPI,)))) == [made.case.id]
    again.close()


def test_processes_that_start_at_once_on_an_empty_database_all_start(database_url: str) -> None:
    """One of them migrates, the others wait, every one ends up ready."""
    program = "import sys\nfrom server.store.sql import open_store\nassert open_store(sys.argv[1]).ready()"
    started = [
        subprocess.Popen([sys.executable, "-c", program, database_url], cwd=ROOT, stderr=subprocess.PIPE)  # noqa: S603
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 4, b"\n".join(errors).decode()


def test_a_start_on_a_current_database_does_not_load_the_migration_tool(database_url: str) -> None:
    """Only a database that needs migrating pays for Alembic."""
    open_store(database_url).close()
    program = """if True:
        import sys
        from server.store.sql import open_store
        open_store(sys.argv[1])
        assert "alembic" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", program, database_url], cwd=ROOT, check=True, timeout=60)  # noqa: S603


def test_a_newer_schema_is_refused(database_url: str) -> None:
    """A database that a newer version wrote is left alone, and the message says what to do."""
    engines = connect(database_url)
    with engines.writes.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engines.dispose()
    with pytest.raises(UnusableDatabase, match=r"schema 9999.*newer version.*Start that version"):
        open_store(database_url)


def test_not_ready_when_the_schema_has_moved_on(database_url: str) -> None:
    """A running server whose database was migrated by a newer one says that it is not ready."""
    store = open_store(database_url)
    engines = connect(database_url)
    with engines.writes.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engines.dispose()
    assert not store.ready()
    store.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "cannot be read.*sqlite:///"),
        ("nonsense", "cannot be read.*sqlite:///"),
        ("mysql://u:secret@host/db", "not supported.*postgresql://"),
        ("postgresql+asyncpg://u:secret@host/db", "not supported.*postgresql://"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("sqlite:////proc/none/record.db", "/proc/none/record.db cannot be opened"),
        ("postgresql://u:secret@127.0.0.1:1/db", "cannot be opened.*Check that it exists"),
        ("postgres://u:secret@127.0.0.1:1/db", "cannot be opened.*Check that it exists"),
    ],
)
def test_a_wrong_url_is_refused_with_the_remedy(url: str, says: str) -> None:
    """A URL that cannot work says why and what to write instead, and never shows a password."""
    with pytest.raises(UnusableDatabase, match=says) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Some other file is not overwritten."""
    other = tmp_path / "letter.txt"
    other.write_text("Dear reader, " * 100)
    with pytest.raises(UnusableDatabase, match="not a database"):
        open_store(f"sqlite:///{other}")
    assert other.read_text() == "Dear reader, " * 100


def test_postgresql_that_acknowledges_early_is_refused(new_database: Callable[[str], str]) -> None:
    """With synchronous_commit off an answered request could be lost, so the server does not start."""
    url = new_database("postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    with pytest.raises(UnusableDatabase, match="synchronous_commit"):
        open_store(url)


def test_a_restart_of_postgresql_costs_no_request(new_database: Callable[[str], str]) -> None:
    """Connections that the database closed are replaced, not handed out."""
    url = new_database("postgresql")
    store, made = open_store(url), opening()
    store.append(made)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert store.find_transaction(made.case.request.transaction) == made.case.id
    assert store.ready()
    store.close()


def test_the_short_postgres_scheme_is_read(new_database: Callable[[str], str]) -> None:
    """`postgres://` is what many hosts hand out."""
    store = open_store(new_database("postgresql").replace("postgresql:", "postgres:"))
    assert store.ready()
    store.close()


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)]
)
def test_sqlite_runs_with_the_settings_that_keep_the_promises(tmp_path: Path, pragma: str, value: object) -> None:
    """WAL with synchronous=FULL: a commit is on disk before it is acknowledged."""
    engines = connect(f"sqlite:///{tmp_path / 'record.db'}")
    for engine in (engines.writes, engines.reads):
        with engine.connect() as connection:
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    engines.dispose()


@pytest.mark.skipif(os.name == "nt", reason="file modes are a POSIX matter")
def test_a_new_sqlite_file_is_private_and_its_folder_is_made(tmp_path: Path) -> None:
    """The record holds patient data: nobody else on the machine may read the file."""
    path = tmp_path / "var" / "record.db"
    store = open_store(f"sqlite:///{path}")
    store.append(opening())
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    store.close()
    assert modes
    assert set(modes.values()) == {0o600}
