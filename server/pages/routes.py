"""Pages for people and addresses for operations: welcome, discovery documents, health."""

from collections.abc import Iterable
from pathlib import Path

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from server.clock import Clock
from server.fhir.version import Version
from server.outcomes import CdsResponse, FhirResponse
from server.pages.capability import capability_statement, davinci_configuration
from server.pages.welcome import Example, welcome
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan
from server.store.ports import Store
from server.url import Url


class PageRoutes:
    """What is served at the root. examples: the folder of policy folders, whose `demo/` files the page suggests."""

    def __init__(self, policies: PolicyLibrary, plan: Plan, store: Store, base_url: str, examples: Path) -> None:
        self._welcome = welcome(base_url, plan, policies.policies, _example(examples))
        self._configuration = orjson.dumps(davinci_configuration(plan, base_url))
        self._store = store

    async def welcome(self, request: Request) -> Response:  # noqa: ARG002 - a handler takes the request
        return self._welcome

    async def davinci_configuration(self, request: Request) -> Response:  # noqa: ARG002 - likewise
        return CdsResponse(self._configuration)

    async def healthz(self, request: Request) -> Response:  # noqa: ARG002 - likewise
        return PlainTextResponse("ok\n")

    async def readyz(self, request: Request) -> Response:  # noqa: ARG002 - likewise
        """503 until the database answers, so that a load balancer waits."""
        ready = await run_in_threadpool(self._store.ready)
        return PlainTextResponse("ready\n" if ready else "the database does not answer\n", 200 if ready else 503)


class CapabilityRoutes:
    """What is served beside the operations of one FHIR base."""

    def __init__(self, urls: Iterable[Url], version: Version, base_url: str, clock: Clock) -> None:
        self._metadata = orjson.dumps(capability_statement(urls, version, base_url, clock()))

    async def metadata(self, request: Request) -> Response:  # noqa: ARG002 - a handler takes the request
        return FhirResponse(self._metadata)


def _example(folder: Path) -> Example | None:
    """The first policy's `demo/order-sign.json` and `demo/submit.json`, as paths from where the server was started."""
    for demo in sorted(folder.glob("*/demo")):
        files = (demo / "order-sign.json", demo / "submit.json")
        if all(f.is_file() for f in files):
            return Example(*(_shown(f) for f in files))
    return None


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
