"""The discovery document: which hooks are served, what they want sent along, how they can be tuned (crd 1.2 to 1.4)."""

from dataclasses import dataclass
from typing import Any

from server.crd.gather import ORDER_TEMPLATES
from server.crd.hook_request import MAX_CARDS
from server.fhir.version import Version
from server.policy.plan import Plan


@dataclass(frozen=True, slots=True)
class Service:
    """One CDS service. description: `{plan}` stands for the plan's name."""

    id: str
    hook: str
    title: str
    description: str


SERVICES = (
    Service(
        "crd-order-sign",
        "order-sign",
        "Coverage requirements at signing",
        "Tells for each order to be signed whether {plan} covers it, whether it needs prior authorization, "
        "and which form collects what the decision needs.",
    ),
    Service(
        "crd-order-select",
        "order-select",
        "Coverage requirements at selection",
        "Tells early, for the orders just selected, whether {plan} covers them and asks for prior authorization.",
    ),
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
        "max-cards",
        "integer",
        "Maximum cards",
        "The most cards to return, the weightiest first. Coverage information on orders is not counted.",
        MAX_CARDS,
    ),
)

_USAGE = (
    "Send the patient, the patient's active Coverage of this plan, and its payer Organization as prefetch. Nothing is "
    "fetched from fhirServer. Ask for CRD 2.2 with extension davinci-crd.requestedVersion; without it, 2.0 is spoken."
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
                "prefetch": ORDER_TEMPLATES,
                "usageRequirements": _USAGE,
                "extension": {
                    "davinci-crd.version": [str(v) for v in Version],
                    "davinci-crd.configuration-options": options,
                },
            }
            for service in SERVICES
        ]
    }
