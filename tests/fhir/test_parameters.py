"""Parameters: reading against a declaration, writing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import InvalidRequest
from server.fhir.parameters import ANY_RESOURCE, DeclaredParameter, parameters, part, read_parameters, resource, value

DECLARED = (
    DeclaredParameter("coverage", 1, 1, resources=("Coverage",)),
    DeclaredParameter("order", resources=("MedicationRequest", "ServiceRequest")),
    DeclaredParameter("referenced", resources=ANY_RESOURCE),
    DeclaredParameter("context", 0, 1, values=("string", "id")),
)
COVERAGE = {"name": "coverage", "resource": {"resourceType": "Coverage"}}

FAULTS: list[tuple[str, Any, list[str]]] = [
    ("another resource", {"resourceType": "Bundle"}, ["Parameters"]),
    ("parameter is no list", {"resourceType": "Parameters", "parameter": {}}, ["Parameters.parameter"]),
    ("nothing sent", {"resourceType": "Parameters"}, ["Parameters.parameter.where(name='coverage')"]),
    (
        "too many",
        {"resourceType": "Parameters", "parameter": [COVERAGE, COVERAGE]},
        ["Parameters.parameter.where(name='coverage')"],
    ),
    (
        "everything at once",
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "coverage", "resource": {"resourceType": "Patient"}},
                {"valueString": "x"},
                {"name": "order", "valueString": "x"},
                {"name": "context", "valueInteger": 3},
                {"name": "context", "valueString": "  "},
                "text",
            ],
        },
        [
            "Parameters.parameter[0].resource",
            "Parameters.parameter[1]",
            "Parameters.parameter[2].resource",
            "Parameters.parameter[3]",
            "Parameters.parameter[4]",
            "Parameters.parameter[5]",
            "Parameters.parameter.where(name='context')",
        ],
    ),
]


@pytest.mark.parametrize(("body", "places"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_every_fault_is_named_with_its_place(body: dict[str, Any], places: list[str]) -> None:
    """All that is wrong with Parameters is told at once, each with a FHIRPath."""
    with pytest.raises(InvalidRequest) as raised:
        read_parameters(body, DECLARED)
    assert [p.expression for p in raised.value.problems] == places


def test_what_was_sent_is_found_by_name_in_order_and_the_rest_is_passed_over() -> None:
    """DeclaredParameter names are always there; others are tolerated."""
    orders = [resource("order", {"resourceType": t}) for t in ("ServiceRequest", "MedicationRequest")]
    unknown = value("else", "boolean", content=True)
    body = parameters(unknown, COVERAGE, *orders, value("context", "id", " a "))
    sent = read_parameters(body, DECLARED)
    assert [s.value["resourceType"] for s in sent["order"]] == ["ServiceRequest", "MedicationRequest"]
    assert [s.value for s in sent["context"]] == ["a"]
    assert sent["referenced"] == ()
    assert "else" not in sent


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "resource", "resourceType", "valueString", "parameter", "coverage"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(_json, max_size=4))
def test_no_parameters_make_the_reader_fail_otherwise(parts: list[Any]) -> None:
    """Whatever stands in `parameter`, the reader answers with problems and with nothing else."""
    with pytest.raises(InvalidRequest):
        read_parameters({"resourceType": "Parameters", "parameter": parts}, DECLARED)


def test_written_parts_have_the_shape_of_fhir() -> None:
    """value, resource and part write name, value[x], resource and part; a profile only where one is claimed."""
    written = parameters(value("a", "string", "x"), part("b", value("c", "dateTime", "2026")), profile="http://p")
    assert written == {
        "resourceType": "Parameters",
        "meta": {"profile": ["http://p"]},
        "parameter": [
            {"name": "a", "valueString": "x"},
            {"name": "b", "part": [{"name": "c", "valueDateTime": "2026"}]},
        ],
    }
    assert "meta" not in parameters()
