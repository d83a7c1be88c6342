"""What a PAS request says, read once and frozen. It knows no policy: which one judges an item is worked out later."""

from dataclasses import dataclass, field
from datetime import date

from server.fhir.read import BundleIndex, Coding, Resource
from server.fhir.version import Version


@dataclass(frozen=True, slots=True)
class Transaction:
    """Recognises the same request sent again (pas P-51, T-3): client, Bundle.identifier and content."""

    client: str
    identifier: str
    content: str
    """SHA-256 of the canonical JSON of the request."""


@dataclass(frozen=True, slots=True)
class SentResponse:
    """One QuestionnaireResponse of a request, whatever form it answers.

    place: FHIRPath of the resource. url: fullUrl of its entry. orders: the resources that its qr-context names.
    """

    resource: Resource
    place: str
    url: str
    orders: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """One Claim.item with everything that belongs to it.

    raw: the item as sent. trace: Identifiers of its itemTraceNumber extensions.
    service: first and last day asked for, both count: of the item, else the Claim's billablePeriod, else None.
    codes: normalised, without repeats: productOrService, detail and subDetail, then those of the order.
    order: what `requestedService` points at. previous_numbers: REF-BB and REF-NT numbers of the item and of the Claim.
    responses: the answers that may count for it: those that name it or its order (then `tied`), else those that name
        no other item.
    """

    sequence: int
    raw: Resource
    trace: tuple[Resource, ...]
    service: tuple[date, date] | None
    codes: tuple[Coding, ...]
    order: Resource | None
    previous_numbers: tuple[str, ...]
    responses: tuple[SentResponse, ...] = ()
    tied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimBundle:
    """What `$submit` and `$inquire` have in common: a Bundle with its Claim at the head, and whom the Claim names.

    bundle: the request Bundle as parsed, never changed. index: of this Bundle; finds its entries and their fullUrls.
    patient, insurer, requester: what Claim.patient, .insurer and .provider point at. organization: the requester, or
    the Organization of a requesting PractitionerRole, if sent. coverage: the focal one; None only in an inquiry.
    """

    version: Version
    bundle: Resource
    index: BundleIndex = field(compare=False)
    patient: Resource
    coverage: Resource | None
    insurer: Resource
    requester: Resource
    organization: Resource | None

    @property
    def claim(self) -> Resource:
        claim: Resource = self.bundle["entry"][0]["resource"]
        return claim

    @property
    def claim_url(self) -> str:
        return self.index.full_url(self.claim)

    @property
    def identifier(self) -> Resource | None:
        """Bundle.identifier, echoed in the answer; None when absent."""
        return self.bundle.get("identifier")

    @property
    def identifiers(self) -> tuple[Resource, ...]:
        """Claim.identifier."""
        return tuple(self.claim.get("identifier") or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest(ClaimBundle):
    """A `Claim/$submit` request.

    member_ids: the member id, one or none. payer_ids: identifier values of the insurer.
    requester_npis: NPIs of the requester; npis: those and the NPIs of the care team and of whoever ordered (pas P-78).
    created: the day of Claim.created. responses: every QuestionnaireResponse that was sent.
    """

    transaction: Transaction
    member_ids: tuple[str, ...]
    payer_ids: tuple[str, ...]
    requester_npis: tuple[str, ...]
    npis: tuple[str, ...]
    created: date
    responses: tuple[SentResponse, ...]
    items: tuple[RequestedItem, ...]
