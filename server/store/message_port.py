"""What the sender of a case sends later, and what comes in for no case that is known. Adapter: messages.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from server.decision.request import Transaction


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An attachment whose request is not known. content: a hash of what it says, by which it is kept once."""

    at: datetime
    caller: str
    content: str
    tracking: str
    member: str


class Joined(Exception):
    """An attachment of no known request has found its case in the meantime."""


class Messages(Protocol):
    """Updates and attachments of cases, and attachments of none."""

    def find(self, transaction: Transaction) -> str | None:
        """The id of the case that this update or attachment has changed already, else None."""
        ...

    def claims(self, client: str, claim_url: str) -> Sequence[str]:
        """Ids of the cases that this client opened or updated with a Claim of this fullUrl, newest first."""
        ...

    def asked_by(self, control: str) -> str | None:
        """The id of the case that has asked for a document by this attachment control number, else None."""
        ...

    def keep(self, attachment: Unmatched, body: bytes) -> None:
        """Keeps an attachment whose request is not known, as it came; the same content once, with an audit row."""
        ...

    def kept_for(self, trackings: Sequence[str], members: Sequence[str]) -> Sequence[tuple[str, str, bytes]]:
        """The attachments of these tracking ids for one of these members, the oldest first: caller, content, bytes."""
        ...

    def unmatched(self, limit: int) -> Sequence[Unmatched]:
        """Attachments of no known request, the newest first; tracking and member as in an index (rows.key)."""
        ...

    def unmatched_one(self, content: str) -> tuple[Unmatched, bytes] | None:
        """The attachment of this content, and as it came."""
        ...
