"""PAS over HTTP: bodies in, bodies out, and the right error for each that cannot be used."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.errors import VitruvianError
from server.fhir.version import Version
from server.outcomes import fhir_error
from server.pas.routes import PasRoutes
from server.store.sql import open_store
from tests.requests.bundle import a_bundle
from tests.requests.world import EDITION, a_world

LIMIT = 100_000


class Http:
    """Calls an application in this process, one request at a time."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://server.example.org") as client:
                return await client.request(method, path, **how)

        return asyncio.run(call())

    def post(self, path: str, content: bytes, media: str = "application/fhir+json") -> httpx.Response:
        return self.request("POST", path, content=content, headers={"content-type": media})

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)


def served(routes: PasRoutes) -> Http:
    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, VitruvianError)
        return fhir_error(error)

    urls = [
        Route("/Claim/$submit", routes.submit, methods=["POST"]),
        Route("/Claim/$inquire", routes.inquire, methods=["POST"]),
        Route("/ClaimResponse/{id}", routes.claim_response),
        Route("/ClaimResponse/{id}/$explain", routes.explain),
    ]
    return Http(Starlette(routes=urls, exception_handlers={VitruvianError: refused}))


@pytest.fixture(params=list(Version))
def http(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Http]:
    store = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    yield served(PasRoutes(request.param, a_world(store, max_body_bytes=LIMIT)))
    store.close()


def submit(http: Http, body: Any = None) -> dict[str, Any]:
    answer = http.post("/Claim/$submit", content=orjson.dumps(body or a_bundle()))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    first: dict[str, Any] = answer.json()["entry"][0]["resource"]
    return first


def test_the_four_operations(http: Http) -> None:
    """A request is answered, found again, read and explained."""
    response = submit(http)
    assert response["outcome"] == "complete"
    found = http.post("/Claim/$inquire", content=orjson.dumps(a_bundle(serial="inquiry")))
    assert found.status_code == 200
    assert response["id"] in found.text
    assert http.get(f"/ClaimResponse/{response['id']}").json() == response
    explained = http.get(f"/ClaimResponse/{response['id']}/$explain").json()
    assert explained["parameter"][0] == {"name": "policy", "valueUri": EDITION.policy_uri}


def test_parameters_around_the_bundle(http: Http) -> None:
    """The Bundle may come inside Parameters, and is the same request either way (pas P-15)."""
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": a_bundle()}]}
    assert submit(http, wrapped) == submit(http)


@pytest.mark.parametrize("operation", ["$submit", "$inquire"])
@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        pytest.param(b"not json", "application/fhir+json", 400, id="not JSON"),
        pytest.param(b"[]", "application/fhir+json", 400, id="no object"),
        pytest.param(b'{"resourceType":"Bundle","entry":[]}', "application/fhir+json", 400, id="no entry"),
        pytest.param(b'{"resourceType":"Patient"}', "application/json", 400, id="no Bundle"),
        pytest.param(b"<Bundle/>", "application/fhir+xml", 415, id="XML"),
        pytest.param(b'"' + b"x" * LIMIT + b'"', "application/fhir+json", 413, id="too large"),
        pytest.param(b'{"a":' * 200 + b"1" + b"}" * 200, "application/fhir+json", 400, id="too deep"),
    ],
)
def test_bodies_that_cannot_be_used(http: Http, operation: str, content: bytes, media: str, status: int) -> None:
    """Each gets its 4xx with one OperationOutcome (pas P-46)."""
    answer = http.post(f"/Claim/{operation}", content=content, media=media)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("path", ["/ClaimResponse/unknown", "/ClaimResponse/unknown/$explain"])
def test_unknown_answer(http: Http, path: str) -> None:
    """What was never answered is 404 with an OperationOutcome."""
    answer = http.get(path)
    assert answer.status_code == 404
    assert answer.json()["issue"][0]["code"] == "not-found"
