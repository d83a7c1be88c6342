"""Opens the database of a URL: engines that keep the store's promises, with the schema brought up to date."""

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from server.errors import UnusableDatabase
from server.store.compiled import Compiled
from server.store.schema import HEAD

_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x5649_5452_5556  # an arbitrary number that no other lock of this database uses
_BUSY_SECONDS = 5
_NO_PHI: Any = {"hide_parameters": True}
"""Keeps stored values out of the text of errors, and so out of logs."""
_ACCEPTED = "Use sqlite:///path/to/file.db or postgresql://user:password@host/database."


@dataclass(frozen=True, slots=True)
class Engines:
    """writes: transactions, one at a time on SQLite. reads: single statements, each its own transaction.

    is_there: whether what is written is still found under its address: a file can be deleted while it is open.
    """

    writes: Engine
    reads: Engine
    is_there: Callable[[], bool] = lambda: True

    def dispose(self) -> None:
        self.reads.dispose()
        self.writes.dispose()


def connect(url: str, *, bring_up: bool = True) -> Engines:
    """Engines for a URL, with the schema brought up to date. Raises UnusableDatabase.

    bring_up: whether to make what is not there, and to migrate; else a record that is not as this version has it is
    refused. Several processes may do this at once on one database: one migrates, the others wait for it.
    """
    parsed = _parse(url)
    engines = _sqlite(parsed, bring_up=bring_up) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    try:
        with engines.reads.connect() as connection:
            current = revision(connection) == HEAD
            if connection.dialect.name == "postgresql":
                _refuse_asynchronous_commit(connection)
        if not current:
            _migrate(engines.writes) if bring_up else _refuse_another_schema()
    except UnusableDatabase:
        engines.dispose()
        raise
    except SQLAlchemyError as error:
        engines.dispose()
        raise UnusableDatabase(
            f"The database {parsed.render_as_string()} cannot be opened: {_cause(error)}. "
            f"Check that it exists, can be reached and may be written to. {_ACCEPTED}"
        ) from error
    return engines


def revision(connection: Connection) -> str | None:
    """The schema's revision; None on a database that has none yet."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError
        raise UnusableDatabase(f"The database URL cannot be read. {_ACCEPTED}") from None
    if parsed.drivername in _POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise UnusableDatabase(f"The database {parsed.drivername!r} is not supported. {_ACCEPTED}")
    if not parsed.database or parsed.database.startswith((":memory:", "file:")):
        raise UnusableDatabase(f"The record must be a file; SQLite in memory forgets it. {_ACCEPTED}")
    return parsed


def _sqlite(url: URL, *, bring_up: bool) -> Engines:
    path = Path(str(url.database))
    try:
        if bring_up:
            path.parent.mkdir(parents=True, exist_ok=True)
        # The file holds patient data: it is created readable by this user alone; SQLite gives its WAL the same mode.
        file = os.open(path, os.O_RDWR | (os.O_CREAT if bring_up else 0), 0o600)
        opened = os.fstat(file)
        os.close(file)
    except OSError as error:
        raise UnusableDatabase(
            f"The database file {path} cannot be opened: {error.strerror}. Check the path and its permissions."
        ) from error
    # One connection writes. Threads wait for it in commit.py, where they share commits; SQLite would let them poll.
    writes = create_engine(url, pool_size=1, max_overflow=0, connect_args={"timeout": _BUSY_SECONDS}, **_NO_PHI)
    reads = create_engine(url, pool_size=4, connect_args={"timeout": _BUSY_SECONDS}, **_NO_PHI)
    event.listen(writes, "connect", _pragmas())
    begin = Compiled(text("BEGIN IMMEDIATE"), writes.dialect)
    event.listen(writes, "begin", lambda connection: begin.run(connection, {}))
    event.listen(reads, "connect", _pragmas("PRAGMA query_only = ON"))

    def is_there() -> bool:
        try:
            found = path.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)

    return Engines(writes, reads, is_there)


def _pragmas(*more: str) -> Callable[[Any, Any], None]:
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver starts no transaction by itself; the "begin" event below does
        for pragma in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON", *more):
            connection.execute(pragma)

    return on_connect


def _postgresql(url: URL) -> Engines:
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": "5"})
    # A connection is tested before use, so that no request fails after the database has restarted.
    engine = create_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True, **_NO_PHI)
    return Engines(engine, engine.execution_options(isolation_level="AUTOCOMMIT"))


def _refuse_asynchronous_commit(connection: Connection) -> None:
    if connection.execute(text("SHOW synchronous_commit")).scalar() == "off":
        raise UnusableDatabase(
            "PostgreSQL acknowledges commits before they are on disk (synchronous_commit = off); an answered request "
            "could be lost. Set synchronous_commit = on for this database or role."
        )


def _refuse_another_schema() -> None:
    raise UnusableDatabase("This database has not the schema of this version; start the server on it first.")


def _migrate(engine: Engine) -> None:
    """Runs the missing migrations in one transaction. Other processes that start wait for its lock."""
    from alembic import command  # noqa: PLC0415 - a start on a current schema does without Alembic
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # on SQLite, BEGIN IMMEDIATE is the lock
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        found = revision(connection)
        if found is not None and found not in known:
            raise UnusableDatabase(
                f"The database has schema {found}, which this version does not know (it knows {HEAD}): it was "
                f"written by a newer version. Start that version, or restore a backup made before the upgrade."
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_damage(error: Exception) -> bool:
    """Whether a database says that its pages are broken: every answer after that is in doubt."""
    cause = getattr(error, "orig", None)
    return type(cause) is sqlite3.DatabaseError or str(getattr(cause, "sqlstate", "")).startswith("XX")


def _cause(error: SQLAlchemyError) -> str:
    """The database's error message without the statement; drivers put no password into it."""
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split()).rstrip(".")
