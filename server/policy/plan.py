"""The plan: who the payer is, whom it covers, and what it says about services that no policy judges."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from server.fhir.codes import NPI
from server.fhir.read import Coding, Resource
from server.policy.card_rules import CardRules, OtherService
from server.policy.client import Client
from server.policy.desk import DeskRules
from server.policy.origins import Origins
from server.policy.outgoing import FetchRules, OutgoingRules


class MemberStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"
    SEVERAL = "several"
    """Known, and not to be resolved to a single coverage."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What the plan says about a service without a policy, in CRD's words (crd section 1.10).

    info_needed and pa_needed as in coverage-information; reason: one plain sentence. placeholder: the codes stand for a
    service that they do not name; the entry speaks only of orders that name none. contracted: NPIs of the performers
    who need no prior authorization, where it hangs on the performer. alternative: what the plan would rather see;
    companion: what goes with it.
    """

    tokens: frozenset[str]
    display: str
    covered: str
    pa_needed: str | None
    reason: str
    info_needed: tuple[str, ...] = ()
    placeholder: bool = False
    contracted: frozenset[str] = frozenset()
    alternative: OtherService | None = None
    companion: OtherService | None = None


_STRICTEST_FIRST = ("auth-needed", None, "conditional", "performpa", "no-auth")
"""pa_needed of the catalogue's entries; None is that of what is not covered."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One payer plan, loaded from a plan file.

    clients: NPI of provider organizations known to the plan. assertion_days: how long the plan stands by what it said
    about an order's coverage. outgoing: whom the server may call. fetch: how much a call may ask of an EHR. cards: what
    is told beside coverage information. keep_documents: whether an authorized order's documentation is to be
    kept. desk: who reviews what is pended, and within which time. registered: the systems that may call, where callers
    are authenticated.
    """

    name: str
    payer_id: str
    payer_id_system: str
    npi: str
    phone: str
    address: Mapping[str, Any]
    unlisted_members: MemberStatus
    members: Mapping[str, MemberStatus]
    clients: frozenset[str]
    catalogue: tuple[CatalogueEntry, ...]
    assertion_days: int = 90
    outgoing: OutgoingRules = field(default_factory=OutgoingRules)
    keep_documents: bool = False
    cards: CardRules = field(default_factory=CardRules)
    fetch: FetchRules = field(default_factory=FetchRules)
    desk: DeskRules = field(default_factory=DeskRules)
    registered: tuple[Client, ...] = ()
    browsers: Origins = field(default_factory=Origins)

    def member(self, ids: Iterable[str]) -> MemberStatus:
        """Whether a member is enrolled: the first id that the member file lists, else what it says of unlisted ones."""
        ids = tuple(ids)
        if not ids:
            return MemberStatus.UNKNOWN
        return next((self.members[i] for i in ids if i in self.members), self.unlisted_members)

    def is_payer(self, organization: Resource | Mapping[str, Any] | None) -> bool | None:
        """True or False by NPI or payer id of a payer Organization (or Reference.identifier); None when it has none."""
        found = (organization or {}).get("identifier")
        many = [i for i in (found if isinstance(found, list) else [found]) if isinstance(i, dict) and i.get("value")]
        if not many:
            return None
        return any(
            (i.get("system") == NPI and i["value"] == self.npi)
            or (i.get("system") != NPI and i["value"] == self.payer_id)
            for i in many
        )

    def entry_for(self, codings: Iterable[Coding], *, named: bool = False) -> CatalogueEntry | None:
        """The catalogue entry with one of the codes; named: a product is known, so placeholders say nothing.

        Of several entries the one counts that gives least away: a code that needs nothing speaks for no other code.
        """
        tokens = {c.token for c in codings}
        found = [e for e in self.catalogue if e.tokens & tokens and not (named and e.placeholder)]
        return min(found, key=lambda e: _STRICTEST_FIRST.index(e.pa_needed), default=None)
