"""The composition root. Read first: every URL in one table, with the function that answers it.

services.py opens the World; here each room makes of it what it needs once, and every row is mounted.
"""

import gc
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from server.auth.caller import caller_of
from server.crd import routes as crd
from server.dtr import routes as dtr
from server.errors import NotFound, VitruvianError
from server.fhir.version import Version
from server.log import log
from server.outcomes import cds_error, fhir_error, status_of
from server.pages import routes as pages
from server.pages.docs import add_docs
from server.pages.examples import example_files, read_examples
from server.pas import routes as pas
from server.services import Services
from server.url import Access, Url

PUBLIC, CLIENT = Access.PUBLIC, Access.CLIENT
HTML, JSON, TEXT = "text/html", "application/json", "text/plain"
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
    Url("GET", "/healthz", pages.healthz, "The process lives", PUBLIC, media=TEXT),
    Url("GET", "/readyz", pages.readyz, "The database answers and the policies are loaded", PUBLIC,
        answers=(200, 503), media=TEXT),
)

FHIR_URLS = (
    Url("GET", "/metadata", pages.metadata, "CapabilityStatement", PUBLIC),
    Url("POST", "/Questionnaire/$questionnaire-package", dtr.questionnaire_package,
        "DTR: the form of an order, its logic, and a draft answer", CLIENT, "Questionnaire/$questionnaire-package",
        body=PACKAGE, answers=(200, 400, 422)),
    Url("POST", "/$questionnaire-package", dtr.questionnaire_package, "DTR: the same, at system level", CLIENT,
        body=PACKAGE, answers=(200, 400, 422)),
    Url("POST", "/Questionnaire/$next-question", dtr.next_question, "DTR: the next questions of an adaptive form",
        CLIENT, "Questionnaire/$next-question", body=NEXT, answers=(200, 400)),
    Url("POST", "/$next-question", dtr.next_question, "DTR: the same, at system level", CLIENT,
        body=NEXT, answers=(200, 400)),
    Url("POST", "/adaptive", dtr.next_question, "DTR: the same, at the address that an adaptive form names", CLIENT,
        body=NEXT, answers=(200, 400)),
    Url("POST", "/adaptive/$next-question", dtr.next_question, "DTR: the same, under that address", CLIENT,
        body=NEXT, answers=(200, 400)),
    Url("POST", "/adaptive/Questionnaire/$next-question", dtr.next_question, "DTR: the same, likewise", CLIENT,
        body=NEXT, answers=(200, 400)),
    Url("POST", "/Questionnaire/$log-questionnaire-errors", dtr.log_questionnaire_errors,
        "DTR: what an app could not work with in a form", CLIENT, "Questionnaire/$log-questionnaire-errors",
        body=ERRORS, answers=(200, 400)),
    Url("GET", "/Questionnaire", dtr.search, "DTR: a form by url", CLIENT, "Questionnaire:search-type",
        query=dtr.SEARCH),
    Url("GET", "/Questionnaire/{id}", dtr.read, "DTR: one form", CLIENT, "Questionnaire:read", answers=(200, 304, 404)),
    Url("GET", "/Library", dtr.search, "DTR: a CQL library by url", CLIENT, "Library:search-type", query=dtr.SEARCH),
    Url("GET", "/Library/{id}", dtr.read, "DTR: one CQL library", CLIENT, "Library:read", answers=(200, 304, 404)),
    Url("POST", "/ValueSet/$expand", dtr.expand, "DTR: the codes of a value set by url", CLIENT, "ValueSet/$expand",
        body="expand", answers=(200, 400, 404)),
    Url("GET", "/ValueSet/$expand", dtr.expand_by_query, "DTR: the same, with its parameters in the query", CLIENT,
        query=dtr.EXPAND, answers=(200, 400, 404)),
    Url("GET", "/ValueSet/{id}/$expand", dtr.expand_one, "DTR: the codes of one value set", CLIENT,
        query=dtr.EXPAND_ONE, answers=(200, 400, 404)),
    Url("GET", "/ValueSet", dtr.search, "DTR: a value set by url", CLIENT, "ValueSet:search-type", query=dtr.SEARCH),
    Url("GET", "/ValueSet/{id}", dtr.read, "DTR: one value set", CLIENT, "ValueSet:read", answers=(200, 304, 404)),
    Url("POST", "/Claim/$submit", pas.submit, "PAS: ask for prior authorization", CLIENT, "Claim/$submit",
        body="submit", answers=(200, 400)),
    Url("POST", "/Claim/$inquire", pas.inquire, "PAS: where a request stands", CLIENT, "Claim/$inquire",
        body="inquire", answers=(200, 400)),
    Url("POST", "/$submit-attachment", pas.submit_attachment, "PAS: documents for a request that waits", CLIENT,
        "/$submit-attachment", body="submit-attachment", answers=(200, 400)),
    Url("GET", "/ClaimResponse/{id}", pas.claim_response, "PAS: one answer", CLIENT, "ClaimResponse:read",
        answers=(200, 404)),
    Url("GET", "/ClaimResponse/{id}/$explain", pas.explain, "Why it was decided so, criterion by criterion", CLIENT,
        "ClaimResponse/$explain", answers=(200, 404)),
)
# fmt: on
"""Served under each FHIR base of fhir.version.Version."""

QUIET: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI tells no collector of requests: their addresses hold ids, and looking for a collector takes time."""


def create_app(services: Services) -> FastAPI:
    """The ASGI application over opened services; closes them at shutdown."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # what was loaded at start stays, and scanning it for garbage would delay single requests
        yield
        services.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, telemetry=QUIET)  # pages/openapi.py describes the rows
    world, examples = services.world, example_files(services.settings.policies)
    app.state.pages = pages.Pages.of(world, FHIR_URLS, examples)
    app.state.crd = crd.Crd.of(world)
    app.state.dtr = {version: dtr.Dtr.of(world, version) for version in Version}
    app.state.pas = {version: pas.Pas.of(world, version, services.sandbox) for version in Version}
    rows = [("", url) for url in URLS] + [(version.base, url) for version in Version for url in FHIR_URLS]
    for base, url in rows:
        mount(app, base, url)
    add_docs(app, rows, read_examples(examples), services.settings.engine_script.parent / "swagger-ui")
    answer_errors(app)
    return app


def mount(app: FastAPI, base: str, url: Url) -> None:
    """Serves a row under a base. Its handler finds what it works with in `app.state`, by the name of its room."""
    methods = ["GET", "HEAD"] if url.method == "GET" else [url.method]
    guard = [Depends(caller_of)] if url.access is CLIENT else []
    app.add_api_route(base + url.path, url.handler, methods=methods, response_model=None, dependencies=guard)


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
    return Response(status_code=500)
