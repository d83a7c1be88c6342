"""The verdict over a suite: what passed, and for all else the reason."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.conformance.inferno.reasons import Reason, Reasons
from tests.conformance.inferno.session import Result
from tests.conformance.inferno.suites import Suite


@dataclass(frozen=True, slots=True)
class Judged:
    result: Result
    reason: Reason | None
    must_pass: bool

    @property
    def is_wrong(self) -> bool:
        """Nothing explains it, or it had to pass and the fault is not the guide's or the kit's."""
        if self.result.verdict == "pass":
            return False
        if self.reason is None:
            return True
        return self.must_pass and self.result.verdict != "omit" and not self.reason.excuses


@dataclass(frozen=True, slots=True)
class SuiteVerdict:
    """A suite's tests that were asked for. kit: the version of the test kit."""

    suite: Suite
    kit: str
    tests: Sequence[Judged]

    @property
    def counts(self) -> Counter[str]:
        return Counter(j.result.verdict for j in self.tests)

    @property
    def must_pass(self) -> Sequence[Judged]:
        return [j for j in self.tests if j.must_pass]

    @property
    def wrong(self) -> Sequence[Judged]:
        return [j for j in self.tests if j.is_wrong]

    @property
    def absent_groups(self) -> Iterator[str]:
        """Groups that must pass and of which no test ran: misspelt, or gone from the kit."""
        for group in self.suite.must_pass:
            if not any(group in _groups(j.result) for j in self.tests):
                yield group


def judge(suite: Suite, kit: str, results: Sequence[Result], reasons: Reasons) -> SuiteVerdict:
    judged = []
    for result in results:
        reason = reasons.of(result) if result.verdict != "pass" else None
        must = not result.optional and any(g in suite.must_pass for g in _groups(result))
        judged.append(Judged(result, reason, must))
    return SuiteVerdict(suite, kit, judged)


def _groups(result: Result) -> Sequence[str]:
    return result.id.split("-")[:-1]
