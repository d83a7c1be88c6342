"""The shape of demo/stories.toml: worked cases of a policy in an order that a newcomer can follow."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from server.authoring.worked_cases_file import WorkedCase
from server.decision.model import Outcome
from server.errors import PolicyProblem, PolicyProblems
from server.policy.desk import DeskRole
from server.policy.toml_file import Count, Some, Text, TomlTable, read_toml


class RulingTable(TomlTable):
    """How a made-up reviewer of the plan decides the story's case."""

    role: DeskRole
    verdict: Literal["approve"] = Field(description="A story ends with an authorization.")
    why: Text = Field(description="The reason, as it goes to the provider and the member.")
    days: Count = Field(description="How long the authorization lasts, from the first day of service.")


class StoryTable(TomlTable):
    """One worked case, told."""

    case: Text = Field(description="The id of a case of ../cases.toml.")
    outcome: Outcome = Field(description="What the case must come to.")
    title: Text
    tells: Text = Field(description="For the reader, in whole sentences.")
    documents: Text | None = Field(None, description="A case of ../cases.toml whose form is sent later.")
    ruling: RulingTable | None = Field(None, description="What a person decides.")


class StoriesFile(TomlTable):
    """What `make demo` tells of a policy."""

    story: Some[StoryTable]


def read_stories(file: Path, cases: dict[str, WorkedCase]) -> tuple[StoryTable, ...]:
    """The stories of a file; raises PolicyProblems with everything that is wrong in it. cases: by id."""
    problems: list[PolicyProblem] = []
    read = read_toml(file, StoriesFile, problems, unreadable="it must be a file of yours")
    for n, story in enumerate(read.story if read else (), 1):
        for field in ("case", "documents"):
            named = getattr(story, field)
            if named is not None and named not in cases:
                text = f"{named} is no case of cases.toml; name one that is"
                problems.append(PolicyProblem(str(file), f"story {n}.{field}", text))
    if read is None or problems:
        raise PolicyProblems(problems)
    return read.story
