"""The record: submissions with items, what finds them, approvals and renderings; assertions; audit."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=null)


def _submission() -> sa.Column[Any]:
    return sa.Column("submission", sa.BigInteger, nullable=False)


def _belongs(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["submission"], ["submission.seq"], name=f"fk_{table}_submission")


def upgrade() -> None:
    _submissions()
    _found_by()
    _answers()
    _beside()


def _submissions() -> None:
    op.create_table(
        "submission",
        sa.Column("seq", _SERIAL, nullable=False),
        _text("id"),
        _text("transaction_key"),
        _text("client"),
        _text("identifier"),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        _text("version"),
        _text("parties"),
        _text("claim_url"),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_submission"),
        sa.UniqueConstraint("id", name="uq_submission_id"),
        sa.UniqueConstraint("transaction_key", name="uq_submission_transaction_key"),
    )
    op.create_table(
        "item",
        _submission(),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        _text("policy_id", null=True),
        _text("policy_uri", null=True),
        _text("edition", null=True),
        _text("outcome"),
        _text("action"),
        _text("reason", null=True),
        _text("number", null=True),
        _text("reference", null=True),
        sa.Column("period_start", sa.Date),
        sa.Column("period_end", sa.Date),
        sa.Column("service_start", sa.Date),
        sa.Column("service_end", sa.Date),
        _text("codes"),
        _text("previous_numbers"),
        _text("findings"),
        _text("engine"),
        sa.PrimaryKeyConstraint("submission", "sequence", name="pk_item"),
        _belongs("item"),
        sa.UniqueConstraint("number", name="uq_item_number"),
        sa.UniqueConstraint("reference", name="uq_item_reference"),
    )


def _found_by() -> None:
    op.create_table(
        "visible",
        _text("member"),
        _text("npi"),
        _submission(),
        sa.PrimaryKeyConstraint("member", "npi", "submission", name="pk_visible"),
        _belongs("visible"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "item_key",
        _submission(),
        _text("kind"),
        _text("value"),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("submission", "kind", "value", "sequence", name="pk_item_key"),
        _belongs("item_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "approval",
        _text("number"),
        _text("member"),
        _text("policy_id"),
        sa.Column("period_start", sa.Date, nullable=False),
        sa.Column("period_end", sa.Date, nullable=False),
        _submission(),
        sa.PrimaryKeyConstraint("number", "member", name="pk_approval"),
        sa.ForeignKeyConstraint(["number"], ["item.number"], name="fk_approval_number"),
        _belongs("approval"),
    )
    op.create_index("ix_approval_member", "approval", ["member", "policy_id", "period_end"])


def _answers() -> None:
    op.create_table(
        "rendering",
        _submission(),
        _text("version"),
        _text("kind"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("submission", "version", "kind", name="pk_rendering"),
        _belongs("rendering"),
    )
    op.create_table(
        "assertion",
        _text("id"),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        _text("hook"),
        _text("version"),
        _text("member_ids"),
        _text("policy_id", null=True),
        _text("edition", null=True),
        _text("form", null=True),
        _text("order"),
        _text("coverage"),
        sa.PrimaryKeyConstraint("id", name="pk_assertion"),
    )


def _beside() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _text("event"),
        _text("subject"),
        _text("detail"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])
    if op.get_bind().dialect.name == "postgresql":
        # The bytes are always read whole. Compressing them would take a submit longer than writing them uncompressed.
        op.execute("ALTER TABLE submission ALTER COLUMN request SET STORAGE EXTERNAL")
        op.execute("ALTER TABLE rendering ALTER COLUMN body SET STORAGE EXTERNAL")
