"""What CQL libraries declare, and what an edition asks of them that they do not give."""

from collections.abc import Mapping
from dataclasses import dataclass

from server.policy.model import State
from server.policy.policy_file import EditionTable
from server.policy.toml_file import Said

JUDGED = "Tuple{evidence List<Tuple{ref String, said String}>, state String}"
_BOOLEAN = "Boolean"
_OF_A_BOOLEAN = {State.UNMET, State.UNKNOWN}
"""What a Boolean alone can say: what is met must say by what, and review is no answer of three."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What an edition may name.

    defines: of its library, found in `source`: name -> type of what it gives, as elm.result_type spells it.
    parameters: of all that it runs.
    """

    source: str
    defines: Mapping[str, str]
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
    defines += [(f"criterion {c.id}.define", c.id) for c in edition.criteria() if c.define == c.id]
    for place, name in defines:
        if name not in declared.defines:
            yield place, f"no define {name!r} in {declared.source}; name one that it has"


def unjudged(edition: EditionTable, declared: Declared) -> Said:
    """Criteria whose define gives something else than a state with its evidence."""
    for criterion in edition.criteria():
        given = declared.defines.get(criterion.define, JUDGED)  # one that is not there is told by `undeclared`
        place = f"criterion {criterion.id}.define"
        if given not in {JUDGED, _BOOLEAN}:
            yield place, f"{criterion.define!r} gives {given}; give Tuple {{ state, evidence }}, as cql/README.md says"
        elif given == _BOOLEAN and not set(criterion.states) <= _OF_A_BOOLEAN:
            text = "gives a Boolean, and `states` holds more than unmet and unknown; give Tuple { state, evidence }"
            yield place, f"{criterion.define!r} {text}"
