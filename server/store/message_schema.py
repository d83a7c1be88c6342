"""The tables of what comes in after a request, part of the record's schema (schema.py)."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, UniqueConstraint

from server.store.schema import Instant, Serial, Words, metadata

message = Table(
    "message",
    metadata,
    Column("submission", BigInteger, ForeignKey("submission.seq"), primary_key=True, autoincrement=False),
    Column("facts", Integer, primary_key=True, autoincrement=False),
    Column("transaction_key", Words, nullable=False),
    Column("client", Words, nullable=False),
    Column("claim_url", Words, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("transaction_key"),
    Index(None, "claim_url"),
)
"""What the sender of a case sent later, as it came: updates and attachments. `facts`: the number of the fact of it."""

unmatched = Table(
    "unmatched",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("caller", Words, nullable=False),
    Column("content", Words, nullable=False),
    Column("tracking", Words, nullable=False),
    Column("member", Words, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("content"),
    Index(None, "tracking"),
)
"""Attachments whose request is not known, as they came. `content`: a hash, by which the same is kept once."""
