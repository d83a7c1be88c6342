"""The tables of the review desk, part of the record's schema (schema.py)."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, text

from server.store.schema import Instant, Words, metadata

_WAITING = text("waits_for IS NOT NULL")


def _of_waiting(*columns: str) -> Index:
    """An index of the cases that wait, which alone the work-list shows."""
    return Index(f"ix_desk_case_{columns[0]}", *columns, sqlite_where=_WAITING, postgresql_where=_WAITING)


desk_case = Table(
    "desk_case",
    metadata,
    Column("submission", BigInteger, ForeignKey("submission.seq"), primary_key=True, autoincrement=False),
    Column("waits_for", Words),
    Column("needs", Words),
    Column("policy_id", Words),
    Column("patient", Words, nullable=False),
    Column("patient_key", LargeBinary, nullable=False),
    Column("member", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("started", Instant, nullable=False),
    Column("half", Instant, nullable=False),
    Column("most", Instant, nullable=False),
    Column("due", Instant, nullable=False),
    Column("expedited", Boolean, nullable=False),
    Column("paused_since", Instant),
    Column("next_crossing", Instant),
    _of_waiting("due"),
    _of_waiting("needs", "due"),
    _of_waiting("waits_for", "due"),
    _of_waiting("policy_id", "due"),
    Index(None, "patient_key"),
    Index(None, "next_crossing"),
)
"""One row a case: what the work-list shows, orders and is searched by. waits_for, needs: None once all is decided.
patient_key: bytes, since databases order text in different ways. half, most, due: when half, four fifths and all of the
time are gone; next_crossing: which of them comes next."""

taken = Table(
    "taken",
    metadata,
    Column("submission", BigInteger, ForeignKey("submission.seq"), primary_key=True, autoincrement=False),
    Column("login", Words, nullable=False, index=True),
    Column("at", Instant, nullable=False),
)
"""Which reviewer works on a case."""

reviewer = Table(
    "reviewer",
    metadata,
    Column("login", Words, primary_key=True),
    Column("role", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("npi", Words, nullable=False),
    Column("specialty", Words),
    Column("password_hash", Words, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("token", Words, primary_key=True),
    Column("login", Words, nullable=False),
    Column("opened", Instant, nullable=False, index=True),
    Column("seen", Instant, nullable=False),
)
"""Who is signed in. token: SHA-256 of what the cookie holds, so that a copy of the record opens no session."""

failed_sign_in = Table(
    "failed_sign_in",
    metadata,
    Column("login", Words, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last", Instant, nullable=False, index=True),
)
