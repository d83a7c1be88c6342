"""order-select: the orders that were just selected are answered early, and no documentation is asked for yet."""

from typing import Any

from server.auth.caller import Caller
from server.crd.coverage import Coverages
from server.crd.gather import HookCall
from server.crd.order import draft_orders
from server.crd.order_answers import answer_orders
from server.crd.prefetch import ORDER_PREFETCH, ORDER_WANTS
from server.crd.service import CdsService
from server.fhir.read import type_and_id
from server.world import World


def order_select(call: HookCall, caller: Caller, world: World) -> dict[str, Any]:
    """Answers the selected drafts (crd C-7), without documentation, since the hook is a secondary one (C-5, T-20).

    The other drafts only help to read the selected ones. Raises InvalidRequest for an unusable Coverage.
    """
    coverages = Coverages(call, world.plan)
    coverages.check(required=False)
    selected = {type_and_id(s) or s for s in call.request.context["selections"] if isinstance(s, str)}
    orders = (order for order in draft_orders(call) if order.reference in selected)
    return answer_orders(coverages.with_orders(orders), call, caller, world, documentation=False)


SERVICE = CdsService(
    "crd-order-select",
    "order-select",
    "Coverage requirements at selection",
    "Tells early, for the orders just selected, whether {plan} covers them and asks for prior authorization.",
    ORDER_PREFETCH,
    ORDER_WANTS,
    order_select,
)
