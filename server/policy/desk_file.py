"""The tables of a plan file that are about its review desk."""

from datetime import date
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field

from server.policy.desk import Appeals, BusinessCalendar, ClockRules, DeskRole, DeskRules, Reviewer
from server.policy.toml_file import Count, Day, Flag, Npi, Said, Shape, Text, TomlTable, twice

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Login = Annotated[Text, Shape(r"[a-z0-9][a-z0-9.\-]{1,39}", "is no login; use small letters, digits, dots and hyphens")]
Specialty = Annotated[Text, Shape(r"[0-9A-Z]{10}", "is no NUCC taxonomy code; it has 10 digits and letters")]
_Hash = Annotated[Text, Shape(r"\$argon2id\$.+", "is no argon2id hash; `python -m server add-reviewer` makes one")]


class ReviewerTable(TomlTable):
    """Somebody who may sign in at the review desk."""

    id: Login = Field(description="What they sign in with.")
    role: DeskRole
    name: Text
    npi: Npi
    specialty: Specialty | None = Field(None, description="NUCC taxonomy code.")
    password_hash: _Hash | None = Field(None, description="argon2id hash of the password.")
    demo_password: Text | None = Field(None, description="In clear, for a made-up reviewer: works in demo mode alone.")

    def contradictions(self) -> Said:
        if (self.password_hash is None) == (self.demo_password is None):
            yield "password_hash", "must be given; only a made-up reviewer of the demo has demo_password instead"

        if self.role in (DeskRole.PHYSICIAN, DeskRole.MEDICAL_DIRECTOR) and self.specialty is None:
            yield "specialty", "must be given for who may deny: a denial names it"

    def reviewer(self) -> Reviewer:
        return Reviewer(
            self.id,
            self.role,
            self.name,
            self.npi,
            self.specialty,
            self.password_hash or "",
            self.demo_password or "",
        )


class ClocksTable(TomlTable):
    """Within how many hours from receipt a request is to be decided."""

    standard_hours: Count = Field(168, description="A standard request; the law says 7 calendar days.")
    expedited_hours: Count = Field(72, description="An expedited request; the law says 72 hours.")
    drug_rule: Flag = Field(default=False, description="true: the shorter times for drugs are in force.")
    drug_standard_hours: Count = Field(72, description="A standard request for a drug, where drug_rule is true.")
    drug_expedited_hours: Count = Field(24, description="An expedited request for a drug, where drug_rule is true.")
    paused_while_asking: Flag = Field(
        default=False, description="true only where the law lets the clock rest while the provider is asked."
    )


class CalendarTable(TomlTable):
    """The days on which the plan works, and the time zone that its pages and letters speak in."""

    zone: Text = Field("UTC", description="An IANA time zone, such as America/New_York.")
    weekend: tuple[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], ...] = (
        "saturday",
        "sunday",
    )
    holidays: tuple[Day, ...] = Field((), description="Days on which nobody works.")

    def contradictions(self) -> Said:
        if self.zone not in available_timezones():
            yield "zone", f'"{self.zone}" is no time zone; write one such as America/New_York'

    def calendar(self) -> BusinessCalendar:
        days: frozenset[date] = frozenset(self.holidays)
        return BusinessCalendar(self.zone, frozenset(_DAYS.index(d) for d in self.weekend), days)


class DenialReasonTable(TomlTable):
    """A reason by which the plan's physicians deny."""

    code: Annotated[Text, Shape(r"[0-9A-Z]{2}", "is no code of X12 886; it has two digits or letters")]
    words: Text = Field(description="What it says, in plain words: the letter holds them.")


class AppealsTable(TomlTable):
    """What the letter says about appeals after a denial."""

    days: Count = Field(60, description="Calendar days from the letter within which an appeal may be filed.")
    how: tuple[Text, ...] = Field((), description="A sentence each: where to send it, who else can look.")
    help: str = Field("", description="One sentence: where a member gets help with reading or appealing.")


class DeskTables(TomlTable):
    """The part of a plan file that is about the desk."""

    reviewer: tuple[ReviewerTable, ...] = ()
    clocks: ClocksTable = ClocksTable()
    calendar: CalendarTable = CalendarTable()
    denial_reason: tuple[DenialReasonTable, ...] = ()
    appeals: AppealsTable = AppealsTable()

    def desk_contradictions(self) -> Said:
        """What does not go together across these tables."""
        for login in twice(r.id for r in self.reviewer):
            yield f"reviewer {login}", "stands twice; leave one"
        for code in twice(r.code for r in self.denial_reason):
            yield f"denial_reason {code}", "stands twice; leave one"

    def desk_rules(self) -> DeskRules:
        return DeskRules(
            tuple(r.reviewer() for r in self.reviewer),
            ClockRules(**self.clocks.model_dump()),
            self.calendar.calendar(),
            tuple((r.code, r.words) for r in self.denial_reason),
            Appeals(self.appeals.days, self.appeals.how, self.appeals.help),
        )
