"""The discovery document says what the service does."""

import pytest

from server.crd.hook_request import MAX_CARDS, SWITCHES
from tests.crd.calls import Ehr, Json


@pytest.fixture
def services() -> list[Json]:
    answer = Ehr().request("GET", "/cds-services")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found: list[Json] = answer.json()["services"]
    return found


def test_both_hooks_are_served(services: list[Json]) -> None:
    """One service for each hook, described for the person who connects an EHR (crd C-15)."""
    assert {s["id"]: s["hook"] for s in services} == {
        "crd-order-sign": "order-sign",
        "crd-order-select": "order-select",
    }
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
        assert "%coverage" in service["prefetch"]["payers"]
        assert keys.index("coverage") < keys.index("payers")
        assert "MedicationRequest" in service["prefetch"]["medications"]
