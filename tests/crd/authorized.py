"""The case of an order of the made-up policy that was approved, as the record gives it back."""

from datetime import UTC, date, datetime
from typing import Any

from server.decision.case import Case, CaseItem
from server.decision.model import Decision, Outcome
from server.decision.request import AuthorizationRequest, RequestedItem, Transaction
from server.decision.ruling import by_machine
from server.fhir.order import order_codings
from server.fhir.read import BundleIndex
from server.fhir.version import Version
from tests.policies import POLICY_ID, POLICY_URI

AT = datetime(2026, 6, 1, 9, tzinfo=UTC)


def authorized_case(order: dict[str, Any], number: str, period: tuple[date, date]) -> Case:
    """A case of one item whose order is the only entry beside the Claim."""
    claim: dict[str, Any] = {"resourceType": "Claim", "id": "c-1", "item": [{"sequence": 1}]}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": claim}, {"resource": order}]}
    index = BundleIndex(bundle)
    codes = order_codings(order, index.resolve)
    item = RequestedItem(1, claim["item"][0], (), period, codes, order, ())
    request = AuthorizationRequest(
        version=Version.V2_2,
        bundle=bundle,
        index=index,
        patient={"resourceType": "Patient", "id": "p-1"},
        coverage=None,
        insurer={},
        requester={},
        organization=None,
        transaction=Transaction("client", "t-1", "hash"),
        member_ids=("W-1",),
        payer_ids=(),
        requester_npis=(),
        npis=(),
        created=period[0],
        responses=(),
        items=(item,),
    )
    decision = Decision(Outcome.APPROVE, (), POLICY_ID, POLICY_URI, "2024-01-18", period, "none")
    approved = CaseItem(item, decision, by_machine(Outcome.APPROVE), number, None, None)
    return Case("sub-1", AT, "client", request, facts=2, answered=AT, items=(approved,))
