"""The CDS service: discovery, and a call of one of its hooks. Errors leave as exceptions; outcomes.py words them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import Request

from server.auth.caller import CallerOf
from server.body import JSON, read_json
from server.crd.discovery import BY_ID, discovery
from server.crd.service import Means, answer_call
from server.errors import NotFound
from server.outcomes import CdsResponse
from server.outgoing import Outgoing
from server.world import World


@dataclass(frozen=True, slots=True)
class Crd:
    """The world, and what does not depend on a request, made once; a response can be sent any number of times."""

    means: Means
    discovery: CdsResponse

    @classmethod
    def of(cls, world: World, outgoing: Outgoing) -> "Crd":
        return cls(Means(world, outgoing), CdsResponse(discovery(world.plan)))


async def _crd(request: Request) -> Crd:
    found: Crd = request.app.state.crd
    return found


CrdOf = Annotated[Crd, Depends(_crd)]
ServiceId = Annotated[str, Path(alias="id", description="A service's id.", json_schema_extra={"enum": list(BY_ID)})]


async def services(crd: CrdOf) -> CdsResponse:
    """`GET /cds-services`."""
    return crd.discovery


async def call(request: Request, service_id: ServiceId, crd: CrdOf, caller: CallerOf) -> CdsResponse:
    """`POST /cds-services/{id}`: 200 with cards and system actions, or an error of crd section 1.8."""
    service = BY_ID.get(service_id)
    if service is None:
        raise NotFound("No CDS service has this id; GET /cds-services lists those that exist.")
    raw, body = await read_json(request, accepted=JSON, limit=crd.means.world.max_body_bytes)
    return CdsResponse(await answer_call(raw, body, service, caller, crd.means))
