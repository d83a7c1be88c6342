"""The record's side of authentication: clients that were added, tokens given out, tokens refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TokenRow:
    """An access token. token: SHA-256 of what the client holds. scope: as granted, separated by blanks."""

    token: str
    client: str
    scope: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """A token that was refused; nothing of the token itself is kept.

    client: its id, empty where nobody known was named. place: a path of the URL table. reason: a word of
    auth.refusal.Why.
    """

    client: str
    at: datetime
    place: str
    reason: str


class Clients(Protocol):
    """Kept in the record, so that every process knows of them and a restart forgets none."""

    def added(self) -> Sequence[Mapping[str, Any]]:
        """What `add-client` wrote, each as a [[client]] table of a plan file has it."""
        ...

    def put(self, id_: str, table: Mapping[str, Any], at: datetime) -> None:
        """Adds a client, or replaces the one of this id, whose access tokens end."""
        ...

    def remove(self, id_: str) -> bool:
        """Forgets a client, and its access tokens; False where none has this id."""
        ...

    def keep(self, row: TokenRow, now: datetime) -> None:
        """Keeps an access token; those that have ended are forgotten."""
        ...

    def token(self, token: str) -> TokenRow | None: ...

    def refused(self, row: RefusalRow) -> None:
        """Keeps a refusal, and of each client's the newest alone."""
        ...

    def refusals(self, client: str) -> Sequence[RefusalRow]:
        """The newest first."""
        ...
