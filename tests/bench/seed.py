"""Fills a record with authorizations of other members of the same clinic, so that an inquiry has much to not find."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table, func, insert, select

from server.store import rows, schema
from server.store.connect import connect
from server.store.ports import Submission
from tests.submissions import a_submission

_AT_ONCE = 2_000


def fill(database_url: str, total: int, npis: tuple[str, ...]) -> None:
    """Adds submissions until the record holds `total`, in large transactions; their providers are `npis`."""
    engines = connect(database_url)
    try:
        with engines.reads.connect() as connection:
            held = connection.execute(select(func.count(), func.max(schema.submission.c.seq))).one()
        numbers = iter(range(held[1] or 0, (held[1] or 0) + total - held[0]))
        while chunk := list(itertools.islice(numbers, _AT_ONCE)):
            made: dict[Table, list[dict[str, Any]]] = defaultdict(list)
            for number in chunk:
                for table, row in _rows(number + 1, a_submission(member_ids=(f"SEED-{number}",), npis=npis)):
                    made[table].append(row)
            with engines.writes.begin() as connection:
                for table, many in made.items():
                    connection.execute(insert(table), many)
    finally:
        engines.dispose()


def _rows(seq: int, submission: Submission) -> Iterator[tuple[Table, dict[str, Any]]]:
    yield schema.submission, {**rows.submission_row(submission), "seq": seq}
    for part in rows.parts(submission):
        for row in part.rows:
            yield part.table, {**row, "submission": seq}
