"""What senders say later of their cases, and attachments of no case, in SQL; see message_port.Messages."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, union
from sqlalchemy.engine import Dialect

from server.decision.case import Attached, Updated
from server.decision.request import AuthorizationRequest, Transaction
from server.store import rows
from server.store.compiled import Compiled
from server.store.message_port import Joined, Unmatched
from server.store.message_schema import message, unmatched
from server.store.ports import Change
from server.store.schema import item_key, submission
from server.store.trail import Trail, audit_row

_AT_MOST = 20  # cases of one Claim, and attachments for one
_UNMATCHED = select(*(unmatched.c[name] for name in Unmatched.__dataclass_fields__))


class SqlMessages:
    """See message_port.Messages. write, reading, trail, dialect: the store's own, with its faults and its commits."""

    def __init__(
        self,
        write: Callable[[Callable[[Connection], Any]], Any],
        reading: Callable[[], AbstractContextManager[Connection]],
        trail: Trail,
        dialect: Dialect,
    ) -> None:
        self._write = write
        self._reading = reading
        self._trail = trail
        waits = select(unmatched.c.seq).where(unmatched.c.tracking == bindparam("tracking")).limit(1)
        self._waits = Compiled(waits, dialect)

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
        came = audit_row(attachment.at, "attachment", attachment.content, {"caller": attachment.caller})

        def work(connection: Connection) -> None:
            known = select(unmatched.c.seq).where(unmatched.c.content == attachment.content)
            if connection.execute(known).first() is None:
                connection.execute(insert(unmatched), row)
                self._trail.write(connection, [came])

        self._write(work)

    def kept_for(self, trackings: Sequence[str], members: Sequence[str]) -> Sequence[tuple[str, str, bytes]]:
        columns = (unmatched.c.caller, unmatched.c.content, unmatched.c.body)
        theirs = (unmatched.c.tracking.in_(map(rows.key, trackings)), unmatched.c.member.in_(map(rows.key, members)))
        with self._reading() as connection:
            # every new request looks, and hardly any has something to find
            if not any(self._waits.first(connection, {"tracking": rows.key(t)}) for t in trackings):
                return []
            found = connection.execute(select(*columns).where(*theirs).order_by(unmatched.c.seq).limit(_AT_MOST))
            return [(caller, content, body) for caller, content, body in found]

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


def join(connection: Connection, seq: int, change: Change) -> None:
    """Moves the attachments that a new case found to its messages. Raises Joined for one that is gone."""
    attached = [(n, f.request) for n, f in enumerate(change.facts, 1) if isinstance(f, Attached)]
    for content, (n, request) in zip(change.joined, attached, strict=True):
        taken = delete(unmatched).where(unmatched.c.content == content).returning(unmatched.c.body)
        body = connection.execute(taken).scalar()
        if body is None:
            raise Joined
        row = _row(n, request, body) | {"submission": seq}
        connection.execute(insert(message), row)


def message_rows(change: Change) -> list[rows.Row]:
    """The row of the message that changes a case: an update or an attachment; none for what its sender did not send."""
    sent = [(n, f) for n, f in enumerate(change.facts, change.expected + 1) if isinstance(f, Updated | Attached)]
    return [_row(n, fact.request, change.raw) for n, fact in sent if change.expected]


def _row(facts: int, request: AuthorizationRequest, body: bytes) -> rows.Row:
    return {
        "facts": facts,
        "transaction_key": rows.transaction_key(request.transaction),
        "client": request.transaction.client,
        "claim_url": request.claim_url,
        "body": body,
    }
