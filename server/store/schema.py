"""The tables of the record. Their history is in migrations/; a test compares the two."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

HEAD = "0010"
"""The newest migration. Kept here so that a start on a current database need not load Alembic."""


class Instant(TypeDecorator[datetime]):
    """A moment, in UTC in both databases; SQLite has no zone of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is None:
            raise ValueError("A moment without a zone cannot be stored; pass an aware datetime.")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


class Words(TypeDecorator[str]):
    """Text of any length. PostgreSQL cannot store NUL, so a value with NUL, say an id in a URL, must match nothing."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if value is not None and "\0" in value else value


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)
Serial = BigInteger().with_variant(Integer, "sqlite")


def _submission_key() -> Column[Any]:
    return Column("submission", BigInteger, ForeignKey("submission.seq"), primary_key=True, autoincrement=False)


submission = Table(
    "submission",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", Words, nullable=False),
    Column("transaction_key", Words, nullable=False),
    Column("client", Words, nullable=False),
    Column("identifier", Words, nullable=False),
    Column("received", Instant, nullable=False),
    Column("version", Words, nullable=False),
    Column("parties", Words, nullable=False),
    Column("claim_url", Words, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("caller", Words),
    Column("facts", Integer, nullable=False, server_default="2"),
    UniqueConstraint("id"),
    UniqueConstraint("transaction_key"),
    Index(None, "claim_url"),
)
"""`parties`: JSON of member, payer and provider ids, for whoever reads the record years later. `request`: the bytes as
they came. `facts`: how many facts the case has; a change names the number that it follows."""

item = Table(
    "item",
    metadata,
    _submission_key(),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("policy_id", Words),
    Column("policy_uri", Words),
    Column("edition", Words),
    Column("outcome", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("reason", Words),
    Column("number", Words),
    Column("reference", Words),
    Column("period_start", Date),
    Column("period_end", Date),
    Column("service_start", Date),
    Column("service_end", Date),
    Column("codes", Words, nullable=False),
    Column("previous_numbers", Words, nullable=False),
    Column("findings", Words, nullable=False),
    Column("engine", Words, nullable=False),
    Column("decided_by", Words),
    UniqueConstraint("number"),
    UniqueConstraint("reference"),
)

visible = Table(
    "visible",
    metadata,
    Column("member", Words, primary_key=True),
    Column("npi", Words, primary_key=True),
    _submission_key(),
    sqlite_with_rowid=False,
)
"""Who may find a submission: a row for each member id with each provider, so that `$inquire` reads one index range."""

item_key = Table(
    "item_key",
    metadata,
    _submission_key(),
    Column("kind", Words, primary_key=True),
    Column("value", Words, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""The keys by which a search is narrowed. kind: `number` (authorization, reference and previous numbers) or `code`."""

approval = Table(
    "approval",
    metadata,
    Column("number", Words, ForeignKey("item.number"), primary_key=True),
    Column("member", Words, primary_key=True),
    Column("policy_id", Words, nullable=False),
    Column("period_start", Date, nullable=False),
    Column("period_end", Date, nullable=False),
    Column("submission", BigInteger, ForeignKey("submission.seq"), nullable=False),
    Index(None, "member", "policy_id", "period_end"),
)
"""Approvals in force, one row for each id of the member: order-sign asks for them on every order."""

rendering = Table(
    "rendering",
    metadata,
    _submission_key(),
    Column("version", Words, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

fact = Table(
    "fact",
    metadata,
    _submission_key(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("kind", Words, nullable=False),
    Column("body", LargeBinary),
)
"""What happened to a case, in its order: decision.fact_json. Rows are only ever added."""

EARLIER = "earlier"
"""The kind of a fact from before facts were kept. `body`: JSON of the item rows as it left them; none for a receipt."""

former_rendering = Table(
    "former_rendering",
    metadata,
    _submission_key(),
    Column("facts", Integer, primary_key=True, autoincrement=False),
    Column("version", Words, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""Earlier answers: those that were valid while the case had this number of facts."""

mark = Table("mark", metadata, Column("name", Words, primary_key=True), Column("at", Instant, nullable=False))
"""The kind of this record, as the name of a row. `sandbox`: its decisions are scripted."""

assertion = Table(
    "assertion",
    metadata,
    Column("id", Words, primary_key=True),
    Column("created", Instant, nullable=False),
    Column("hook", Words, nullable=False),
    Column("version", Words, nullable=False),
    Column("member_ids", Words, nullable=False),
    Column("policy_id", Words),
    Column("edition", Words),
    Column("form", Words),
    Column("order", Words, nullable=False),
    Column("coverage", Words, nullable=False),
    Column("sees", Words),
)
"""`sees`: JSON list of the NPIs whose callers may refer to it; NULL where no caller was authenticated."""

audit = Table(
    "audit",
    metadata,
    Column("chain", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("event", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("hash", Words, nullable=False),
    Index(None, "subject"),
    sqlite_with_rowid=False,
)
"""What happened to which id, and who did it: chain.py says what `hash` is of. Rows are only ever added."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("chain", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", Words, nullable=False),
)
"""The last row of each chain; who writes holds the row of the chain until the commit."""

questionnaire_error = Table(
    "questionnaire_error",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("received", Instant, nullable=False),
    Column("version", Words, nullable=False),
    Column("questionnaires", Words, nullable=False),
    Column("outcomes", Words, nullable=False),
)
"""What DTR apps report about forms. `questionnaires`: JSON list of canonicals; `outcomes`: of OperationOutcomes."""
