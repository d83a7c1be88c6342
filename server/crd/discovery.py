"""The discovery document: which hooks are served, what each wants sent along, which options it has (crd 1.2 to 1.4)."""

from typing import Any

from server.crd.hook_request import MAX_CARDS
from server.crd.hooks import (
    appointment_book,
    encounter_discharge,
    encounter_start,
    order_dispatch,
    order_select,
    order_sign,
)
from server.fhir.version import Version
from server.policy.plan import Plan

SERVICES = tuple(
    hook.SERVICE
    for hook in (order_sign, order_select, order_dispatch, appointment_book, encounter_start, encounter_discharge)
)
BY_ID = {service.id: service for service in SERVICES}

_OPTIONS = (
    (
        "coverage-info",
        "boolean",
        "Coverage information",
        "Puts on each order whether it is covered, needs prior authorization, and which form to fill in.",
        True,
    ),
    (
        "unsolicited-determ",
        "boolean",
        "Standing authorizations",
        "Says when an authorization in force already covers the order. False asks a what-if: no answer is kept.",
        True,
    ),
    (
        "claim",
        "boolean",
        "Claim guidance",
        "Cards that say what an order lacks before it can be billed, such as the drug behind an unclassified code.",
        True,
    ),
    (
        "guideline",
        "boolean",
        "Policy pages",
        "Cards that link the page of the policy an order falls under.",
        True,
    ),
    (
        "limits",
        "boolean",
        "Renewals",
        "Cards that say when an authorization is about to end, so that its continuation is asked for in time.",
        True,
    ),
    (
        "therapy-alternatives-opt",
        "boolean",
        "Alternatives",
        "Cards that offer another order where the plan names one that it would rather see.",
        True,
    ),
    (
        "clinical-reminder",
        "boolean",
        "Companion orders",
        "Cards that offer an order where the plan names one that goes with it.",
        True,
    ),
    (
        "max-cards",
        "integer",
        "Maximum cards",
        "The most cards to return, the weightiest first. Coverage information on orders is not counted.",
        MAX_CARDS,
    ),
)

_USAGE = (
    "Send the patient, the patient's active Coverage of this plan, and its payer Organization as prefetch. What does "
    "not come along is fetched from fhirServer with the token of fhirAuthorization. Ask for CRD 2.2 with extension "
    "davinci-crd.requestedVersion; without it, 2.0 is spoken."
)


def discovery(plan: Plan) -> dict[str, Any]:
    """The body of `GET /cds-services` (crd C-15, C-22, C-25 to C-27)."""
    options = [dict(zip(("code", "type", "name", "description", "default"), o, strict=True)) for o in _OPTIONS]
    return {
        "services": [
            {
                "hook": service.hook,
                "title": f"{plan.name}: {service.title.lower()}",
                "description": service.description.format(plan=plan.name),
                "id": service.id,
                "prefetch": service.prefetch,
                "usageRequirements": _USAGE,
                "extension": {
                    "davinci-crd.version": [str(v) for v in Version],
                    "davinci-crd.configuration-options": options,
                },
            }
            for service in SERVICES
        ]
    }
