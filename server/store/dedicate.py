"""Marks a record as a plan's or a sandbox's, so that a server never opens one as the other."""

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from server.errors import UnusableDatabase
from server.store.schema import mark, submission

_SANDBOX = "sandbox"


def dedicate(connection: Connection, *, sandbox: bool, at: datetime) -> None:
    """Within the transaction of `connection`; see ports.Store.dedicate."""
    marked = connection.execute(select(mark.c.name).where(mark.c.name == _SANDBOX)).scalar() is not None
    if marked and not sandbox:
        raise UnusableDatabase(
            "This database is a sandbox's: its decisions are scripted. Set VITRUVIAN_SANDBOX to its file, or set "
            "VITRUVIAN_DATABASE_URL to another database."
        )
    if marked or not sandbox:
        return
    if connection.execute(select(submission.c.seq).limit(1)).scalar() is not None:
        raise UnusableDatabase(
            "This database holds decisions that no sandbox made, and scripted ones must not stand among them. Unset "
            "VITRUVIAN_SANDBOX, or set VITRUVIAN_DATABASE_URL to a database of the sandbox's own."
        )
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # two processes of one sandbox may start at once
    connection.execute(insert(mark).on_conflict_do_nothing(), {"name": _SANDBOX, "at": at})
