"""What a plan says of its review desk: who reviews, within which time, on which days, and what its letters tell."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class DeskRole(StrEnum):
    """Who may sign in. COMPLIANCE reads and decides nothing; the others are the roles of decision.ruling."""

    NURSE = "nurse"
    PHYSICIAN = "physician"
    MEDICAL_DIRECTOR = "medical-director"
    COMPLIANCE = "compliance"


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Somebody who may sign in at the desk.

    specialty: a NUCC taxonomy code. password_hash: argon2, in its usual text. demo_password: in clear, for made-up
    reviewers of the demo; it opens nothing outside of demo mode.
    """

    login: str
    role: DeskRole
    name: str
    npi: str
    specialty: str | None = None
    password_hash: str = ""
    demo_password: str = ""


@dataclass(frozen=True, slots=True)
class ClockRules:
    """Within how many hours from receipt a request is to be decided (42 CFR 422.568, 422.572: 7 days, 72 hours).

    drug_rule: whether the shorter times for drugs are in force, which a rule of CMS proposes. paused_while_asking: only
    where the law of the plan lets the clock rest while the provider is asked for more.
    """

    standard_hours: int = 7 * 24
    expedited_hours: int = 72
    drug_rule: bool = False
    drug_standard_hours: int = 72
    drug_expedited_hours: int = 24
    paused_while_asking: bool = False

    @property
    def fingerprint(self) -> str:
        """A short text that differs where any rule differs."""
        drug = f"{self.drug_standard_hours}-{self.drug_expedited_hours}" if self.drug_rule else "none"
        return f"{self.standard_hours}-{self.expedited_hours}-{drug}-{int(self.paused_while_asking)}"


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The days on which the plan works, in its time zone. weekend: days of the week, Monday is 0."""

    zone: str = "UTC"
    weekend: frozenset[int] = frozenset({5, 6})
    holidays: frozenset[date] = frozenset()

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.zone))

    def works_on(self, day: date) -> bool:
        return day.weekday() not in self.weekend and day not in self.holidays

    def last_working_day(self, due: datetime) -> date:
        """The day in the plan's zone on which somebody is there to meet a deadline: its own day, or the last before."""
        day = self.local(due).date()
        for _ in range(31):  # no calendar rests for a month; one that does gets the day itself
            if self.works_on(day):
                return day
            day -= timedelta(days=1)
        return self.local(due).date()


@dataclass(frozen=True, slots=True)
class Appeals:
    """What a letter says after a denial: how long an appeal may take, where it goes, and who else can look."""

    days: int = 60
    how: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class DeskRules:
    """The desk of a plan. denial_reasons: code of X12 886 -> words, of those that the plan uses."""

    reviewers: tuple[Reviewer, ...] = ()
    clocks: ClockRules = field(default_factory=ClockRules)
    calendar: BusinessCalendar = field(default_factory=BusinessCalendar)
    denial_reasons: tuple[tuple[str, str], ...] = ()
    appeals: Appeals = field(default_factory=Appeals)
