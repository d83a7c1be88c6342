"""A later decision on a stored submission: what stood there is kept, and what is answered from now on is written."""

import orjson
from sqlalchemy import Connection, Select, delete, func, insert, literal, select, update

from server.store import rows
from server.store.ports import Revision
from server.store.schema import approval, former_rendering, item, item_key, rendering, revision, submission, visible


def revise(connection: Connection, made: Revision) -> bool:
    """Within the transaction of `connection`; see ports.Store.revise."""
    found = select(submission.c.seq).where(submission.c.id == made.submission_id).with_for_update()
    seq = connection.execute(found).scalar()  # whoever comes second waits here; SQLite has one writer anyway
    if seq is None:
        raise LookupError(f"submission {made.submission_id} is not there")
    if connection.execute(revisions_of(seq)).scalar_one() >= made.number:
        return False
    _keep(connection, seq, made)
    _replace(connection, seq, made)
    return True


def revisions_of(seq: int) -> Select[int]:
    return select(func.count()).select_from(revision).where(revision.c.submission == seq)


def _keep(connection: Connection, seq: int, made: Revision) -> None:
    before = connection.execute(select(item).where(item.c.submission == seq).order_by(item.c.sequence)).mappings()
    kept = orjson.dumps([{str(k): v for k, v in row.items()} for row in before]).decode()
    connection.execute(insert(revision), {"submission": seq, "number": made.number, "at": made.at, "items": kept})
    was = select(
        rendering.c.submission, literal(made.number), rendering.c.version, rendering.c.kind, rendering.c.body
    ).where(rendering.c.submission == seq)
    columns = ("submission", "number", "version", "kind", "body")
    connection.execute(insert(former_rendering).from_select(columns, was))


def _replace(connection: Connection, seq: int, made: Revision) -> None:
    members = connection.scalars(select(visible.c.member).where(visible.c.submission == seq).distinct()).all()
    connection.execute(delete(approval).where(approval.c.submission == seq))
    for now in made.items:
        here = (item.c.submission == seq, item.c.sequence == now.sequence)
        connection.execute(update(item).where(*here).values(rows.item_row(now)))
    for table, new in (
        (item_key, _new_keys(connection, seq, made)),
        (approval, list(rows.approvals(made.items, members))),
    ):
        if new:
            connection.execute(insert(table), [{**row, "submission": seq} for row in new])
    for row in rows.renderings(made.renderings):
        where = (rendering.c.submission == seq, rendering.c.version == row["version"], rendering.c.kind == row["kind"])
        connection.execute(update(rendering).where(*where).values(body=row["body"]))


def _new_keys(connection: Connection, seq: int, made: Revision) -> list[rows.Row]:
    """Keys of now that were none before. Those of before stay: an old number finds what became of it (pas P-76)."""
    columns = (item_key.c.kind, item_key.c.value, item_key.c.sequence)
    known = {tuple(row) for row in connection.execute(select(*columns).where(item_key.c.submission == seq))}
    return [k for k in rows.item_keys(made.items) if (k["kind"], k["value"], k["sequence"]) not in known]
