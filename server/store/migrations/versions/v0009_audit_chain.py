"""Audit rows are hash-chained. Those from before are chained in their order; the row after them says when that was."""

import hashlib
from datetime import UTC, datetime

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_AT = sa.DateTime(timezone=True)
_CHAINS = 16
_COLUMNS = (
    ("chain", sa.Integer),
    ("number", sa.BigInteger),
    ("at", lambda: _AT),
    ("event", sa.Text),
    ("subject", sa.Text),
    ("detail", sa.Text),
    ("hash", sa.Text),
)


def upgrade() -> None:
    op.rename_table("audit", "audit_before")
    op.drop_index("ix_audit_subject", table_name="audit_before")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE audit_before RENAME CONSTRAINT pk_audit TO pk_audit_before")
    created = op.create_table(
        "audit",
        *(sa.Column(name, type_(), nullable=False, autoincrement=False) for name, type_ in _COLUMNS),
        sa.PrimaryKeyConstraint("chain", "number", name="pk_audit"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])
    heads = op.create_table(
        "audit_head",
        sa.Column("chain", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_audit_head"),
    )
    number, digest = _chain_what_is_there(created)
    head = {"chain": 0, "number": number, "hash": digest}
    op.bulk_insert(heads, [head, *({"chain": n, "number": 0, "hash": "0" * 64} for n in range(1, _CHAINS))])
    op.drop_table("audit_before")


def _chain_what_is_there(table: sa.Table) -> tuple[int, str]:
    """Moves the rows into chain 0; its head."""
    connection, number, digest = op.get_bind(), 0, "0" * 64
    old = sa.text("SELECT at, event, subject, detail FROM audit_before ORDER BY seq").columns(at=_AT)
    for part in connection.execute(old).partitions(1000):
        for row in part:
            number, digest = _add(table, number, digest, (row.at, row.event, row.subject, row.detail))
    if number:
        last = (datetime.now(UTC), "chained", "audit", orjson.dumps({"caller": "machine", "rows": number}).decode())
        number, digest = _add(table, number, digest, last)
    return number, digest


def _add(table: sa.Table, number: int, previous: str, content: tuple[datetime, str, str, str]) -> tuple[int, str]:
    at = content[0] if content[0].tzinfo else content[0].replace(tzinfo=UTC)  # SQLite has no zone of its own
    said = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    digest = hashlib.sha256(orjson.dumps([previous, 0, number + 1, said, *content[1:]])).hexdigest()
    names = ("chain", "number", "at", "event", "subject", "detail", "hash")
    values = (0, number + 1, at.astimezone(UTC), *content[1:], digest)
    op.get_bind().execute(sa.insert(table), dict(zip(names, values, strict=True)))
    return number + 1, digest
