"""The stories of the demo, from each policy's demo/stories.toml, with the requests of their worked cases."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from server.authoring.chart import changed
from server.authoring.stories_file import RulingTable, read_stories
from server.authoring.worked_cases_file import WorkedCase, worked_cases_of
from server.errors import NotFound
from server.fhir.read import Resource
from server.policy.library import PolicyLibrary
from server.policy.model import Policy


@dataclass(frozen=True, slots=True)
class Story:
    """title, tells: for the reader. request: the PAS request Bundle of the story's case.

    later: the request whose form is sent when something is asked for. ruling: how a person decides.
    """

    title: str
    tells: str
    request: Resource
    later: Resource | None = None
    ruling: RulingTable | None = None


def stories_of(policies: PolicyLibrary, cql: Path) -> Iterator[Story]:
    """The stories of every policy that has a demo/stories.toml. Raises NotFound without any, and PolicyProblems."""
    files = sorted(cql.glob("*/demo/stories.toml"))
    if not files:
        raise NotFound(f"{cql} has no demo/stories.toml in any policy folder; there is nothing to tell")
    for file in files:
        folder = file.parents[1]
        policy = policies.policy(folder.name)
        if policy is None:
            raise NotFound(f"{file} stands beside no policy")
        cases = worked_cases_of(folder)
        for told in read_stories(file, cases):
            request, *later = (
                _request_of(cases[id_], folder, policy, policies) for id_ in (told.case, told.documents) if id_
            )
            yield Story(told.title, told.tells, request, later[0] if later else None, told.ruling)


def _request_of(case: WorkedCase, folder: Path, policy: Policy, policies: PolicyLibrary) -> Resource:
    chart = orjson.loads((folder / "charts" / f"{case.chart}.json").read_bytes())
    edition = policies.edition(policy.id, case.edition) if case.edition else None
    return changed(chart, case, policy, edition, policies.value_sets)
