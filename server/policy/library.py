"""Every policy the server serves, found by an order's codes, by a form's canonical, or by id."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

from server.errors import PolicyProblems
from server.fhir.codes import NDC
from server.fhir.read import Coding, ndc_readings
from server.policy.folder import Loader
from server.policy.model import CqlLibrary, Edition, Policy, ValueSet


@dataclass(frozen=True, slots=True)
class OrderPolicy:
    """Which policy judges what is ordered, and by which edition.

    policy: None when the codes name no product of any policy. edition: the one in force on the day, None when the
    policy was not in force yet. possible: the policies that a placeholder code may stand for, where no code names a
    product. other: the codes name a product, and no policy is about it.
    """

    policy: Policy | None
    edition: Edition | None
    possible: tuple[Policy, ...] = ()
    other: bool = False


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

    def with_pages(self, folder: str) -> "PolicyLibrary":
        """The same, where a policy that names no page of its own has one under a URL, by its id."""
        policies = (p if p.url else replace(p, url=f"{folder}/{p.id}") for p in self.policies)
        return PolicyLibrary(policies, self.libraries, self.value_sets)

    def for_order(self, codings: Iterable[Coding], on: date, *, attached: Sequence[str] | None = None) -> OrderPolicy:
        """The policy that the codes of an order name, and its edition in force on a day (policy reading A-32).

        A code that names a product outweighs every placeholder beside it. attached: the ids of the policies whose forms
        came along, where forms can come along; a placeholder alone then stands for the first of these that it may stand
        for, else for the only policy that it may stand for. Without `attached` a placeholder names no policy.
        """
        tokens = [token for c in codings for token in _tokens(c)]
        named = next((self._identified[t] for t in tokens if t in self._identified), None)
        if named is not None:
            return OrderPolicy(named, named.edition_on(on))
        if any(self._names_other_product(t) for t in tokens):
            return OrderPolicy(None, None, other=True)
        possible = tuple(p for p in self.policies if any(t in p.placeholders for t in tokens))
        chosen = _chosen(possible, attached) if attached is not None else None
        return OrderPolicy(chosen, chosen.edition_on(on) if chosen else None, possible)

    def _names_other_product(self, token: str) -> bool:
        """Whether a token of a system that names products stands for a product of no policy."""
        return token.split("|", 1)[0] in self._naming_systems and not any(
            token in p.placeholders for p in self.policies
        )

    def policy(self, policy_id: str) -> Policy | None:
        return self._by_id.get(policy_id)

    def edition(self, policy_id: str, version: str) -> Edition | None:
        policy = self._by_id.get(policy_id)
        return next((e for e in policy.editions if e.version == version), None) if policy else None

    def by_form(self, canonical: str) -> tuple[Policy, Edition] | None:
        """The newest edition with this form; `canonical` with or without `|version`. None when unknown."""
        return self._by_form.get(canonical)


def _chosen(possible: tuple[Policy, ...], attached: Sequence[str]) -> Policy | None:
    """The policy that a placeholder stands for, by the forms that came along; None when they leave it open."""
    answered = next((p for policy_id in attached for p in possible if p.id == policy_id), None)
    return answered or (possible[0] if len(possible) == 1 else None)


def _tokens(coding: Coding) -> tuple[str, ...]:
    if coding.system == NDC:
        return tuple(f"{NDC}|{reading}" for reading in ndc_readings(coding.code))
    return (coding.token,)
