"""Fills a record with authorizations of other members of the same clinic, so that an inquiry has much to not find."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table, func, insert, select

from server.store import rows, schema
from server.store.connect import connect
from server.store.ports import Change
from tests.requests.cases import opening

_AT_ONCE = 2_000


def fill(database_url: str, total: int, npis: tuple[str, ...]) -> None:
    """Adds cases until the record holds `total`, in large transactions; their providers are `npis`."""
    engines = connect(database_url)
    try:
        with engines.reads.connect() as connection:
            held = connection.execute(select(func.count(), func.max(schema.submission.c.seq))).one()
        numbers = iter(range(held[1] or 0, (held[1] or 0) + total - held[0]))
        while chunk := list(itertools.islice(numbers, _AT_ONCE)):
            made: dict[Table, list[dict[str, Any]]] = defaultdict(list)
            for number in chunk:
                for table, row in _rows(number + 1, opening(member_ids=(f"SEED-{number}",), npis=npis)):
                    made[table].append(row)
            with engines.writes.begin() as connection:
                for table, many in made.items():
                    connection.execute(insert(table), many)
    finally:
        engines.dispose()


def _rows(seq: int, change: Change) -> Iterator[tuple[Table, dict[str, Any]]]:
    yield schema.submission, {**rows.submission_row(change), "seq": seq}
    for part in rows.parts(change):
        for row in part.rows:
            yield part.table, {**row, "submission": seq}
