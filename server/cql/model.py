"""What the engine runs: compiled CQL libraries and expanded value sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.fhir.codes import system_of
from server.fhir.read import dicts


@dataclass(frozen=True, slots=True)
class CqlLibrary:
    """One CQL library and its compiled ELM. `version` and `name` equal the ELM identifier."""

    name: str
    version: str
    cql: str
    elm: str
    source: str
    """Path of the .cql file, for messages."""

    @property
    def key(self) -> str:
        return f"{self.name}|{self.version}"


@dataclass(frozen=True, slots=True)
class ValueSet:
    """An expanded FHIR ValueSet."""

    url: str
    version: str
    resource: Mapping[str, Any]
    members: frozenset[str]
    """`system|code` tokens."""
    whole_systems: tuple[str, ...] = field(init=False)
    """Code systems, normalised, all of whose codes are in the set."""

    displays: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)
    """By `system|code` token, what the expansion says in words."""

    def __post_init__(self) -> None:
        named: dict[str, tuple[str, ...]] = {}
        for c in dicts((self.resource.get("expansion") or {}).get("contains")):
            if isinstance(c.get("display"), str):
                token = f"{c.get('system')}|{c.get('code')}"
                named[token] = (*named.get(token, ()), c["display"])
        object.__setattr__(self, "displays", named)
        object.__setattr__(self, "whole_systems", whole_systems(self.resource))


def whole_systems(value_set: Mapping[str, Any]) -> tuple[str, ...]:
    """The code systems of a FHIR ValueSet that consists of whole code systems and has no expansion; else none.

    A form has such a value set where it takes any code of a system.
    """
    if "expansion" in value_set:
        return ()
    includes = dicts((value_set.get("compose") or {}).get("include"))
    if any("system" not in i or i.keys() & {"concept", "filter", "valueSet"} for i in includes):
        return ()
    systems = (str(i["system"]) for i in includes)
    return tuple(map(system_of, systems))
