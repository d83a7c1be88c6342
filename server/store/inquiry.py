"""`$inquire` as SQL (pas T-35, P-78): member and provider always, a number first, the rest where given."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, exists, or_, select

from server.store.ports import Inquiry
from server.store.rows import key
from server.store.schema import item, item_key, submission, visible


def matching(inquiry: Inquiry, *, by_number: bool) -> tuple[Select[str], Mapping[str, Any]]:
    """The ids of the submissions that match, newest first: the statement, and its values.

    by_number: search by the numbers instead of the soft filters. One item must pass all soft filters; an item without
    dates passes the filter by dates.
    """
    values: dict[str, Any] = {
        "members": [key(m) for m in inquiry.member_ids],
        "npis": [key(n) for n in inquiry.npis],
        "limit": inquiry.limit,
    }
    if by_number:
        return _statement(number=True), values | {"number": [key(n) for n in inquiry.numbers]}
    if inquiry.codes:
        values["code"] = [key(c) for c in inquiry.codes]
    if inquiry.actions:
        values["actions"] = list(inquiry.actions)
    if inquiry.service:
        values["first"], values["last"] = inquiry.service
    return _statement(code=bool(inquiry.codes), action=bool(inquiry.actions), day=bool(inquiry.service)), values


@cache
def _statement(*, number: bool = False, code: bool = False, action: bool = False, day: bool = False) -> Select[str]:
    """The statement with the filters that are asked for. Each is built once, which takes longer than running it."""
    wanted: list[ColumnElement[bool]] = []
    if number:
        wanted.append(_keyed("number"))
    if code:
        wanted.append(_keyed("code"))
    if action:
        wanted.append(item.c.action.in_(bindparam("actions", expanding=True)))
    if day:
        wanted.append(_in_service())
    found = (
        select(visible.c.submission)
        .where(
            visible.c.member.in_(bindparam("members", expanding=True)),
            visible.c.npi.in_(bindparam("npis", expanding=True)),
        )
        .group_by(visible.c.submission)
        .order_by(visible.c.submission.desc())
        .limit(bindparam("limit"))
    )
    if wanted:
        found = found.where(exists().where(item.c.submission == visible.c.submission, *wanted).correlate(visible))
    newest = found.subquery()
    return (
        select(submission.c.id).join(newest, newest.c.submission == submission.c.seq).order_by(submission.c.seq.desc())
    )


def _keyed(kind: str) -> ColumnElement[bool]:
    """The condition that an item has one of the values as a key of this kind."""
    return (
        exists()
        .where(
            item_key.c.submission == item.c.submission,
            item_key.c.sequence == item.c.sequence,
            item_key.c.kind == kind,
            item_key.c.value.in_(bindparam(kind, expanding=True)),
        )
        .correlate(item)
    )


def _in_service() -> ColumnElement[bool]:
    """An item also matches by the period of its approval, which may reach beyond the days that were requested."""
    first: BindParameter[date] = bindparam("first")
    last: BindParameter[date] = bindparam("last")
    return or_(
        item.c.service_start.is_(None),
        and_(item.c.service_start <= last, item.c.service_end >= first),
        and_(item.c.period_start <= last, item.c.period_end >= first),
    )
