"""Loads a sandbox file: scripted members, and what the sandbox's reviewers decide on their requests (cql/README.md)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from string import Template
from typing import Any

from server.decision.authorization import Authorization, Person, PersonDecision, Role, Verdict, by_machine, rule
from server.decision.model import Outcome
from server.errors import DecisionRefused, PolicyProblem, PolicyProblems
from server.fhir.version import Version
from server.pas.sandbox.elements import PLACEHOLDERS
from server.policy.table import Table, read_toml


@dataclass(frozen=True, slots=True)
class Script:
    """What happens to every request of one member.

    outcome: the machine's part; ruling: a reviewer's decision on it, which takes effect `after` the receipt.
    days: how long an authorization lasts. updates: updates are answered like first requests.
    elements: by version, a JSON template of what the answer shows besides (sandbox_elements.py).
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
class SandboxFile:
    name: str
    scripts: Mapping[str, Script]


def load_sandbox(path: Path) -> SandboxFile:
    """The scripts of a TOML file; raises PolicyProblems with everything that is wrong in it."""
    problems: list[PolicyProblem] = []
    raw = read_toml(path, problems, unreadable="VITRUVIAN_SANDBOX names the sandbox file")
    if raw is None:
        raise PolicyProblems(problems)
    found = _Reader(path, problems).read(raw)
    if problems:
        raise PolicyProblems(problems)
    return found


class _Reader:
    def __init__(self, path: Path, problems: list[PolicyProblem]) -> None:
        self._path = path
        self._problems = problems
        self._people: dict[str, Person] = {}

    def read(self, raw: dict[str, Any]) -> SandboxFile:
        top = Table(raw, str(self._path), "", self._problems)
        name = top.text("name")
        for person in top.tables("reviewer") if "reviewer" in raw else ():
            self._person(person)
        scripts: dict[str, Script] = {}
        for table in top.tables("member"):
            script = self._script(table)
            if script.member in scripts:
                table.problem("id", "stands twice")
            scripts[script.member] = script
        top.no_more()
        return SandboxFile(name, scripts)

    def _person(self, table: Table) -> None:
        key, role, npi = table.text("id"), table.text("role"), table.text("npi")
        specialty = table.optional_text("specialty")
        table.no_more()
        try:
            self._people[key] = Person(Role(role), npi, specialty)
        except (ValueError, DecisionRefused) as error:
            table.problem("", str(error))

    def _script(self, table: Table) -> Script:
        outcome = self._outcome(table)
        seconds = table.positive("after_seconds") if table.has("after_seconds") else 0
        script = Script(
            member=table.text("id"),
            title=table.text("title"),
            outcome=outcome,
            ruling=self._ruling(table, outcome),
            after=timedelta(seconds=seconds),
            days=table.positive("days") if table.has("days") else 180,
            updates=table.flag("updates"),
            elements={v: t for v in Version if (t := self._template(table, f"elements_{v.replace('.', '_')}"))},
        )
        if script.after and script.ruling is None:
            table.problem("after_seconds", "says when the ruling takes effect; add [member.ruling]")
        table.no_more()
        return script

    def _outcome(self, table: Table) -> Outcome:
        said = table.text("outcome")
        if said not in set(Outcome):
            table.problem("outcome", f'"{said}" must be one of {", ".join(Outcome)}')
            return Outcome.PEND_NURSE
        return Outcome(said)

    def _ruling(self, table: Table, outcome: Outcome) -> PersonDecision | None:
        """The reviewer's decision; what the core does not let this reviewer decide is a problem of the file."""
        if not table.has("ruling"):
            return None
        ruling = table.table("ruling")
        key, verdict = ruling.text("reviewer"), ruling.text("verdict")
        reasons, code = ruling.texts("reasons", required=True), ruling.optional_text("reason_code")
        instead = ruling.optional_table("instead")
        ruling.no_more()
        if key not in self._people:
            ruling.problem("reviewer", f'"{key}" is no [[reviewer]] of this file')
            return None
        try:
            decision = PersonDecision(self._people[key], Verdict(verdict), reasons, code, None, instead or None)
            decided: Authorization = rule(by_machine(outcome), decision)
        except (ValueError, DecisionRefused) as error:
            ruling.problem("verdict", str(error))
            return None
        if decided.waits_for is not None:
            ruling.problem("verdict", "must be approve, modify or deny; a member that stays pended needs no ruling")
        return decision

    def _template(self, table: Table, key: str) -> str:
        """The text of the JSON file that the key names, beside the sandbox file."""
        name = table.optional_text(key)
        if name is None:
            return ""
        try:
            text = (self._path.parent / name).read_text(encoding="utf-8")
            json.loads(text)
        except (OSError, ValueError) as error:
            table.problem(key, f"{name} cannot be read: {error}")
            return ""
        template = Template(text)
        if not template.is_valid():
            table.problem(key, f"{name} has a `$` that stands for nothing; write `$$` for the sign itself")
        elif unknown := set(template.get_identifiers()) - PLACEHOLDERS:
            allowed = ", ".join(sorted(PLACEHOLDERS))
            table.problem(key, f"{name} names {', '.join(sorted(unknown))}; `${{...}}` may name {allowed}")
        return text
