"""The HTTP side of PAS: one function an operation. Errors leave as exceptions; outcomes.py words them."""

from dataclasses import dataclass
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Depends, Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from server.auth.caller import Caller, CallerOf
from server.body import FHIR_JSON, read_json
from server.decision.request import AuthorizationRequest
from server.errors import NotPermitted
from server.fhir.read import npis
from server.fhir.version import Version
from server.outcomes import FhirResponse
from server.pas.attach import attach as attached
from server.pas.attach import read_attachment
from server.pas.explain import explain as explained
from server.pas.explain import read_claim_response
from server.pas.inquire import inquire as inquired
from server.pas.match import read_and_match
from server.pas.read_update import is_update, read_update
from server.pas.request.inquiry import read_inquiry
from server.pas.sandbox.sandbox_file import Scripts
from server.pas.sandbox.scripted import Sandbox
from server.pas.submit import submit as submitted
from server.pas.update import update as updated
from server.url import version_of
from server.world import World


@dataclass(frozen=True, slots=True)
class Pas:
    """PAS under one guide version, made once. sandbox: answers for its members before the operations do."""

    version: Version
    world: World
    sandbox: Sandbox | None = None

    @classmethod
    def of(cls, world: World, version: Version, sandbox: Scripts | None = None) -> "Pas":
        return cls(version, world, Sandbox(sandbox, world) if sandbox else None)


async def _pas(request: Request) -> Pas:
    found: Pas = request.app.state.pas[version_of(request)]
    return found


PasOf = Annotated[Pas, Depends(_pas)]
ResponseId = Annotated[str, Path(alias="id", description="ClaimResponse.id of an answer to Claim/$submit.")]


async def submit(request: Request, pas: PasOf, caller: CallerOf) -> FhirResponse:
    """Answers 200 for every request that could be read, business rejections included (pas P-45)."""
    raw, body = await read_json(request, accepted=FHIR_JSON, limit=pas.world.max_body_bytes)
    answer = await to_thread.run_sync(_submit, pas, raw, body, caller, limiter=pas.world.evaluations)
    return FhirResponse(answer)


async def inquire(request: Request, pas: PasOf, caller: CallerOf) -> FhirResponse:
    """`POST Claim/$inquire`: where requests stand, from the record."""
    raw, body = await read_json(request, accepted=FHIR_JSON, limit=pas.world.max_body_bytes)
    return FhirResponse(await run_in_threadpool(_inquire, pas, raw, body, caller))


async def submit_attachment(request: Request, pas: PasOf, caller: CallerOf) -> FhirResponse:
    """`POST $submit-attachment`: documents for a request that waits for them (CDex)."""
    raw, body = await read_json(request, accepted=FHIR_JSON, limit=pas.world.max_body_bytes)
    return FhirResponse(await to_thread.run_sync(_attach, pas, raw, body, caller, limiter=pas.world.evaluations))


async def claim_response(response_id: ResponseId, pas: PasOf, caller: CallerOf) -> FhirResponse:
    """One answer, as it was given (read)."""
    found = await run_in_threadpool(read_claim_response, response_id, pas.version, caller, pas.world.store)
    return FhirResponse(found)


async def explain(response_id: ResponseId, pas: PasOf, caller: CallerOf) -> FhirResponse:
    """`GET ClaimResponse/{id}/$explain`: the reasons of one answer."""
    return FhirResponse(await run_in_threadpool(explained, response_id, caller, pas.world.store))


def _submit(pas: Pas, raw: bytes, body: dict[str, Any], caller: Caller) -> bytes:
    if is_update(body) and not (pas.sandbox and pas.sandbox.answers(body, raw, pas.version)):
        sent = read_update(raw, body, pas.version, pas.world.policies)
        _must_be_callers(sent.matched.request, caller)
        return updated(pas.sandbox.plays(sent) if pas.sandbox else sent, raw, caller, pas.world)
    matched = read_and_match(raw, body, pas.version, pas.world.policies)
    _must_be_callers(matched.request, caller)
    if pas.sandbox is not None:
        return pas.sandbox.submit(matched, raw, caller)
    return submitted(matched, raw, caller, pas.world)


def _attach(pas: Pas, raw: bytes, body: dict[str, Any], caller: Caller) -> bytes:
    return attached(read_attachment(body), raw, caller, pas.world)


def _must_be_callers(request: AuthorizationRequest, caller: Caller) -> None:
    """Raises NotPermitted for a request in the name of an organization that is not the caller's (pas P-56)."""
    asking = npis(request.organization) or request.requester_npis
    if caller.npis is not None and not (asking and caller.npis.issuperset(asking)):
        raise NotPermitted(
            "Claim.provider is no organization that this client speaks for. Send its NPI, or ask the plan to add it."
        )


def _inquire(pas: Pas, raw: bytes, body: dict[str, Any], caller: Caller) -> bytes:
    request = read_inquiry(raw, body, pas.version)
    if pas.sandbox is not None:
        pas.sandbox.settle(request)
    return inquired(request, caller, pas.world)
