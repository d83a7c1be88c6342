"""Every policy the server serves, found by an order's codes, by a form's canonical, or by id."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType

from server.errors import PolicyProblems
from server.fhir.codes import NDC
from server.fhir.read import Coding, ndc_readings
from server.policy.folder import Loader
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


@dataclass(frozen=True, slots=True)
class OrderPolicy:
    policy: Policy | None
    edition: Edition | None


class PolicyLibrary:
    """Loaded once at start; immutable.

    libraries: every CQL library of every policy by `name|version`; value_sets: by url.
    """

    def __init__(
        self, policies: Iterable[Policy], libraries: Mapping[str, CqlLibrary], value_sets: Mapping[str, ValueSet]
    ) -> None:
        self.policies = tuple(policies)
        self.libraries: Mapping[str, CqlLibrary] = MappingProxyType(dict(libraries))
        self.value_sets: Mapping[str, ValueSet] = MappingProxyType(dict(value_sets))
        self._by_id = {p.id: p for p in self.policies}
        self._identified = {token: p for p in self.policies for token in p.identified_by}
        self._naming_systems = {token.split("|", 1)[0] for token in self._identified}
        self._by_form: dict[str, tuple[Policy, Edition]] = {}
        for policy in self.policies:
            for edition in policy.editions:  # newest first: an older edition never hides a newer one
                self._by_form.setdefault(edition.form.canonical, (policy, edition))
                self._by_form.setdefault(edition.form.url, (policy, edition))

    @classmethod
    def load(cls, cql: Path, questionnaires: Path) -> "PolicyLibrary":
        """Raises PolicyProblems with everything that is wrong, in every folder."""
        loader = Loader(cql, questionnaires)
        policies = loader.policies()
        if loader.files.problems:
            raise PolicyProblems(loader.files.problems)
        return cls(policies, loader.files.libraries, loader.files.value_sets)

    def recognise(self, codings: Iterable[Coding]) -> Recognised:
        """Which policy an order falls under; a code that names a product outweighs any placeholder beside it."""
        tokens = [token for c in codings for token in _tokens(c)]
        identified = next((self._identified[t] for t in tokens if t in self._identified), None)
        if identified is not None:
            return Recognised(identified, (), other=False)
        placeholder_for = tuple(p for p in self.policies if any(t in p.placeholders for t in tokens))
        other = any(
            t.split("|", 1)[0] in self._naming_systems and not any(t in p.placeholders for p in self.policies)
            for t in tokens
        )
        return Recognised(None, () if other else placeholder_for, other)

    def for_order(self, codings: Iterable[Coding], on: date, *, attached: Collection[str] = ()) -> OrderPolicy:
        """The policy that codes name and its edition in force on a day."""
        recognised = self.recognise(codings)
        policy = recognised.identified
        if policy is None and recognised.possible and attached is not None:
            policy = next((p for i in attached for p in recognised.possible if p.id == i), None)
            policy = policy or (recognised.possible[0] if len(recognised.possible) == 1 else None)
        return OrderPolicy(policy, policy.edition_on(on) if policy else None)

    def policy(self, policy_id: str) -> Policy | None:
        return self._by_id.get(policy_id)

    def edition(self, policy_id: str, version: str) -> Edition | None:
        policy = self._by_id.get(policy_id)
        return next((e for e in policy.editions if e.version == version), None) if policy else None

    def by_form(self, canonical: str) -> tuple[Policy, Edition] | None:
        """The newest edition with this form; `canonical` with or without `|version`. None when unknown."""
        return self._by_form.get(canonical)


def _tokens(coding: Coding) -> tuple[str, ...]:
    if coding.system == NDC:
        return tuple(f"{NDC}|{reading}" for reading in ndc_readings(coding.code))
    return (coding.token,)
