"""One authorization of a service at a time: looked at in the transaction that would write a second one."""

from sqlalchemy import Connection, func, select

from server.decision.case import DecidedByMachine
from server.store.ports import AuthorizationStands, Change
from server.store.rows import key
from server.store.schema import approval, submission


def refuse_overlap(connection: Connection, change: Change) -> None:
    """Raises AuthorizationStands for the first item that is authorized already in some of its days.

    On PostgreSQL, transactions for one member and policy wait for each other here; SQLite has one writer anyway.
    """
    judged = {made.sequence for f in change.facts if isinstance(f, DecidedByMachine) for made in f.items}
    members = [key(m) for m in change.case.request.member_ids]
    for item in change.case.items:
        if not (item.sequence in judged and item.number and item.decision.policy_id and item.period and members):
            continue
        if connection.dialect.name == "postgresql":
            for member in sorted(members):
                lock = func.hashtextextended(f"{member}|{item.decision.policy_id}", 0)
                connection.execute(select(func.pg_advisory_xact_lock(lock)))
        stands = connection.execute(
            select(submission.c.id, approval.c.period_start, approval.c.period_end)
            .join(submission, submission.c.seq == approval.c.submission)
            .where(
                approval.c.member.in_(members),
                approval.c.policy_id == item.decision.policy_id,
                approval.c.period_end >= item.period[0],
                approval.c.period_start <= item.period[1],
                submission.c.id != change.case.id,  # a case is no second authorization beside itself
            )
            .limit(1)
        ).first()
        if stands is not None:
            raise AuthorizationStands(str(stands.id), item.sequence, (stands.period_start, stands.period_end))
