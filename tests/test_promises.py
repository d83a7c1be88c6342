"""What the server promises in its discovery documents is what it serves, and it serves nothing it does not promise."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.fhir.version import Version
from tests.serving import serving, sqlite_url

Json = dict[str, Any]
Interaction = tuple[str, str]
"""Type and interaction: `("Claim", "$submit")`, `("Questionnaire", "read")`."""

_UNSERVED = "is not served"  # what the server says of a path or method that no route knows
_CODES = {("GET", True): "read", ("GET", False): "search-type", ("POST", False): "create"} | {
    ("PUT", True): "update",
    ("DELETE", True): "delete",
}
"""By method, and whether the path names an instance."""


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("promises")
    with serving(sqlite_url(folder)) as base_url, httpx.Client(base_url=base_url, timeout=30) as client:
        yield client


def promised(http: httpx.Client, version: Version) -> set[Interaction]:
    """Every interaction and operation of a CapabilityStatement."""
    rest = http.get(f"{version.base}/metadata").json()["rest"][0]
    resources = rest["resource"]
    codes_of_the_system = {("", f"${o['name']}") for o in rest.get("operation", ())}
    codes = {(r["type"], i["code"]) for r in resources for i in r.get("interaction", ())}
    return (
        codes | codes_of_the_system | {(r["type"], f"${o['name']}") for r in resources for o in r.get("operation", ())}
    )


def served(http: httpx.Client, version: Version) -> set[Interaction]:
    """Every interaction that OpenAPI lists under a FHIR base. A system-level operation is an alias of a type's."""
    found = set()
    alone = set()
    for path, methods in http.get("/openapi.json").json()["paths"].items():
        match = re.fullmatch(rf"{version.base}/([A-Z][A-Za-z]+)(/{{id}})?(?:/(\$[a-z-]+))?", path)
        if path.startswith(f"{version.base}/$"):
            alone.add(path.removeprefix(f"{version.base}/"))
        for method in methods if match else ():
            type_, instance, operation = match.groups() if match else ("", None, None)
            found.add((type_, operation or _CODES[method.upper(), instance is not None]))
    return found | {("", name) for name in alone - {what for _, what in found}}


def is_served(http: httpx.Client, method: str, path: str) -> bool:
    answer = http.request(method, path, content=b"{}" if method != "GET" else None)
    return _UNSERVED not in answer.text


@pytest.mark.parametrize("version", list(Version))
def test_the_statement_promises_what_the_routes_serve(http: httpx.Client, version: Version) -> None:
    """Interactions and operations of `/metadata` are those of the routes, both ways."""
    assert promised(http, version) == served(http, version)


@pytest.mark.parametrize("version", list(Version))
def test_every_promise_is_kept(http: httpx.Client, version: Version) -> None:
    """Each promised interaction is answered by a handler, if only to say that the body or the id is wrong."""
    for type_, what in promised(http, version):
        methods = ("POST", "GET") if what.startswith("$") else (_method(what),)
        names = (f"{type_}/{what}", f"{type_}/unknown/{what}", what) if what.startswith("$") else (_path(type_, what),)
        assert any(is_served(http, m, f"{version.base}/{n}") for m in methods for n in names), (type_, what)
    assert not is_served(http, "GET", f"{version.base}/NoSuchType/1")


def _method(code: str) -> str:
    return next(method for (method, _), name in _CODES.items() if name == code)


def _path(type_: str, code: str) -> str:
    return f"{type_}/unknown" if code in {"read", "update", "delete"} else type_


def test_no_system_level_operation_is_served_that_no_type_promises(http: httpx.Client) -> None:
    """What stands directly under a base is an alias of an operation that the statement lists at a type (dtr T-20)."""
    for version in Version:
        aliases = {
            path.removeprefix(f"{version.base}/")
            for path in http.get("/openapi.json").json()["paths"]
            if path.startswith(f"{version.base}/$")
        }
        assert aliases <= {what for _, what in promised(http, version)}


def test_every_cds_service_that_discovery_lists_is_served(http: httpx.Client) -> None:
    """Its endpoint refuses an empty body as such; an id that is not listed is not found."""
    services = http.get("/cds-services").json()["services"]
    assert services
    for service in services:
        assert http.post(f"/cds-services/{service['id']}", json={}).status_code in {400, 422}
    assert http.post("/cds-services/no-such-service", json={}).status_code == httpx.codes.NOT_FOUND


def test_every_endpoint_of_the_davinci_configuration_answers(http: httpx.Client) -> None:
    """The CRD endpoint gives discovery, each FHIR base its own CapabilityStatement."""
    endpoints = http.get("/.well-known/davinci-configuration").json()["endpoints"]
    for name, url in endpoints.items():
        if "_crd_" in name:
            assert http.get(url).json()["services"]
        else:
            assert http.get(f"{url}/metadata").json()["implementation"]["url"] == url
