"""The tables of subscriptions and of the outbox; the rest of the record is in schema.py."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, Table, UniqueConstraint

from server.store.schema import Instant, Serial, Words, metadata

subscription = Table(
    "subscription",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", Words, nullable=False),
    Column("owner", Words, nullable=False),
    Column("sees", Words),
    Column("version", Words, nullable=False),
    Column("resource", Words, nullable=False),
    Column("headers", Words, nullable=False),
    Column("heartbeat", Integer),
    Column("end", Instant),
    Column("revision", Integer, nullable=False),
    Column("status", Words, nullable=False),
    Column("shaken", Boolean, nullable=False),
    Column("reason", Words),
    Column("events", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Instant),
    Column("not_before", Instant),
    Column("beat", Instant),
    Column("claim", Words),
    Column("claimed_until", Instant),
    UniqueConstraint("id"),
)
"""`sees`: JSON list of the owner's NPIs, NULL where it sees everybody's. `revision`: counts what the owner changed.
`events`: the number of the last event; `delivered`: of the last that the subscriber took. `claim`: the worker that
sends at this moment, until `claimed_until`; the order of notifications rests on it."""

subscription_filter = Table(
    "subscription_filter",
    metadata,
    Column("value", Words, primary_key=True),
    Column("subscription", BigInteger, ForeignKey("subscription.seq"), primary_key=True, autoincrement=False),
)
"""Whose requests a subscription is about."""

event = Table(
    "event",
    metadata,
    Column("subscription", BigInteger, ForeignKey("subscription.seq"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("submission", BigInteger, ForeignKey("submission.seq"), nullable=False),
    Column("facts", Integer, nullable=False),
    Column("at", Instant, nullable=False),
)
"""The outbox: the answer that a case had with this many facts is to be told. Rows are only ever added."""
