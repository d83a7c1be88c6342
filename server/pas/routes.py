"""The HTTP side of PAS for one FHIR base."""

from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from server.auth.caller import LOOPBACK
from server.body import FHIR_JSON, read_json
from server.fhir.version import Version
from server.outcomes import FhirResponse
from server.pas.explain import explain, read_claim_response
from server.pas.inquire import inquire
from server.pas.match import read_and_match
from server.pas.request.inquiry import read_inquiry
from server.pas.sandbox.scripted import Sandbox
from server.pas.submit import submit
from server.world import World


@dataclass(frozen=True, slots=True)
class PasRoutes:
    """Claim/$submit, Claim/$inquire, ClaimResponse reads and $explain under one version.

    evaluations: the worker threads that may wait for CQL; None for those of every request. Errors are raised as
    server.errors; the application answers them.
    """

    version: Version
    world: World
    sandbox: Sandbox | None = None
    evaluations: CapacityLimiter | None = None

    async def submit(self, request: Request) -> FhirResponse:
        """Answers 200 for every request that could be read, business rejections included (pas P-45)."""
        raw, body = await read_json(request, accepted=FHIR_JSON, limit=self.world.max_body_bytes)
        return FhirResponse(await to_thread.run_sync(self._submit, raw, body, limiter=self.evaluations))

    async def inquire(self, request: Request) -> FhirResponse:
        raw, body = await read_json(request, accepted=FHIR_JSON, limit=self.world.max_body_bytes)
        return FhirResponse(await run_in_threadpool(self._inquire, raw, body))

    async def claim_response(self, request: Request) -> FhirResponse:
        """One answer, as it was given (read)."""
        found = await run_in_threadpool(
            read_claim_response, request.path_params["id"], self.version, LOOPBACK, self.world.store
        )
        return FhirResponse(found)

    async def explain(self, request: Request) -> FhirResponse:
        return FhirResponse(await run_in_threadpool(explain, request.path_params["id"], LOOPBACK, self.world.store))

    def _submit(self, raw: bytes, body: dict[str, Any]) -> bytes:
        matched = read_and_match(raw, body, self.version, self.world.policies)
        if self.sandbox is not None:
            return self.sandbox.submit(matched, raw, LOOPBACK)
        return submit(matched, raw, LOOPBACK, self.world)

    def _inquire(self, raw: bytes, body: dict[str, Any]) -> bytes:
        request = read_inquiry(raw, body, self.version)
        if self.sandbox is not None:
            self.sandbox.settle(request)
        return inquire(request, LOOPBACK, self.world)
