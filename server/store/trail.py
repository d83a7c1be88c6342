"""Writes and reads audit rows: each write adds to a chain (chain.py) within the transaction of what it tells of."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, bindparam, insert, select, text
from sqlalchemy.engine import Dialect

from server.decision.fact_json import kind_of
from server.store.chain import AuditRow, Head, row_content, row_hash
from server.store.compiled import Compiled
from server.store.connect import Engines
from server.store.ports import Change
from server.store.schema import Instant, audit, audit_head

_HEADS = select(audit_head.c.chain, audit_head.c.number, audit_head.c.hash).order_by(audit_head.c.chain)
_MOVE = text("UPDATE audit_head SET number = :number, hash = :hash WHERE chain = :chain")
_WRITE = """
WITH free AS (SELECT chain, number, hash FROM audit_head {which}),
  next AS (
    SELECT chain, number + 1 AS number, encode(
      sha256(convert_to('["' || hash || '",' || chain || ',' || number + 1 || ',' || :content, 'UTF8')), 'hex'
    ) AS hash FROM free
  ),
  moved AS (UPDATE audit_head SET number = next.number, hash = next.hash FROM next WHERE audit_head.chain = next.chain)
INSERT INTO audit (chain, number, at, event, subject, detail, hash)
  SELECT chain, number, :at, :event, :subject, :detail, hash FROM next RETURNING number
"""
_FREE = "ORDER BY chain LIMIT 1 FOR UPDATE SKIP LOCKED"
_FIRST = "WHERE chain = 0 FOR UPDATE"


class Trail(Protocol):
    """Adds rows that `audit_row` made to a chain, and gives them their place and hash there.

    Call it last in a transaction: from then on the transaction holds the chain.
    """

    def write(self, connection: Connection, rows: Sequence[AuditRow]) -> None: ...


def trail_writer(dialect: Dialect) -> Trail:
    return _Skipping(dialect) if dialect.name == "postgresql" else _Single(dialect)


class _Single:
    """A database with one writer: the first chain."""

    def __init__(self, dialect: Dialect) -> None:
        self._head, self._move = Compiled(_HEADS.limit(1), dialect), Compiled(_MOVE, dialect)
        self._insert = Compiled(insert(audit), dialect)

    def write(self, connection: Connection, rows: Sequence[AuditRow]) -> None:
        found = self._head.first(connection, {}) if rows else None
        if found is None:
            return _must_be_none(rows)
        (chain, number, digest), written = found, []
        for row in rows:
            number += 1
            placed = AuditRow(chain, number, row.at, row.event, row.subject, row.detail)
            digest = row_hash(digest, placed)
            written.append(_values(placed) | {"chain": chain, "number": number, "hash": digest})
        self._insert.run(connection, *written)
        self._move.run(connection, {"chain": chain, "number": number, "hash": digest})
        return None


class _Skipping:
    """A database with many writers: a chain that no other transaction holds, or, when all are held, the first.

    One statement finds the chain, hashes and writes: three would be three journeys with the chain held.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._free, self._first = _write(_FREE, dialect), _write(_FIRST, dialect)

    def write(self, connection: Connection, rows: Sequence[AuditRow]) -> None:
        for row in rows:
            values = _values(row) | {"content": row_content(row).decode()}
            if not (self._free.first(connection, values) or self._first.first(connection, values)):
                _must_be_none(rows)


def _write(which: str, dialect: Dialect) -> Compiled:
    statement = text(_WRITE.format(which=which)).bindparams(bindparam("at", type_=Instant))
    return Compiled(statement.columns(audit.c.number), dialect)


def _values(row: AuditRow) -> dict[str, Any]:
    return {"at": row.at, "event": row.event, "subject": row.subject, "detail": row.detail}


def _must_be_none(rows: Sequence[AuditRow]) -> None:
    if rows:
        raise LookupError("the audit chains have no heads")


def audit_row(at: datetime, event: str, subject: str, detail: Mapping[str, Any]) -> AuditRow:
    """A row before it has its place. NUL is replaced as the column's type does, so that the hash is of what is kept.

    detail: who did it is its `caller`, or the `reviewer` (a login) or `npi` of a person, with their `role`.
    """
    kept = subject.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return AuditRow(0, 0, at, event, kept, orjson.dumps(dict(detail)).decode())


def decision_row(change: Change) -> AuditRow:
    """The row of a change: how many facts the case has now, each item's outcome, who made it so, and later: how."""
    case = change.case
    detail = {"facts": case.facts, "items": {str(i.sequence): i.outcome for i in case.items}, **_who(change)}
    if change.expected:
        detail["did"] = [kind_of(fact) for fact in change.facts]
    return audit_row(case.answered, "decision", case.id, detail)


def _who(change: Change) -> dict[str, str]:
    """The person who ruled last, else whoever sent what was decided: the request, an update, a document."""
    for fact in reversed(change.facts):
        if rulings := getattr(fact, "rulings", ()):
            person = rulings[-1].decision.person
            return {"npi": person.npi, "role": person.role}
        if caller := getattr(fact, "caller", None):
            return {"caller": caller}
    return {"caller": "machine"}


@contextmanager
def trail_of(engines: Engines) -> Iterator[tuple[list[Head], Iterator[AuditRow]]]:
    """Heads and rows of one moment, while others write: heads by chain, rows by chain and number, a few at a time."""
    postgresql = engines.writes.dialect.name == "postgresql"
    engine = engines.writes.execution_options(isolation_level="REPEATABLE READ") if postgresql else engines.reads
    with engine.connect() as connection:
        if not postgresql:
            connection.exec_driver_sql("BEGIN")  # reads after it see one moment
        heads = [Head(*row) for row in connection.execute(_HEADS)]
        ordered = select(audit).order_by(audit.c.chain, audit.c.number).execution_options(yield_per=1000)
        rows = connection.execute(ordered)
        try:
            yield heads, (AuditRow(**row) for row in rows.mappings())
        finally:
            rows.close()
            connection.rollback()
            if not postgresql and connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
                connection.exec_driver_sql("ROLLBACK")
