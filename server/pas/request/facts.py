"""What a PAS request says, read once and frozen: no later module looks into the Bundle to find these things again."""

from dataclasses import dataclass
from datetime import date

from server.fhir.read import BundleIndex, Coding, Resource
from server.fhir.version import Version
from server.policy.model import Edition, Policy
from server.store.ports import Inquiry, Transaction


@dataclass(frozen=True, slots=True)
class Rejection:
    """A business reason not to decide: 200 and ClaimResponse.error, no 4xx (pas P-49).

    code: X12 901 reject reason. follow_up: X12 889, `C` correct and resubmit, `N` no resubmission.
    text: what is wrong and what would mend it, without patient data. expression: FHIRPath from `Bundle`.
    """

    code: str
    text: str
    expression: str
    follow_up: str = "C"


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """One Claim.item with everything that belongs to it.

    raw: the item as sent. trace: Identifiers of its itemTraceNumber extensions.
    service: first and last day asked for, both count: of the item, else the Claim's billablePeriod, else None.
    codes: normalised, without repeats: productOrService, detail and subDetail, then those of the order.
    order: what `requestedService` points at. previous_numbers: REF-BB and REF-NT numbers of the item and of the Claim.
    policy, edition: the policy that its codes name and its edition on the service date (else the day of the claim);
        `edition` is None when the policy was not yet in force.
    response: the answers that belong to the item, cleaned by `policy.form.read_response`; response_url: its fullUrl.
    """

    sequence: int
    raw: Resource
    trace: tuple[Resource, ...]
    service: tuple[date, date] | None
    codes: tuple[Coding, ...]
    order: Resource | None
    previous_numbers: tuple[str, ...]
    policy: Policy | None
    edition: Edition | None
    response: Resource | None = None
    response_url: str = ""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A `Claim/$submit` request.

    bundle: the request Bundle as parsed, never changed; index: finds its entries and their fullUrls.
    identifier: Bundle.identifier, echoed in the answer; None when absent. identifiers: Claim.identifier.
    requester: Claim.provider resolved; organization: the same, or the Organization of a PractitionerRole, if sent.
    requester_npis: NPIs of the requester; npis: those and the NPIs of the care team and of whoever ordered (pas P-78).
    created: the day of Claim.created.
    rejections: when there is any, nothing is decided and the answer carries them all.
    """

    version: Version
    bundle: Resource
    index: BundleIndex
    identifier: Resource | None
    transaction: Transaction
    claim: Resource
    claim_url: str
    identifiers: tuple[Resource, ...]
    patient: Resource
    coverage: Resource
    insurer: Resource
    requester: Resource
    organization: Resource | None
    member_ids: tuple[str, ...]
    payer_ids: tuple[str, ...]
    requester_npis: tuple[str, ...]
    npis: tuple[str, ...]
    created: date
    items: tuple[RequestedItem, ...]
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class InquiryRequest:
    """A `Claim/$inquire` request: `inquiry` is what to ask the store. Other fields as in AuthorizationRequest.

    coverage: None when the inquiry names no coverage that is in the Bundle.
    """

    version: Version
    bundle: Resource
    index: BundleIndex
    identifier: Resource | None
    claim: Resource
    claim_url: str
    identifiers: tuple[Resource, ...]
    patient: Resource
    coverage: Resource | None
    insurer: Resource
    requester: Resource
    organization: Resource | None
    inquiry: Inquiry
    rejections: tuple[Rejection, ...]
