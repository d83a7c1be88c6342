"""What a form's expressions name, and what they name in vain."""

import pytest

from server.form.expression import CQF_LIBRARY, INITIAL_EXPRESSION, define_of, expression_problems

DEFINES = [
    ({"language": "text/cql", "expression": '"Lib".Define'}, ("Lib", "Define")),
    ({"language": "text/cql-identifier", "expression": '"Lib"."Two words"'}, ("Lib", "Two words")),
    ({"language": "text/cql-identifier", "expression": "Define"}, (None, "Define")),
    ({"language": "text/cql", "expression": "Today() + 14 days"}, None),
    ({"language": "text/fhirpath", "expression": "Define"}, None),
]


@pytest.mark.parametrize(("given", "define"), DEFINES)
def test_the_define_behind_a_question(given: dict[str, str], define: tuple[str | None, str] | None) -> None:
    """Only a CQL identifier names a define; an inline expression is the client's to run."""
    assert define_of({"extension": [{"url": INITIAL_EXPRESSION, "valueExpression": given}]}) == define


LIBRARIES = {"Lib|1.0.0": frozenset({"Here"}), "Lib|2.0.0": frozenset({"Later"}), "Other|1.0.0": frozenset({"There"})}
EXPRESSIONS: dict[str, tuple[list[str], str, list[tuple[str, str]]]] = {
    "in the library's version": (["http://x/Library/Lib|1.0.0"], "Here", []),
    "in a version of it": (["http://x/Library/Lib"], "Later", []),
    "of the second library": (["http://x/Library/Lib|1.0.0", "http://x/Library/Other"], '"Other".There', []),
    "of another version": (
        ["http://x/Library/Lib|1.0.0"],
        "Later",
        [("item a.initialExpression", "Lib has no define 'Later'; name one that it has")],
    ),
    "of a library that the form does not name": (
        ["http://x/Library/Lib|1.0.0"],
        '"Other".There',
        [("item a.initialExpression", "'There' is of no library that the form names; add its cqf-library")],
    ),
    "without any library": (
        [],
        "Here",
        [("item a.initialExpression", "'Here' is of no library that the form names; add its cqf-library")],
    ),
    "of a library that is not there": (
        ["http://x/Library/Gone|1.0.0"],
        "Here",
        [
            (
                "cqf-library",
                "http://x/Library/Gone|1.0.0 is no library there is; end it with the name of one, or with name|version",
            )
        ],
    ),
    "more than a name": (["http://x/Library/Lib"], "Today() + 14 days", []),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_is_named_in_vain(name: str) -> None:
    """A library or define that is not there is a problem, one level down as well; one fault is told once."""
    libraries, expression, problems = EXPRESSIONS[name]
    initial = {"language": "text/cql-identifier", "expression": expression}
    item = {"linkId": "a", "extension": [{"url": INITIAL_EXPRESSION, "valueExpression": initial}]}
    form = {
        "extension": [{"url": CQF_LIBRARY, "valueCanonical": library} for library in libraries],
        "item": [{"linkId": "group", "item": [item]}],
    }
    assert list(expression_problems(form, LIBRARIES)) == problems
