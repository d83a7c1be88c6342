"""A sandbox file: scripted members, and what the sandbox's reviewers decide on their requests (cql/README.md)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from string import Template
from typing import Any, Literal

from pydantic import Field

from server.decision.model import Outcome
from server.decision.ruling import Person, PersonDecision, Role, Verdict, by_machine, rule
from server.errors import DecisionRefused, PolicyProblem, PolicyProblems
from server.fhir.coverage import member_id
from server.fhir.version import Version
from server.pas.sandbox.elements import PLACEHOLDERS
from server.policy.toml_file import Count, Flag, Npi, Said, Some, Text, TomlTable, read_toml, twice

SCRIPTED = "SCRIPTED"
"""The finding of a decision that a sandbox's script made."""


@dataclass(frozen=True, slots=True)
class Script:
    """What happens to every request of one member.

    outcome: the machine's part; ruling: a reviewer's decision on it, which takes effect `after` the receipt.
    days: how long an authorization lasts. updates: updates are answered like first requests.
    elements: by version, a JSON template of what the answer shows besides (elements.py).
    """

    member: str
    title: str
    outcome: Outcome
    ruling: PersonDecision | None
    after: timedelta
    days: int
    updates: bool
    elements: Mapping[Version, str]


@dataclass(frozen=True, slots=True)
class Scripts:
    """The scripts of a sandbox, by member id. name: stands in the record of every decision."""

    name: str
    scripts: Mapping[str, Script]


class ReviewerTable(TomlTable):
    """A person who decides in the sandbox."""

    id: Text
    role: Role
    npi: Npi
    name: Text | None = Field(None, description="As it stands in a letter; a denial needs it.")
    specialty: Text | None = Field(None, description="A NUCC taxonomy code.")


class RulingTable(TomlTable):
    """A reviewer's decision, which that reviewer may make. A member that stays pended needs none."""

    reviewer: Text = Field(description="The id of a [[reviewer]].")
    verdict: Literal["approve", "modify", "deny"]
    reasons: Some[Text] = Field(description="In words.")
    reason_code: Text | None = Field(None, description="The payer's code of the reason (X12 886); a denial needs it.")
    instead: dict[str, Any] = Field({}, description="What modify authorizes: elements of ClaimResponse.addItem.")


class MemberTable(TomlTable):
    """What happens to every request of one member."""

    id: Text = Field(description="The member id that a request carries.")
    title: Text = Field(description="What the answer says of itself.")
    outcome: Outcome = Field(description="The machine's part; none of them denies.")
    ruling: RulingTable | None = None
    after_seconds: Count | None = Field(None, description="The ruling takes effect after this; without it, at once.")
    days: Count = Field(180, description="Of an authorization.")
    updates: Flag = Field(default=False, description="Updates are answered like first requests.")
    elements_2_0: Text | None = Field(None, description="JSON of what the answer shows besides, for PAS 2.0.1.")
    elements_2_2: Text | None = Field(None, description="The same for PAS 2.2.1.")

    def contradictions(self) -> Said:
        if self.after_seconds and self.ruling is None:
            yield "after_seconds", "says when the ruling takes effect; add [member.ruling]"

    def elements(self) -> Iterator[tuple[Version, str, str]]:
        """Version, key and file name of each template."""
        for version in Version:
            key = f"elements_{version.replace('.', '_')}"
            if (name := getattr(self, key)) is not None:
                yield version, key, name


class SandboxFile(TomlTable):
    """Members whose requests get the same answer whatever they ask for, so that a partner can see each kind."""

    name: Text
    reviewer: tuple[ReviewerTable, ...] = ()
    member: Some[MemberTable]

    def contradictions(self) -> Said:
        for kind, tables in (("reviewer", self.reviewer), ("member", self.member)):
            for name in twice(table.id for table in tables):
                yield f"{kind} {name}.id", "stands twice; leave one"
        people = {r.id for r in self.reviewer}
        for member in self.member:
            place = f"member {member.id}.ruling"
            if member.ruling is None:
                continue
            if member.ruling.reviewer not in people:
                yield f"{place}.reviewer", f'"{member.ruling.reviewer}" is no [[reviewer]] of this file; name one'
                continue
            try:
                rule(by_machine(member.outcome), self.decision(member.ruling))
            except DecisionRefused as error:
                yield f"{place}.verdict", str(error)

    def decision(self, ruling: RulingTable) -> PersonDecision:
        """Raises DecisionRefused for one that lacks what its verdict needs."""
        who = next(r for r in self.reviewer if r.id == ruling.reviewer)
        person = Person(who.role, who.npi, who.specialty, who.name or "")
        verdict = Verdict(ruling.verdict)
        criteria = (SCRIPTED,) if verdict is Verdict.DENY else ()
        instead = ruling.instead or None
        return PersonDecision(person, verdict, ruling.reasons, ruling.reason_code, instead=instead, criteria=criteria)


def load_sandbox(path: Path) -> Scripts:
    """The scripts of a TOML file; raises PolicyProblems with everything that is wrong in it."""
    problems: list[PolicyProblem] = []
    read = read_toml(path, SandboxFile, problems, unreadable="VITRUVIAN_SANDBOX names the sandbox file")
    if read is None:
        raise PolicyProblems(problems)
    scripts = {}
    for member in read.member:
        templates: dict[Version, str] = {}
        for version, key, name in member.elements():
            text, wrong = _template(path.parent / name, name)
            problems += [PolicyProblem(str(path), f"member {member.id}.{key}", wrong)] if wrong else []
            templates[version] = text
        scripts[member_id(member.id)] = Script(
            member=member.id,
            title=member.title,
            outcome=member.outcome,
            ruling=read.decision(member.ruling) if member.ruling else None,
            after=timedelta(seconds=member.after_seconds or 0),
            days=member.days,
            updates=member.updates,
            elements=templates,
        )
    if problems:
        raise PolicyProblems(problems)
    return Scripts(read.name, scripts)


def _template(file: Path, name: str) -> tuple[str, str | None]:
    """The text of a JSON file beside the sandbox file, and what is wrong with it."""
    try:
        text = file.read_text(encoding="utf-8")
        json.loads(text)
    except (OSError, ValueError) as error:
        return "", f"{name} cannot be read: {error}"
    template = Template(text)
    if not template.is_valid():
        return text, f"{name} has a `$` that stands for nothing; write `$$` for the sign itself"
    if unknown := set(template.get_identifiers()) - PLACEHOLDERS:
        allowed = ", ".join(sorted(PLACEHOLDERS))
        return text, f"{name} names {', '.join(sorted(unknown))}; `${{...}}` may name {allowed}"
    return text, None
