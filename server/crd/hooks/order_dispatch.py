"""order-dispatch: a signed order goes to somebody, who may be under contract for it or not."""

from typing import Any

from server.auth.caller import Caller
from server.crd.gather import HookCall, named_resources
from server.crd.order_answers import answer_primary
from server.crd.prefetch import DISPATCH_PREFETCH, WANTS
from server.crd.service import CdsService
from server.errors import PreconditionFailed, Problem
from server.world import World


def order_dispatch(call: HookCall, caller: Caller, world: World) -> dict[str, Any]:
    """Answers the dispatched orders that are here. Raises PreconditionFailed for none, since the call holds but ids."""
    if not call.orders:
        why = next(
            (w for w in map(call.why_lacking, named_resources(call.request)) if w), "the call names no EHR for it"
        )
        text = f"None of the dispatched orders came along or could be fetched ({why}); prefetch them as discovery asks."
        raise PreconditionFailed([Problem("incomplete", text, "context.dispatchedOrders")])
    return answer_primary(call, caller, world)


SERVICE = CdsService(
    "crd-order-dispatch",
    "order-dispatch",
    "Coverage requirements at dispatch",
    "Tells for each order that is sent to a performer whether {plan} covers it there, whether it needs prior "
    "authorization, and which form collects what the decision needs.",
    DISPATCH_PREFETCH,
    WANTS,
    order_dispatch,
)
