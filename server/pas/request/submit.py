"""A `Claim/$submit` body becomes an AuthorizationRequest, or every problem with it is named (pas P-14, P-15)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from server.decision.request import AuthorizationRequest, RequestedItem, SentResponse
from server.errors import InvalidRequest
from server.fhir.version import Version
from server.pas.request.bundle import RequestBundle
from server.pas.request.claim import check_submitted, read_claim
from server.pas.request.claim_item import ItemReader
from server.pas.request.parties import PartyReader, identifier_values, requester_npis, treating_npis
from server.pas.request.questionnaire_responses import sent_responses
from server.pas.request.transaction import transaction_of


@dataclass(frozen=True, slots=True)
class SubmitReading:
    """A request as far as it was read. What is wrong with it stands in `bundle.problems`, and matching may add to it.

    created: the day of Claim.created; date.max when that day cannot be read, which is also a problem.
    """

    version: Version
    bundle: RequestBundle
    parties: PartyReader
    created: date
    responses: tuple[SentResponse, ...]
    items: tuple[RequestedItem, ...]

    def request(self) -> AuthorizationRequest:
        """The request, frozen. Raises InvalidRequest with every problem that was found."""
        parties = self.parties.found()
        if parties.coverage is None:  # found() would have raised; this line is for the type checker
            raise InvalidRequest(self.bundle.problems)
        index = self.bundle.index
        own = requester_npis(index, parties.requester)
        return AuthorizationRequest(
            version=self.version,
            bundle=self.bundle.bundle,
            index=index,
            patient=parties.patient,
            coverage=parties.coverage,
            insurer=parties.insurer,
            requester=parties.requester,
            organization=parties.organization,
            transaction=transaction_of(self.bundle.bundle, own),
            member_ids=parties.member_ids,
            payer_ids=identifier_values(parties.insurer),
            requester_npis=own,
            npis=tuple(dict.fromkeys((*own, *treating_npis(self.bundle, self.items)))),
            created=self.created,
            responses=self.responses,
            items=self.items,
        )


def read_submit(raw: bytes, body: dict[str, Any], version: Version) -> SubmitReading:
    """Reads a Bundle, or Parameters with `resource`. raw and body are the same JSON object.

    Raises InvalidRequest at once only where there is nothing to go on with; else SubmitReading.request raises it.
    """
    bundle = RequestBundle(raw, body)
    created = read_claim(bundle) or date.max
    check_submitted(bundle)
    parties = PartyReader(bundle, coverage_needed=True)
    responses = sent_responses(bundle, parties.patient)
    items = ItemReader(bundle, parties.patient, responses).items()
    return SubmitReading(version, bundle, parties, created, responses, items)
