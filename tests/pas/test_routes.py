"""PAS over HTTP: bodies in, bodies out, and the right error for each that cannot be used."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from server.fhir.version import Version
from server.pas.routes import Pas
from server.store.sql import open_store
from tests.mounted import mounted, send
from tests.requests.bundle import a_bundle
from tests.requests.world import EDITION, a_world

LIMIT = 100_000


class Http:
    """Calls the rows of PAS of one version in this process, one request at a time."""

    def __init__(self, pas: Pas) -> None:
        self._app = mounted({pas.version: pas}, "pas", pas.version.base)
        self._base = f"http://server.example.org{pas.version.base}"

    def post(self, path: str, content: bytes, media: str = "application/fhir+json") -> httpx.Response:
        return send(self._app, "POST", self._base + path, content=content, headers={"content-type": media})

    def get(self, path: str) -> httpx.Response:
        return send(self._app, "GET", self._base + path)


@pytest.fixture(params=list(Version))
def http(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Http]:
    store = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    yield Http(Pas.of(a_world(store, max_body_bytes=LIMIT), request.param))
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
