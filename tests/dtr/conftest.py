"""DTR over HTTP for the made-up policy, with the real CQL engine."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from server.cql.engine import CqlEngine
from server.dtr.routes import Dtr
from server.fhir.version import Version
from server.policy.library import PolicyLibrary
from server.store.ports import Store
from server.world import World
from tests.dtr import example_policy as example
from tests.mounted import mounted, send

BASE_URL = "http://payer.example"
PACKAGE = "/Questionnaire/$questionnaire-package"


@dataclass
class Server:
    """One FHIR base under test. remembered: what its store knows."""

    version: Version
    app: FastAPI
    remembered: example.Remembered = field(default_factory=example.Remembered)

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        return send(self.app, method, f"{BASE_URL}{self.version.base}{path}", **request)

    def package(self, *parts: dict[str, Any]) -> httpx.Response:
        return self.send("POST", PACKAGE, json=example.ask(*parts))


def bundles(answer: httpx.Response) -> list[dict[str, Any]]:
    """The package Bundles of an answer of either version."""
    body = answer.json()
    if body["resourceType"] == "Bundle":
        return [body]
    return [p["resource"] for p in body["parameter"] if p["name"].lower() == "packagebundle"]


def issues(answer: httpx.Response) -> list[tuple[str, str]]:
    """Severity and code of every issue of the outcome of an answer, or of an error."""
    body = answer.json()
    outcomes = [body] if body["resourceType"] == "OperationOutcome" else []
    outcomes += [p["resource"] for p in body.get("parameter", ()) if p["name"].lower().endswith("outcome")]
    return [(i["severity"], i["code"]) for o in outcomes for i in o["issue"]]


def resources(bundle: dict[str, Any], type_: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == type_]


def answers(bundle: dict[str, Any]) -> dict[str, list[Any]]:
    """The draft answers of a package by linkId."""
    found: dict[str, list[Any]] = {}

    def walk(items: Any) -> None:
        for item in items or ():
            for answer in item.get("answer", ()):
                found.setdefault(item["linkId"], []).append(next(v for k, v in answer.items() if k.startswith("value")))
            walk(item.get("item"))

    walk(resources(bundle, "QuestionnaireResponse")[0].get("item"))
    return found


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicyLibrary:
    return example.load(tmp_path_factory.mktemp("policies"))


@pytest.fixture(scope="session")
def engine(policies: PolicyLibrary) -> Iterator[CqlEngine]:
    engine = example.engine(policies)
    yield engine
    engine.close()


@pytest.fixture
def serve(policies: PolicyLibrary, engine: CqlEngine) -> Callable[..., Server]:
    """Makes a server of one version; `engine=` replaces the CQL engine."""

    def make(version: Version, **changes: Any) -> Server:
        remembered = example.Remembered()
        ids = iter(f"00000000-0000-4000-8000-{n:012d}" for n in range(1, 1000))
        world: dict[str, Any] = {
            "policies": policies,
            "plan": example.PLAN,
            "store": cast("Store", remembered),
            "engine": engine,
            "base_url": BASE_URL,
            "max_body_bytes": 2**20,
            "clock": lambda: example.NOW,
            "new_id": lambda: next(ids),
        }
        dtr = Dtr.of(World(**{**world, **changes}), version)
        return Server(version, mounted({version: dtr}, "dtr", version.base), remembered)

    return make


@pytest.fixture(params=list(Version))
def server(request: pytest.FixtureRequest, serve: Callable[..., Server]) -> Server:
    """A server, once of each guide version."""
    return serve(request.param)
