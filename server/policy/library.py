"""Every policy the server serves, found by an order's codes, by a form's canonical, or by id."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from server.fhir.read import Coding
from server.policy.model import CqlLibrary, Edition, Policy, ValueSet


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the codes of an order say.

    identified: the policy of the product or service named; possible: policies for which only a placeholder code speaks;
    other: True when the codes name a product and it is none of ours.
    """

    identified: Policy | None
    possible: tuple[Policy, ...]
    other: bool


class PolicyLibrary:
    """Loaded once at start; immutable."""

    policies: tuple[Policy, ...]
    libraries: Mapping[str, CqlLibrary]
    """By `name|version`, every CQL library of every edition."""
    value_sets: Mapping[str, ValueSet]
    """By url."""

    @classmethod
    def load(cls, cql: Path, questionnaires: Path) -> "PolicyLibrary":
        """Raises PolicyProblems with everything that is wrong, in every folder."""
        raise NotImplementedError

    def recognise(self, codings: Iterable[Coding]) -> Recognised: ...

    def policy(self, policy_id: str) -> Policy | None: ...

    def edition(self, policy_id: str, version: str) -> Edition | None: ...

    def by_form(self, canonical: str) -> tuple[Policy, Edition] | None:
        """The newest edition with this form; `canonical` with or without `|version`. None when unknown."""
        ...
