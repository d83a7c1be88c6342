"""The worked cases of every policy, run through the same reading and judging as a real request."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import orjson

from server.authoring.chart import ChartError, changed
from server.authoring.worked_cases_file import ExpectTable, WorkedCase, read_worked_cases, worked_case_files
from server.decision.judge import ENGINE_CRITERION, Engine
from server.decision.model import Decision
from server.errors import InvalidRequest, PolicyProblem
from server.fhir.version import Version
from server.pas.machine_decision import judge_items
from server.pas.match import MatchedRequest, read_and_match
from server.policy.library import PolicyLibrary
from server.policy.model import Edition, Policy, State
from server.policy.plan import Plan


@dataclass(slots=True)
class WorkedCasesReport:
    """What running the worked cases showed. seen: the states each criterion of each edition took in some case."""

    cases: int = 0
    problems: list[PolicyProblem] = field(default_factory=list)
    seen: dict[tuple[str, str, str], set[State]] = field(default_factory=dict)


def run_worked_cases(root: Path, policies: PolicyLibrary, plan: Plan, engine: Engine) -> WorkedCasesReport:
    """Runs every case, and asks for a case of each state that a criterion of the newest edition can take."""
    report = WorkedCasesReport()
    for policy in policies.policies:
        all_judged = _WorkedCases(root / policy.id, policy, policies, plan, engine, report).run()
        _states_not_shown(root / policy.id, policy, report, all_judged=all_judged)
    return report


def _states_not_shown(folder: Path, policy: Policy, report: WorkedCasesReport, *, all_judged: bool) -> None:
    """The newest edition is shown in every state; an older one was when it was the newest, and is edited no more.

    all_judged: a case that could not be judged may be the one that shows a state; so nothing is asked for before.
    """
    file = str(folder / "policy.toml")
    for edition in policy.editions:
        for criterion in edition.criteria:
            seen = report.seen.get((edition.policy_id, edition.version, criterion.id), set())
            place = f"edition {edition.version}.criterion {criterion.id}"
            for state in criterion.states if edition is policy.editions[0] and all_judged else ():
                if state not in seen:
                    text = f"no case shows it {state}; add one to cases.toml"
                    report.problems.append(PolicyProblem(file, place, text))
            for state in sorted(seen - set(criterion.states)):
                text = f"a case shows it {state}, which its `states` does not list; list it, or mend the CQL"
                report.problems.append(PolicyProblem(file, place, text))


@dataclass(frozen=True, slots=True)
class _WorkedCases:
    """The worked cases of one policy folder."""

    folder: Path
    policy: Policy
    policies: PolicyLibrary
    plan: Plan
    engine: Engine
    report: WorkedCasesReport

    def run(self) -> bool:
        """Whether every case could be judged, rightly or not."""
        charts: dict[str, bytes] = {}
        all_judged = True
        for file in worked_case_files(self.folder):
            cases = read_worked_cases(file, self.report.problems)
            all_judged = all_judged and cases is not None
            for case in cases or ():
                decision = self._decision(file, case, charts)
                all_judged = all_judged and decision is not None
                self.report.cases += 1
                if decision is not None:
                    self._compare(file, case, decision)
        return all_judged

    def _decision(self, file: Path, case: WorkedCase, charts: dict[str, bytes]) -> Decision | None:
        """What is decided on a case; None, and the problem, when it cannot be judged."""
        edition = self.policies.edition(self.policy.id, case.edition) if case.edition else None
        if case.edition and edition is None:
            there = ", ".join(e.version for e in self.policy.editions)
            self._problem(file, case, "edition", f"{case.edition} is no edition of this policy; name one of {there}")
            return None
        request = self._request(file, case, charts, edition)
        if request is None:
            return None
        item = request.items[0]
        if item.edition is None:
            text = "its codes name no policy, or none in force on that day; change its codes or its day"
            self._problem(file, case, "chart", text)
            return None
        return judge_items(request, self.engine, request.request.created)[0]

    def _request(
        self, file: Path, case: WorkedCase, charts: dict[str, bytes], edition: Edition | None
    ) -> MatchedRequest | None:
        """The request of a case, read as a real one; None and the problems when it cannot be made or read."""
        chart = case.chart
        try:
            if chart not in charts:
                charts[chart] = (self.folder / "charts" / f"{chart}.json").read_bytes()
            body = changed(orjson.loads(charts[chart]), case, self.policy, edition, self.policies.value_sets)
        except OSError as error:
            text = f"{chart}: {error.filename} cannot be read ({error.strerror}); name a chart there is"
            self._problem(file, case, "chart", text)
            return None
        except (orjson.JSONDecodeError, ChartError) as error:
            self._problem(file, case, "chart", f"{chart}: {error}")
            return None
        policies = self._under(edition) if edition else self.policies
        try:
            return read_and_match(orjson.dumps(body), body, Version.V2_2, policies)
        except InvalidRequest as error:
            for problem in error.problems:
                self._problem(file, case, "chart", f"{chart}: {problem.expression}: {problem.text}")
            return None

    def _under(self, edition: Edition) -> PolicyLibrary:
        """The policies with this edition as the only one of its policy, since a case may name one outside its day."""
        only = replace(self.policy, editions=(replace(edition, effective=date.min),))
        others = (only if p.id == only.id else p for p in self.policies.policies)
        return PolicyLibrary(others, self.policies.libraries, self.policies.value_sets)

    def _compare(self, file: Path, case: WorkedCase, decision: Decision) -> None:
        for finding in decision.findings:
            key = (decision.policy_id or "", decision.edition or "", finding.criterion)
            self.report.seen.setdefault(key, set()).add(finding.state)
        if any(f.criterion == ENGINE_CRITERION for f in decision.findings):
            # the case may expect what a failure comes to: a nurse
            self._problem(file, case, "chart", f"could not be judged, {decision.engine}; mend the CQL")
            return
        fell = case.edition is None and len(self.policy.editions) > 1
        for place, text in _differences(case.expect, decision, fell=fell):
            self._problem(file, case, f"expect.{place}", text)

    def _problem(self, file: Path, case: WorkedCase, key: str, text: str) -> None:
        self.report.problems.append(PolicyProblem(str(file), f"case {case.id}.{key}", text))


def _differences(expect: ExpectTable, decision: Decision, *, fell: bool) -> Iterator[tuple[str, str]]:
    """Key and text of what was decided otherwise than expected. fell: the case's day chose its edition, of several."""
    if expect.outcome != decision.outcome:
        text = f"expected {expect.outcome}, was {decision.outcome}{_reasons(decision)}"
        if fell:
            text += f' under edition {decision.edition}; a case of another edition says so: edition = "..."'
        yield "outcome", text
    wanted = {State.UNMET: expect.unmet, State.UNKNOWN: expect.unknown, State.REVIEW: expect.review}
    for state, ids in wanted.items():
        found = {f.criterion for f in decision.findings if f.state is state}
        if set(ids) != found:
            yield state, f"expected {_listed(ids)}, was {_listed(found)}"
    met = {f.criterion for f in decision.findings if f.state is State.MET}
    if missing := set(expect.met) - met:
        yield "met", f"{_listed(missing)} not met"
    days = (decision.period[1] - decision.period[0]).days + 1 if decision.period else None
    if days is not None and expect.days is not None and days != expect.days:
        yield "days", f"expected {expect.days}, was {days}"


def _reasons(decision: Decision) -> str:
    found = [f"{f.criterion} {f.state}" for f in decision.findings if f.state is not State.MET]
    return f" ({', '.join(found)}; {decision.engine})" if found else ""


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(sorted(set(ids))) or "none"
