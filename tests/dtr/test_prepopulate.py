"""The draft QuestionnaireResponse."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from server.auth.caller import Caller, CallerKind, caller_of
from server.errors import EngineError
from server.fhir.version import Version
from server.store.ports import ActiveAuthorization
from tests.dtr import example_policy as example
from tests.dtr.conftest import Server, answers, bundles, issues, resources

DTR = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/"
APPROVED = ActiveAuthorization("VA-1", "example-101", (date(2026, 9, 1), date(2027, 2, 1)), "S1")


def draft(server: Server, *orders: dict[str, Any], of: dict[str, Any] | None = None) -> dict[str, Any]:
    bundle = bundles(server.package(*example.by_order(*(orders or (example.order(),)), of=of)))[0]
    return resources(bundle, "QuestionnaireResponse")[0]


def values(server: Server, *orders: dict[str, Any], of: dict[str, Any] | None = None) -> dict[str, list[Any]]:
    return answers(bundles(server.package(*example.by_order(*(orders or (example.order(),)), of=of)))[0])


def test_what_the_order_and_the_coverage_say_is_answered(server: Server) -> None:
    """Product, NDC, dates, dose, diagnosis and coverage come from the request; nothing else is claimed."""
    found = values(server)
    assert {link: [v.get("code") if isinstance(v, dict) else v for v in many] for link, many in found.items()} == {
        "product": ["99990001"],
        "ndc": ["99999000101"],
        "service-start": ["2026-12-01"],
        "dose": [10.5],
        "diagnosis": ["M05.79"],
        "coverage-kind": ["commercial"],
    }


def test_silence_is_not_an_answer(server: Server) -> None:
    """A define that is false over an order says nothing about the patient: the question stays open."""
    assert "taking-now" not in values(server)


def test_an_authorization_in_force_is_known(server: Server) -> None:
    """A stored approval of this member makes it a continuation, whose number is then asked for and given."""
    server.remembered.authorizations["M1"] = APPROVED
    found = values(server)
    assert found["kind"][0]["code"] == "continuation"
    assert found["previous"] == ["VA-1"]
    assert "kind" not in values(server, of=example.coverage(subscriberId="M2"))
    late = example.order(dispenseRequest={"validityPeriod": {"start": "2027-02-02"}})
    assert "kind" not in values(server, late)


def test_an_authorization_of_others_is_not_known(server: Server) -> None:
    """A client is told of one that was given to its organizations, and of no other."""
    server.remembered.authorizations["M1"] = APPROVED
    server.app.dependency_overrides[caller_of] = lambda: Caller(CallerKind.CLIENT, frozenset({"1234567893"}), "a")
    server.remembered.belongs_to = ("1777777778",)
    assert "previous" not in values(server)
    server.remembered.belongs_to = ("1777777778", "1234567893")
    assert values(server)["previous"] == ["VA-1"]


def test_a_hidden_question_is_not_answered(server: Server) -> None:
    """`previous` is asked of a continuation only."""
    assert "previous" not in values(server)


def test_two_values_for_one_question_leave_it_open(server: Server) -> None:
    """A code outside the form's list, or two where one fits, is left to the clinician."""
    wrong = example.order(reasonCode=[{"coding": [{"system": "http://other.example", "code": "X1"}]}])
    assert values(server, wrong)["diagnosis"] == [{"system": "http://other.example", "code": "X1"}]  # an open choice
    unknown = example.coverage(type={"coding": [{"system": "https://nahdo.org/sopt", "code": "999"}]})
    assert "coverage-kind" not in values(server, of=unknown)


@pytest.mark.parametrize("contained", [True, False])
def test_a_medication_beside_the_order_is_read(server: Server, *, contained: bool) -> None:
    """The drug may be contained in the order or sent as `referenced`."""
    medication = {"resourceType": "Medication", "id": "m1", "code": example.ORDER["medicationCodeableConcept"]}
    order = example.order(medicationReference={"reference": "#m1" if contained else "http://ehr.example/Medication/m1"})
    del order["medicationCodeableConcept"]
    parts = example.by_order(order)
    if contained:
        order["contained"] = [medication]
    else:
        parts.append({"name": "referenced", "resource": medication})
    found = answers(bundles(server.package(*parts))[0])
    assert found["product"][0]["code"] == "99990001"


@pytest.mark.parametrize(
    ("version", "coverage_url", "system", "origin"),
    [
        (Version.V2_0, "qr-context", "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp", "auto"),
        (
            Version.V2_2,
            "qr-coverage",
            "http://hl7.org/fhir/us/davinci-crd/CodeSystem/coverage-information-codes",
            "auto-server",
        ),
    ],
)
def test_context_use_and_origin_are_those_of_the_version(
    serve: Callable[..., Server], version: Version, coverage_url: str, system: str, origin: str
) -> None:
    """The extensions of dtr section 0; every answer has its origin and no author (D-41)."""
    response = draft(serve(version))
    context = [(e["url"].removeprefix(DTR), e["valueReference"]) for e in response["extension"][:2]]
    assert context == [
        (coverage_url, {"reference": "Coverage/cov1"}),
        ("qr-context", {"reference": "MedicationRequest/mr1"}),
    ]
    assert response["extension"][2]["valueCodeableConcept"]["coding"] == [{"system": system, "code": "withpa"}]
    assert "author" not in response
    assert (response["status"], response["questionnaire"]) == ("in-progress", f"{example.FORM}|1.0.0")
    for group in response["item"]:
        for answer in (a for item in group["item"] for a in item["answer"]):
            assert answer["extension"] == [
                {"url": f"{DTR}information-origin", "extension": [{"url": "source", "valueCode": origin}]}
            ]


def test_references_are_given_back_as_the_ehr_wrote_them(server: Server) -> None:
    """Absolute references stay absolute; the payer mints none (D-48, T-28)."""
    here = "https://ehr.example/fhir"
    order = example.order(insurance=[{"reference": f"{here}/Coverage/cov1"}])
    response = draft(server, order, of=example.coverage(beneficiary={"reference": f"{here}/Patient/p1"}))
    assert response["subject"] == {"reference": f"{here}/Patient/p1"}
    assert response["extension"][0]["valueReference"] == {"reference": f"{here}/Coverage/cov1"}


def test_without_an_order_2_0_does_not_claim_the_profile(serve: Callable[..., Server]) -> None:
    """2.0.1's profile wants an order; the draft says so in the outcome instead of inventing one (T-10)."""
    parts: list[dict[str, Any]] = [
        {"name": "coverage", "resource": example.coverage()},
        {"name": "questionnaire", "valueCanonical": example.FORM},
    ]
    old = serve(Version.V2_0).package(*parts)
    assert issues(old) == [("warning", "incomplete")]
    assert "meta" not in resources(bundles(old)[0], "QuestionnaireResponse")[0]
    new = serve(Version.V2_2).package(*parts)
    assert issues(new) == []
    assert resources(bundles(new)[0], "QuestionnaireResponse")[0]["meta"]["profile"] == [
        f"{DTR}dtr-questionnaireresponse"
    ]


def test_a_context_without_its_order_still_names_the_form(server: Server) -> None:
    """A PAS request may have come without its order; the form that it was asked for is known all the same (D-22)."""
    parts: list[dict[str, Any]] = [
        {"name": "coverage", "resource": example.coverage()},
        {"name": "context", "valueString": "A-PAS"},
    ]
    answer = server.package(*parts)
    assert len(bundles(answer)) == 1
    assert answers(bundles(answer)[0])["coverage-kind"][0]["code"] == "commercial"


class _Broken:
    name = "broken"

    def evaluate(self, library: str, bundle: Any, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        raise EngineError(f"{library} {len(bundle)} {len(parameters)}")


@pytest.mark.parametrize("version", list(Version))
def test_an_engine_that_fails_leaves_the_form_open(serve: Callable[..., Server], version: Version) -> None:
    """The package comes all the same, unanswered, with a warning (D-42)."""
    answer = serve(version, engine=_Broken()).package(*example.by_order(example.order()))
    assert (answer.status_code, issues(answer)) == (200, [("warning", "exception")])
    assert answers(bundles(answer)[0]) == {}
