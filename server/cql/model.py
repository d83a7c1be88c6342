"""What the engine runs: compiled CQL libraries and expanded value sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
