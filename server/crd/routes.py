"""The CDS service: discovery, and a call of one of its hooks. Errors leave as exceptions; outcomes.py words them."""

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.auth.caller import LOOPBACK
from server.body import JSON, read_json
from server.crd.discovery import BY_ID, discovery
from server.crd.service import answer_call
from server.errors import NotFound
from server.outcomes import CdsResponse
from server.world import World


class CrdRoutes:
    """Handlers of the CDS service."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._discovery = orjson.dumps(discovery(world.plan))

    async def discovery(self, request: Request) -> Response:  # noqa: ARG002 - a handler takes the request
        """`GET /cds-services`."""
        return CdsResponse(self._discovery)

    async def call(self, request: Request) -> Response:
        """`POST /cds-services/{id}`: 200 with cards and system actions, or an error of crd section 1.8."""
        service = BY_ID.get(request.path_params["id"])
        if service is None:
            raise NotFound("No CDS service has this id; GET /cds-services lists those that exist.")
        raw, body = await read_json(request, accepted=JSON, limit=self._world.max_body_bytes)
        return CdsResponse(await run_in_threadpool(answer_call, raw, body, service, LOOPBACK, self._world))
