"""The form as each guide version wants it."""

from copy import deepcopy
from typing import Any

import orjson
import pytest

from server.dtr.questionnaire import questionnaire_resource
from server.fhir.version import Version
from server.policy.library import PolicyLibrary

DTR = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/"


def pin(canonical: str) -> str:
    return canonical if "|" in canonical else f"{canonical}|1.0.0"


@pytest.fixture
def source(policies: PolicyLibrary) -> dict[str, Any]:
    return dict(policies.policies[0].editions[0].form.questionnaire)


def root(questionnaire: dict[str, Any]) -> dict[str, Any]:
    """The root extensions: url -> value."""
    return {
        e["url"]: next((v for k, v in e.items() if k.startswith("value")), None) for e in questionnaire["extension"]
    }


def expression(questionnaire: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = questionnaire["item"][0]["item"][0]["extension"][0]["valueExpression"]
    return found


@pytest.mark.parametrize(
    ("version", "library", "language", "alternative"),
    [
        (
            Version.V2_0,
            "http://vitruvian.example/fhir/Library/ExamplePrepopulation",
            "text/cql",
            "http://hl7.org/fhir/us/ecr/StructureDefinition/us-ph-alternative-expression-extension",
        ),
        (
            Version.V2_2,
            "http://vitruvian.example/fhir/Library/ExamplePrepopulation|1.0.0",
            "text/cql-identifier",
            f"{DTR}alternativeExpression",
        ),
    ],
)
def test_library_and_language_are_those_of_the_version(
    source: dict[str, Any], version: Version, library: str, language: str, alternative: str
) -> None:
    """2.2 pins cqf-library and names CQL identifiers; 2.0 has what its clients compare as strings (T-1, T-2)."""
    rendered = questionnaire_resource(source, version, pin)
    assert root(rendered)["http://hl7.org/fhir/StructureDefinition/cqf-library"] == library
    found = expression(rendered)
    assert found["language"] == language
    assert found["expression"] == '"ExamplePrepopulation".Product'
    assert found["extension"][0]["url"] == alternative
    elm = orjson.loads(found["extension"][0]["valueExpression"]["expression"])
    assert elm == {"type": "ExpressionRef", "libraryName": "ExamplePrepopulation", "name": "Product"}
    assert rendered["item"][0]["item"][0]["answerValueSet"].endswith("|1.0.0")


def test_what_came_with_2_2_is_not_in_2_0(source: dict[str, Any]) -> None:
    """Audience, time, request-specific and versionAlgorithm are 2.2 only; the narrative is always in 2.0."""
    old, new = (questionnaire_resource(source, v, pin) for v in Version)
    only_new = set(root(new)) - set(root(old))
    assert only_new == {
        "http://hl7.org/fhir/StructureDefinition/artifact-versionAlgorithm",
        f"{DTR}questionnaireAudience",
        f"{DTR}request-specific",
        f"{DTR}estimated-completion-time",
    }
    assert "<li>Product</li>" in old["text"]["div"]
    assert "text" not in new


def test_rendering_leaves_the_source_as_it_was_and_is_stable(source: dict[str, Any]) -> None:
    """A form rendered from a rendered form is the same form: no extension is put on twice."""
    before = deepcopy(source)
    for version in Version:
        once = questionnaire_resource(source, version, pin)
        assert questionnaire_resource(once, version, pin) == once
    assert source == before
