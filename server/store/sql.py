"""The record in SQL: one code path for SQLite and PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from server.clock import Clock, now
from server.decision.apply import apply_all
from server.decision.case import Case
from server.decision.request import Transaction
from server.errors import DatabaseGone
from server.fhir.version import Version
from server.policy.desk import ClockRules
from server.store import rows
from server.store.append import append
from server.store.chain import AuditRow, Head
from server.store.clients import SqlClients
from server.store.commit import commit_of
from server.store.compiled import Compiled
from server.store.connect import Engines, connect, is_damage, revision
from server.store.dedicate import dedicate
from server.store.desk import SqlDesk, opened_row, write_desk_row
from server.store.desk_schema import desk_case
from server.store.inquiry import matching
from server.store.lookups import ACTIVE, BY_TRANSACTION, EXPLANATION, FACTS, PROVIDERS, RENDERING, claim_transaction
from server.store.messages import SqlMessages, join
from server.store.outbox import SqlOutbox
from server.store.overlap import BESIDE, refuse_overlap
from server.store.ports import (
    ActiveAuthorization,
    Assertion,
    Change,
    Explanation,
    Inquiry,
    QuestionnaireErrors,
)
from server.store.schema import (
    HEAD,
    assertion,
    metadata,
    questionnaire_error,
)
from server.store.trail import audit_row, decision_row, trail_of, trail_writer

_T = TypeVar("_T")


def open_store(
    url: str,
    clock: Clock = now,
    changed: Callable[[], None] = lambda: None,
    rules: ClockRules | None = None,
    *,
    bring_up: bool = True,
) -> "SqlStore":
    """The store at `sqlite:///file` or `postgresql://...`, its schema up to date. Raises UnusableDatabase.

    clock: dates the audit rows of `audit`; what is recorded brings its own time. changed: called after the commit of
    each change of an answered case, since somebody may have to be told. rules: the clocks by which cases fall due.
    bring_up: whether a record that is not there is made, and an older one migrated; else both are refused.
    """
    return SqlStore(connect(url, bring_up=bring_up), clock, changed, rules)


class SqlStore:
    """The Store port on SQLAlchemy Core; see ports.Store for what each method promises."""

    def __init__(
        self,
        engines: Engines,
        clock: Clock = now,
        changed: Callable[[], None] = lambda: None,
        rules: ClockRules | None = None,
    ) -> None:
        self._engines = engines
        self._changed = changed
        self.outbox = SqlOutbox(self.write, self.reading)
        self.clients = SqlClients(self)
        self._commit = commit_of(engines.writes)
        self._damaged = False
        self._clock = clock
        self._rules = rules or ClockRules()
        self.desk = SqlDesk(self)
        dialect = engines.writes.dialect
        self._insert = {table: Compiled(insert(table), dialect) for table in metadata.sorted_tables}
        self._trail = trail_writer(dialect)
        self.messages = SqlMessages(self.write, self.reading, self._trail, dialect)
        self._active = Compiled(ACTIVE, dialect)
        self._beside = Compiled(BESIDE, dialect)
        self._by_transaction = Compiled(BY_TRANSACTION, dialect)
        self._rendering = Compiled(RENDERING, dialect)
        self._claim_transaction = Compiled(claim_transaction(dialect), dialect)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._faults(), self._engines.reads.connect() as connection:
            yield connection

    def write(self, work: Callable[[Connection], _T]) -> _T:
        """Work in a transaction; its result once that is on disk, where the next start will look for it."""
        with self._faults():
            done = self._commit(work)
        if not self._engines.is_there():
            raise DatabaseGone
        return done

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Whatever is wrong with the database is one error; a broken rule of the schema stays what it is."""
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, PoolTimeout) as error:
            self._damaged = self._damaged or is_damage(error)
            raise DatabaseGone from error

    def append(self, change: Change) -> str | None:
        decision = decision_row(change)
        if change.expected:
            added = self.write(lambda connection: self._add(connection, change, decision))
            self._changed()
            return added
        first, parts = rows.submission_row(change), list(rows.parts(change))
        return self.write(lambda connection: self._open(connection, change, first, parts, decision))

    def _open(
        self, connection: Connection, change: Change, first: rows.Row, parts: list[rows.Part], decision: AuditRow
    ) -> str:
        claimed = self._claim_transaction.first(connection, first)
        if claimed is None:
            known = {"transaction_key": first["transaction_key"]}
            return str(connection.execute(BY_TRANSACTION, known).scalar_one())
        if change.single:
            self._admit(connection, change)
        for part in parts:
            self._insert[part.table].run(connection, *({**row, "submission": claimed[0]} for row in part.rows))
        self._insert[desk_case].run(connection, {"submission": claimed[0], **opened_row(change, self._rules)})
        self._insert[assertion].run(connection, *map(rows.assertion_row, change.assertions))
        if change.joined:
            join(connection, claimed[0], change)
        self._trail.write(connection, [decision])
        return change.case.id

    def _admit(self, connection: Connection, change: Change) -> None:
        refuse_overlap(connection, change, self._beside)

    def _add(self, connection: Connection, change: Change, decision: AuditRow) -> str | None:
        seq = append(connection, change, self._admit)
        if seq is None:
            return None
        write_desk_row(connection, seq, change.case, self._rules)
        self._insert[assertion].run(connection, *map(rows.assertion_row, change.assertions))
        self._trail.write(connection, [decision])
        return change.case.id

    def case(self, case_id: str) -> Case | None:
        with self.reading() as connection:
            found = connection.execute(FACTS, {"id": case_id}).all()
        facts = rows.facts_from(found)
        return apply_all(facts) if facts else None

    def providers(self, case_id: str) -> Sequence[str]:
        with self.reading() as connection:
            return connection.scalars(PROVIDERS, {"id": case_id}).all()

    def find_transaction(self, transaction: Transaction) -> str | None:
        with self.reading() as connection:
            key = rows.transaction_key(transaction)
            found = self._by_transaction.first(connection, {"transaction_key": key})
        return str(found[0]) if found else None

    def rendering(self, case_id: str, version: Version, kind: str) -> bytes | None:
        with self.reading() as connection:
            which = {"id": case_id, "version": version, "kind": kind}
            found = self._rendering.first(connection, which)
        return bytes(found[0]) if found else None

    def inquire(self, inquiry: Inquiry) -> Sequence[str]:
        if not inquiry.member_ids or not inquiry.npis:
            return ()
        with self.reading() as connection:
            if inquiry.numbers and (found := connection.scalars(*matching(inquiry, by_number=True)).all()):
                return found
            return connection.scalars(*matching(inquiry, by_number=False)).all()

    def active_authorization(self, member_ids: Sequence[str], policy_id: str, on: date) -> ActiveAuthorization | None:
        with self.reading() as connection:
            asked = ({"member": rows.key(m), "policy_id": policy_id, "on": on} for m in member_ids)
            found = [row for a in asked if (row := self._active.first(connection, a))]
        if not found:
            return None
        end, _, start, number, case_id = max(found)
        return ActiveAuthorization(number, policy_id, (start, end), case_id)

    def explanation(self, case_id: str) -> Explanation | None:
        with self.reading() as connection:
            found = connection.execute(EXPLANATION, {"id": case_id}).mappings().all()
        if not found:
            return None
        return Explanation(case_id, found[0]["received"], tuple(map(rows.item_record, found)))

    def remember(self, assertions: Sequence[Assertion]) -> None:
        made = [rows.assertion_row(a) for a in assertions]
        if made:
            self.write(lambda connection: self._insert[assertion].run(connection, *made))

    def assertion(self, assertion_id: str) -> Assertion | None:
        with self.reading() as connection:
            row = connection.execute(select(assertion).where(assertion.c.id == assertion_id)).mappings().one_or_none()
        return None if row is None else rows.assertion_of(row)

    def audit(self, event: str, subjects: Sequence[str], detail: Mapping[str, Any]) -> None:
        if not subjects:
            return
        written = [audit_row(self._clock(), event, subject, detail) for subject in subjects]
        self.write(lambda connection: self._trail.write(connection, written))

    @contextmanager
    def trail(self) -> Iterator[tuple[Sequence[Head], Iterator[AuditRow]]]:
        with self._faults(), trail_of(self._engines) as found:
            yield found

    def report(self, errors: QuestionnaireErrors) -> None:
        row = rows.questionnaire_error_row(errors)
        self.write(lambda connection: self._insert[questionnaire_error].run(connection, row))

    def reported(self, limit: int) -> Sequence[QuestionnaireErrors]:
        newest = select(questionnaire_error).order_by(questionnaire_error.c.seq.desc()).limit(limit)
        with self.reading() as connection:
            return [rows.questionnaire_errors(row) for row in connection.execute(newest).mappings()]

    def dedicate(self, *, sandbox: bool) -> None:
        self.write(lambda connection: dedicate(connection, sandbox=sandbox, at=self._clock()))

    def ready(self) -> bool:
        try:
            with self.reading() as connection:
                current = revision(connection) == HEAD
        except DatabaseGone:
            return False
        return current and not self._damaged and self._engines.is_there()

    def close(self) -> None:
        self._engines.dispose()
