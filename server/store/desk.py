"""The review desk's side of the record in SQL; see desk_port.Desk for what each method promises."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, and_, case, delete, false, func, or_, select, union, update

from server.clock import now
from server.decision.apply import apply_all
from server.decision.case import Case, Fact
from server.decision.deadline import Alarm, deadline_after, deadline_of
from server.policy.desk import ClockRules
from server.store.desk_port import Crossed, DeskCase, Wanted
from server.store.desk_rows import desk_case_of, desk_row, name_key
from server.store.desk_schema import desk_case, taken
from server.store.ports import Change
from server.store.rows import facts_from, key
from server.store.schema import fact, item_key, mark, submission, visible
from server.store.sign_in import SqlSignIn, insert_or, upsert

_AT_ONCE = 200  # cases of one transaction, and warnings of one look
_MARK = "desk "

_ROWS = (
    select(submission.c.id, desk_case, taken.c.login.label("holder"))
    .join(submission, submission.c.seq == desk_case.c.submission)
    .outerjoin(taken, taken.c.submission == desk_case.c.submission)
)


def facts_of(connection: Connection, seq: int) -> list[Fact]:
    """Every fact of a submission; none where some are older than the keeping of facts."""
    kept = select(fact.c.kind, fact.c.body).where(fact.c.submission == seq).order_by(fact.c.number)
    return facts_from(connection.execute(kept))


def opened_row(change: Change, rules: ClockRules) -> dict[str, Any]:
    """The row of a case that is opened, all but `submission`."""
    return desk_row(change.case, deadline_of(change.facts, rules))


def write_desk_row(connection: Connection, seq: int, now: Case, rules: ClockRules) -> None:
    """The row of a case after a change, in the transaction of the change. A clock that may rest looks at all facts."""
    if rules.paused_while_asking:
        deadline = deadline_of(facts_of(connection, seq), rules)
    else:
        deadline = deadline_after(now, rules)
    upsert(connection, desk_case, {"submission": seq, **desk_row(now, deadline)})
    if not any(item.waits_for for item in now.items):
        connection.execute(delete(taken).where(taken.c.submission == seq))


class SqlDesk(SqlSignIn):
    """Made by SqlStore, of the same connections."""

    def history(self, case_id: str) -> Sequence[Fact]:
        with self._record.reading() as connection:
            seq = connection.execute(select(submission.c.seq).where(submission.c.id == case_id)).scalar()
            return () if seq is None else tuple(facts_of(connection, seq))

    def worklist(self, wanted: Wanted, limit: int, offset: int = 0) -> Sequence[DeskCase]:
        found = _ROWS.where(desk_case.c.waits_for.is_not(None))
        for column, value in (
            (desk_case.c.needs, wanted.needs),
            (desk_case.c.waits_for, wanted.waits_for),
            (desk_case.c.policy_id, wanted.policy_id),
            (taken.c.login, wanted.holder),
        ):
            found = found.where(column == value) if value else found
        if wanted.overdue_at:
            found = found.where(desk_case.c.due <= wanted.overdue_at, desk_case.c.paused_since.is_(None))
        return self._cases(found.order_by(desk_case.c.due, desk_case.c.submission).limit(limit).offset(offset))

    def search(self, text: str, limit: int) -> Sequence[DeskCase]:
        words = text.split()
        if not words:
            return ()
        keyed = select(item_key.c.submission).where(item_key.c.kind == "number", item_key.c.value == key(text.strip()))
        members = select(visible.c.submission).where(visible.c.member == key(text.strip()))
        names = [name_key(words), name_key([words[-1], *words[:-1]])]
        ranges = (and_(desk_case.c.patient_key >= n, desk_case.c.patient_key < n + b"\xff") for n in names if n)
        named = select(desk_case.c.submission).where(or_(false(), *ranges)).limit(limit)
        any_of = union(keyed, members, select(named.subquery().c.submission)).subquery()
        found = _ROWS.where(desk_case.c.submission.in_(select(any_of.c.submission)))
        return self._cases(found.order_by(desk_case.c.submission.desc()).limit(limit))

    def desk_case(self, case_id: str) -> DeskCase | None:
        return next(iter(self._cases(_ROWS.where(submission.c.id == case_id))), None)

    def _cases(self, found: Select[Any]) -> list[DeskCase]:
        with self._record.reading() as connection:
            return [desk_case_of(row) for row in connection.execute(found).mappings()]

    def alarms(self, now: datetime) -> Mapping[Alarm, int]:
        at = func.coalesce(desk_case.c.paused_since, now)
        reached = case(
            (at >= desk_case.c.due, Alarm.BREACHED.value),
            (at >= desk_case.c.most, Alarm.MOST.value),
            (at >= desk_case.c.half, Alarm.HALF.value),
            else_=Alarm.ON_TIME.value,
        ).label("alarm")
        counted = select(reached, func.count()).where(desk_case.c.waits_for.is_not(None)).group_by("alarm")
        with self._record.reading() as connection:
            found = {Alarm(alarm): int(n) for alarm, n in connection.execute(counted)}
        return {alarm: found.get(alarm, 0) for alarm in Alarm}

    def crossed(self, now: datetime) -> Sequence[Crossed]:
        with self._record.reading() as connection:
            waiting = select(desk_case.c.submission).where(desk_case.c.next_crossing <= now).limit(1)
            if connection.execute(waiting).first() is None:
                return ()  # the usual case, and a look takes no lock
        return self._record.write(lambda connection: _crossed(connection, now))

    def take(self, case_id: str, login: str, at: datetime) -> str | None:
        def work(connection: Connection) -> str | None:
            seq = connection.execute(select(submission.c.seq).where(submission.c.id == case_id)).scalar()
            if seq is None:
                return None
            values = {"submission": seq, "login": login, "at": at}
            connection.execute(insert_or(connection.dialect, taken).on_conflict_do_nothing(), values)
            return str(connection.execute(select(taken.c.login).where(taken.c.submission == seq)).scalar_one())

        return self._record.write(work)

    def release(self, case_id: str, login: str | None = None) -> None:
        seq = select(submission.c.seq).where(submission.c.id == case_id).scalar_subquery()
        gone = delete(taken).where(taken.c.submission == seq)
        self._run(gone.where(taken.c.login == login) if login else gone)

    def refresh(self, rules: ClockRules) -> int:
        with self._record.reading() as connection:
            name = _MARK + rules.fingerprint
            if connection.execute(select(mark.c.name).where(mark.c.name == name)).scalar() is not None:
                return 0
            stale = select(submission.c.seq).outerjoin(desk_case, desk_case.c.submission == submission.c.seq)
            either = or_(desk_case.c.submission.is_(None), desk_case.c.waits_for.is_not(None))
            seqs = list(connection.scalars(stale.where(either)))
        for n in range(0, len(seqs), _AT_ONCE):
            self._record.write(partial(_rewrite, seqs=seqs[n : n + _AT_ONCE], rules=rules))
        self._record.write(lambda connection: _remark(connection, name))
        return len(seqs)


def _crossed(connection: Connection, at: datetime) -> list[Crossed]:
    due = (
        _ROWS.add_columns(desk_case.c.next_crossing.label("was")).where(desk_case.c.next_crossing <= at)
        .order_by(desk_case.c.next_crossing).limit(_AT_ONCE)
    )  # fmt: skip
    found = []
    for row in connection.execute(due).mappings().all():
        one = desk_case_of(row)
        following = next((t for t in (one.half, one.most, one.due) if t > at), None)
        mine = (
            update(desk_case)
            .where(desk_case.c.submission == row["submission"], desk_case.c.next_crossing == row["was"])
            .values(next_crossing=following)
            .returning(desk_case.c.submission)
        )
        if connection.execute(mine).scalar() is not None:  # else another process has given it out
            found.append(Crossed(one.id, one.alarm(at)))
    return found


def _rewrite(connection: Connection, seqs: Sequence[int], rules: ClockRules) -> None:
    for seq in seqs:
        facts = facts_of(connection, seq)
        if facts:
            write_desk_row(connection, seq, apply_all(facts), rules)


def _remark(connection: Connection, name: str) -> None:
    connection.execute(delete(mark).where(mark.c.name.startswith(_MARK)))
    upsert(connection, mark, {"name": name, "at": now()})
