"""Whether an order is shown to be for the living member whose Coverage it is under."""

from server.crd.coverage import OrderCoverage
from server.crd.gather import HookCall
from server.crd.order import SUBJECTS, DraftOrder
from server.fhir.coverage import numbers_disagree
from server.fhir.read import Resource


def doubtful(order: DraftOrder, coverage: OrderCoverage, call: HookCall) -> str | None:
    """Why it is not, in words that begin a sentence; None when it is.

    Most answers need only that the order is not certainly somebody else's. One that rests on the member's own
    authorization needs more.
    """
    if not call.patients:
        return "The Patient did not come along"
    if any(_may_be_dead(p) for p in call.patients):
        return "The Patient says, or may say, that the patient has died"
    subjects = [order.resource[k] for k in SUBJECTS if k in order.resource]
    if not subjects or not all(call.is_patient(s, order.resource) for s in subjects):
        return "The order's subject is not shown to be the patient of this call"
    if not call.is_patient(coverage.resource.get("beneficiary"), coverage.resource):
        return "The Coverage's beneficiary is not shown to be the patient of this call"
    if any(numbers_disagree(coverage.resource, p) for p in call.patients):
        return "Coverage and Patient have different member numbers"
    return None


def _may_be_dead(patient: Resource) -> bool:
    told = [k for k in patient if k.lstrip("_").startswith("deceased")]
    return any(k != "deceasedBoolean" or patient[k] is not False for k in told)
