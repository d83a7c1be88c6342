"""What senders say later of their cases, and attachments of no case, in SQL; see message_port.Messages."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, insert, select, union

from server.decision.case import Attached, Updated
from server.decision.request import Transaction
from server.store import rows
from server.store.message_port import Unmatched
from server.store.message_schema import message, unmatched
from server.store.ports import Change
from server.store.schema import item_key, submission

_AT_MOST = 20  # cases of one Claim
_UNMATCHED = select(*(unmatched.c[name] for name in Unmatched.__dataclass_fields__))


class SqlMessages:
    """See message_port.Messages. write, reading: the store's own, with its faults and its commits."""

    def __init__(
        self,
        write: Callable[[Callable[[Connection], Any]], Any],
        reading: Callable[[], AbstractContextManager[Connection]],
    ) -> None:
        self._write = write
        self._reading = reading

    def find(self, transaction: Transaction) -> str | None:
        known = message.c.transaction_key == rows.transaction_key(transaction)
        found = select(submission.c.id).join(message, message.c.submission == submission.c.seq).where(known)
        with self._reading() as connection:
            return connection.execute(found).scalar()

    def claims(self, client: str, claim_url: str) -> Sequence[str]:
        later = select(message.c.submission).where(message.c.claim_url == claim_url, message.c.client == client)
        first = select(submission.c.seq).where(submission.c.claim_url == claim_url, submission.c.client == client)
        found = select(submission.c.id).where(submission.c.seq.in_(union(first, later)))
        with self._reading() as connection:
            return connection.scalars(found.order_by(submission.c.seq.desc()).limit(_AT_MOST)).all()

    def asked_by(self, control: str) -> str | None:
        asked = (item_key.c.kind == "control", item_key.c.value == rows.key(control))
        found = select(submission.c.id).join(item_key, item_key.c.submission == submission.c.seq).where(*asked)
        with self._reading() as connection:
            return connection.execute(found).scalar()

    def keep(self, attachment: Unmatched, body: bytes) -> None:
        keys = {"tracking": rows.key(attachment.tracking), "member": rows.key(attachment.member)}
        row = asdict(attachment) | keys | {"body": body}

        def work(connection: Connection) -> None:
            known = select(unmatched.c.seq).where(unmatched.c.content == attachment.content)
            if connection.execute(known).first() is None:
                connection.execute(insert(unmatched), row)

        self._write(work)

    def unmatched(self, limit: int) -> Sequence[Unmatched]:
        with self._reading() as connection:
            newest = connection.execute(_UNMATCHED.order_by(unmatched.c.seq.desc()).limit(limit)).mappings()
            return [Unmatched(**row) for row in newest]

    def unmatched_one(self, content: str) -> tuple[Unmatched, bytes] | None:
        one = _UNMATCHED.add_columns(unmatched.c.body).where(unmatched.c.content == content)
        with self._reading() as connection:
            row = connection.execute(one).mappings().one_or_none()
        if row is None:
            return None
        values = dict(row)
        body = values.pop("body")
        return Unmatched(**values), body


def message_rows(change: Change) -> list[rows.Row]:
    """The row of the message that changes a case: an update or an attachment; none for what its sender did not send."""
    sent = [(n, f) for n, f in enumerate(change.facts, change.expected + 1) if isinstance(f, Updated | Attached)]
    return [
        {
            "facts": n,
            "transaction_key": rows.transaction_key(fact.request.transaction),
            "client": fact.request.transaction.client,
            "claim_url": fact.request.claim_url,
            "body": change.raw,
        }
        for n, fact in sent
        if change.expected
    ]
