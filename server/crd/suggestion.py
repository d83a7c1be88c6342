"""What a card offers to do: a changed order, one more order, or a task to fill in a form (crd section 1.11)."""

from datetime import date
from typing import Any

from server.clock import NewId
from server.crd.coverage import OrderCoverage
from server.crd.order import CONCEPTS, SUBJECTS, DraftOrder
from server.fhir.codes import CRD
from server.fhir.read import Resource, dicts
from server.fhir.version import Version
from server.policy.card_rules import OtherService

_TASK_CODES = f"{CRD.rpartition('StructureDefinition/')[0]}CodeSystem/temp"
_REASON = {"coding": [{"system": _TASK_CODES, "code": "reason-prior-auth"}]}
_AFTER_COMPLETION = {
    "type": {"coding": [{"system": _TASK_CODES, "code": "after-completion-action"}]},
    "valueCodeableConcept": {"coding": [{"system": _TASK_CODES, "code": "prior-auth-include"}]},
}
"""What 2.0 asks for: the answers go with the request."""
_NOT_CARRIED = frozenset({"extension", "text", "contained"})
"""What a changed order leaves out: it was said of the order as it was."""


def suggested(label: str, description: str, kind: str, resource: Resource, new_id: NewId) -> dict[str, Any]:
    """The members that a card with one suggestion of one action has (C-75, C-81)."""
    action = {"type": kind, "description": description, "resource": resource}
    return {
        "suggestions": [{"label": label, "uuid": new_id(), "actions": [action]}],
        "selectionBehavior": "any",
    }


def instead(order: DraftOrder, other: OtherService) -> Resource | None:
    """The same order for another service; None where the order does not name its own by a code."""
    name = next((c for c in CONCEPTS if isinstance(order.resource.get(c), dict)), None)
    if name is None:
        return None
    return {k: v for k, v in order.resource.items() if k not in _NOT_CARRIED} | {name: _concept(other)}


def beside(order: DraftOrder, other: OtherService, today: date) -> Resource:
    """A draft of an order that goes with another one."""
    kept = {k: order.resource[k] for k in (*SUBJECTS, "requester") if k in order.resource}
    return {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "code": _concept(other),
        "occurrenceDateTime": max(today, order.starts or today).isoformat(),
        "authoredOn": today.isoformat(),
        **kept,
    }


def form_task(order: DraftOrder, coverage: OrderCoverage, form: str, version: Version, today: date) -> Resource:
    """A Task to fill in a form, from the payer as the client names it (C-86)."""
    payer = next(iter(dicts(coverage.resource.get("payor"))), {})
    task = {
        "resourceType": "Task",
        "status": "ready",
        "intent": "order",
        "code": {
            "coding": [{"system": "http://hl7.org/fhir/uv/sdc/CodeSystem/temp", "code": "complete-questionnaire"}]
        },
        "description": f"Fill in the form that the prior authorization of {order.name} needs",
        "for": next((order.resource[k] for k in SUBJECTS if k in order.resource), {}),
        "authoredOn": today.isoformat(),
        "requester": payer,
        "reasonCode": _REASON if version is Version.V2_0 else {"text": "Prior authorization"},
        "input": [
            {"type": {"text": "questionnaire"}, "valueCanonical": form},
            *([_AFTER_COMPLETION] if version is Version.V2_0 else []),
        ],
    }
    return {k: v for k, v in task.items() if v}


def _concept(other: OtherService) -> dict[str, Any]:
    coding = {"system": other.code.system, "code": other.code.code}
    return {"coding": [coding | ({"display": other.code.display} if other.code.display else {})]}
