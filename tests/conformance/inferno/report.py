"""CONFORMANCE.md, and the summary in the README: the same for the same results."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

from server.settings import ROOT
from tests.conformance.inferno.judge import Judged, SuiteVerdict

FILE = ROOT / "CONFORMANCE.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- conformance: written by make inferno -->", "<!-- conformance: end -->"

_HEAD = """\
# Conformance

What the official Inferno suites say about this server, written by `make inferno`; do not edit. Every test that does not
pass has a line with the reason.

- **not built yet**: the feature is named; the README says what is built so far.
- **guide defect**, **kit defect**: no correct server can pass; the evidence is what the validator or Inferno said.
- **not wanted**: an optional answer that would help nobody here.
- **not applicable**: Inferno itself leaves the test out, because of what came before.

A suite's *must pass* counts the required tests of the groups that this server is held to; a build fails when one of
them does not pass, unless the guide or the kit is at fault.
"""

_COLUMNS = ("suite", "kit", "passed", "failed", "skipped", "omitted", "must pass")


def summary(verdicts: Sequence[SuiteVerdict]) -> str:
    """One row a suite."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_summary_row, verdicts)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _summary_row(verdict: SuiteVerdict) -> tuple[str, ...]:
    counts = verdict.counts
    must = [j.result.verdict for j in verdict.must_pass]
    held = f"{must.count('pass')} of {len(must) - must.count('omit')}"
    skipped = counts["skip"] + counts["not run"]
    numbers = (str(n) for n in (counts["pass"], counts["fail"], skipped, counts["omit"]))
    return (verdict.suite.title, verdict.kit, *numbers, held)


def render(verdicts: Sequence[SuiteVerdict], versions: str, day: date) -> str:
    parts = [_HEAD, f"{day.isoformat()}. {versions}\n", summary(verdicts)]
    for verdict in verdicts:
        parts.append(f"## {verdict.suite.title}\n\nSuite `{verdict.suite.id}`, kit {verdict.kit}.\n")
        parts.append("".join(_lines(verdict)))
    return "\n".join(parts)


def _lines(verdict: SuiteVerdict) -> Iterator[str]:
    open_ones = [j for j in verdict.tests if j.result.verdict != "pass"]
    if not open_ones:
        yield "Every test passes.\n"
        return
    yield "| test | what | result | why |\n| --- | --- | --- | --- |\n"
    for judged in open_ones:
        result = judged.result
        optional = " (optional)" if result.optional else ""
        yield f"| {result.number} | {_cell(result.title)}{optional} | {result.verdict} | {_why(judged)} |\n"


def _why(judged: Judged) -> str:
    return f"*{judged.reason.kind}*: {_cell(judged.reason.why)}" if judged.reason else "**ours**"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def write(
    verdicts: Sequence[SuiteVerdict], versions: str, today: date, file: Path = FILE, readme: Path = README
) -> None:
    """Writes both files. The date is that of the last change: the same results leave both as they are."""
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(r"^(\d{4}-\d\d-\d\d)\. ", before, re.MULTILINE)
    day = date.fromisoformat(found[1]) if found else today
    if render(verdicts, versions, day) != before:
        file.write_text(render(verdicts, versions, today), encoding="utf-8")
    told = readme.read_text(encoding="utf-8")
    readme.write_text(with_summary(told, summary(verdicts)), encoding="utf-8")


def with_summary(readme: str, table: str) -> str:
    """The README with the table between its markers. Raises ValueError when they are not there."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README lacks `{BEGIN}` and `{END}`")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def printed(verdict: SuiteVerdict, *, words: int = 600) -> Iterable[str]:
    """One line a test; below it, for one that does not pass, its reason, or what Inferno said when it has none."""
    yield f"== {verdict.suite.title} ({verdict.suite.id}, kit {verdict.kit})"
    for judged in verdict.tests:
        result = judged.result
        mark = "!" if judged.is_wrong else " "
        optional = " (optional)" if result.optional else ""
        yield f"{mark} {result.number:10} {result.verdict.upper():7} {result.title}{optional}"
        if judged.reason:
            yield f"                     {judged.reason.kind}: {judged.reason.why}"
        if judged.is_wrong:
            yield from (f"                     {line}" for line in result.said[:words].splitlines())
    counts = ", ".join(f"{n} {verdict_}" for verdict_, n in sorted(verdict.counts.items()))
    yield f"== {verdict.suite.title}: {counts}; {len(verdict.wrong)} without an excuse"
