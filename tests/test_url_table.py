"""Each row of the URL table says who may call it, what it takes and what it answers, and keeps to that."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.openapi.models import OpenAPI

from server.app import create_app
from server.auth.caller import Caller, caller_of
from server.fhir.version import Version
from server.pages import routes as pages
from server.policy.desk import DeskRole, Reviewer
from server.review.session import SignedIn, reviewer_of
from server.smart import routes as smart
from server.subscriptions import routes as subscriptions
from server.url import Access, Url
from server.urls import FHIR_URLS, REVIEW_URLS, URLS
from tests.mounted import send
from tests.serving import opened, sqlite_url

Json = dict[str, Any]
HOST = "http://127.0.0.1:8000"
ROWS = [("", url) for url in URLS] + [(version.base, url) for version in Version for url in FHIR_URLS]
each_row = pytest.mark.parametrize(("base", "url"), ROWS, ids=[f"{u.method} {b}{u.path}" for b, u in ROWS])


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    services = opened(sqlite_url(tmp_path_factory.mktemp("rows")))
    yield create_app(services)
    services.close()


@pytest.fixture(scope="module")
def document(app: FastAPI) -> Json:
    found: Json = send(app, "GET", f"{HOST}/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def submitted(app: FastAPI, document: Json) -> str:
    """The id of the ClaimResponse to the example of a submit."""
    path = "/fhir/2.2/Claim/$submit"
    answer = send(app, "POST", HOST + path, json=body_of(document["paths"][path]["post"]))
    return str(answer.json()["entry"][0]["resource"]["id"])


def body_of(operation: Json) -> Any:
    """The one example of a request body."""
    ((_, content),) = operation["requestBody"]["content"].items()
    return content["example"]


def operation_of(document: Json, base: str, url: Url) -> Json:
    found: Json = document["paths"][base + url.path][url.method.lower()]
    return found


def test_the_document_is_openapi(document: Json) -> None:
    """It has the shape of OpenAPI 3.1, and no operation's id is another's."""
    OpenAPI.model_validate(document)
    ids = [o["operationId"] for path in document["paths"].values() for o in path.values()]
    assert len(ids) == len(set(ids)) == len(ROWS)
    assert "$ref" not in str(document)


@each_row
def test_a_row_is_described(document: Json, base: str, url: Url) -> None:
    """Every parameter of its path and query, a body that can be sent as it is, and each answer that it gives."""
    operation = operation_of(document, base, url)
    parameters = operation.get("parameters", [])
    in_path = {p["name"] for p in parameters if p["in"] == "path" and p["required"]}
    assert in_path == set(re.findall(r"\{(\w+)\}", url.path))
    assert {p["name"] for p in parameters if p["in"] == "query"} == set(url.query)
    assert all(p["description"] for p in parameters)
    assert ("requestBody" in operation) == (url.method in {"POST", "PUT"})
    if url.method in {"POST", "PUT"}:
        assert body_of(operation)
        assert list(operation["requestBody"]["content"]) == [url.sends or url.media]
    assert {str(status) for status in url.answers} | {"default"} <= operation["responses"].keys()
    success = str(min(url.answers))
    assert success != "204" or "content" not in operation["responses"][success]
    assert success == "204" or list(operation["responses"][success]["content"]) == [url.media]


@each_row
def test_the_example_of_a_row_can_be_sent(app: FastAPI, document: Json, submitted: str, base: str, url: Url) -> None:
    """As it stands in the document it succeeds; where no form is adaptive, that is what is said.

    Without authentication there is no token, and nothing says where one is (tests/smart).
    """
    operation = operation_of(document, base, url)
    request: Json = {"headers": {"Content-Type": url.media}}
    named = an_id(app, base, url, submitted) if "{id}" in url.path else ""
    if url.method in {"POST", "PUT"}:
        request["json"] = body_of(operation) | ({"id": named} if url.method == "PUT" else {})
    if "url" in url.query:
        request["params"] = {"url": url_of_a_value_set(document)} if "ValueSet" in url.path else {}
    answer = send(app, url.method, HOST + base + url.path.replace("{id}", named), **request)
    usual = 404 if url.handler in (smart.token, smart.configuration) else min(url.answers)
    assert answer.status_code == (400 if url.body == "next-question" else usual), answer.text
    assert answer.status_code in url.answers
    if answer.content and usual == min(url.answers):
        assert answer.headers["content-type"].split(";")[0] == url.media


def url_of_a_value_set(document: Json) -> str:
    (parameter,) = body_of(document["paths"]["/fhir/2.2/ValueSet/$expand"]["post"])["parameter"]
    return str(parameter["valueUri"])


def an_id(app: FastAPI, base: str, url: Url, submitted: str) -> str:
    """One that is there: of a CDS service, of the answer to a submit, or of what a search finds."""
    type_ = url.path.split("/")[1]
    if type_ == "cds-services":
        services = send(app, "GET", f"{HOST}/cds-services").json()["services"]
        return next(str(s["id"]) for s in services if s["hook"] == url.body)
    if type_ == "policies":
        return "kineret-201603"
    if type_ == "ClaimResponse":
        return submitted
    if type_ == "Subscription":
        return str(send(app, "POST", f"{HOST}{base}/{type_}", json=subscriptions.EXAMPLES["subscription"]).json()["id"])
    return str(send(app, "GET", f"{HOST}{base}/{type_}").json()["entry"][0]["resource"]["id"])


def test_the_services_are_named(app: FastAPI, document: Json) -> None:
    """The id of a CDS service is one of those that discovery lists."""
    (parameter,) = document["paths"]["/cds-services/{id}"]["post"]["parameters"]
    services = send(app, "GET", f"{HOST}/cds-services").json()["services"]
    assert parameter["schema"]["enum"] == [s["id"] for s in services]


def test_what_anybody_may_ask_is_listed_here() -> None:
    """A row that is public by mistake shows what is somebody's."""
    assert {url.path for _, url in ROWS if url.access is Access.PUBLIC} == {
        "/",
        "/policies/{id}",
        "/cds-services",
        "/.well-known/davinci-configuration",
        "/.well-known/smart-configuration",
        "/auth/jwks",
        "/auth/token",
        "/healthz",
        "/readyz",
        "/metadata",
    }


@each_row
def test_a_row_of_clients_answers_nobody_else(app: FastAPI, base: str, url: Url) -> None:
    """Where no caller is found, nothing else of the request is looked at; a public row asks for none."""

    async def nobody() -> Caller:
        raise HTTPException(401)

    app.dependency_overrides[caller_of] = nobody
    try:
        answer: httpx.Response = send(app, url.method, HOST + base + url.path)
    finally:
        app.dependency_overrides.clear()
    if url.handler is pages.policy:
        assert answer.status_code == 404, "no policy is named {id}"
        return
    off = url.handler in (smart.token, smart.configuration)
    assert answer.status_code == (401 if url.access is Access.CLIENT else 404 if off else 200)


def test_what_the_desk_shows_to_anybody_is_listed_here() -> None:
    """The sign-in, and the style and script of the pages; all else is for whoever is signed in."""
    assert {(url.method, url.path) for url in REVIEW_URLS if url.access is Access.PUBLIC} == {
        ("GET", "/review/sign-in"),
        ("POST", "/review/sign-in"),
        ("GET", "/review/review.css"),
        ("GET", "/review/htmx.js"),
    }


@pytest.mark.parametrize("url", REVIEW_URLS, ids=lambda url: f"{url.method} {url.path}")
def test_a_row_of_the_desk_answers_only_its_people(app: FastAPI, url: Url) -> None:
    """Nobody who is not signed in gets past the guard, and compliance does not get past that of deciders."""
    path = HOST + url.path.replace("{id}", "x").replace("{number}", "1").replace("{verb}", "approve")
    answer = send(app, url.method, path)
    if url.access is Access.PUBLIC:
        assert answer.status_code in (200, 415), "the sign-in takes no empty form"
        return
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/review/sign-in")

    async def compliance() -> SignedIn:
        return SignedIn(Reviewer("c", DeskRole.COMPLIANCE, "C", "1999999976"), "secret")

    app.dependency_overrides[reviewer_of] = compliance
    try:
        answer = send(app, url.method, path)
    finally:
        app.dependency_overrides.clear()
    assert (answer.status_code == 403) is (url.access is Access.DECIDER), answer.text


def test_the_desk_decides_by_deciders_alone() -> None:
    """Every form that changes a case is theirs; a row that reads is for every reviewer."""
    for url in REVIEW_URLS:
        changes = url.method == "POST" and "/case/" in url.path
        assert (url.access is Access.DECIDER) is (changes or url.path.endswith("{verb}")), url.path
