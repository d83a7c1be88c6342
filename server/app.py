"""The composition root. Read first: every URL in one table, and services.py -> routes objects -> handlers."""

import gc
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from server import __version__
from server.crd.routes import CrdRoutes
from server.dtr.routes import DtrRoutes
from server.errors import DatabaseGone, NotFound, VitruvianError
from server.fhir.version import Version
from server.log import log
from server.outcomes import cds_error, fhir_error, status_of
from server.pages.docs import add_docs
from server.pages.routes import CapabilityRoutes, PageRoutes
from server.pas.routes import PasRoutes
from server.pas.sandbox.scripted import Sandbox
from server.services import Services
from server.url import Url
from server.world import World

URLS = (
    Url("GET", "/", "pages", "welcome", "What this is and where to connect"),
    Url("GET", "/cds-services", "crd", "discovery", "CRD: the CDS services, their prefetch and their options"),
    Url("POST", "/cds-services/{id}", "crd", "call", "CRD: what an order needs"),
    Url("GET", "/.well-known/davinci-configuration", "pages", "davinci_configuration", "Where each guide is served"),
    Url("GET", "/healthz", "pages", "healthz", "The process lives"),
    Url("GET", "/readyz", "pages", "readyz", "The database answers and the policies are loaded"),
)

FHIR_URLS = (
    Url("GET", "/metadata", "pages", "metadata", "CapabilityStatement"),
    Url(
        "POST",
        "/Questionnaire/$questionnaire-package",
        "dtr",
        "questionnaire_package",
        "DTR: the form of an order, its logic, and a draft answer",
        "Questionnaire/$questionnaire-package",
    ),
    Url("POST", "/$questionnaire-package", "dtr", "questionnaire_package", "DTR: the same, at system level"),
    Url(
        "POST",
        "/Questionnaire/$next-question",
        "dtr",
        "next_question",
        "DTR: the next questions of an adaptive form",
        "Questionnaire/$next-question",
    ),
    Url("POST", "/$next-question", "dtr", "next_question", "DTR: the same, at system level"),
    Url("POST", "/adaptive", "dtr", "next_question", "DTR: the same, at the address that an adaptive form names"),
    Url("POST", "/adaptive/$next-question", "dtr", "next_question", "DTR: the same, under that address"),
    Url("POST", "/adaptive/Questionnaire/$next-question", "dtr", "next_question", "DTR: the same, likewise"),
    Url(
        "POST",
        "/Questionnaire/$log-questionnaire-errors",
        "dtr",
        "log_questionnaire_errors",
        "DTR: what an app could not work with in a form",
        "Questionnaire/$log-questionnaire-errors",
    ),
    Url("GET", "/Questionnaire", "dtr", "search", "DTR: a form by url", "Questionnaire:search-type"),
    Url("GET", "/Questionnaire/{id}", "dtr", "read", "DTR: one form", "Questionnaire:read"),
    Url("GET", "/Library", "dtr", "search", "DTR: a CQL library by url", "Library:search-type"),
    Url("GET", "/Library/{id}", "dtr", "read", "DTR: one CQL library", "Library:read"),
    Url("POST", "/ValueSet/$expand", "dtr", "expand", "DTR: the codes of a value set by url", "ValueSet/$expand"),
    Url("GET", "/ValueSet/$expand", "dtr", "expand", "DTR: the same, with its parameters in the query"),
    Url("GET", "/ValueSet/{id}/$expand", "dtr", "expand", "DTR: the codes of one value set"),
    Url("GET", "/ValueSet", "dtr", "search", "DTR: a value set by url", "ValueSet:search-type"),
    Url("GET", "/ValueSet/{id}", "dtr", "read", "DTR: one value set", "ValueSet:read"),
    Url("POST", "/Claim/$submit", "pas", "submit", "PAS: ask for prior authorization", "Claim/$submit"),
    Url("POST", "/Claim/$inquire", "pas", "inquire", "PAS: where a request stands", "Claim/$inquire"),
    Url("GET", "/ClaimResponse/{id}", "pas", "claim_response", "PAS: one answer", "ClaimResponse:read"),
    Url(
        "GET",
        "/ClaimResponse/{id}/$explain",
        "pas",
        "explain",
        "Why it was decided so, criterion by criterion",
        "ClaimResponse/$explain",
    ),
)
"""Served under each FHIR base of fhir.version.Version."""


EVALUATIONS = 40
"""Requests that may wait for CQL at once, in worker threads of their own: a slow policy keeps no order waiting."""


def create_app(services: Services) -> FastAPI:
    """The ASGI application over opened services; closes them at shutdown."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # what was loaded at start is never garbage; scanning it is what makes slow requests slow
        yield
        services.close()

    app = FastAPI(
        title="Vitruvian",
        summary="Prior authorization by CRD, DTR and PAS, with reasons.",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    parts = _parts(services)
    for url in URLS:
        _add(app, url, "", parts)
    for version in Version:
        for url in FHIR_URLS:
            _add(app, url, version.base, parts)
    add_docs(app, services.settings.engine_script.parent / "swagger-ui")
    app.add_exception_handler(VitruvianError, _on_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(OperationalError, _on_database_gone)
    app.add_exception_handler(PoolTimeout, _on_database_gone)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_fault)
    return app


def _parts(services: Services) -> dict[str, object]:
    """The routes objects by part, and for the FHIR bases by `part version`."""
    s = services
    limit, base_url = s.settings.max_body_bytes, s.settings.base_url
    world = World(s.policies, s.plan, s.store, s.engine, base_url, limit, s.clock, s.new_id, s.new_number)
    evaluations = CapacityLimiter(EVALUATIONS)
    sandbox = Sandbox(s.sandbox, world) if s.sandbox else None
    parts: dict[str, object] = {
        "pages": PageRoutes(s.policies, s.plan, s.store, base_url, s.settings.policies),
        "crd": CrdRoutes(world),
    }
    for version in Version:
        parts[f"pages{version.base}"] = CapabilityRoutes(FHIR_URLS, version, base_url, s.clock)
        parts[f"dtr{version.base}"] = DtrRoutes(
            version,
            policies=s.policies,
            plan=s.plan,
            store=s.store,
            engine=s.engine,
            base_url=base_url,
            limit=limit,
            clock=s.clock,
            new_id=s.new_id,
            evaluations=evaluations,
        )
        parts[f"pas{version.base}"] = PasRoutes(version, world, sandbox, evaluations)
    return parts


def _add(app: FastAPI, url: Url, base: str, parts: dict[str, object]) -> None:
    handler = getattr(parts[url.part + base], url.handler)
    if url.method == "GET":  # HEAD is GET without the body, and no operation of its own in the documentation
        app.add_api_route(base + url.path, handler, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route(
        base + url.path,
        handler,
        methods=[url.method],
        summary=url.summary,
        tags=[base.lstrip("/") or url.part],
        response_model=None,
        operation_id=f"{url.method} {url.handler}{base}{url.path}",
    )


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


async def _on_database_gone(request: Request, error: Exception) -> Response:  # noqa: ARG001 - its words may quote
    return await _on_error(request, DatabaseGone())


async def _on_disconnect(request: Request, error: Exception) -> Response:  # noqa: ARG001 - nobody is there to be told
    return Response(status_code=400)


async def _on_fault(request: Request, error: Exception) -> Response:
    # the places alone: an error's own words may quote a request
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error("fault", path=request.url.path, error=type(error).__name__, exception=places)
    return Response(status_code=500)
