"""What CQL libraries declare, and what an edition names that they do not."""

from dataclasses import dataclass

from server.policy.model import State
from server.policy.policy_file import EditionTable
from server.policy.toml_file import Said


@dataclass(frozen=True, slots=True)
class Declared:
    """What an edition may name: the defines of its library, found in `source`; the parameters of all that it runs."""

    source: str
    defines: frozenset[str]
    parameters: frozenset[str]


def undeclared(edition: EditionTable, declared: Declared) -> Said:
    """Everything that the edition names and its library does not have."""
    for name in edition.parameters:
        if name not in declared.parameters:
            text = "is declared by no library that the edition runs; declare it, or take it out"
            yield f"parameters.{name}", text
    defines = [(f"validity {n}.when", v.when) for n, v in enumerate(edition.validity, 1)]
    defines += [("starts", edition.starts)] if edition.starts is not None else []
    defines += [(f"group {g.id}.{key}", name) for g in edition.group for key, name in g.defines()]
    defines += [(f"criterion {c.id}.{key}", name) for c in edition.criterion for key, name in c.defines()]
    for place, name in defines:
        if name not in declared.defines:
            yield place, f"no define {name!r} in {declared.source}; name one that it has"


def unjudged(edition: EditionTable) -> Said:
    """Criteria that lack the define which a state of theirs rests on."""
    for criterion in edition.criteria():
        place = f"criterion {criterion.id}"
        if (State.REVIEW in criterion.states) != (criterion.review is not None):
            yield f"{place}.review", "name a `review` define exactly when `states` holds review"
        if State.MET in criterion.states and criterion.evidence is None:
            yield f"{place}.evidence", "is missing; what is met must say by what"
