"""`$questionnaire-package` over HTTP: every outcome that the guides ask for, under both versions."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.fhir.version import Version
from tests.dtr import example_policy as example
from tests.dtr.conftest import Server, bundles, issues, resources
from tests.shared_material import SHARED, needs_shared
from tests.spoiling import spoil

Json = dict[str, Any]

COVERAGE: Json = {"name": "coverage", "resource": example.coverage()}
ORDER: Json = {"name": "order", "resource": example.order()}
OTHER: Json = {"name": "order", "resource": example.other_order()}
STRANGER = {"name": "coverage", "resource": example.coverage(id="c9", subscriberId="STRANGER")}


def canonical(url: str) -> Json:
    return {"name": "questionnaire", "valueCanonical": url}


def context(id_: str) -> Json:
    return {"name": "context", "valueString": id_}


def since(moment: str, type_: str = "Instant") -> Json:
    return {"name": "changedsince", f"value{type_}": moment}


PLACEHOLDER: Json = {
    "name": "order",
    "resource": example.order(
        medicationCodeableConcept={
            "coding": [{"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "Z9999"}]
        }
    ),
}
NO_ID: Json = {"name": "coverage", "resource": {k: v for k, v in example.COVERAGE.items() if k != "subscriberId"}}
NO_PATIENT: Json = {
    "name": "coverage",
    "resource": {"resourceType": "Coverage", "id": "c", "status": "active", "payor": [{"display": "x"}]},
}
ENDED: Json = {"name": "coverage", "resource": example.coverage(subscriberId="GONE")}
DEPENDENT: Json = {"name": "coverage", "resource": example.coverage(dependent="2")}
ANOTHER: Json = {"name": "coverage", "resource": example.coverage(subscriberId="M2")}

ANSWERED: list[tuple[str, list[Json], int, list[tuple[str, str]]]] = [
    ("order", [COVERAGE, ORDER], 1, []),
    ("canonical with a version, and the order", [COVERAGE, ORDER, canonical(f"{example.FORM}|1.0.0")], 1, []),
    ("canonical without one", [COVERAGE, ORDER, canonical(example.FORM)], 1, []),
    ("context alone, as from PAS", [COVERAGE, context("A1")], 1, []),
    ("context and order, as from CRD", [COVERAGE, ORDER, context("A1")], 1, []),
    ("the same order twice", [COVERAGE, ORDER, ORDER], 1, []),
    ("an order of ours and one of nobody", [COVERAGE, ORDER, OTHER], 1, [("information", "informational")]),
    ("nothing needed", [COVERAGE, OTHER], 0, [("information", "informational")]),
    ("a code that stands for many drugs", [COVERAGE, PLACEHOLDER], 0, [("warning", "incomplete")]),
    ("the same under the context that CRD gave it", [COVERAGE, PLACEHOLDER, context("A1")], 1, []),
    ("context for which CRD asked no form", [COVERAGE, context("A-NONE")], 0, [("information", "informational")]),
    ("unknown canonical", [COVERAGE, canonical("http://x.example/q|9")], 0, [("warning", "not-found")]),
    (
        "one known, one not",
        [COVERAGE, ORDER, canonical(example.FORM), canonical("http://x.example/q")],
        1,
        [("warning", "not-found")],
    ),
    ("unknown version of a known form", [COVERAGE, canonical(f"{example.FORM}|9.9.9")], 0, [("warning", "not-found")]),
    ("unchanged", [COVERAGE, ORDER, since("2026-01-02T00:00:00Z")], 0, [("information", "informational")]),
    ("unchanged, as a date", [COVERAGE, ORDER, since("2099-01-01", "Date")], 0, [("information", "informational")]),
    ("changed that day", [COVERAGE, ORDER, since("2026-01-01T12:00:00Z")], 1, []),
    ("changed since", [COVERAGE, ORDER, since("2025-01-01T00:00:00+05:00", "DateTime")], 1, []),
    ("coverage that has ended", [ENDED, ORDER], 1, [("warning", "business-rule")]),
    ("coverage without any member id", [NO_ID, ORDER], 1, []),
    ("the context of a member whose number stood on the Patient", [COVERAGE, context("A-PATIENT")], 1, []),
    ("context, for a coverage without any member id", [NO_ID, context("A1")], 1, []),
    ("parameters of no operation", [COVERAGE, ORDER, {"name": "colour", "valueCode": "blue"}], 1, []),
]


@pytest.mark.parametrize(("parts", "packages", "said"), [a[1:] for a in ANSWERED], ids=[a[0] for a in ANSWERED])
def test_what_is_answered_with_200(
    server: Server, parts: list[Json], packages: int, said: list[tuple[str, str]]
) -> None:
    """Packages for what is needed; everything else is said in the outcome, never as an HTTP error (D-42, T-30)."""
    answer = server.package(*parts)
    assert (answer.status_code, len(bundles(answer)), issues(answer)) == (200, packages, said)


def test_an_empty_array_is_named_and_its_remedy_leads_on(server: Server) -> None:
    """`"parameter": []` is told by its name; left out as the text says, what is asked for is what is missing."""

    def told(body: Json) -> str:
        answer = server.send("POST", "/Questionnaire/$questionnaire-package", json=body)
        assert answer.status_code == 400
        return " ".join(i["details"]["text"] for i in answer.json()["issue"])

    assert "`parameter` is an empty array" in told({"resourceType": "Parameters", "parameter": []})
    left_out = told({"resourceType": "Parameters"})
    assert "empty" not in left_out
    assert "coverage" in left_out


REFUSED: list[tuple[str, list[Json], int, list[str] | None]] = [
    ("dtr-1", [COVERAGE], 400, ["Parameters.parameter"]),
    ("no coverage", [ORDER], 400, ["Parameters.parameter.where(name='coverage')"]),
    ("changedsince that is none", [COVERAGE, ORDER, since("soon")], 400, ["Parameters.parameter[2].valueInstant"]),
    ("unknown member", [STRANGER, ORDER], 422, ["Parameters.parameter[0].resource"]),
    ("unknown context", [COVERAGE, context("A9")], 422, ["Parameters.parameter[1].value"]),
    (
        "unknown member and context",
        [STRANGER, context("A9")],
        422,
        ["Parameters.parameter[0].resource", "Parameters.parameter[1].value"],
    ),
    ("the context of another of the family", [DEPENDENT, context("A1")], 422, ["Parameters.parameter[1].value"]),
    ("the context of another member", [ANOTHER, context("A1")], 422, ["Parameters.parameter[1].value"]),
    (
        "the context of another patient, without a member id",
        [
            {"name": "coverage", "resource": {**NO_ID["resource"], "beneficiary": {"reference": "Patient/p2"}}},
            context("A1"),
        ],
        422,
        ["Parameters.parameter[1].value"],
    ),
    ("an order that is not the context's", [COVERAGE, OTHER, context("A1")], 422, ["Parameters.parameter[2].value"]),
    (
        "an order that is none",
        [COVERAGE, {"name": "order", "resource": example.coverage()}],
        400,
        ["Parameters.parameter[1].resource"],
    ),
    ("no patient", [NO_PATIENT, context("A1")], 400, None),
    (
        "wrong shape",
        [{"name": "coverage", "resource": example.coverage(subscriberId=5)}, ORDER],
        400,
        ["Parameters.parameter[0].resource.subscriberId"],
    ),
]


@pytest.mark.parametrize(("parts", "status", "places"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_refused(server: Server, parts: list[Json], status: int, places: list[str] | None) -> None:
    """Bad input and bad source data: 4xx and an OperationOutcome that names each place (D-20, D-44, D-45)."""
    answer = server.package(*parts)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    if places is not None:
        assert [i["expression"][0] for i in answer.json()["issue"]] == places
    assert "M2" not in answer.text
    assert "STRANGER" not in answer.text


def test_a_single_package_is_bare_in_2_0_and_wrapped_in_2_2(serve: Callable[..., Server]) -> None:
    """2.0: the Bundle itself, Parameters as soon as there is something to say. 2.2: always Parameters (T-6)."""
    plain = [COVERAGE, ORDER]
    more = [*plain, canonical(example.FORM), canonical("http://x.example/q")]
    old, new = serve(Version.V2_0), serve(Version.V2_2)
    assert old.package(*plain).json()["resourceType"] == "Bundle"
    assert [p["name"] for p in old.package(*more).json()["parameter"]] == ["PackageBundle", "operationOutcome"]
    assert [p["name"] for p in new.package(*plain).json()["parameter"]] == ["packagebundle"]
    assert [p["name"] for p in new.package(*more).json()["parameter"]] == ["packagebundle", "outcome"]


def test_several_coverages_are_read_in_2_0_and_refused_in_2_2(serve: Callable[..., Server]) -> None:
    """2.0.1 takes 1..* and answers for the ones that are ours; 2.2.0 takes exactly one."""
    second = {"name": "coverage", "resource": example.coverage(id="cov2")}
    answer = serve(Version.V2_0).package(STRANGER, second, COVERAGE, ORDER)
    assert (answer.status_code, issues(answer)) == (200, [("warning", "not-found")])
    response = resources(bundles(answer)[0], "QuestionnaireResponse")[0]
    refs = [e["valueReference"]["reference"] for e in response["extension"] if "valueReference" in e]
    assert refs == ["Coverage/cov1", "Coverage/cov2", "MedicationRequest/mr1"]
    assert serve(Version.V2_2).package(COVERAGE, second, ORDER).status_code == 400


def test_coverages_of_two_patients_are_refused(serve: Callable[..., Server]) -> None:
    """A draft is about one patient (2.0.1 takes several coverages)."""
    of_another = example.coverage(id="cov2", beneficiary={"reference": "Patient/p2"})
    answer = serve(Version.V2_0).package(COVERAGE, {"name": "coverage", "resource": of_another}, ORDER)
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Parameters.parameter[1].resource.beneficiary"]


def test_canonicals_limit_2_2_and_add_in_2_0(serve: Callable[..., Server]) -> None:
    """An unknown canonical beside an order: 2.2.0 answers the canonical alone, 2.0.1 both (D-27)."""
    parts = [COVERAGE, ORDER, canonical("http://x.example/q")]
    assert len(bundles(serve(Version.V2_0).package(*parts))) == 1
    assert len(bundles(serve(Version.V2_2).package(*parts))) == 0


@pytest.mark.parametrize("path", ["/Questionnaire/$questionnaire-package", "/$questionnaire-package"])
def test_the_operation_is_served_at_both_levels(server: Server, path: str) -> None:
    """Type level is the rule; clients that read the prose post to the system level (T-20)."""
    assert server.send("POST", path, json=example.ask(COVERAGE, ORDER)).status_code == 200


BODIES: list[tuple[str, Json, int]] = [
    ("not JSON", {"content": b"{", "headers": {"content-type": "application/fhir+json"}}, 400),
    ("a list", {"content": b"[]", "headers": {"content-type": "application/fhir+json"}}, 400),
    ("another content type", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
    ("too large", {"content": b" " * (2**20 + 1), "headers": {"content-type": "application/json"}}, 413),
    ("deep", {"content": b'{"a":' * 200 + b"1" + b"}" * 200, "headers": {"content-type": "application/json"}}, 400),
    ("another resource", {"json": {"resourceType": "Bundle", "type": "collection"}}, 400),
]


@pytest.mark.parametrize(("request_", "status"), [b[1:] for b in BODIES], ids=[b[0] for b in BODIES])
def test_a_body_that_cannot_be_read(server: Server, request_: Json, status: int) -> None:
    """Each gets its own status and an OperationOutcome."""
    answer = server.send("POST", "/Questionnaire/$questionnaire-package", **request_)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")


def test_a_package_is_complete_and_pinned(server: Server) -> None:
    """Questionnaire first, one draft, each Library with CQL and ELM, each ValueSet expanded, all under this base."""
    bundle = bundles(server.package(COVERAGE, ORDER))[0]
    kinds = [e["resource"]["resourceType"] for e in bundle["entry"]]
    assert kinds == ["Questionnaire", "QuestionnaireResponse", "Library", "Library", "ValueSet"]
    assert bundle["type"] == "collection"
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] != "QuestionnaireResponse":
            expected = f"http://payer.example{server.version.base}/{resource['resourceType']}/{resource['id']}"
            assert entry["fullUrl"] == expected
    libraries = resources(bundle, "Library")
    assert [x["name"] for x in libraries] == ["ExamplePrepopulation", "FHIRHelpers"]
    for library in libraries:
        assert [c["contentType"] for c in library["content"]] == ["text/cql", "application/elm+json"]
    assert resources(bundle, "ValueSet")[0]["expansion"]["total"] == 2
    here = {f"{r['url']}|{r['version']}" for r in (*libraries, *resources(bundle, "ValueSet"))}
    wanted = {a["resource"] for x in libraries for a in x.get("relatedArtifact", ())}
    assert wanted <= here


def test_more_than_a_person_would_send_is_refused(server: Server) -> None:
    """Lists have a limit, so that no request keeps the server busy."""
    answer = server.package(COVERAGE, *[ORDER] * 51)
    assert (answer.status_code, issues(answer)) == (400, [("error", "structure")])


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "#m1", "Patient/p1", "2026-13-01"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["reference", "coding", "system", "code", "id", "extension"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(st.data())
def test_no_body_makes_the_server_fail(server: Server, data: st.DataObject) -> None:
    """Anything in any place of a good request: an answer or a refusal, never a fault."""
    body: Any = example.ask(deepcopy(COVERAGE), deepcopy(ORDER), context("A1"))
    spoil(body["parameter"], data, _ANYTHING, 6)
    answer = server.send("POST", "/Questionnaire/$questionnaire-package", json=body)
    assert answer.status_code in {200, 400, 422}


@needs_shared
@pytest.mark.parametrize(
    ("file", "status", "said"),
    [
        ("10-qpackage-in-inferno-preset-E0424.json", 200, ("information", "informational")),
        ("13-qpackage-in-nonconformant-Bundle.json", 400, ("error", "structure")),
        ("15-qpackage-in-postman-resp-assist-E0470.json", 200, ("information", "informational")),
        ("60-ig220-qpackage-in.json", 200, ("warning", "not-found")),
        ("70-ig201-qpackage-in.json", 200, ("information", "informational")),
        ("80-own-qpackage-in-context-only.json", 422, ("error", "not-found")),
        ("81-own-qpackage-in-canonical-unknown.json", 200, ("warning", "not-found")),
        ("82-own-qpackage-in-changedsince.json", 200, ("information", "informational")),
        ("84-own-qpackage-in-coverage-only.json", 400, ("error", "required")),
    ],
)
def test_requests_of_the_field(server: Server, file: str, status: int, said: tuple[str, str]) -> None:
    """Test tools' and the guides' own requests, not all of them conformant, get the answer that fits (T-26)."""
    body = (SHARED / "examples" / "dtr" / file).read_bytes()
    answer = server.send(
        "POST", "/Questionnaire/$questionnaire-package", content=body, headers={"content-type": "application/fhir+json"}
    )
    assert answer.status_code == status
    assert said in issues(answer)


@pytest.mark.parametrize("value", [5, ["x"], [5], [{"a": 1}], {"a": 1}, "x"], ids=str)
@pytest.mark.parametrize(
    ("name", "resource", "element"),
    [
        ("referenced", {"resourceType": "Binary", "id": "b", "contentType": "text/plain"}, "contained"),
        ("referenced", {"resourceType": "Bundle", "id": "b", "type": "collection"}, "contained"),
        ("order", {"resourceType": "Encounter", "id": "e", "status": "planned", "class": {"code": "AMB"}}, "insurance"),
    ],
)
def test_an_element_that_the_resource_does_not_have(
    server: Server, name: str, resource: Json, element: str, value: Any
) -> None:
    """It may hold anything and is passed over (dtr T-26)."""
    odd = {"name": name, "resource": {**resource, element: value}}
    assert server.package(COVERAGE, ORDER, odd).status_code == 200
