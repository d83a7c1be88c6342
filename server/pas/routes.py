"""The HTTP side of PAS for one FHIR base."""

from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from server.body import FHIR_JSON, read_json
from server.fhir.version import Version
from server.outcomes import FhirResponse
from server.pas.explain import explain, read_claim_response
from server.pas.inquire import inquire
from server.pas.request.read import read_inquiry, read_submit
from server.pas.sandbox.scripted import Sandbox
from server.pas.submit import Submit
from server.policy.library import PolicyLibrary


@dataclass(frozen=True, slots=True)
class PasRoutes:
    """Claim/$submit, Claim/$inquire, ClaimResponse reads and $explain under one version.

    max_body_bytes: larger requests are refused. evaluations: the worker threads that may wait for CQL; None for those
    of every request. Errors are raised as server.errors; the application answers them.
    """

    version: Version
    policies: PolicyLibrary
    operation: Submit
    max_body_bytes: int
    sandbox: Sandbox | None = None
    evaluations: CapacityLimiter | None = None

    async def submit(self, request: Request) -> FhirResponse:
        """Answers 200 for every request that could be read, business rejections included (pas P-45)."""
        raw, body = await read_json(request, accepted=FHIR_JSON, limit=self.max_body_bytes)
        return FhirResponse(await to_thread.run_sync(self._submit, raw, body, limiter=self.evaluations))

    async def inquire(self, request: Request) -> FhirResponse:
        raw, body = await read_json(request, accepted=FHIR_JSON, limit=self.max_body_bytes)
        return FhirResponse(await run_in_threadpool(self._inquire, raw, body))

    async def claim_response(self, request: Request) -> FhirResponse:
        """One answer, as it was given (read)."""
        found = await run_in_threadpool(
            read_claim_response, self.operation.store, request.path_params["id"], self.version
        )
        return FhirResponse(found)

    async def explain(self, request: Request) -> FhirResponse:
        return FhirResponse(await run_in_threadpool(explain, self.operation.store, request.path_params["id"]))

    def _submit(self, raw: bytes, body: dict[str, Any]) -> bytes:
        read = read_submit(raw, body, version=self.version, policies=self.policies, plan=self.operation.plan)
        return self.operation.answer(read, raw) if self.sandbox is None else self.sandbox.answer(read, raw)

    def _inquire(self, raw: bytes, body: dict[str, Any]) -> bytes:
        world = self.operation
        read = read_inquiry(raw, body, version=self.version, plan=world.plan)
        if self.sandbox is not None:
            self.sandbox.settle(read)
        return inquire(read, store=world.store, clock=world.clock, new_id=world.new_id)
