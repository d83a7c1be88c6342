"""`$inquire` as SQL (pas T-35, P-78): member and provider always, a number first, the rest where given."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from server.store.ports import Inquiry
from server.store.rows import key
from server.store.schema import item, item_key, submission, visible


def matching(inquiry: Inquiry, *, by_number: bool) -> Select[str]:
    """The ids of the submissions that match, newest first.

    by_number: search by the numbers instead of the soft filters. One item must pass all soft filters; an item without
    dates passes the filter by dates.
    """
    narrowed = _keyed("number", inquiry.numbers) if by_number else _soft(inquiry)
    found = (
        select(visible.c.submission)
        .where(visible.c.member.in_(map(key, inquiry.member_ids)), visible.c.npi.in_(map(key, inquiry.npis)))
        .group_by(visible.c.submission)
        .order_by(visible.c.submission.desc())
        .limit(inquiry.limit)
    )
    if narrowed is not None:
        found = found.where(_an_item(narrowed))
    newest = found.subquery()
    return (
        select(submission.c.id).join(newest, newest.c.submission == submission.c.seq).order_by(submission.c.seq.desc())
    )


def _an_item(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(item.c.submission == visible.c.submission, condition).correlate(visible)


def _keyed(kind: str, values: Iterable[str]) -> ColumnElement[bool]:
    """The condition that an item has one of the values as a key of this kind."""
    return (
        exists()
        .where(
            item_key.c.submission == item.c.submission,
            item_key.c.sequence == item.c.sequence,
            item_key.c.kind == kind,
            item_key.c.value.in_(map(key, values)),
        )
        .correlate(item)
    )


def _soft(inquiry: Inquiry) -> ColumnElement[bool] | None:
    wanted: list[ColumnElement[bool]] = []
    if inquiry.codes:
        wanted.append(_keyed("code", inquiry.codes))
    if inquiry.actions:
        wanted.append(item.c.action.in_(inquiry.actions))
    if inquiry.service:
        first, last = inquiry.service
        # An item also matches by the period of its approval, which may reach beyond the days that were requested.
        wanted.append(
            or_(
                item.c.service_start.is_(None),
                and_(item.c.service_start <= last, item.c.service_end >= first),
                and_(item.c.period_start <= last, item.c.period_end >= first),
            )
        )
    return and_(*wanted) if wanted else None
