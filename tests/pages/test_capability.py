"""What the server says it can do is what it serves."""

import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.responses import Response

from server.dtr.routes import SEARCH
from server.fhir.version import Version
from server.pages.capability import capability_statement, davinci_configuration
from server.policy.plan import MemberStatus, Plan
from server.settings import ROOT
from server.url import Access, Url
from server.urls import FHIR_URLS

DTR = "http://hl7.org/fhir/us/davinci-dtr/OperationDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/OperationDefinition/"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


async def nothing() -> Response:
    return Response()


def a_row(method: str, path: str, interaction: str = "", **more: Any) -> Url:
    return Url(method, path, nothing, "What it does", Access.CLIENT, interaction, **more)


URLS = (
    a_row("POST", "/Questionnaire/$questionnaire-package", "Questionnaire/$questionnaire-package"),
    a_row("POST", "/$questionnaire-package"),
    a_row("GET", "/Questionnaire", "Questionnaire:search-type", query=SEARCH),
    a_row("GET", "/Thing/{id}", "Thing:read"),
    a_row("GET", "/Thing/{id}/$why", "Thing/$why"),
)


def test_every_row_of_the_table_is_one_statement_and_nothing_else() -> None:
    """Operations stand at type level; an alias without an interaction is not listed (dtr T-20)."""
    statement = capability_statement(URLS, Version.V2_2, "http://payer.example", NOW)
    questionnaire, thing = statement["rest"][0]["resource"]
    assert questionnaire["operation"][0]["definition"] == (
        "http://hl7.org/fhir/us/davinci-dtr/OperationDefinition/questionnaire-package|2.2.0"
    )
    assert [i["code"] for i in questionnaire["interaction"]] == ["search-type"]
    assert [p["name"] for p in questionnaire["searchParam"]] == ["url", "version", "_id"]
    assert [i["code"] for i in thing["interaction"]] == ["read"]
    assert thing["operation"][0]["name"] == "why"
    assert "operation" not in statement["rest"][0]


@pytest.mark.parametrize("version", list(Version))
def test_the_statement_counts_as_many_interactions_as_are_served(version: Version) -> None:
    """Over the real table: no interaction is lost and none is invented; no security service is claimed."""
    statement = capability_statement(FHIR_URLS, version, "http://payer.example", NOW)
    rest = statement["rest"][0]
    said = sum(len(r.get("interaction", ())) + len(r.get("operation", ())) for r in rest["resource"])
    said += len(rest.get("operation", ()))
    assert said == sum(1 for url in FHIR_URLS if url.interaction)
    assert set(rest["security"]) == {"description"}
    assert statement["implementation"]["url"] == f"http://payer.example/fhir/{version}"
    assert "instantiates" not in statement


@pytest.mark.parametrize(
    ("version", "type_", "operation", "definition"),
    [
        (Version.V2_0, "Questionnaire", "next-question", f"{SDC}Questionnaire-next-question|3.0.0"),
        (Version.V2_2, "Questionnaire", "next-question", f"{DTR}DTR-Questionnaire-next-question|2.2.0"),
        (Version.V2_0, "ValueSet", "expand", "http://hl7.org/fhir/OperationDefinition/ValueSet-expand|4.0.1"),
        (Version.V2_2, "ValueSet", "expand", f"{DTR}DTR-ValueSet-expand|2.2.0"),
        (Version.V2_0, "Questionnaire", "log-questionnaire-errors", f"{DTR}log-questionnaire-errors|2.0.1"),
        (Version.V2_2, "Questionnaire", "log-questionnaire-errors", f"{DTR}log-questionnaire-errors|2.2.0"),
    ],
)
def test_operations_are_those_of_the_guide(version: Version, type_: str, operation: str, definition: str) -> None:
    """Each operation names its definition in the guide of that version, or in the one that guide builds on (D-8)."""
    statement = capability_statement(FHIR_URLS, version, "http://payer.example", NOW)
    (resource,) = [r for r in statement["rest"][0]["resource"] if r["type"] == type_]
    (said,) = [o["definition"] for o in resource["operation"] if o["name"] == operation]
    assert said == definition


def test_each_guide_version_has_its_own_endpoint() -> None:
    """HRex discovery: the payer, and for each guide version the base that speaks it (D-4)."""
    plan = Plan("P", "ID", "http://id", "1999999992", "", {}, MemberStatus.ACTIVE, {}, frozenset(), ())
    found = davinci_configuration(plan, "http://payer.example")
    assert found["identifier"]["value"] == "1999999992"
    assert found["endpoints"] == {
        "davinci_crd_hook_endpoint#2.0": "http://payer.example/cds-services",
        "davinci_crd_hook_endpoint#2.2": "http://payer.example/cds-services",
        "davinci_dtr_qpackage_endpoint#2.0": "http://payer.example/fhir/2.0",
        "davinci_dtr_qpackage_endpoint#2.2": "http://payer.example/fhir/2.2",
        "davinci_pas_submission_endpoint#2.0": "http://payer.example/fhir/2.0",
        "davinci_pas_submission_endpoint#2.2": "http://payer.example/fhir/2.2",
    }


def test_the_version_it_names_is_the_one_it_is_packaged_as() -> None:
    """pyproject.toml and the statement say the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    statement = capability_statement(URLS, Version.V2_2, "http://payer.example", NOW)
    assert statement["software"]["version"] == project["version"]
