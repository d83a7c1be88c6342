"""order-sign: the orders that are about to be signed are answered, each with the form that its authorization needs."""

from typing import Any

from server.auth.caller import Caller
from server.crd.coverage import Coverages
from server.crd.gather import HookCall
from server.crd.order import draft_orders
from server.crd.order_answers import answer_orders
from server.crd.prefetch import ORDER_PREFETCH, ORDER_WANTS
from server.crd.service import CdsService
from server.world import World


def order_sign(call: HookCall, caller: Caller, world: World) -> dict[str, Any]:
    """Answers every draft order. Raises InvalidRequest for a missing or unusable Coverage (a primary hook)."""
    coverages = Coverages(call, world.plan)
    coverages.check(required=True)
    return answer_orders(coverages.with_orders(draft_orders(call)), call, caller, world)


SERVICE = CdsService(
    "crd-order-sign",
    "order-sign",
    "Coverage requirements at signing",
    "Tells for each order to be signed whether {plan} covers it, whether it needs prior authorization, "
    "and which form collects what the decision needs.",
    ORDER_PREFETCH,
    ORDER_WANTS,
    order_sign,
)
