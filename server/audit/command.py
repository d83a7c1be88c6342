"""`verify-audit` and `export-audit`: whether the audit rows are what was written, and those rows for other systems."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import orjson

from server.audit.event import audit_event
from server.errors import UnusableSetting
from server.store.chain import AuditRow, heads_from, heads_text, problems
from server.store.sql import open_store

_MOST = 100
"""Problems that are printed; who exchanged the whole record need not be told of each row."""


def verify(database_url: str, kept: str | None, say: Callable[[str], object]) -> int:
    """Prints what is wrong with the audit rows, and the head to keep; 1 when anything is wrong. It changes nothing.

    kept: a head that was printed earlier. Raises UnusableSetting for a text that is none, and UnusableDatabase.
    """
    try:
        earlier = heads_from(kept) if kept is not None else ()
    except ValueError:
        raise UnusableSetting("--head is no head; give back what `verify-audit` printed after `head:`.") from None
    counted = _Counted()
    with closing(open_store(database_url, bring_up=False)) as store, store.trail() as (heads, rows):
        found = problems(counted.of(rows), heads, earlier)
        for problem in islice(found, _MOST):
            say(problem + "\n")
            counted.problems += 1
        more = sum(1 for _ in found)
    if more:
        say(f"and {more} problems more.\n")
    counted.problems += more
    say(f"{counted.rows} audit rows, {counted.problems} problems\n")
    if counted.problems == 0 and counted.rows:
        say(f"head: {heads_text(heads)}\n")
    return 1 if counted.problems else 0


def export(database_url: str, site: str, since: datetime | None, out: Path | None) -> int:
    """Writes an AuditEvent a line (NDJSON), by chain and number. since: none that is older. out: a file, else stdout.

    Raises UnusableSetting for a file that cannot be written, and UnusableDatabase.
    """
    with closing(open_store(database_url, bring_up=False)) as store, store.trail() as (_, rows):
        lines = (orjson.dumps(audit_event(row, site)) + b"\n" for row in rows if since is None or row.at >= since)
        if out is None:
            sys.stdout.writelines(line.decode() for line in lines)
            return 0
        try:
            with out.open("wb") as file:
                file.writelines(lines)
        except OSError as error:
            raise UnusableSetting(f"{out} cannot be written ({error.strerror}); name another file.") from error
    return 0


def moment(text: str) -> datetime:
    """A day or a moment in ISO 8601; without a zone it is UTC. Raises ValueError."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


class _Counted:
    def __init__(self) -> None:
        self.rows = self.problems = 0

    def of(self, rows: Iterable[AuditRow]) -> Iterator[AuditRow]:
        for row in rows:
            self.rows += 1
            yield row
