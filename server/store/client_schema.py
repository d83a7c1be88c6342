"""The tables of authentication, part of the record's schema (schema.py)."""

from sqlalchemy import Column, Table

from server.store.schema import Instant, Serial, Words, metadata

client = Table(
    "client",
    metadata,
    Column("id", Words, primary_key=True),
    Column("body", Words, nullable=False),
    Column("added", Instant, nullable=False),
)
"""Who was added by `add-client`. `body`: JSON of the table that a plan file would have."""

access_token = Table(
    "access_token",
    metadata,
    Column("token", Words, primary_key=True),
    Column("client", Words, nullable=False),
    Column("scope", Words, nullable=False),
    Column("expires", Instant, nullable=False, index=True),
)
"""token: SHA-256 of what the client holds, so that a copy of the record opens nothing."""

refused_token = Table(
    "refused_token",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("client", Words, nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("place", Words, nullable=False),
    Column("reason", Words, nullable=False),
)
"""For `doctor`: why a client's last tokens were refused. The newest of each client are kept."""
