"""What is asked of the record of one case, or of one member, as SQL."""

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.dml import ReturningInsert

from server.store.schema import approval, fact, item, rendering, submission, visible
from server.store.sign_in import insert_or

BY_TRANSACTION = select(submission.c.id).where(submission.c.transaction_key == bindparam("transaction_key"))
RENDERING = (
    select(rendering.c.body)
    .join(submission, submission.c.seq == rendering.c.submission)
    .where(
        submission.c.id == bindparam("id"),
        rendering.c.version == bindparam("version"),
        rendering.c.kind == bindparam("kind"),
    )
)
ACTIVE = (
    select(approval.c.period_end, submission.c.seq, approval.c.period_start, approval.c.number, submission.c.id)
    .join(submission, submission.c.seq == approval.c.submission)
    .where(
        approval.c.member == bindparam("member"),
        approval.c.policy_id == bindparam("policy_id"),
        approval.c.period_end >= bindparam("on"),
        approval.c.period_start <= bindparam("on"),
    )
    .order_by(approval.c.period_end.desc(), approval.c.submission.desc())
    .limit(1)
)
EXPLANATION = (
    select(submission.c.received, item)
    .join(item, item.c.submission == submission.c.seq)
    .where(submission.c.id == bindparam("id"))
    .order_by(item.c.sequence)
)

FACTS = (
    select(fact.c.kind, fact.c.body)
    .join(submission, submission.c.seq == fact.c.submission)
    .where(submission.c.id == bindparam("id"))
    .order_by(fact.c.number)
)
PROVIDERS = (
    select(visible.c.npi)
    .join(submission, submission.c.seq == visible.c.submission)
    .where(submission.c.id == bindparam("id"))
    .distinct()
)


def claim_transaction(dialect: Dialect) -> ReturningInsert[Any]:
    """Opens a submission. A parallel second insert waits here until the first has committed, then returns no row."""
    claimed = insert_or(dialect, submission).on_conflict_do_nothing(index_elements=[submission.c.transaction_key])
    opened: ReturningInsert[Any] = claimed.returning(submission.c.seq)
    return opened
