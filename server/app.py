"""The composition root. urls.py names every URL; services.py opens the World.

Here each room makes of the World what it needs, once, and every row of the table is mounted.
"""

import asyncio
import gc
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from inspect import signature
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from server.auth.caller import OpenDoor, caller_of
from server.auth.guard import Guard
from server.auth.operator import Operators, operator_of
from server.crd import routes as crd
from server.dtr import routes as dtr
from server.edge import Edge
from server.errors import NotFound, VitruvianError
from server.fhir.version import Version
from server.log import log
from server.outcomes import cds_error, fhir_error, status_of
from server.outgoing import Outgoing
from server.pages import routes as pages
from server.pages.docs import add_docs
from server.pages.examples import example_files, read_examples
from server.pas import routes as pas
from server.pas.sandbox.playing import play
from server.pas.sandbox.scripted import Sandbox
from server.review import routes as review
from server.review.clock_check import check_clocks
from server.review.desk import ReviewDesk
from server.services import Services
from server.settings import Settings
from server.smart import routes as smart
from server.subscriptions import routes as subscriptions
from server.subscriptions.courier import Courier
from server.url import Access, Url
from server.urls import CLIENT, DECIDER, FHIR_URLS, OPERATOR, REVIEW_URLS, REVIEWER, URLS

QUIET: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI tells no collector of requests: their addresses hold ids, and looking for a collector takes time."""


def create_app(services: Services) -> FastAPI:
    """The ASGI application over opened services; closes them at shutdown."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # what was loaded at start stays, and scanning it for garbage would delay single requests
        tasks = [
            asyncio.create_task(_courier(services, outgoing, guard).run()),
            asyncio.create_task(check_clocks(app.state.review)),
        ]
        if services.sandbox:
            tasks.append(asyncio.create_task(play(Sandbox(services.sandbox, world))))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await services.shared.close()
        services.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, telemetry=QUIET)  # pages/openapi.py describes the rows
    world, examples = services.world, example_files(services.settings.policies)
    outgoing = Outgoing(world.plan.outgoing)
    guard = _guard(services, outgoing) if services.settings.authentication else None
    app.state.door = guard or OpenDoor()
    token = services.settings.metrics_token
    app.state.operators = Operators(token.get_secret_value() if token else "", open=guard is None)
    app.state.smart = smart.Smart.of(guard, world.base_url, FHIR_URLS)
    app.state.pages = pages.Pages.of(world, FHIR_URLS, examples, authenticated=guard is not None)
    app.state.crd = crd.Crd.of(world, outgoing)
    app.state.dtr = {version: dtr.Dtr.of(world, version) for version in Version}
    app.state.pas = {version: pas.Pas.of(world, version, services.sandbox) for version in Version}
    app.state.subscriptions = {v: subscriptions.Subscriptions(v, world, outgoing) for v in Version}
    script = services.settings.engine_script.parent / "htmx" / "htmx.min.js"
    demo = services.settings.plan == Settings.model_fields["plan"].default
    app.state.review = ReviewDesk.of(world, script, demo=demo)
    rows = [("", url) for url in URLS] + [(version.base, url) for version in Version for url in FHIR_URLS]
    for base, url in [*rows, *(("", url) for url in REVIEW_URLS)]:
        mount(app, base, url)
    add_docs(
        app,
        rows,
        read_examples(examples) | subscriptions.EXAMPLES | smart.EXAMPLES,
        services.settings.engine_script.parent / "swagger-ui",
    )
    answer_errors(app)
    tls = world.base_url.startswith("https://")
    app.middleware_stack = Edge(app.build_middleware_stack(), world.plan.browsers, world.new_id, tls=tls)
    return app


def _guard(services: Services, outgoing: Outgoing) -> Guard:
    world = services.world
    registered, record = world.plan.registered, world.store.clients
    return Guard(world.base_url, registered, record, services.shared, world.clock, outgoing.get)


def _courier(services: Services, outgoing: Outgoing, guard: Guard | None) -> Courier:
    world = services.world
    made = Courier(world.store, services.shared, outgoing, world.base_url, world.clock, world.new_id)
    return replace(made, stands=guard.stands) if guard else made


def mount(app: FastAPI, base: str, url: Url) -> None:
    """Serves a row under a base. Its handler finds what it works with in `app.state`, by the name of its room."""
    methods = ["GET", "HEAD"] if url.method == "GET" else [url.method]
    scopes = app.state.scopes = getattr(app.state, "scopes", {})
    scopes.update({(base + url.path, method): url.scope for method in methods})
    finds_caller = "caller" in signature(url.handler).parameters  # to find the caller twice would only take time
    guard = [Depends(_GUARDS[url.access])] if url.access in _GUARDS and not finds_caller else []
    app.add_api_route(base + url.path, url.handler, methods=methods, response_model=None, dependencies=guard)


_GUARDS: dict[Access, Callable[..., Any]] = {
    CLIENT: caller_of,
    OPERATOR: operator_of,
    REVIEWER: review.reviewer_of,
    DECIDER: review.decider_of,
}
"""What gives an access its right: a row whose guard finds nobody is not answered."""


def answer_errors(app: FastAPI) -> None:
    """Every error becomes the answer that outcomes.py has for it."""
    app.add_exception_handler(VitruvianError, _on_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_fault)


async def _on_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, VitruvianError):  # registered for VitruvianError alone; the type says Exception
        raise error
    if status_of(error) >= 500:  # noqa: PLR2004 - the class of server faults
        log.error("failed", path=request.url.path, error=type(error).__name__)
    if request.url.path.startswith("/review"):
        return review.on_error(request, error)
    if request.url.path.startswith("/auth/"):
        return smart.on_error(error)
    return cds_error(error) if request.url.path.startswith("/cds-services") else fhir_error(error)


async def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    answer = await _on_error(request, NotFound(f"{request.method} {request.url.path} is not served; see /docs."))
    answer.status_code = error.status_code
    answer.headers.update(error.headers or {})  # Allow, with a 405
    return answer


async def _on_disconnect(request: Request, error: Exception) -> Response:  # noqa: ARG001 - nobody is there to be told
    return Response(status_code=400)


async def _on_fault(request: Request, error: Exception) -> Response:
    # the places alone: an error's own words may quote a request
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error("fault", path=request.url.path, error=type(error).__name__, exception=places)
    if request.url.path.startswith("/review"):
        return review.fault()
    return Response(status_code=500)
