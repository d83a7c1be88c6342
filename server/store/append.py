"""Adds facts to a case: keeps the answer valid until now, writes the one valid from now on, notes whom to tell."""

from collections.abc import Callable

from sqlalchemy import Connection, Table, delete, insert, literal, select, update

from server.store import rows
from server.store.message_schema import message
from server.store.messages import message_rows
from server.store.outbox_events import record_events
from server.store.ports import Change
from server.store.schema import (
    approval,
    fact,
    former_rendering,
    item,
    item_key,
    rendering,
    submission,
    visible,
)


def append(connection: Connection, change: Change, admit: Callable[[Connection, Change], None]) -> int | None:
    """Within the transaction of `connection`: the `seq` of the case; None, and nothing written, when it has others.

    admit: refuses a `single` change, as `overlap.refuse_overlap` does.
    """
    case = change.case
    claimed = (
        update(submission)
        .where(submission.c.id == case.id, submission.c.facts == change.expected)
        .values(facts=case.facts)
        .returning(submission.c.seq)
    )
    seq = connection.execute(claimed).scalar()  # a second writer waits here; SQLite has only one
    if seq is None:
        if connection.execute(select(submission.c.seq).where(submission.c.id == case.id)).scalar() is None:
            raise LookupError(f"case {case.id} is not there")
        return None
    if change.single:
        admit(connection, change)
    _insert(connection, fact, seq, rows.fact_rows(change))
    _answer(connection, seq, change)
    _items(connection, seq, change)
    if sent := message_rows(change):
        _insert(connection, message, seq, sent)
        _insert(connection, visible, seq, _newly_visible(connection, seq, change))
    record_events(connection, seq, change)
    return int(seq)


def _newly_visible(connection: Connection, seq: int, change: Change) -> list[rows.Row]:
    """Whom an update names is added to those who may find the case; nobody is taken away."""
    columns = (visible.c.member, visible.c.npi)
    known = {tuple(row) for row in connection.execute(select(*columns).where(visible.c.submission == seq))}
    return [v for v in rows.visible_to(change.case.request) if (v["member"], v["npi"]) not in known]


def _answer(connection: Connection, seq: int, change: Change) -> None:
    was = select(
        rendering.c.submission, literal(change.expected), rendering.c.version, rendering.c.kind, rendering.c.body
    ).where(rendering.c.submission == seq)
    columns = ("submission", "facts", "version", "kind", "body")
    connection.execute(insert(former_rendering).from_select(columns, was))
    connection.execute(delete(rendering).where(rendering.c.submission == seq))
    _insert(connection, rendering, seq, rows.renderings(change.renderings))


def _items(connection: Connection, seq: int, change: Change) -> None:
    case = change.case
    connection.execute(delete(approval).where(approval.c.submission == seq))
    known = set(connection.scalars(select(item.c.sequence).where(item.c.submission == seq)))
    for now in case.items:
        if now.sequence in known:
            here = (item.c.submission == seq, item.c.sequence == now.sequence)
            connection.execute(update(item).where(*here).values(rows.item_row(now)))
    _insert(connection, item, seq, [rows.item_row(now) for now in case.items if now.sequence not in known])
    _insert(connection, item_key, seq, _new_keys(connection, seq, change))
    _insert(connection, approval, seq, list(rows.approvals(case.items, map(rows.key, case.request.member_ids))))


def _insert(connection: Connection, table: Table, seq: int, new: list[rows.Row]) -> None:
    if new:
        connection.execute(insert(table), [{**row, "submission": seq} for row in new])


def _new_keys(connection: Connection, seq: int, change: Change) -> list[rows.Row]:
    """The keys that are new. Old keys stay, so that an old number still finds its case (pas P-76)."""
    columns = (item_key.c.kind, item_key.c.value, item_key.c.sequence)
    known = {tuple(row) for row in connection.execute(select(*columns).where(item_key.c.submission == seq))}
    return [k for k in rows.item_keys(change.case.items) if (k["kind"], k["value"], k["sequence"]) not in known]
