"""What the lab makes of Inferno's results: reasons, verdicts, and the files it writes."""

import re
from datetime import date
from pathlib import Path

import pytest

from server.fhir.version import Version
from tests.conformance.inferno.judge import SuiteVerdict, judge
from tests.conformance.inferno.reasons import Reasons
from tests.conformance.inferno.report import BEGIN, END, FILE, README, render, summary, with_summary, write
from tests.conformance.inferno.session import Result
from tests.conformance.inferno.suites import SUITES, Suite

SUITE = Suite("a_suite", "A 1.0", Version.V2_2, lambda _url, _version: {}, ("must",))

REASONS = """
[[reason]]
test = "-defective$"
says = "impossible by the guide"
kind = "guide defect"
why = "The guide forbids what it asks for."

[[reason]]
test = "-unwanted$"
kind = "not wanted"
why = "Helps nobody."

[[reason]]
test = "-apart$"
kind = "not applicable"
why = "Left out by Inferno."

[[reason]]
test = "-later$"
kind = "not built yet"
why = "The next feature."
"""


@pytest.fixture
def reasons(tmp_path: Path) -> Reasons:
    file = tmp_path / "reasons.toml"
    file.write_text(REASONS, encoding="utf-8")
    return Reasons(file)


def a_result(name: str, verdict: str, *, group: str = "must", optional: bool = False, said: str = "") -> Result:
    return Result(f"a_suite-{group}-{name}", "1.1", f"The {name} test", optional, verdict, said)


def judged(reasons: Reasons, *results: Result) -> SuiteVerdict:
    return judge(SUITE, "1.2.3", results, reasons)


def test_the_readme_shows_the_summary() -> None:
    """The table between the README's markers is the one of CONFORMANCE.md, with a row for each suite."""
    told = README.read_text(encoding="utf-8")
    table = told.partition(BEGIN)[2].partition(END)[0].strip()
    assert table
    assert table in FILE.read_text(encoding="utf-8")
    assert [row.split(" | ")[0].strip("| ") for row in table.splitlines()[2:]] == [suite.title for suite in SUITES]


def test_no_test_is_left_without_a_reason() -> None:
    """CONFORMANCE.md as it is checked in blames this server for nothing that is open."""
    assert "**ours**" not in FILE.read_text(encoding="utf-8")


def test_nothing_of_pas_is_left_to_build() -> None:
    """What does not pass in the two PAS suites is a defect of the guide or the kit."""
    pas = FILE.read_text(encoding="utf-8").partition("## PAS 2.0.1")[2]
    rows = [line for line in pas.splitlines() if re.match(r"\| \d", line)]
    assert rows
    assert not [row for row in rows if "*kit defect*" not in row and "*guide defect*" not in row]


@pytest.mark.parametrize(
    ("result", "wrong"),
    [
        (a_result("any", "pass"), False),
        (a_result("any", "fail"), True),
        (a_result("any", "skip", group="other"), True),
        (a_result("any", "omit", group="other"), True),
        (a_result("later", "fail"), True),
        (a_result("later", "skip"), True),
        (a_result("later", "not run"), True),
        (a_result("later", "fail", optional=True), False),
        (a_result("later", "fail", group="other"), False),
        (a_result("defective", "fail", said="error: impossible by the guide"), False),
        (a_result("defective", "fail", said="error: something else"), True),
        (a_result("unwanted", "skip", optional=True), False),
        (a_result("unwanted", "skip", group="other"), True),
        (a_result("apart", "omit"), False),
        (a_result("apart", "skip", group="other"), True),
    ],
    ids=lambda v: f"{v.id} {v.verdict}{' optional' * v.optional} {v.said}" if isinstance(v, Result) else str(v),
)
def test_what_makes_a_run_fail(reasons: Reasons, result: Result, *, wrong: bool) -> None:
    """A test without a reason; and a required one of a group that must pass, unless guide or kit is at fault."""
    assert bool(judged(reasons, result).wrong) is wrong


def test_a_reason_that_explains_nothing_is_known(reasons: Reasons) -> None:
    """Only the entries that were used count as such."""
    judged(reasons, a_result("later", "skip", group="other"), a_result("unwanted", "pass", optional=True))
    assert [reason.test.pattern for reason in reasons.unused] == ["-defective$", "-unwanted$", "-apart$"]


def test_every_incomplete_reason_is_named(tmp_path: Path) -> None:
    """All problems at once: what lacks, an unknown kind, a defect without its evidence."""
    file = tmp_path / "reasons.toml"
    file.write_text(
        '[[reason]]\ntest = "x"\nkind = "no idea"\n[[reason]]\nkind = "kit defect"\nwhy = "So."\nwho = "me"\n',
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match="entry 1 lacks `why`") as raised:
        Reasons(file)
    said = str(raised.value)
    for words in ("entry 1: `kind`", "entry 2 lacks `test`", "entry 2: a defect needs `says`", "entry 2: unknown who"):
        assert words in said


def test_a_group_that_must_pass_and_did_not_run_is_named(reasons: Reasons) -> None:
    """A misspelt group would otherwise pass by silence."""
    assert list(judged(reasons, a_result("any", "pass", group="other")).absent_groups) == ["must"]
    assert not list(judged(reasons, a_result("any", "pass")).absent_groups)


def test_the_summary_counts_every_test_once(reasons: Reasons) -> None:
    """What did not run counts as skipped; what Inferno leaves out does not count as something to pass."""
    verdict = judged(
        reasons,
        a_result("any", "pass"),
        a_result("later", "not run", group="other"),
        a_result("apart", "omit"),
        a_result("defective", "fail", said="impossible by the guide"),
        a_result("unwanted", "skip", optional=True),
    )
    assert summary([verdict]).splitlines()[-1] == "| A 1.0 | 1.2.3 | 1 | 1 | 2 | 1 | 1 of 2 |"


def test_each_test_that_does_not_pass_has_its_line(reasons: Reasons) -> None:
    """With the reason, or the word `ours`."""
    verdict = judged(reasons, a_result("later", "skip"), a_result("any", "fail"), a_result("fine", "pass"))
    text = render([verdict], "Inferno 1", date(2026, 11, 24))
    assert "| 1.1 | The later test | skip | *not built yet*: The next feature. |" in text
    assert "| 1.1 | The any test | fail | **ours** |" in text
    assert "The fine test" not in text


def test_the_date_is_that_of_the_last_change(reasons: Reasons, tmp_path: Path) -> None:
    """The same results leave the file as it is; others are dated anew."""
    file, readme = tmp_path / "CONFORMANCE.md", tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\n{END}\nafter\n", encoding="utf-8")
    one, other = judged(reasons, a_result("any", "pass")), judged(reasons, a_result("later", "skip", group="other"))
    dates = []
    for verdict, day in ((one, 1), (one, 2), (other, 3)):
        write([verdict], "Inferno 1", date(2026, 12, day), file, readme)
        dates += re.findall(r"^(2026-12-0\d)\. Inferno", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert dates == ["2026-12-01", "2026-12-01", "2026-12-03"]
    assert readme.read_text(encoding="utf-8") == f"before\n{BEGIN}\n{summary([other])}{END}\nafter\n"


def test_a_readme_without_the_markers_is_an_error() -> None:
    """The summary would otherwise be lost without a word."""
    with pytest.raises(ValueError, match="the README lacks"):
        with_summary("no markers", "table")
