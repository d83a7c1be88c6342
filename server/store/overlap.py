"""One authorization of a service at a time: looked at in the transaction that would write a second one."""

from sqlalchemy import Connection, bindparam, func, select

from server.store.compiled import Compiled
from server.store.ports import AuthorizationStands, Change
from server.store.rows import key
from server.store.schema import approval, submission

STANDING = (
    select(submission.c.id, approval.c.period_start, approval.c.period_end)
    .join(submission, submission.c.seq == approval.c.submission)
    .where(
        approval.c.member == bindparam("member"),
        approval.c.policy_id == bindparam("policy_id"),
        approval.c.period_end >= bindparam("first"),
        approval.c.period_start <= bindparam("last"),
    )
    .limit(1)
)
"""An authorization of a member under a policy that is valid on one of the days from `first` to `last`."""


def refuse_overlap(connection: Connection, change: Change, standing: Compiled) -> None:
    """Raises AuthorizationStands for the first item that is authorized already in some of its days.

    standing: STANDING, compiled for the connection's dialect.
    On PostgreSQL, transactions for one member and policy wait for each other here; SQLite has one writer anyway.
    """
    members = sorted({key(m) for m in change.case.request.member_ids})
    for item in change.case.items:
        if not (item.number and item.decision.policy_id and item.period and members):
            continue
        if connection.dialect.name == "postgresql":
            for member in members:
                lock = func.hashtextextended(f"{member}|{item.decision.policy_id}", 0)
                connection.execute(select(func.pg_advisory_xact_lock(lock)))
        for member in members:
            asked = {"member": member, "policy_id": item.decision.policy_id, "first": item.period[0]}
            found = standing.first(connection, {**asked, "last": item.period[1]})
            if found is not None:
                raise AuthorizationStands(str(found[0]), item.sequence, (found[1], found[2]))
