"""The worked cases of every policy, run through the same reading and judging as a real request."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from server.authoring.chart import ChartError, changed
from server.decision.judge import Engine
from server.decision.model import Decision, Outcome
from server.errors import InvalidRequest, PolicyProblem
from server.fhir.version import Version
from server.pas.machine_decision import judge_items
from server.pas.match import MatchedRequest, read_and_match
from server.policy.folder import policy_folders
from server.policy.library import PolicyLibrary
from server.policy.model import Edition, Policy, State
from server.policy.plan import Plan
from server.policy.table import Table, read_toml


@dataclass(slots=True)
class Report:
    """What `check-policies` found. seen: the states each criterion of each edition took in some case."""

    cases: int = 0
    problems: list[PolicyProblem] = field(default_factory=list)
    seen: dict[tuple[str, str, str], set[State]] = field(default_factory=dict)


def check(root: Path, policies: PolicyLibrary, plan: Plan, engine: Engine) -> Report:
    """Runs every case, and asks for a case of each state that a criterion of the newest edition can take."""
    report = Report()
    for policy in policies.policies:
        _Cases(root / policy.id, policy, policies, plan, engine, report).run()
        _every_state(root / policy.id, policy, report)
    return report


def unreadable_cases(root: Path) -> list[PolicyProblem]:
    """The case files that cannot be read, for when the policies themselves cannot be loaded."""
    problems: list[PolicyProblem] = []
    for folder in policy_folders(root):
        for file in _case_files(folder):
            _read(file, problems)
    return problems


def _case_files(folder: Path) -> list[Path]:
    """cases.toml, and the files beside it that hold the cases of editions that followed."""
    return [folder / "cases.toml", *sorted(folder.glob("cases-*.toml"))]


def _read(file: Path, problems: list[PolicyProblem]) -> dict[str, Any] | None:
    return read_toml(
        file,
        problems,
        unreadable="it must be a file of yours",
        absent="there is no such file; every policy has worked cases",
    )


def _every_state(folder: Path, policy: Policy, report: Report) -> None:
    """The newest edition is shown in every state; an older one was when it was the newest, and is edited no more."""
    file = str(folder / "policy.toml")
    for edition in policy.editions:
        for criterion in edition.criteria:
            seen = report.seen.get((edition.policy_id, edition.version, criterion.id), set())
            place = f"edition {edition.version} criterion {criterion.id}"
            for state in criterion.states if edition is policy.editions[0] else ():
                if state not in seen:
                    text = f"no case shows it {state}; add one to cases.toml"
                    report.problems.append(PolicyProblem(file, place, text))
            for state in sorted(seen - set(criterion.states)):
                text = f"a case shows it {state}, which its `states` does not list"
                report.problems.append(PolicyProblem(file, place, text))


@dataclass(frozen=True, slots=True)
class _Cases:
    """The cases of one policy folder."""

    folder: Path
    policy: Policy
    policies: PolicyLibrary
    plan: Plan
    engine: Engine
    report: Report

    def run(self) -> None:
        charts: dict[str, bytes] = {}
        for file in _case_files(self.folder):
            raw = _read(file, self.report.problems)
            if raw is not None:
                self._file(Table(raw, str(file), "", self.report.problems), charts)

    def _file(self, top: Table, charts: dict[str, bytes]) -> None:
        edition = top.optional_text("edition")
        ids: set[str] = set()
        for table in top.tables("case"):
            case_id = table.text("id")
            if case_id in ids:
                table.problem("id", "stands twice")
            ids.add(case_id)
            self.report.cases += 1
            self._case(table, charts, table.optional_text("edition") or edition)
        top.no_more()

    def _case(self, table: Table, charts: dict[str, bytes], named: str | None) -> None:
        table.text("title")
        edition = self.policies.edition(self.policy.id, named) if named else None
        request = self._request(table, charts, edition)
        expect = table.table("expect")
        table.no_more()
        if named and edition is None:
            there = ", ".join(e.version for e in self.policy.editions)
            table.problem("edition", f"{named} is no edition of this policy; name one of {there}")
            return
        if request is None:
            return
        item = request.items[0]
        if item.edition is None:
            table.problem("chart", "its codes name no policy, or none in force on that day")
            return
        decision = judge_items(request, self.engine)[0]
        for finding in decision.findings:
            key = (item.edition.policy_id, item.edition.version, finding.criterion)
            self.report.seen.setdefault(key, set()).add(finding.state)
        _compare(expect, decision, fell=edition is None and len(self.policy.editions) > 1)

    def _request(self, table: Table, charts: dict[str, bytes], edition: Edition | None) -> MatchedRequest | None:
        """The request of a case, read as a real one; None and the problems when it cannot be made or read."""
        chart = table.text("chart")
        changes = {key: table.optional_table(key) for key in ("record", "answers")}
        try:
            if chart not in charts:
                charts[chart] = (self.folder / "charts" / f"{chart}.json").read_bytes()
            body = changed(orjson.loads(charts[chart]), changes, self.policy, edition, self.policies.value_sets)
        except OSError as error:
            text = f"{chart}: {error.filename} cannot be read ({error.strerror}); name a chart there is"
            table.problem("chart", text)
            return None
        except (orjson.JSONDecodeError, ChartError) as error:
            table.problem("chart", f"{chart}: {error}")
            return None
        policies = self._under(edition) if edition else self.policies
        try:
            return read_and_match(orjson.dumps(body), body, Version.V2_2, policies)
        except InvalidRequest as error:
            for problem in error.problems:
                table.problem("chart", f"{chart}: {problem.expression}: {problem.text}")
            return None

    def _under(self, edition: Edition) -> PolicyLibrary:
        """The policies, were this edition the only one of its policy: a case may name one that its day is not in."""
        only = replace(self.policy, editions=(replace(edition, effective=date.min),))
        others = (only if p.id == only.id else p for p in self.policies.policies)
        return PolicyLibrary(others, self.policies.libraries, self.policies.value_sets)


def _compare(expect: Table, decision: Decision, *, fell: bool) -> None:
    """fell: the day of the case chose its edition, of several."""
    outcome = expect.text("outcome")
    if outcome and outcome not in set(Outcome):
        expect.problem("outcome", f"{outcome} is no outcome; use {', '.join(Outcome)}")
    elif outcome != decision.outcome:
        text = f"expected {outcome}, was {decision.outcome}{_reasons(decision)}"
        if fell:
            text += f' under edition {decision.edition}; a case of another edition says so: edition = "..."'
        expect.problem("outcome", text)
    for state in (State.UNMET, State.UNKNOWN, State.REVIEW):
        wanted = set(expect.texts(state.value, required=False))
        found = {f.criterion for f in decision.findings if f.state is state}
        if wanted != found:
            expect.problem(state.value, f"expected {_listed(wanted)}, was {_listed(found)}")
    met = {f.criterion for f in decision.findings if f.state is State.MET}
    if missing := set(expect.texts("met", required=False)) - met:
        expect.problem("met", f"{_listed(missing)} not met")
    days = expect.positive("days") if outcome == Outcome.APPROVE else None
    if days is not None and decision.period and (decision.period[1] - decision.period[0]).days + 1 != days:
        expect.problem("days", f"expected {days}, was {(decision.period[1] - decision.period[0]).days + 1}")
    expect.no_more()


def _reasons(decision: Decision) -> str:
    found = [f"{f.criterion} {f.state}" for f in decision.findings if f.state is not State.MET]
    return f" ({', '.join(found)}; {decision.engine})" if found else ""


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(sorted(ids)) or "none"


def cases_of(folder: Path) -> list[Mapping[str, Any]]:
    """The raw cases of a policy's cases.toml, for whoever replays one (the demo walks three)."""
    raw = tomllib.loads((folder / "cases.toml").read_text(encoding="utf-8"))
    everywhere = {"edition": raw["edition"]} if "edition" in raw else {}
    return [{**everywhere, **case} for case in raw["case"]]
