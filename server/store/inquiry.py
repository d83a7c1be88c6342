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
    dates passes the filter by dates of service, but not that by days of an authorization, which it has none of.
    """
    values: dict[str, Any] = {
        "members": [key(m) for m in inquiry.member_ids],
        "npis": [key(n) for n in inquiry.npis],
        "limit": inquiry.limit,
    }
    if by_number:
        return _statement(frozenset({"number"})), values | {"number": [key(n) for n in inquiry.numbers]}
    if inquiry.codes:
        values["code"] = [key(c) for c in inquiry.codes]
    if inquiry.actions:
        values["actions"] = list(inquiry.actions)
    spans = {"service": inquiry.service, "begins": inquiry.begins, "ends": inquiry.ends}
    for name, span in spans.items():
        if span:
            values[f"{name}_first"], values[f"{name}_last"] = span
    asked = {"code": inquiry.codes, "actions": inquiry.actions, **spans}
    return _statement(frozenset(name for name, given in asked.items() if given)), values


@cache
def _statement(filters: frozenset[str]) -> Select[str]:
    """The statement with the filters of these names. Each is built once, which takes longer than running it."""
    wanted = [condition for name, condition in _conditions().items() if name in filters]
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


def _conditions() -> dict[str, ColumnElement[bool]]:
    return {
        "number": _keyed("number"),
        "code": _keyed("code"),
        "actions": item.c.action.in_(bindparam("actions", expanding=True)),
        "service": _in_service(),
        "begins": item.c.period_start.between(bindparam("begins_first"), bindparam("begins_last")),
        "ends": item.c.period_end.between(bindparam("ends_first"), bindparam("ends_last")),
    }


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
    first: BindParameter[date] = bindparam("service_first")
    last: BindParameter[date] = bindparam("service_last")
    return or_(
        item.c.service_start.is_(None),
        and_(item.c.service_start <= last, item.c.service_end >= first),
        and_(item.c.period_start <= last, item.c.period_end >= first),
    )
