"""Writes and reads audit rows: each write adds to a chain (chain.py) within the transaction of what it tells of."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Select, bindparam, insert, select, text
from sqlalchemy.engine import Dialect

from server.store.chain import AuditRow, Head, row_hash
from server.store.compiled import Compiled
from server.store.connect import Engines
from server.store.ports import Change
from server.store.schema import audit, audit_head

_HEADS = select(audit_head.c.chain, audit_head.c.number, audit_head.c.hash).order_by(audit_head.c.chain)
# A chain that no other transaction holds: this one holds it until its commit, and others take other chains.
_FREE: Select[Any] = _HEADS.limit(1).with_for_update(skip_locked=True)
_FIRST: Select[Any] = _HEADS.where(audit_head.c.chain == bindparam("first")).with_for_update()
_MOVE = text("UPDATE audit_head SET number = :number, hash = :hash WHERE chain = :chain")


class Trail:
    """Adds rows to a chain. Call it last in a transaction: from then on the transaction holds the chain."""

    def __init__(self, dialect: Dialect) -> None:
        self._free, self._first = Compiled(_FREE, dialect), Compiled(_FIRST, dialect)
        self._insert, self._move = Compiled(insert(audit), dialect), Compiled(_MOVE, dialect)

    def write(self, connection: Connection, rows: Sequence[AuditRow]) -> None:
        """Writes rows that `audit_row` made; chain, number and hash are given to them here."""
        if not rows:
            return
        found = self._free.first(connection, {}) or self._first.first(connection, {"first": 0})
        if found is None:
            raise LookupError("the audit chains have no heads")
        chain, number, digest = found
        written = []
        for row in rows:
            number += 1
            placed = AuditRow(chain, number, row.at, row.event, row.subject, row.detail)
            digest = row_hash(digest, placed)
            written.append({**asdict(placed), "hash": digest})
        self._insert.run(connection, *written)
        self._move.run(connection, {"chain": chain, "number": number, "hash": digest})


def audit_row(at: datetime, event: str, subject: str, detail: Mapping[str, Any]) -> AuditRow:
    """A row before it has its place. NUL is replaced as the column's type does, so that the hash is of what is kept."""
    kept = subject.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return AuditRow(0, 0, at, event, kept, orjson.dumps(dict(detail)).decode())


def decision_row(change: Change) -> AuditRow:
    """The row of a change: how many facts the case has now, each item's outcome, and who made it so."""
    case = change.case
    detail = {"facts": case.facts, "items": {str(i.sequence): i.outcome for i in case.items}, **_who(change)}
    return audit_row(case.answered, "decision", case.id, detail)


def _who(change: Change) -> dict[str, str]:
    """`reviewer` (an NPI) and `role` of the person who ruled last, else the `caller` whose request was decided."""
    for fact in reversed(change.facts):
        if rulings := getattr(fact, "rulings", ()):
            person = rulings[-1].decision.person
            return {"reviewer": person.npi, "role": person.role}
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
