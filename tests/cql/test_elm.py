"""server/cql/elm.py: what is read of a compiled library."""

from typing import Any

import orjson
import pytest

from server.cql.elm import Elm, closure, nodes, result_type, without
from server.cql.model import CqlLibrary


def compiled(name: str, *includes: str, **root: Any) -> Elm:
    included = [{"localIdentifier": i.lower(), "path": i, "version": "1"} for i in includes]
    elm = {"library": {"includes": {"def": included}, **root}}
    return Elm(CqlLibrary(name, "1", "", orjson.dumps(elm).decode(), ""))


def test_what_a_library_declares() -> None:
    """Functions and the patient are no defines; value sets are known without their version; overloads share a name."""
    statements = [
        {"name": "Patient"},
        {"name": "Dose"},
        {"name": "Sum", "type": "FunctionDef"},
        {"name": "Sum", "type": "FunctionDef"},
    ]
    elm = compiled(
        "A",
        "B",
        statements={"def": statements},
        valueSets={"def": [{"name": "Sites", "id": "http://values.example/sites|2"}]},
        parameters={"def": [{"name": "Days"}]},
    )
    assert elm.defines == {"Dose"}
    assert len(elm.statements["Sum"]) == 2
    assert elm.includes == {"b": "B|1"}
    assert elm.value_sets == {"Sites": "http://values.example/sites"}
    assert set(elm.parameters) == {"Days"}


def test_a_closure_is_finite_and_names_what_is_missing() -> None:
    """Every library once, itself first, also where two include each other."""
    elms = {e.key: e for e in (compiled("A", "B", "C"), compiled("B", "A", "D"), compiled("C", "D"))}
    assert closure("A|1", elms) == (("A|1", "B|1", "C|1"), ("D|1",))
    assert closure("Z|1", elms) == ((), ("Z|1",))


def test_nodes_come_as_they_are_written_and_annotations_are_none() -> None:
    """Reading goes depth first; what only explains is not walked."""
    tree = {"n": 1, "annotation": [{"n": 9}], "operand": [{"n": 2, "operand": {"n": 3}}, {"n": 4}]}
    assert [node["n"] for node in nodes(tree)] == [1, 2, 3, 4]
    assert without(tree, {"annotation", "operand"}) == {"n": 1}
    assert "annotation" in tree


@pytest.mark.parametrize(
    ("specifier", "spelled"),
    [
        ({"resultTypeName": "{urn:hl7-org:elm-types:r1}Boolean"}, "Boolean"),
        ({"resultTypeSpecifier": {"type": "ListTypeSpecifier", "elementType": {"name": "{x}Date"}}}, "List<Date>"),
        (
            {"resultTypeSpecifier": {"type": "IntervalTypeSpecifier", "pointType": {"name": "{x}Date"}}},
            "Interval<Date>",
        ),
        (
            {
                "resultTypeSpecifier": {
                    "type": "TupleTypeSpecifier",
                    "element": [
                        {"name": "b", "elementType": {"name": "{x}String"}},
                        {"name": "a", "elementType": {"type": "ChoiceTypeSpecifier", "choice": [{"name": "{x}Any"}]}},
                    ],
                }
            },
            "Tuple{a Choice<Any>, b String}",
        ),
        ({}, "nothing known"),
    ],
)
def test_a_type_is_spelled_as_cql_spells_it(specifier: dict[str, Any], spelled: str) -> None:
    """Elements of a tuple stand by their names, whatever order they were written in."""
    assert result_type(specifier) == spelled
