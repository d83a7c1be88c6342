"""`make inferno [SUITE=...] [GROUP=...]`: the official suites against this server.

All six without arguments: CONFORMANCE.md and the README's summary are written anew. Exit 1 when a test that must pass
does not, or one that does not pass has no reason in reasons.toml.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx

from server.settings import ROOT
from tests.conformance.inferno import access
from tests.conformance.inferno.judge import SuiteVerdict, judge
from tests.conformance.inferno.lab import INFERNO, Addresses, addresses, judges
from tests.conformance.inferno.reasons import Reasons
from tests.conformance.inferno.report import printed, write
from tests.conformance.inferno.session import Session
from tests.conformance.inferno.suites import SUITES, Suite, suite
from tests.shared_material import SHARED

_INPUTS = ROOT / "build" / "inferno"
_TRIES = 3
"""Of a suite in which Inferno itself stumbled."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make inferno", description=__doc__)
    parser.add_argument("--suite", default="", help=f"one of {', '.join(s.title.replace(' ', '') for s in SUITES)}")
    parser.add_argument("--group", default="", help="a group of it: its number, its id, or the end of its id")
    parser.add_argument("--authenticated", action="store_true", help="the server wants to know its callers")
    chosen = parser.parse_args(arguments)
    if chosen.authenticated:
        access.turn_on()
    if not SHARED.is_dir():
        _print("Skipped: Inferno and HL7's validator are not beside this checkout (../shared).")
        return 0
    began = time.monotonic()
    reasons = Reasons()
    wanted = [suite(chosen.suite)] if chosen.suite else list(SUITES)
    groups = [chosen.group] if chosen.group else []
    whole = not (chosen.suite or chosen.group or chosen.authenticated)
    verdicts = []
    with judges(), addresses() as served:
        for each in wanted:  # one after the other: Inferno's own database bears one writer
            verdicts.append(run(each, served, groups, reasons))
            for line in printed(verdicts[-1]):
                _print(line)
        versions = _versions()
        blind = whole and _test_of_the_lab().returncode
    if whole:
        write(verdicts, versions, datetime.now(UTC).date())
    problems = _problems(verdicts, whole=whole)
    if blind:
        problems.append("an answer that was broken on purpose was not noticed: see the test of the lab above")
    for problem in problems:
        _print(f"WRONG {problem}")
    for reason in reasons.unused if whole else ():
        _print(f"unused entry in reasons.toml: {reason.test.pattern}")
    _print(f"{sum(len(v.tests) for v in verdicts)} tests, {len(problems)} problems, {time.monotonic() - began:.0f} s")
    return 1 if problems else 0


def run(suite: Suite, served: Addresses, groups: Sequence[str], reasons: Reasons) -> SuiteVerdict:
    """Runs a suite, or groups of it after the one they need; keeps its inputs in build/inferno/."""
    _INPUTS.mkdir(parents=True, exist_ok=True)
    before = [suite.first] if suite.first and groups else []
    for _ in range(_TRIES):
        inputs = suite.inputs(served.plain, suite.version)
        if suite.over_tls:
            inputs[suite.over_tls] = served.tls
        (_INPUTS / f"{suite.id}.json").write_text(json.dumps(inputs, indent=1), encoding="utf-8")
        with Session(INFERNO, suite.id) as session:
            results = session.run(inputs, [*before, *groups])
        if not any(result.is_inferno_s_own for result in results):
            break
    return judge(suite, session.suite["version"], results, reasons)


def _test_of_the_lab() -> subprocess.CompletedProcess[bytes]:
    """Answers broken on purpose, each before the suite that judges it; while the judges still run."""
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", str(Path(__file__).parent)]
    return subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - fixed words


def _problems(verdicts: Sequence[SuiteVerdict], *, whole: bool) -> list[str]:
    found = [
        f"{v.suite.title} {j.result.number} {j.result.verdict}: {j.result.title}" for v in verdicts for j in v.wrong
    ]
    if whole:
        found += [f"{v.suite.title}: no test of group {group} ran" for v in verdicts for group in v.absent_groups]
    return found


def _versions() -> str:
    """Of what judges: Inferno and HL7's validator."""
    core = httpx.get(f"{INFERNO}/api/version").json()["version"]
    pom = (SHARED / "validator" / "pom.xml").read_text(encoding="utf-8")
    found = re.search(r"<artifactId>org\.hl7\.fhir\.validation</artifactId>\s*<version>([^<]+)</version>", pom)
    return f"Inferno {core}; HL7's validator {found[1] if found else 'of an unknown version'}."


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except PermissionError as error:
        _print(str(error))
        raise SystemExit(1) from None
