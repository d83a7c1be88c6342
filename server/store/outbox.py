"""Subscriptions and their events in SQL: the Outbox port on SQLAlchemy Core."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, and_, case, delete, func, insert, or_, select, update

from server.fhir.version import Version
from server.store import rows
from server.store.outbox_ports import ERROR, OFF, Asked, Backlog, Event, Standing, Subscription
from server.store.outbox_schema import event, subscription, subscription_filter
from server.store.schema import former_rendering, rendering, submission

_SUBMIT = "submit"


class SqlOutbox:
    """See outbox_ports.Outbox. write, reading: the store's own, with its faults and its commits."""

    def __init__(
        self,
        write: Callable[[Callable[[Connection], Any]], Any],
        reading: Callable[[], AbstractContextManager[Connection]],
    ) -> None:
        self._write = write
        self._reading = reading

    def create(self, new: Subscription) -> None:
        row = {
            "id": new.id,
            "owner": new.owner,
            "sees": None if new.sees is None else _json(new.sees),
            "events": new.events,
            "revision": new.revision,
            **_asked_row(new.asked),
            **asdict(new.standing),
        }

        def work(connection: Connection) -> None:
            seq = connection.execute(insert(subscription).returning(subscription.c.seq), row).scalar_one()
            _filter(connection, seq, new.asked)

        self._write(work)

    def find(self, id_: str) -> Subscription | None:
        with self._reading() as connection:
            return _found(connection, id_)

    def change(self, id_: str, asked: Asked, standing: Standing) -> Subscription | None:
        now = asdict(standing)
        del now["delivered"]
        changed = (
            update(subscription)
            .where(subscription.c.id == id_)
            .values(**_asked_row(asked), **now, revision=subscription.c.revision + 1)
            .returning(subscription.c.seq)
        )

        def work(connection: Connection) -> Subscription | None:
            seq = connection.execute(changed).scalar()
            if seq is None:
                return None
            connection.execute(delete(subscription_filter).where(subscription_filter.c.subscription == seq))
            _filter(connection, seq, asked)
            return _found(connection, id_)

        changed_to: Subscription | None = self._write(work)
        return changed_to

    def delete(self, id_: str) -> bool:
        # locked first: a change that is under way adds its event before, or finds no subscription after
        locked = update(subscription).where(subscription.c.id == id_).values(status=OFF).returning(subscription.c.seq)

        def work(connection: Connection) -> bool:
            seq = connection.execute(locked).scalar()
            for table in (event, subscription_filter):
                connection.execute(delete(table).where(table.c.subscription == seq))
            connection.execute(delete(subscription).where(subscription.c.seq == seq))
            return seq is not None

        return bool(self._write(work))

    def events(self, id_: str, first: int, last: int) -> Sequence[Event]:
        wanted = (
            select(event, submission.c.id, subscription.c.version)
            .join(subscription, subscription.c.seq == event.c.subscription)
            .join(submission, submission.c.seq == event.c.submission)
            .where(subscription.c.id == id_, event.c.number >= first, event.c.number <= last)
            .order_by(event.c.number)
        )
        with self._reading() as connection:
            found = connection.execute(wanted).mappings().all()
            return [Event(e["number"], e["at"], e["id"], _body(connection, e)) for e in found]

    def backlog(self) -> Backlog:
        s = subscription.c
        failing = func.coalesce(func.sum(case((s.status == ERROR, 1), else_=0)), 0)
        counted = select(func.coalesce(func.sum(s.events - s.delivered), 0), failing).where(s.status != OFF)
        with self._reading() as connection:
            events, broken = connection.execute(counted).one()
            return Backlog(int(events), int(broken))

    def due(self, at: datetime, limit: int) -> Sequence[str]:
        s = subscription.c
        wanted = (
            select(s.id)
            .where(
                s.status != OFF,
                or_(s.claimed_until.is_(None), s.claimed_until < at),
                or_(
                    s.end <= at,
                    and_(
                        or_(s.not_before.is_(None), s.not_before <= at),
                        or_(s.shaken.is_(False), s.delivered < s.events, s.beat <= at),
                    ),
                ),
            )
            .order_by(s.failures, s.not_before, s.seq)
            .limit(limit)
        )
        with self._reading() as connection:
            return connection.scalars(wanted).all()

    def claim(self, id_: str, claim: str, at: datetime, until: datetime) -> Subscription | None:
        s = subscription.c
        free = (s.id == id_, s.status != OFF, or_(s.claimed_until.is_(None), s.claimed_until < at))
        return self._claimed(id_, free, {"claim": claim, "claimed_until": until})

    def settle(
        self, subscription_: Subscription, claim: str, standing: Standing, until: datetime
    ) -> Subscription | None:
        s = subscription.c
        mine = (s.id == subscription_.id, s.claim == claim, s.revision == subscription_.revision)
        return self._claimed(subscription_.id, mine, {**asdict(standing), "claimed_until": until})

    def release(self, id_: str, claim: str) -> None:
        mine = (subscription.c.id == id_, subscription.c.claim == claim)
        freed = update(subscription).where(*mine).values(claim=None, claimed_until=None)
        self._write(lambda connection: connection.execute(freed).rowcount)

    def _claimed(self, id_: str, where: tuple[Any, ...], values: dict[str, Any]) -> Subscription | None:
        def work(connection: Connection) -> Subscription | None:
            done = connection.execute(update(subscription).where(*where).values(**values).returning(subscription.c.seq))
            return None if done.scalar() is None else _found(connection, id_)

        found: Subscription | None = self._write(work)
        return found


def _body(connection: Connection, row: RowMapping) -> bytes:
    """The answer that the case had with that many facts; while it is looked for, it may become a former one."""
    now = (
        select(rendering.c.body)
        .join(submission, submission.c.seq == rendering.c.submission)
        .where(
            submission.c.seq == row["submission"],
            submission.c.facts == row["facts"],
            rendering.c.version == row["version"],
            rendering.c.kind == _SUBMIT,
        )
    )
    former = select(former_rendering.c.body).where(
        former_rendering.c.submission == row["submission"],
        former_rendering.c.facts == row["facts"],
        former_rendering.c.version == row["version"],
        former_rendering.c.kind == _SUBMIT,
    )
    found = connection.execute(now).scalar()
    return bytes(connection.execute(former).scalar_one() if found is None else found)


def _asked_row(asked: Asked) -> rows.Row:
    return {
        "version": asked.version,
        "resource": _json(dict(asked.resource)),
        "headers": _json(asked.headers),
        "heartbeat": asked.heartbeat,
        "end": asked.end,
    }


def _filter(connection: Connection, seq: int, asked: Asked) -> None:
    values = sorted({rows.key(v) for v in asked.filters})
    if values:
        connection.execute(insert(subscription_filter), [{"value": v, "subscription": seq} for v in values])


def _found(connection: Connection, id_: str) -> Subscription | None:
    row = connection.execute(select(subscription).where(subscription.c.id == id_)).mappings().one_or_none()
    if row is None:
        return None
    about = select(subscription_filter.c.value).where(subscription_filter.c.subscription == row["seq"])
    asked = Asked(
        version=Version(row["version"]),
        resource=orjson.loads(row["resource"]),
        headers=tuple(orjson.loads(row["headers"])),
        filters=tuple(sorted(connection.scalars(about))),
        heartbeat=row["heartbeat"],
        end=row["end"],
    )
    standing = Standing(**{name: row[name] for name in Standing.__dataclass_fields__})
    return Subscription(
        id=row["id"],
        owner=row["owner"],
        sees=None if row["sees"] is None else tuple(orjson.loads(row["sees"])),
        asked=asked,
        standing=standing,
        events=row["events"],
        revision=row["revision"],
        claimed_until=row["claimed_until"],
    )


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
