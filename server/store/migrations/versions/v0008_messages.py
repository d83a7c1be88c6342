"""What a sender says later of a request is kept as it came, and an update finds its case by the Claim that it names."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("submission", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.Integer, nullable=False),
        sa.Column("transaction_key", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("claim_url", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("submission", "facts", name="pk_message"),
        sa.ForeignKeyConstraint(["submission"], ["submission.seq"], name="fk_message_submission"),
        sa.UniqueConstraint("transaction_key", name="uq_message_transaction_key"),
    )
    op.create_index("ix_message_claim_url", "message", ["claim_url"])
    op.create_index("ix_submission_claim_url", "submission", ["claim_url"])
    op.create_table(
        "unmatched",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("tracking", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_unmatched"),
        sa.UniqueConstraint("content", name="uq_unmatched_content"),
    )
    op.create_index("ix_unmatched_tracking", "unmatched", ["tracking"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE unmatched ALTER COLUMN body SET STORAGE EXTERNAL")
        op.execute("ALTER TABLE message ALTER COLUMN body SET STORAGE EXTERNAL")
