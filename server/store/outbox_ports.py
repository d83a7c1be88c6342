"""What is kept of a subscription and of what its subscriber is to be told. Adapter: outbox.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from server.fhir.version import Version

REQUESTED, ACTIVE, ERROR, OFF = "requested", "active", "error", "off"
"""Subscription.status of R4."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a subscriber asked for.

    resource: the Subscription as sent, without id, status, error and channel.header. headers: channel.header, secrets
    of the subscriber. filters: whose requests, by identifiers of sender or provider. heartbeat: seconds.
    """

    version: Version
    resource: Mapping[str, Any]
    headers: tuple[str, ...]
    filters: tuple[str, ...]
    heartbeat: int | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscription stands. shaken: the subscriber has taken a handshake since the owner's last change.

    reason: why it is in error or off, in our words. delivered: number of the last event that was taken. failures: in a
    row, since failing_since. not_before: when to try again. beat: when the next heartbeat is due.
    """

    status: str
    shaken: bool = False
    reason: str | None = None
    delivered: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    not_before: datetime | None = None
    beat: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """owner: the name of the caller who made it; sees: its NPIs, None where it sees everybody's requests.

    events: the number of the last event. revision: how often the owner has changed it. claimed_until: how long the
    worker has it that read it by a claim.
    """

    id: str
    owner: str
    sees: tuple[str, ...] | None
    asked: Asked
    standing: Standing
    events: int = 0
    revision: int = 0
    claimed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to tell: the answer that this case was given at that change, in the version of the subscription.

    body: the PAS response Bundle as it was given out.
    """

    number: int
    at: datetime
    case_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Backlog:
    """events: what subscribers have not taken yet. failing: subscriptions that take nothing at present."""

    events: int
    failing: int


class Outbox(Protocol):
    """Subscriptions and their events. Events come into it with the change that they tell of (Store.append)."""

    def create(self, subscription: Subscription) -> None: ...

    def find(self, id_: str) -> Subscription | None: ...

    def change(self, id_: str, asked: Asked, standing: Standing) -> Subscription | None:
        """Takes what the owner asks for now; what was delivered stays delivered. None for an unknown id."""
        ...

    def delete(self, id_: str) -> bool:
        """Forgets the subscription and its events; False for an unknown id."""
        ...

    def events(self, id_: str, first: int, last: int) -> Sequence[Event]:
        """The events with these numbers, in order; both ends count."""
        ...

    def backlog(self) -> Backlog:
        """What waits to be told, without what nobody is told any more; for a metric."""
        ...

    def due(self, at: datetime, limit: int) -> Sequence[str]:
        """Ids of subscriptions with something to do, which nobody else is at: those that wait longest first."""
        ...

    def claim(self, id_: str, claim: str, at: datetime, until: datetime) -> Subscription | None:
        """Takes a subscription for one worker; None while another has it, or when it is gone."""
        ...

    def settle(
        self, subscription: Subscription, claim: str, standing: Standing, until: datetime
    ) -> Subscription | None:
        """Writes how it stands after a try, and keeps the claim until then.

        None, and nothing written, when the claim is another's by now or the owner has changed it meanwhile.
        """
        ...

    def release(self, id_: str, claim: str) -> None: ...
