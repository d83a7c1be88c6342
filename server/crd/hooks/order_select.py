"""order-select: the orders that were just selected are answered early, and no documentation is asked for yet."""

from typing import Any

from server.auth.caller import Caller
from server.crd.gather import HookCall
from server.crd.order_answers import answer_secondary
from server.crd.prefetch import ORDER_PREFETCH, WANTS
from server.crd.service import CdsService
from server.fhir.read import type_and_id
from server.world import World


def order_select(call: HookCall, caller: Caller, world: World) -> dict[str, Any]:
    """Answers the selected drafts (crd C-7). The other drafts only help to read the selected ones."""
    selected = {type_and_id(s) or s for s in call.request.context["selections"] if isinstance(s, str)}
    return answer_secondary(call, caller, world, lambda order: order.reference in selected)


SERVICE = CdsService(
    "crd-order-select",
    "order-select",
    "Coverage requirements at selection",
    "Tells early, for the orders just selected, whether {plan} covers them and asks for prior authorization.",
    ORDER_PREFETCH,
    WANTS,
    order_select,
)
