"""Leaving out what no retrieve can return changes no answer."""

from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.cql.elm import Elm
from server.cql.engine import CqlEngine
from server.cql.model import CqlLibrary
from server.cql.retrieves import relevant, wanted
from tests.cql.conftest import CQL, VALUE_SETS

LOGIC = [Elm(library) for library in CQL if library.name in {"Logic", "Included"}]
CODES = {v.url: frozenset(m.split("|")[1] for m in v.members) for v in VALUE_SETS}
CONDITIONS, MEDICINES = "http://codes.example/conditions", "http://codes.example/medicines"

codings = st.fixed_dictionaries(
    {"code": st.sampled_from(["gout", "ra", "m1", "m2", "other"])},
    optional={"system": st.sampled_from([CONDITIONS, MEDICINES, "http://else.example"])},
)
concepts = st.fixed_dictionaries({}, optional={"coding": st.lists(codings, max_size=3), "text": st.just("gout")})
days = st.sampled_from(["2026", "2026-01", "2026-01-05", "2026-02-01"])
medicines: st.SearchStrategy[dict[str, Any]] = st.one_of(
    concepts.map(lambda c: {"medicationCodeableConcept": c}),
    st.just({"medicationReference": {"reference": "Medication/1"}}),
    st.just({"_medicationCodeableConcept": {"extension": []}}),
    st.just({}),
)


def resource(resource_type: str, **elements: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"resourceType": st.just(resource_type)}, optional=elements)


def medication(resource_type: str, **elements: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda a, b: {**a, **b}, resource(resource_type, **elements), medicines)


resources = st.one_of(
    resource("Condition", code=concepts, recordedDate=days),
    medication("MedicationRequest", authoredOn=days),
    medication("MedicationStatement"),
    resource("AllergyIntolerance", code=concepts, criticality=st.sampled_from(["low", "high", "gout"])),
    resource("Observation", valueQuantity=st.just({"value": 4, "unit": "mg"})),
    resource("Encounter"),
    resource("Procedure", code=concepts),
)


def bundle_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    patient = {"resourceType": "Patient", "id": "p"}
    numbered = [{**part, "id": f"r{n}"} for n, part in enumerate(parts)]
    return {"resourceType": "Bundle", "entry": [{"resource": r} for r in (*numbered, patient)]}


@settings(max_examples=60, deadline=None)
@given(st.lists(resources, max_size=8))
def test_leaving_out_changes_no_answer(engine: CqlEngine, parts: list[dict[str, Any]]) -> None:
    """For any record, the engine answers the same about what is relevant as about everything."""
    bundle = bundle_of(parts)
    with patch("server.cql.engine.relevant", lambda whole, _want: whole["entry"]):
        everything = engine.evaluate("Logic|1.0.0", bundle, {"Request Date": "2026-06-01"})
    assert engine.evaluate("Logic|1.0.0", bundle, {"Request Date": "2026-06-01"}) == everything


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        ({"resourceType": "Patient"}, True),
        ({"resourceType": "Observation"}, True),
        ({"resourceType": "Procedure"}, False),
        ({"resourceType": "MedicationRequest", "medicationCodeableConcept": {"coding": [{"code": "m1"}]}}, True),
        ({"resourceType": "MedicationStatement", "medicationCodeableConcept": {"coding": [{"code": "m1"}]}}, True),
        ({"resourceType": "MedicationStatement", "medicationCodeableConcept": {"coding": [{"code": "x"}]}}, False),
        ({"resourceType": "MedicationStatement", "medicationReference": {"reference": "Medication/1"}}, True),
        ({"resourceType": "MedicationStatement", "medicationCodeableConcept": {"coding": [{"code": {}}]}}, True),
        ({"resourceType": "MedicationStatement", "medicationCodeableConcept": {"coding": [None]}}, True),
        ({"resourceType": "MedicationStatement"}, False),
    ],
)
def test_what_no_retrieve_returns_is_left_out(part: dict[str, Any], kept: bool) -> None:  # noqa: FBT001
    """Types never retrieved and resources without a wanted code go; what cannot be judged stays."""
    entries = relevant({"entry": [{"fullUrl": "urn:x", "resource": part}]}, wanted(LOGIC, CODES))
    assert entries == ([{"resource": part}] if kept else [])


def test_a_retrieve_of_any_resource_keeps_everything() -> None:
    """[Resource] looks at every type, so nothing may be left out."""
    retrieve = {"type": "Retrieve", "dataType": "{http://hl7.org/fhir}Resource"}
    elm = {"library": {"statements": {"def": [{"name": "All", "expression": retrieve}]}}}
    assert wanted([Elm(CqlLibrary("All", "1", "", orjson.dumps(elm).decode(), ""))], {}) is None
