"""The review desk: a row a case for its work-list, who has taken which case, who may sign in, and who is signed in."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_AT = sa.DateTime(timezone=True)
_WAITING = sa.text("waits_for IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "desk_case",
        sa.Column("submission", sa.BigInteger, nullable=False),
        sa.Column("waits_for", sa.Text),
        sa.Column("needs", sa.Text),
        sa.Column("policy_id", sa.Text),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("patient_key", sa.LargeBinary, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("started", _AT, nullable=False),
        sa.Column("half", _AT, nullable=False),
        sa.Column("most", _AT, nullable=False),
        sa.Column("due", _AT, nullable=False),
        sa.Column("expedited", sa.Boolean, nullable=False),
        sa.Column("paused_since", _AT),
        sa.Column("next_crossing", _AT),
        sa.PrimaryKeyConstraint("submission", name="pk_desk_case"),
        sa.ForeignKeyConstraint(["submission"], ["submission.seq"], name="fk_desk_case_submission"),
    )
    for name, columns in {
        "ix_desk_case_due": ["due"],
        "ix_desk_case_needs": ["needs", "due"],
        "ix_desk_case_waits_for": ["waits_for", "due"],
        "ix_desk_case_policy_id": ["policy_id", "due"],
    }.items():
        op.create_index(name, "desk_case", columns, sqlite_where=_WAITING, postgresql_where=_WAITING)
    op.create_index("ix_desk_case_patient_key", "desk_case", ["patient_key"])
    op.create_index("ix_desk_case_next_crossing", "desk_case", ["next_crossing"])
    op.create_table(
        "taken",
        sa.Column("submission", sa.BigInteger, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("submission", name="pk_taken"),
        sa.ForeignKeyConstraint(["submission"], ["submission.seq"], name="fk_taken_submission"),
    )
    op.create_index("ix_taken_login", "taken", ["login"])
    op.create_table(
        "reviewer",
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("npi", sa.Text, nullable=False),
        sa.Column("specialty", sa.Text),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("login", name="pk_reviewer"),
    )
    op.create_table(
        "session",
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("opened", _AT, nullable=False),
        sa.Column("seen", _AT, nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_session"),
    )
    op.create_index("ix_session_opened", "session", ["opened"])
    op.create_table(
        "failed_sign_in",
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last", _AT, nullable=False),
        sa.PrimaryKeyConstraint("login", name="pk_failed_sign_in"),
    )
    op.create_index("ix_failed_sign_in_last", "failed_sign_in", ["last"])
