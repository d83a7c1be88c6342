"""The CDS service: discovery, and a call of one of its hooks. Errors leave as exceptions; outcomes.py words them."""

from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.body import JSON, read_json
from server.clock import Clock, NewId, NewNumber, new_id, new_number, now
from server.crd.discovery import BY_ID, discovery
from server.crd.hook_request import read_request
from server.crd.hooks.order_sign import OrderSign
from server.errors import NotFound
from server.outcomes import CdsResponse
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan
from server.store.ports import Store


class CrdRoutes:
    """Handlers of the CDS service. Each hook family is one object with `answer(HookRequest) -> body`, found by hook."""

    def __init__(  # noqa: PLR0913 - the world, passed in
        self,
        *,
        policies: PolicyLibrary,
        plan: Plan,
        store: Store,
        limit: int,
        clock: Clock = now,
        new_id: NewId = new_id,
        new_number: NewNumber = new_number,
    ) -> None:
        """limit: bytes of the largest body that is read."""
        orders = OrderSign(policies=policies, plan=plan, store=store, clock=clock, new_id=new_id, new_number=new_number)
        self._families = {"order-sign": orders, "order-select": orders}
        self._limit = limit
        self._discovery = orjson.dumps(discovery(plan))

    async def discovery(self, request: Request) -> Response:  # noqa: ARG002 - a handler takes the request
        """`GET /cds-services`."""
        return CdsResponse(self._discovery)

    async def call(self, request: Request) -> Response:
        """`POST /cds-services/{id}`: 200 with cards and system actions, or an error of crd section 1.8."""
        service = BY_ID.get(request.path_params["id"])
        if service is None:
            raise NotFound("No CDS service has this id; GET /cds-services lists those that exist.")
        raw, body = await read_json(request, accepted=JSON, limit=self._limit)
        return CdsResponse(await run_in_threadpool(self._answer, raw, body, service.hook))

    def _answer(self, raw: bytes, body: dict[str, Any], hook: str) -> dict[str, Any]:
        return self._families[hook].answer(read_request(raw, body, hook))
