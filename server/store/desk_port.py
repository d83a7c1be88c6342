"""What the review desk asks of the record: its work-list, who works on what, who may sign in, and who is signed in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from server.decision.case import Fact
from server.decision.deadline import Alarm, alarm_at
from server.policy.desk import ClockRules, Reviewer


@dataclass(frozen=True, slots=True)
class DeskCase:
    """One case as the work-list shows it.

    waits_for: an Outcome, needs: the least Role that decides it; None once all is decided. holder: the login of who
    works on it. half, most, due: when half, four fifths and all of its time are gone.
    """

    id: str
    waits_for: str | None
    needs: str | None
    policy_id: str | None
    patient: str
    member: str
    service: str
    started: datetime
    half: datetime
    most: datetime
    due: datetime
    expedited: bool
    paused_since: datetime | None = None
    holder: str | None = None

    def alarm(self, now: datetime) -> Alarm:
        crossings = ((Alarm.HALF, self.half), (Alarm.MOST, self.most), (Alarm.BREACHED, self.due))
        return alarm_at(now, crossings, self.paused_since)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a work-list is narrowed to; each empty field narrows nothing. overdue_at: due by then. holder: a login."""

    holder: str | None = None
    needs: str | None = None
    waits_for: str | None = None
    policy_id: str | None = None
    overdue_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Crossed:
    """A warning of a clock that has begun."""

    case_id: str
    alarm: Alarm


@dataclass(frozen=True, slots=True)
class SessionRow:
    """token: SHA-256 of what the cookie holds."""

    token: str
    login: str
    opened: datetime
    seen: datetime


class Desk(Protocol):
    """The record's side of the review desk. All or nothing, and on disk before anything returns, as in Store."""

    def refresh(self, rules: ClockRules) -> int:
        """Brings the work-list to these rules; how many cases that took. Nothing to do where they are in force."""
        ...

    def history(self, case_id: str) -> Sequence[Fact]:
        """Every fact of a case, in order; none for an unknown id and for a case older than the keeping of facts."""
        ...

    def worklist(self, wanted: Wanted, limit: int, offset: int = 0) -> Sequence[DeskCase]:
        """The cases that wait, the one that is due first in front."""
        ...

    def search(self, text: str, limit: int) -> Sequence[DeskCase]:
        """Cases, decided ones too, by member id, by a number, or by the beginning of the patient's name."""
        ...

    def desk_case(self, case_id: str) -> DeskCase | None: ...

    def alarms(self, now: datetime) -> Mapping[Alarm, int]:
        """How many of the cases that wait have reached which warning; for a metric."""
        ...

    def crossed(self, now: datetime) -> Sequence[Crossed]:
        """The warnings that have begun since the last call; each is given out once, to one caller alone."""
        ...

    def take(self, case_id: str, login: str, at: datetime) -> str | None:
        """Makes a reviewer the holder unless the case has one; the holder then, None for no case."""
        ...

    def release(self, case_id: str, login: str | None = None) -> None:
        """Lets go of a case, only where this reviewer holds it; None: whoever does."""
        ...

    def reviewer(self, login: str) -> Reviewer | None: ...

    def put_reviewer(self, reviewer: Reviewer) -> None:
        """Adds a reviewer or replaces the one of this login, and ends the sessions of that login."""
        ...

    def open_session(self, session: SessionRow, oldest: datetime) -> None:
        """Keeps a session, and forgets every one that was opened before `oldest`."""
        ...

    def session(self, token: str) -> SessionRow | None: ...

    def seen(self, token: str, at: datetime) -> None: ...

    def end_session(self, token: str) -> None: ...

    def failed(self, login: str, at: datetime, since: datetime) -> int:
        """Counts a failed sign-in; how many there are since `since`. Forgets those that are older."""
        ...

    def failures(self, login: str, since: datetime) -> int: ...

    def forgive(self, login: str) -> None: ...
