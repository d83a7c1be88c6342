"""Callers are authenticated: added clients, access tokens, refusals; and who may refer to an assertion."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_AT = sa.DateTime(timezone=True)
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "client",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("added", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_client"),
    )
    op.create_table(
        "access_token",
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("expires", _AT, nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_access_token"),
    )
    op.create_index("ix_access_token_expires", "access_token", ["expires"])
    op.create_table(
        "refused_token",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_refused_token"),
    )
    op.create_index("ix_refused_token_client", "refused_token", ["client"])
    op.add_column("assertion", sa.Column("sees", sa.Text))
