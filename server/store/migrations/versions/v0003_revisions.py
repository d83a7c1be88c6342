"""Decisions that are changed later: by whom, and what stood there before. And what a record is: a sandbox's, or not."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _of_revision(table: str, *columns: sa.Column[Any]) -> None:
    key = ("submission", "number", *(c.name for c in columns if c.name in ("version", "kind")))
    op.create_table(
        table,
        sa.Column("submission", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint(*key, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["submission"], ["submission.seq"], name=f"fk_{table}_submission"),
    )


def upgrade() -> None:
    op.add_column("item", sa.Column("decided_by", sa.Text))
    _of_revision(
        "revision",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("items", sa.Text, nullable=False),
    )
    _of_revision(
        "former_rendering",
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "mark",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_mark"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE former_rendering ALTER COLUMN body SET STORAGE EXTERNAL")
