"""A coverage policy as the server sees it: frozen data, loaded and checked by library.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from server.cql.model import CqlLibrary, ValueSet
from server.fhir.read import Coding
from server.form.model import Form

__all__ = [
    "CqlLibrary",
    "Criterion",
    "Edition",
    "Form",
    "Policy",
    "Reviewer",
    "State",
    "Validity",
    "ValueSet",
]


class State(StrEnum):
    """What is known of a criterion. Silence is UNKNOWN, never UNMET."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"
    REVIEW = "review"


class Reviewer(StrEnum):
    """Who looks when a criterion is unmet."""

    PHYSICIAN = "physician"
    MEDICAL_DIRECTOR = "medical-director"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One rule of a policy and the CQL define that judges it.

    define: Tuple{state String, evidence List<Tuple{ref String, said String}>}. `state` is one of State; null stands for
        unknown. `ref` is `Type/id` of a resource of the record, or `QuestionnaireResponse/id#linkId`; `said` is what it
        says, in plain words without a name. Or Boolean: true met, false unmet, null unknown.
    applies: Boolean define; the criterion is judged only where it is true. None: always.
    remedies: by state (unmet, unknown, review): what would settle it.
    states: every state it can take; check-policies wants a case for each.
    """

    id: str
    define: str
    sentence: str
    citation: str
    when_unmet: Reviewer
    states: tuple[State, ...]
    remedies: Mapping[State, str]
    applies: str | None = None


@dataclass(frozen=True, slots=True)
class Validity:
    """How long an approval lasts: the first entry whose define is true decides."""

    when: str
    days: int


@dataclass(frozen=True, slots=True)
class Edition:
    """One dated edition of a policy. A published edition is never edited, only followed.

    starts: Date define: the first day of an approval, by the claim or by what else the policy asks; where it is null or
    not named, the item's first day of service, else the day of the claim.
    parameters: CQL parameters, the policy's switches. approved_by: "machine" releases an approval at once; "nurse"
    turns it into a pend for a nurse. reads: the types of resources that its CQL looks into; None: it may be any.
    """

    policy_id: str
    policy_uri: str
    version: str
    effective: date
    library: CqlLibrary
    libraries: tuple[CqlLibrary, ...]
    """The main library and all it includes, transitively."""
    value_sets: tuple[ValueSet, ...]
    form: Form
    validity: tuple[Validity, ...]
    criteria: tuple[Criterion, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    approved_by: str = "machine"
    billing_codes: tuple[Coding, ...] = ()
    starts: str | None = None
    reads: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A coverage policy.

    identified_by: tokens (`system|code`) that name the product or service itself.
    placeholders: tokens that may stand for it and say nothing by themselves (unclassified-drug codes).
    display: what people call the ordered thing.
    editions: newest first.
    """

    id: str
    uri: str
    title: str
    display: str
    url: str | None
    """A page about the policy that a clinician may open."""
    identified_by: frozenset[str]
    placeholders: frozenset[str]
    editions: tuple[Edition, ...]

    def edition_on(self, day: date) -> Edition | None:
        """The newest edition in force on a day (policy reading A-32: the service start date decides)."""
        return next((e for e in self.editions if e.effective <= day), None)
