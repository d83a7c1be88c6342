"""The shape of cases.toml and cases-*.toml: the worked cases of a policy (cql/README.md explains them)."""

from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from server.decision.model import Outcome
from server.errors import PolicyProblem, PolicyProblems
from server.policy.folder import policy_folders
from server.policy.toml_file import Count, Said, Some, Text, TomlTable, read_toml, twice


class RecordTable(TomlTable):
    """Changes of the record: `remove`, `add`, then every other key: a place like `Claim.item[0].quantity.value`."""

    model_config = ConfigDict(extra="allow")

    remove: tuple[Text, ...] = Field((), description="`Type` or `Type/id` of resources to leave out.")
    add: tuple[dict[str, Any], ...] = Field((), description="Further resources.")

    @property
    def places(self) -> dict[str, Any]:
        """New values by place; "" removes what is there."""
        return self.model_extra or {}


class Changes(TomlTable):
    """What differs from a chart."""

    answers: dict[str, Any] = Field({}, description="By linkId, replacing the chart's; [] leaves it unanswered.")
    record: RecordTable = RecordTable()


class ExpectTable(TomlTable):
    """What must be decided. unmet, unknown and review are complete lists; met may name a few."""

    outcome: Outcome
    unmet: tuple[Text, ...] = ()
    unknown: tuple[Text, ...] = ()
    review: tuple[Text, ...] = ()
    met: tuple[Text, ...] = ()
    days: Count | None = Field(None, description="Of the approval.")

    def contradictions(self) -> Said:
        if (self.outcome is Outcome.APPROVE) != (self.days is not None):
            yield "days", 'must be given exactly when outcome is "approve": for how many days'


class WorkedCase(Changes):
    """A chart, what differs from it, and what must be decided."""

    id: Text
    title: Text
    chart: Text = Field(description="A file of charts/, without .json.")
    edition: Text | None = Field(None, description="The edition it is judged by, whatever its day.")
    expect: ExpectTable


class WorkedCasesFile(TomlTable):
    """The worked cases of a policy."""

    edition: Text | None = Field(None, description="The edition of every case that names none.")
    case: Some[WorkedCase]

    def contradictions(self) -> Said:
        for name in twice(c.id for c in self.case):
            yield f"case {name}.id", "stands twice; give each case its own id"

    def cases(self) -> tuple[WorkedCase, ...]:
        """Each with the edition that the file names for it."""
        return tuple(case.model_copy(update={"edition": case.edition or self.edition}) for case in self.case)


def worked_case_files(folder: Path) -> list[Path]:
    """cases.toml, and the files beside it that hold the cases of editions that followed."""
    return [folder / "cases.toml", *sorted(folder.glob("cases-*.toml"))]


def read_worked_cases(file: Path, problems: list[PolicyProblem]) -> tuple[WorkedCase, ...] | None:
    """The cases of a file; None when anything is wrong, and `problems` then has all of it."""
    read = read_toml(
        file,
        WorkedCasesFile,
        problems,
        unreadable="it must be a file of yours",
        absent="there is no such file; every policy has worked cases",
    )
    return None if read is None else read.cases()


def worked_cases_of(folder: Path) -> dict[str, WorkedCase]:
    """The cases of a policy's cases.toml by id, for whoever replays one. Raises PolicyProblems."""
    problems: list[PolicyProblem] = []
    cases = read_worked_cases(folder / "cases.toml", problems)
    if cases is None:
        raise PolicyProblems(problems)
    return {case.id: case for case in cases}


def unreadable_worked_cases(root: Path) -> list[PolicyProblem]:
    """What is wrong with the files of cases by themselves, for when the policies cannot be loaded."""
    problems: list[PolicyProblem] = []
    for folder in policy_folders(root):
        for file in worked_case_files(folder):
            read_worked_cases(file, problems)
    return problems
