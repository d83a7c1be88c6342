"""The composition root. Read first: every URL in one table, with the function that answers it.

services.py opens the World; here each room makes of it what it needs once, and every row is mounted.
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
from server.crd import routes as crd
from server.dtr import routes as dtr
from server.errors import NotFound, VitruvianError
from server.fhir.version import Version
from server.log import log
from server.outcomes import cds_error, fhir_error, status_of
from server.outgoing import Outgoing
from server.pages import routes as pages
from server.pages.docs import add_docs
from server.pages.examples import example_files, read_examples
from server.pas import routes as pas
from server.review import routes as review
from server.review.clock_check import check_clocks
from server.review.desk import ReviewDesk
from server.services import Services
from server.settings import Settings
from server.smart import routes as smart
from server.subscriptions import routes as subscriptions
from server.subscriptions.courier import Courier
from server.url import Access, Url

PUBLIC, CLIENT, REVIEWER, DECIDER = Access.PUBLIC, Access.CLIENT, Access.REVIEWER, Access.DECIDER
HTML, JSON, TEXT, FORM = "text/html", "application/json", "text/plain", "application/x-www-form-urlencoded"
PACKAGE, NEXT, ERRORS = "questionnaire-package", "next-question", "questionnaire-errors"  # examples of bodies

# A row is one line, or two: what it is, and what is said of it.
# fmt: off
URLS = (
    Url("GET", "/", pages.welcome, "What this is and where to connect", PUBLIC, media=HTML),
    Url("GET", "/cds-services", crd.services, "CRD: the CDS services, their prefetch and their options", PUBLIC,
        media=JSON),
    Url("POST", "/cds-services/{id}", crd.call, "CRD: what an order needs", CLIENT,
        body="order-sign", answers=(200, 400, 404, 422), media=JSON),
    Url("GET", "/.well-known/davinci-configuration", pages.davinci_configuration, "Where each guide is served", PUBLIC,
        media=JSON),
    Url("POST", "/auth/token", smart.token, "SMART Backend Services: an access token for a signed assertion", PUBLIC,
        body="token", answers=(200, 400, 401, 404, 429), media=JSON, sends=FORM),
    Url("GET", "/auth/jwks", smart.keys, "The keys that this server signs with: none, its tokens are opaque", PUBLIC,
        media=JSON),
    Url("GET", "/healthz", pages.healthz, "The process lives", PUBLIC, media=TEXT),
    Url("GET", "/readyz", pages.readyz, "The database answers and the policies are loaded", PUBLIC,
        answers=(200, 503), media=TEXT),
)

FHIR_URLS = (
    Url("GET", "/metadata", pages.metadata, "CapabilityStatement", PUBLIC),
    Url("GET", "/.well-known/smart-configuration", smart.configuration, "Where a system gets a token, if it needs one",
        PUBLIC, answers=(200, 404), media=JSON),
    Url("POST", "/Questionnaire/$questionnaire-package", dtr.questionnaire_package,
        "DTR: the form of an order, its logic, and a draft answer", CLIENT, "Questionnaire/$questionnaire-package",
        body=PACKAGE, answers=(200, 400, 422), scope="Questionnaire.r"),
    Url("POST", "/$questionnaire-package", dtr.questionnaire_package, "DTR: the same, at system level", CLIENT,
        body=PACKAGE, answers=(200, 400, 422), scope="Questionnaire.r"),
    Url("POST", "/Questionnaire/$next-question", dtr.next_question, "DTR: the next questions of an adaptive form",
        CLIENT, "Questionnaire/$next-question", body=NEXT, answers=(200, 400), scope="Questionnaire.r"),
    Url("POST", "/$next-question", dtr.next_question, "DTR: the same, at system level", CLIENT,
        body=NEXT, answers=(200, 400), scope="Questionnaire.r"),
    Url("POST", "/adaptive", dtr.next_question, "DTR: the same, at the address that an adaptive form names", CLIENT,
        body=NEXT, answers=(200, 400), scope="Questionnaire.r"),
    Url("POST", "/adaptive/$next-question", dtr.next_question, "DTR: the same, under that address", CLIENT,
        body=NEXT, answers=(200, 400), scope="Questionnaire.r"),
    Url("POST", "/adaptive/Questionnaire/$next-question", dtr.next_question, "DTR: the same, likewise", CLIENT,
        body=NEXT, answers=(200, 400), scope="Questionnaire.r"),
    Url("POST", "/Questionnaire/$log-questionnaire-errors", dtr.log_questionnaire_errors,
        "DTR: what an app could not work with in a form", CLIENT, "Questionnaire/$log-questionnaire-errors",
        body=ERRORS, answers=(200, 400), scope="Questionnaire.r"),
    Url("GET", "/Questionnaire", dtr.search, "DTR: a form by url", CLIENT, "Questionnaire:search-type",
        query=dtr.SEARCH, scope="Questionnaire.s"),
    Url("GET", "/Questionnaire/{id}", dtr.read, "DTR: one form", CLIENT, "Questionnaire:read", answers=(200, 304, 404),
        scope="Questionnaire.r"),
    Url("GET", "/Library", dtr.search, "DTR: a CQL library by url", CLIENT, "Library:search-type", query=dtr.SEARCH,
        scope="Library.s"),
    Url("GET", "/Library/{id}", dtr.read, "DTR: one CQL library", CLIENT, "Library:read", answers=(200, 304, 404),
        scope="Library.r"),
    Url("POST", "/ValueSet/$expand", dtr.expand, "DTR: the codes of a value set by url", CLIENT, "ValueSet/$expand",
        body="expand", answers=(200, 400, 404), scope="ValueSet.r"),
    Url("GET", "/ValueSet/$expand", dtr.expand_by_query, "DTR: the same, with its parameters in the query", CLIENT,
        query=dtr.EXPAND, answers=(200, 400, 404), scope="ValueSet.r"),
    Url("GET", "/ValueSet/{id}/$expand", dtr.expand_one, "DTR: the codes of one value set", CLIENT,
        query=dtr.EXPAND_ONE, answers=(200, 400, 404), scope="ValueSet.r"),
    Url("GET", "/ValueSet", dtr.search, "DTR: a value set by url", CLIENT, "ValueSet:search-type", query=dtr.SEARCH,
        scope="ValueSet.s"),
    Url("GET", "/ValueSet/{id}", dtr.read, "DTR: one value set", CLIENT, "ValueSet:read", answers=(200, 304, 404),
        scope="ValueSet.r"),
    Url("POST", "/Claim/$submit", pas.submit, "PAS: ask for prior authorization", CLIENT, "Claim/$submit",
        body="submit", answers=(200, 400), scope="Claim.c"),
    Url("POST", "/Claim/$inquire", pas.inquire, "PAS: where a request stands", CLIENT, "Claim/$inquire",
        body="inquire", answers=(200, 400), scope="Claim.r"),
    Url("GET", "/ClaimResponse/{id}", pas.claim_response, "PAS: one answer", CLIENT, "ClaimResponse:read",
        answers=(200, 404), scope="ClaimResponse.r"),
    Url("GET", "/ClaimResponse/{id}/$explain", pas.explain, "Why it was decided so, criterion by criterion", CLIENT,
        "ClaimResponse/$explain", answers=(200, 404), scope="ClaimResponse.r"),
    Url("POST", "/Subscription", subscriptions.create, "PAS: be told of every change of your requests", CLIENT,
        "Subscription:create", body="subscription", answers=(201, 400), scope="Subscription.c"),
    Url("GET", "/Subscription/{id}", subscriptions.read, "PAS: one subscription", CLIENT, "Subscription:read",
        answers=(200, 404), scope="Subscription.r"),
    Url("PUT", "/Subscription/{id}", subscriptions.update, "PAS: change a subscription, begin it anew or stop it",
        CLIENT, "Subscription:update", body="subscription", answers=(200, 400, 404), scope="Subscription.u"),
    Url("DELETE", "/Subscription/{id}", subscriptions.delete, "PAS: forget a subscription", CLIENT,
        "Subscription:delete", answers=(204, 404), scope="Subscription.d"),
    Url("GET", "/Subscription/{id}/$status", subscriptions.status, "PAS: how a subscription stands", CLIENT,
        "Subscription/$status", answers=(200, 404), scope="Subscription.r"),
    Url("POST", "/Subscription/{id}/$status", subscriptions.status, "PAS: the same", CLIENT,
        body="no-parameters", answers=(200, 404), scope="Subscription.r"),
    Url("GET", "/Subscription/{id}/$events", subscriptions.events_by_query, "PAS: what a subscriber was to be told",
        CLIENT, "Subscription/$events", query=subscriptions.EVENTS, answers=(200, 400, 404), scope="Subscription.r"),
    Url("POST", "/Subscription/{id}/$events", subscriptions.events, "PAS: the same", CLIENT,
        body="no-parameters", answers=(200, 400, 404), scope="Subscription.r"),
)
# fmt: on
"""Served under each FHIR base of fhir.version.Version."""

# fmt: off
REVIEW_URLS = (
    Url("GET", "/review", review.worklist, "The work-list", REVIEWER),
    Url("GET", "/review/sign-in", review.sign_in_form, "The form to sign in with", PUBLIC),
    Url("POST", "/review/sign-in", review.sign_in, "Signs a reviewer in", PUBLIC),
    Url("POST", "/review/sign-out", review.sign_out, "Signs a reviewer out", REVIEWER),
    Url("GET", "/review/review.css", review.style, "The desk's style", PUBLIC),
    Url("GET", "/review/htmx.js", review.script, "The desk's script", PUBLIC),
    Url("GET", "/review/case/{id}", review.case_page, "One case: criteria, evidence, documents, history", REVIEWER),
    Url("GET", "/review/case/{id}/changed", review.changed, "Whether a case has changed since then", REVIEWER),
    Url("GET", "/review/case/{id}/document/{number}", review.document, "A document of a case", REVIEWER),
    Url("GET", "/review/case/{id}/letter", review.letter, "The letter to member or provider", REVIEWER),
    Url("POST", "/review/case/{id}/take", review.take, "Takes a case", DECIDER),
    Url("POST", "/review/case/{id}/release", review.release, "Lets a case go", DECIDER),
    Url("GET", "/review/case/{id}/{verb}", review.action_form, "The form of a decision", DECIDER),
    Url("POST", "/review/case/{id}/{verb}", review.action_send, "Says what goes out, then decides", DECIDER),
)
# fmt: on
"""The review desk: pages for people, in HTML."""

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
    app.state.smart = smart.Smart.of(guard, world.base_url, FHIR_URLS)
    app.state.pages = pages.Pages.of(world, FHIR_URLS, examples, authenticated=guard is not None)
    app.state.crd = crd.Crd.of(world)
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
