"""One authorization of a service at a time, none behind a person's back: looked at in the transaction that writes."""

from sqlalchemy import Connection, Integer, bindparam, func, literal_column, null, or_, select, union_all

from server.decision.case import DecidedByMachine
from server.decision.model import Outcome
from server.fhir.x12 import CANCELLED, NOT_CERTIFIED, PENDED
from server.store.compiled import Compiled
from server.store.conflicts import AskedBefore, AuthorizationStands
from server.store.ports import Change
from server.store.rows import key
from server.store.schema import approval, item, submission, visible

_AUTHORIZED, _ASKED = 0, 1
_STANDING = (
    select(
        literal_column(str(_AUTHORIZED), Integer).label("rank"),
        submission.c.id,
        approval.c.period_start,
        approval.c.period_end,
        null().label("reference"),
        null().label("action"),
    )
    .join(submission, submission.c.seq == approval.c.submission)
    .where(
        approval.c.member == bindparam("member"),
        approval.c.policy_id == bindparam("policy_id"),
        approval.c.period_end >= bindparam("first"),
        approval.c.period_start <= bindparam("last"),
        submission.c.id != bindparam("case"),
    )
)
"""An authorization of a member under a policy that is valid on one of the days from `first` to `last`."""

_BEFORE_A_PERSON = (
    select(
        literal_column(str(_ASKED), Integer),
        submission.c.id,
        item.c.service_start,
        item.c.service_end,
        item.c.reference,
        item.c.action,
    )
    .select_from(visible)
    .join(item, item.c.submission == visible.c.submission)
    .join(submission, submission.c.seq == visible.c.submission)
    .where(
        visible.c.member == bindparam("member"),
        item.c.policy_id == bindparam("policy_id"),
        item.c.action.in_([literal_column(f"'{code}'") for code, _ in (PENDED, NOT_CERTIFIED, CANCELLED)]),
        or_(
            item.c.outcome.not_in(
                [literal_column(f"'{Outcome.MORE_INFO_NEEDED}'"), literal_column(f"'{CANCELLED[1].lower()}'")]
            ),
            item.c.findings.like(literal_column("""'%"state":"review"%'""")),
            item.c.findings.like(literal_column("""'%"state":"unmet"%'""")),
        ),
        or_(item.c.service_start.is_(None), item.c.service_start.between(bindparam("since"), bindparam("last"))),
        submission.c.id != bindparam("case"),
    )
)
"""A request of a member under a policy, for service from `since` to `last`, that a person denied or has to decide.

One that waits for missing information alone is not: to send that is what was asked for. One that was cancelled while it
had to be decided counts, or cancelling would be a way past a person.
"""

BESIDE = union_all(_STANDING, _BEFORE_A_PERSON).order_by("rank").limit(1)
"""What stands in the way of an authorization; one statement, since it runs on every approval."""


def refuse_overlap(connection: Connection, change: Change, beside: Compiled) -> None:
    """Raises AuthorizationStands for the first item that is authorized already in some of its days.

    And AskedBefore for one that a person has decided otherwise, or is to decide. beside: BESIDE, compiled for the
    connection's dialect. Requests of one member are for the same days where their authorizations would overlap if both
    lasted as long as this one.
    On PostgreSQL, transactions for one member and policy wait for each other here; SQLite has one writer anyway.
    """
    judged = {d.sequence for f in change.facts if isinstance(f, DecidedByMachine) for d in f.items}
    members = sorted({key(m) for m in change.case.request.member_ids})
    for made in change.case.items:
        if not (made.sequence in judged and made.number and made.decision.policy_id and made.period and members):
            continue
        if connection.dialect.name == "postgresql":
            for member in members:
                lock = func.hashtextextended(f"{member}|{made.decision.policy_id}", 0)
                connection.execute(select(func.pg_advisory_xact_lock(lock)))
        first, last = made.period
        days = {"first": first, "last": last, "since": first - (last - first)}
        for member in members:
            asked = {"member": member, "policy_id": made.decision.policy_id, "case": change.case.id, **days}
            found = beside.first(connection, asked)
            if found is not None and found[0] == _AUTHORIZED:
                raise AuthorizationStands(str(found[1]), made.sequence, (found[2], found[3]))
            if found is not None:
                raise AskedBefore(str(found[1]), made.sequence, found[4], denied=found[5] == NOT_CERTIFIED[0])
