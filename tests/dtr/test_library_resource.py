"""A CQL library as FHIR Library."""

from base64 import b64decode
from dataclasses import replace
from typing import Any

import orjson
import pytest

from server.cql.elm import Elm, closure
from server.cql.engine import CqlEngine
from server.dtr.library import data_requirements, library_resource, published_elm
from server.fhir.read import Resource
from server.policy.library import PolicyLibrary
from tests.dtr import example_policy as example

KEY = "ExamplePrepopulation|1.0.0"
BASE = "http://vitruvian.example/fhir/Library/"
PRODUCTS = "http://vitruvian.example/fhir/ValueSet/example-product"


@pytest.fixture
def elms(policies: PolicyLibrary) -> dict[str, Elm]:
    return {key: Elm(library) for key, library in policies.libraries.items()}


@pytest.fixture
def rendered(policies: PolicyLibrary, elms: dict[str, Elm]) -> Resource:
    return library_resource(policies.libraries[KEY], elms, BASE, {PRODUCTS: f"{PRODUCTS}|1.0.0"}, {})


def test_name_url_and_elm_identifier_agree(rendered: Resource) -> None:
    """Clients find the library by url, by name and by the ELM's identifier: all three are one name (C-9)."""
    by_type = {c["contentType"]: b64decode(c["data"]) for c in rendered["content"]}
    elm = orjson.loads(by_type["application/elm+json"])
    assert rendered["name"] == elm["library"]["identifier"]["id"] == rendered["url"].rsplit("/", 1)[-1]
    assert rendered["version"] == elm["library"]["identifier"]["version"] == "1.0.0"
    assert b"library ExamplePrepopulation version '1.0.0'" in by_type["text/cql"]
    assert set(elm) == {"library"}


def test_it_says_what_it_depends_on_and_takes(rendered: Resource) -> None:
    """Included libraries, each with its version; parameters with FHIR types (D-107)."""
    assert [(r["url"], r["resource"]) for r in rendered["relatedArtifact"]] == [
        (f"{BASE}FHIRHelpers", f"{BASE}FHIRHelpers|4.0.1"),
    ]
    assert [(p["name"], p["type"], p["max"]) for p in rendered["parameter"]] == [
        ("Request Date", "date", "1"),
        ("Service Date", "date", "1"),
    ]


def test_it_says_what_it_reads(rendered: Resource) -> None:
    """Every retrieve becomes a data requirement, with its value set or code (C-7)."""
    wanted = {r["type"] for r in rendered["dataRequirement"]}
    assert wanted == {
        "Patient",
        "MedicationRequest",
        "Medication",
        "MedicationDispense",
        "ClaimResponse",
        "Observation",
        "Coverage",
    }
    weight = next(r for r in rendered["dataRequirement"] if r["type"] == "Observation")
    assert weight["codeFilter"] == [{"path": "code", "code": [{"system": "http://loinc.org", "code": "29463-7"}]}]
    dispensed = [
        r["codeFilter"] for r in rendered["dataRequirement"] if r["type"] == "MedicationDispense" and len(r) > 1
    ]
    assert dispensed == [[{"path": "medication", "valueSet": f"{PRODUCTS}|1.0.0"}]]


def _elm(name: str, includes: list[str], statements: dict[str, Any], policies: PolicyLibrary) -> Elm:
    library = {
        "identifier": {"id": name, "version": "1"},
        "includes": {"def": [{"localIdentifier": i.lower(), "path": i, "version": "1"} for i in includes]},
        "statements": {"def": [{"name": n, "expression": e} for n, e in statements.items()]},
    }
    elm = orjson.dumps({"library": library}).decode()
    return Elm(replace(policies.libraries[KEY], name=name, version="1", elm=elm))


def test_only_what_can_be_reached_counts(policies: PolicyLibrary) -> None:
    """Retrieves of an included library count when a define leads to them, through further libraries too."""

    def retrieve(kind: str) -> dict[str, str]:
        return {"type": "Retrieve", "dataType": f"{{http://hl7.org/fhir}}{kind}"}

    far = _elm("Far", [], {"Used": retrieve("Condition"), "Unused": retrieve("Device")}, policies)
    near_defines = {
        "Call": {"type": "FunctionRef", "name": "Used", "libraryName": "far", "operand": []},
        "Idle": retrieve("Goal"),
    }
    near = _elm("Near", ["Far"], near_defines, policies)
    main = _elm("Main", ["Near"], {"A": [{"type": "ExpressionRef", "name": "Call", "libraryName": "near"}]}, policies)
    elms = {e.key: e for e in (main, near, far)}
    assert closure("Main|1", elms) == (("Main|1", "Near|1", "Far|1"), ())
    assert [r["type"] for r in data_requirements("Main|1", elms, {})] == ["Condition"]
    del elms["Far|1"]
    assert closure("Main|1", elms) == (("Main|1", "Near|1"), ("Far|1",))
    assert data_requirements("Main|1", elms, {}) == []


def test_the_published_elm_runs_like_our_own(policies: PolicyLibrary, engine: CqlEngine) -> None:
    """What clients are given evaluates to the same results as what the server runs."""
    libraries = [replace(library, elm=published_elm(library).decode()) for library in policies.libraries.values()]
    published = CqlEngine(
        (example.ROOT / "build" / "cql-engine.js").read_text(encoding="utf-8"),
        libraries,
        policies.value_sets.values(),
        isolates=1,
        timeout_seconds=5,
        memory_mb=512,
    )
    resources = [{"resourceType": "Patient", "id": "p1"}, example.order(), example.coverage()]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}
    try:
        assert published.evaluate(KEY, bundle, {}) == engine.evaluate(KEY, bundle, {})
    finally:
        published.close()
