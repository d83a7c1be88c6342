"""The shape of demo/stories.toml: worked cases of a policy in an order that a newcomer can follow."""

from pathlib import Path

from pydantic import Field

from server.authoring.worked_cases_file import WorkedCase
from server.decision.model import Outcome
from server.errors import PolicyProblem, PolicyProblems
from server.policy.toml_file import Some, Text, TomlTable, read_toml


class StoryTable(TomlTable):
    """One worked case, told."""

    case: Text = Field(description="The id of a case of ../cases.toml.")
    outcome: Outcome = Field(description="What the case must come to.")
    title: Text
    tells: Text = Field(description="For the reader, in whole sentences.")


class StoriesFile(TomlTable):
    """What `make demo` tells of a policy."""

    story: Some[StoryTable]


def read_stories(file: Path, cases: dict[str, WorkedCase]) -> tuple[StoryTable, ...]:
    """The stories of a file; raises PolicyProblems with everything that is wrong in it. cases: by id."""
    problems: list[PolicyProblem] = []
    read = read_toml(file, StoriesFile, problems, unreadable="it must be a file of yours")
    for n, story in enumerate(read.story if read else (), 1):
        if story.case not in cases:
            text = f"{story.case} is no case of cases.toml; name one that is"
            problems.append(PolicyProblem(str(file), f"story {n}.case", text))
    if read is None or problems:
        raise PolicyProblems(problems)
    return read.story
