"""Pages for people and addresses for operations: welcome, discovery documents, health."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from server.clock import Clock
from server.errors import NotFound
from server.fhir.version import Version
from server.outcomes import CdsResponse, FhirResponse
from server.pages.capability import capability_statement
from server.pages.capability import davinci_configuration as configuration
from server.pages.examples import ORDER_SIGN, SUBMIT
from server.pages.metrics import exposition_of
from server.pages.welcome import Example, policy_page
from server.pages.welcome import welcome as welcome_page
from server.store.ports import Store
from server.url import Url, version_of
from server.world import World


@dataclass(frozen=True, slots=True)
class Pages:
    """What is rendered once; a response can be sent any number of times."""

    welcome: HTMLResponse
    policies: Mapping[str, HTMLResponse]
    configuration: CdsResponse
    metadata: Mapping[Version, FhirResponse]
    store: Store
    clock: Clock

    @classmethod
    def of(
        cls,
        world: World,
        fhir_urls: Iterable[Url],
        examples: Mapping[str, Path],
        *,
        authenticated: bool = False,
    ) -> "Pages":
        """fhir_urls: the rows of each FHIR base, which its CapabilityStatement lists. examples: as example_files."""
        urls, base_url = tuple(fhir_urls), world.base_url
        shown = examples and not authenticated  # the commands of the page carry no token
        example = Example(_shown(examples[ORDER_SIGN]), _shown(examples[SUBMIT])) if shown else None
        return cls(
            welcome_page(base_url, world.plan, world.policies.policies, example, authenticated=authenticated),
            {p.id: policy_page(p, world.plan) for p in world.policies.policies},
            CdsResponse(configuration(world.plan, base_url)),
            {
                v: FhirResponse(capability_statement(urls, v, base_url, world.clock(), authenticated=authenticated))
                for v in Version
            },
            world.store,
            world.clock,
        )


def _shown(file: Path) -> str:
    """As a path from where the server was started, which is where commands are typed."""
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


async def _pages(request: Request) -> Pages:
    found: Pages = request.app.state.pages
    return found


PagesOf = Annotated[Pages, Depends(_pages)]
PolicyId = Annotated[str, InPath(alias="id", description="Id of a policy.")]


async def welcome(pages: PagesOf) -> HTMLResponse:
    return pages.welcome


async def policy(policy_id: PolicyId, pages: PagesOf) -> Response:
    """`GET /policies/{id}`: where the links of cards and coverage information lead."""
    if policy_id not in pages.policies:
        raise NotFound("No policy has this id.")
    return pages.policies[policy_id]


async def davinci_configuration(pages: PagesOf) -> CdsResponse:
    return pages.configuration


async def metadata(request: Request, pages: PagesOf) -> FhirResponse:
    return pages.metadata[version_of(request)]


async def healthz() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


async def readyz(pages: PagesOf) -> PlainTextResponse:
    """503 until the database answers, so that a load balancer waits."""
    ready = await run_in_threadpool(pages.store.ready)
    return PlainTextResponse("ready\n" if ready else "the database does not answer\n", 200 if ready else 503)


async def metrics(request: Request, pages: PagesOf) -> Response:
    """What was counted, and what waits in the record at this moment."""
    accept = request.headers.get("accept", "")
    body, media = await run_in_threadpool(exposition_of, pages.store, pages.clock(), accept)
    return Response(body, media_type=media)
