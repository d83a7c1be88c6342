"""The record in SQL: one code path for SQLite and PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import orjson
from sqlalchemy import bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from server.clock import Clock, now
from server.fhir.version import Version
from server.store import rows
from server.store.connect import Engines, connect, revision
from server.store.dedicate import dedicate
from server.store.inquiry import matching
from server.store.ports import (
    ActiveAuthorization,
    Assertion,
    Explanation,
    Inquiry,
    QuestionnaireErrors,
    Revision,
    Submission,
    Submitted,
    Transaction,
)
from server.store.revise import revise, revisions_of
from server.store.schema import (
    HEAD,
    approval,
    assertion,
    audit,
    item,
    metadata,
    questionnaire_error,
    rendering,
    submission,
)

_INSERT = {table: insert(table) for table in metadata.sorted_tables}
_BY_TRANSACTION = select(submission.c.id).where(submission.c.transaction_key == bindparam("transaction_key"))
_RENDERING = (
    select(rendering.c.body)
    .join(submission, submission.c.seq == rendering.c.submission)
    .where(
        submission.c.id == bindparam("id"),
        rendering.c.version == bindparam("version"),
        rendering.c.kind == bindparam("kind"),
    )
)
_ACTIVE = (
    select(approval.c.number, approval.c.policy_id, approval.c.period_start, approval.c.period_end, submission.c.id)
    .join(submission, submission.c.seq == approval.c.submission)
    .where(
        approval.c.member.in_(bindparam("members", expanding=True)),
        approval.c.policy_id == bindparam("policy_id"),
        approval.c.period_end >= bindparam("on"),
        approval.c.period_start <= bindparam("on"),
    )
    .order_by(approval.c.period_end.desc(), approval.c.submission.desc())
    .limit(1)
)
_EXPLANATION = (
    select(submission.c.received, item)
    .join(item, item.c.submission == submission.c.seq)
    .where(submission.c.id == bindparam("id"))
    .order_by(item.c.sequence)
)


def open_store(url: str, clock: Clock = now) -> "SqlStore":
    """The store at `sqlite:///file` or `postgresql://...`, its schema up to date. Raises UnusableDatabase.

    clock: dates the audit rows of `audit`; what is recorded brings its own time.
    """
    return SqlStore(connect(url), clock)


class SqlStore:
    """The Store port on SQLAlchemy Core; see ports.Store for what each method promises."""

    def __init__(self, engines: Engines, clock: Clock = now) -> None:
        self._writes, self._reads, self._dispose = engines.writes, engines.reads, engines.dispose
        self._clock = clock
        dialect_insert: Callable[..., Any] = (
            postgresql.insert if engines.writes.dialect.name == "postgresql" else sqlite.insert
        )
        # Whoever comes second waits here for the first to commit, and then gets no row back.
        self._claim_transaction = (
            dialect_insert(submission)
            .on_conflict_do_nothing(index_elements=[submission.c.transaction_key])
            .returning(submission.c.seq)
        )

    def record(self, submission: Submission) -> str:
        first = rows.submission_row(submission)
        parts = list(rows.parts(submission))
        with self._writes.begin() as connection:
            seq = connection.execute(self._claim_transaction, first).scalar()
            if seq is None:
                known = {"transaction_key": first["transaction_key"]}
                return str(connection.execute(_BY_TRANSACTION, known).scalar_one())
            for part in parts:
                connection.execute(_INSERT[part.table], [{**row, "submission": seq} for row in part.rows])
            if submission.assertions:
                connection.execute(_INSERT[assertion], [rows.assertion_row(a) for a in submission.assertions])
            decided = {"items": {str(i.sequence): i.outcome for i in submission.items}}
            connection.execute(_INSERT[audit], _audit_row(submission.received, "decision", submission.id, decided))
        return submission.id

    def submitted(self, submission_id: str) -> Submitted | None:
        with self._reads.connect() as connection:
            row = connection.execute(select(submission).where(submission.c.id == submission_id)).one_or_none()
            if row is None:
                return None
            revisions = connection.execute(revisions_of(row.seq)).scalar_one()
        return Submitted(row.received, Version(row.version), row.request, revisions)

    def revise(self, revision: Revision) -> bool:
        with self._writes.begin() as connection:
            written = revise(connection, revision)
            if written:
                decided = {"revision": revision.number, "items": {str(i.sequence): i.outcome for i in revision.items}}
                row = _audit_row(revision.at, "decision", revision.submission_id, decided)
                connection.execute(_INSERT[audit], row)
        return written

    def find_transaction(self, transaction: Transaction) -> str | None:
        with self._reads.connect() as connection:
            key = rows.transaction_key(transaction)
            return connection.execute(_BY_TRANSACTION, {"transaction_key": key}).scalar()

    def rendering(self, submission_id: str, version: Version, kind: str) -> bytes | None:
        with self._reads.connect() as connection:
            which = {"id": submission_id, "version": version, "kind": kind}
            return connection.execute(_RENDERING, which).scalar()

    def inquire(self, inquiry: Inquiry) -> Sequence[str]:
        if not inquiry.member_ids or not inquiry.npis:
            return ()
        with self._reads.connect() as connection:
            if inquiry.numbers and (found := connection.scalars(matching(inquiry, by_number=True)).all()):
                return found
            return connection.scalars(matching(inquiry, by_number=False)).all()

    def active_authorization(self, member_ids: Sequence[str], policy_id: str, on: date) -> ActiveAuthorization | None:
        asked = {"members": [rows.key(m) for m in member_ids], "policy_id": policy_id, "on": on}
        with self._reads.connect() as connection:
            row = connection.execute(_ACTIVE, asked).one_or_none()
        if row is None:
            return None
        return ActiveAuthorization(row.number, row.policy_id, (row.period_start, row.period_end), row.id)

    def explanation(self, submission_id: str) -> Explanation | None:
        with self._reads.connect() as connection:
            found = connection.execute(_EXPLANATION, {"id": submission_id}).mappings().all()
        if not found:
            return None
        return Explanation(submission_id, found[0]["received"], tuple(map(rows.item_record, found)))

    def remember(self, assertions: Sequence[Assertion]) -> None:
        if assertions:
            with self._writes.begin() as connection:
                connection.execute(_INSERT[assertion], [rows.assertion_row(a) for a in assertions])

    def assertion(self, assertion_id: str) -> Assertion | None:
        with self._reads.connect() as connection:
            row = connection.execute(select(assertion).where(assertion.c.id == assertion_id)).mappings().one_or_none()
        return None if row is None else rows.assertion_of(row)

    def audit(self, event: str, subject: str, detail: Mapping[str, Any]) -> None:
        with self._writes.begin() as connection:
            connection.execute(_INSERT[audit], _audit_row(self._clock(), event, subject, detail))

    def report(self, errors: QuestionnaireErrors) -> None:
        with self._writes.begin() as connection:
            connection.execute(_INSERT[questionnaire_error], rows.questionnaire_error_row(errors))

    def reported(self, limit: int) -> Sequence[QuestionnaireErrors]:
        newest = select(questionnaire_error).order_by(questionnaire_error.c.seq.desc()).limit(limit)
        with self._reads.connect() as connection:
            return [rows.questionnaire_errors(row) for row in connection.execute(newest).mappings()]

    def dedicate(self, *, sandbox: bool) -> None:
        with self._writes.begin() as connection:
            dedicate(connection, sandbox=sandbox, at=self._clock())

    def ready(self) -> bool:
        try:
            with self._reads.connect() as connection:
                return revision(connection) == HEAD
        except SQLAlchemyError:
            return False

    def close(self) -> None:
        self._dispose()


def _audit_row(at: Any, event: str, subject: str, detail: Mapping[str, Any]) -> rows.Row:
    return {"at": at, "event": event, "subject": subject, "detail": orjson.dumps(dict(detail)).decode()}
