"""Subscriptions, whom they are about, and what each subscriber is to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"

_AT = sa.DateTime(timezone=True)
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("sees", sa.Text),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("heartbeat", sa.Integer),
        sa.Column("end", _AT),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("shaken", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", _AT),
        sa.Column("not_before", _AT),
        sa.Column("beat", _AT),
        sa.Column("claim", sa.Text),
        sa.Column("claimed_until", _AT),
        sa.PrimaryKeyConstraint("seq", name="pk_subscription"),
        sa.UniqueConstraint("id", name="uq_subscription_id"),
    )
    op.create_table(
        "subscription_filter",
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("subscription", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("value", "subscription", name="pk_subscription_filter"),
        sa.ForeignKeyConstraint(["subscription"], ["subscription.seq"], name="fk_subscription_filter_subscription"),
    )
    op.create_table(
        "event",
        sa.Column("subscription", sa.BigInteger, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("submission", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.Integer, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("subscription", "number", name="pk_event"),
        sa.ForeignKeyConstraint(["subscription"], ["subscription.seq"], name="fk_event_subscription"),
        sa.ForeignKeyConstraint(["submission"], ["submission.seq"], name="fk_event_submission"),
    )
