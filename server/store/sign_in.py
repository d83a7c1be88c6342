"""Who may sign in at the review desk, who is signed in, and whose sign-in failed; see desk_port.Desk."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from server.policy.desk import DeskRole, Reviewer
from server.store.desk_port import SessionRow
from server.store.desk_schema import failed_sign_in, reviewer, session
from server.store.rows import key

_T = TypeVar("_T")


class _Record(Protocol):
    """How SqlStore reads and writes."""

    def reading(self) -> AbstractContextManager[Connection]: ...

    def write(self, work: Callable[[Connection], _T]) -> _T: ...


def insert_or(dialect: Dialect, table: Any) -> Any:
    """An insert that can say what to do about a row that is there."""
    return (postgresql.insert if dialect.name == "postgresql" else sqlite.insert)(table)


def upsert(connection: Connection, table: Any, values: Mapping[str, Any]) -> None:
    """Writes a row, over the one of the same key."""
    keys = [c.name for c in table.primary_key]
    rest = {k: v for k, v in values.items() if k not in keys}
    written = insert_or(connection.dialect, table).on_conflict_do_update(index_elements=keys, set_=rest)
    connection.execute(written, dict(values))


class SqlSignIn:
    """The side of the desk that is about people."""

    def __init__(self, record: _Record) -> None:
        self._record = record

    def reviewer(self, login: str) -> Reviewer | None:
        with self._record.reading() as connection:
            row = connection.execute(select(reviewer).where(reviewer.c.login == login)).mappings().one_or_none()
        return Reviewer(**{**row, "role": DeskRole(row["role"])}) if row else None

    def put_reviewer(self, reviewer_: Reviewer) -> None:
        values = {c.name: getattr(reviewer_, c.name) for c in reviewer.columns}

        def work(connection: Connection) -> None:
            upsert(connection, reviewer, values)
            connection.execute(delete(session).where(session.c.login == reviewer_.login))

        self._record.write(work)

    def open_session(self, row: SessionRow, oldest: datetime) -> None:
        def work(connection: Connection) -> None:
            connection.execute(delete(session).where(session.c.opened < oldest))
            connection.execute(insert(session), {name: getattr(row, name) for name in SessionRow.__dataclass_fields__})

        self._record.write(work)

    def session(self, token: str) -> SessionRow | None:
        with self._record.reading() as connection:
            row = connection.execute(select(session).where(session.c.token == token)).mappings().one_or_none()
        return SessionRow(**row) if row else None

    def seen(self, token: str, at: datetime) -> None:
        self._run(update(session).where(session.c.token == token).values(seen=at))

    def end_session(self, token: str) -> None:
        self._run(delete(session).where(session.c.token == token))

    def failed(self, login: str, at: datetime, since: datetime) -> int:
        def work(connection: Connection) -> int:
            connection.execute(delete(failed_sign_in).where(failed_sign_in.c.last < since))
            counted = insert_or(connection.dialect, failed_sign_in).on_conflict_do_update(
                index_elements=["login"], set_={"failures": failed_sign_in.c.failures + 1, "last": at}
            )
            connection.execute(counted, {"login": key(login), "failures": 1, "last": at})
            return _failures(connection, login, since)

        return self._record.write(work)

    def failures(self, login: str, since: datetime) -> int:
        with self._record.reading() as connection:
            return _failures(connection, login, since)

    def forgive(self, login: str) -> None:
        self._run(delete(failed_sign_in).where(failed_sign_in.c.login == key(login)))

    def _run(self, statement: Any) -> None:
        self._record.write(lambda connection: connection.execute(statement).close())


def _failures(connection: Connection, login: str, since: datetime) -> int:
    of_login = select(failed_sign_in.c.failures).where(
        failed_sign_in.c.login == key(login), failed_sign_in.c.last >= since
    )
    return int(connection.execute(of_login).scalar() or 0)
