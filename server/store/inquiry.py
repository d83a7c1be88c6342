"""`$inquire` as SQL (pas T-35, P-78): member and provider always, a number first, the rest where given."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from server.store.ports import Inquiry
from server.store.rows import key
from server.store.schema import item, search_key, submission


def matching(inquiry: Inquiry, *, by_number: bool) -> Select[str]:
    """The ids of the submissions that match, newest first.

    by_number: one of the numbers instead of the soft filters. Soft filters must all hold for one and the same item; an
    item without dates is not ruled out by them.
    """
    narrowed = _has("number", inquiry.numbers) if by_number else _soft(inquiry)
    return (
        select(submission.c.id)
        .where(
            submission.c.seq.in_(
                select(search_key.c.submission).where(*_keyed("member", inquiry.member_ids)),
            ),
            _has("npi", inquiry.npis),
            *([] if narrowed is None else [narrowed]),
        )
        .order_by(submission.c.seq.desc())
        .limit(inquiry.limit)
    )


def _keyed(kind: str, values: Iterable[str]) -> tuple[ColumnElement[bool], ...]:
    return search_key.c.kind == kind, search_key.c.value.in_([key(v) for v in values])


def _has(kind: str, values: Iterable[str], *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(search_key.c.kind)
        .where(*_keyed(kind, values), search_key.c.submission == submission.c.seq, *more)
        .correlate(submission, item)
        .exists()
    )


def _soft(inquiry: Inquiry) -> ColumnElement[bool] | None:
    wanted: list[Any] = []
    if inquiry.codes:
        wanted.append(_has("code", inquiry.codes, search_key.c.item == item.c.sequence))
    if inquiry.actions:
        wanted.append(item.c.action.in_(inquiry.actions))
    if inquiry.service:
        first, last = inquiry.service
        # The period of an approval counts as well: a day late in it was never asked for, and is authorized.
        wanted.append(
            or_(
                item.c.service_start.is_(None),
                and_(item.c.service_start <= last, item.c.service_end >= first),
                and_(item.c.period_start <= last, item.c.period_end >= first),
            )
        )
    if not wanted:
        return None
    return select(item.c.sequence).where(item.c.submission == submission.c.seq, *wanted).correlate(submission).exists()
