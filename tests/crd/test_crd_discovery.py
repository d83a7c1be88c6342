"""The discovery document says what the service does."""

import re

import orjson
import pytest

from server.crd.hook_request import MAX_CARDS, SWITCHES
from tests.crd.calls import Ehr, Json
from tests.shared_material import SHARED, needs_shared


@pytest.fixture
def services() -> list[Json]:
    answer = Ehr().request("GET", "/cds-services")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found: list[Json] = answer.json()["services"]
    return found


def test_every_hook_of_the_guide_is_served(services: list[Json]) -> None:
    """One service for each hook, described for the person who connects an EHR (crd C-15)."""
    hooks = (
        "order-sign",
        "order-select",
        "order-dispatch",
        "appointment-book",
        "encounter-start",
        "encounter-discharge",
    )
    assert {s["id"]: s["hook"] for s in services} == {f"crd-{hook}": hook for hook in hooks}
    for service in services:
        assert service["title"]
        assert "Example Plan" in service["description"]
        assert service["usageRequirements"]


def test_both_versions_are_declared(services: list[Json]) -> None:
    """As the newer guide asks (crd C-22)."""
    assert all(s["extension"]["davinci-crd.version"] == ["2.0", "2.2"] for s in services)


def test_every_option_that_is_obeyed_is_offered(services: list[Json]) -> None:
    """Code, type, name, description and default of each, unique within the service (crd C-25 to C-27)."""
    for service in services:
        options = service["extension"]["davinci-crd.configuration-options"]
        assert {o["code"] for o in options} == {*SWITCHES, "max-cards"}
        for field in ("code", "name", "description"):
            assert len({o[field] for o in options}) == len(options)
        for option in options:
            kind = {"boolean": bool, "integer": int}[option["type"]]
            assert type(option["default"]) is kind
        assert next(o["default"] for o in options if o["code"] == "max-cards") == MAX_CARDS


def test_prefetch_starts_with_what_every_client_can_send(services: list[Json]) -> None:
    """Plain tokens first, dependencies after what they depend on (crd C-20, T-22)."""
    for service in services:
        keys = list(service["prefetch"])
        assert keys[:2] == ["patient", "coverage"]
        for place, template in enumerate(service["prefetch"].values()):
            assert set(re.findall(r"%(\w+)", template)) <= set(keys[:place])
        assert "payers" in keys


@needs_shared
def test_prefetch_is_written_as_the_guide_writes_it(services: list[Json]) -> None:
    """But for what the guide has no template for: the payer, and whom an order is dispatched to (crd C-18)."""
    example = orjson.loads((SHARED / "examples" / "crd" / "ig221-discovery.json").read_bytes())["services"]
    standard = {s["hook"]: set(s["prefetch"].values()) for s in example}
    for service in services:
        own = {k for k, v in service["prefetch"].items() if v not in standard[service["hook"]]}
        assert own <= {"payers", "performer"}
