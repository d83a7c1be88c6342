"""Which Coverage an order is under, and what happens when it is missing, another payer's, or one of several."""

from typing import Any

import pytest

from tests.crd.calls import Ehr, Json, a_bundle, a_call, a_coverage, a_payer, an_order

OTHER_PAYER = a_payer("SOMEONE-ELSE", org_id="other")
NAMELESS = a_payer(None, org_id="nameless")
THEIRS = a_coverage("cov-9", payor=[{"reference": "Organization/other"}])
PAYERS: Json = {"payers": a_bundle(a_payer(), OTHER_PAYER, NAMELESS)}
NPI = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1999999992"}


def _coverage_of(call: Json) -> list[Any]:
    return [said["coverage"][0]["reference"] for said in Ehr().said(call)]


@pytest.mark.parametrize(
    "payor",
    [
        pytest.param({"reference": "Organization/payer"}, id="prefetched Organization"),
        pytest.param({"identifier": NPI}, id="identifier in the Reference"),
        pytest.param({"reference": "Organization/unknown", "identifier": NPI}, id="both, unresolved"),
        pytest.param({"reference": "#p"}, id="contained Organization"),
        pytest.param({"reference": "Organization/not-sent"}, id="not sent along"),
    ],
)
def test_our_coverage_is_answered_however_it_names_its_payer(payor: Json) -> None:
    """The payer is found wherever the client says it; one that was not sent along is no reason to refuse (T-5)."""
    contained = [{**a_payer(), "id": "p"}]
    assert _coverage_of(a_call(coverages=[a_coverage(payor=[payor], contained=contained)])) == ["Coverage/cov-1"]


@pytest.mark.parametrize("version", ["2.2", None])
def test_an_answer_says_what_it_assumes_of_the_payer(version: str | None) -> None:
    """Where nothing that came along tells whose the Coverage is; not where something does."""
    (said,) = Ehr().said(a_call(version=version))
    assert "This holds if" not in said["reason"][0]["text"]
    unknown = a_coverage(payor=[{"reference": "Organization/not-sent"}])
    (said,) = Ehr().said(a_call(version=version, coverages=[unknown]))
    assert "This holds if the Coverage is of Example Plan" in said["reason"][0]["text"]


@pytest.mark.parametrize(
    ("coverages", "code"),
    [
        pytest.param([], "required", id="none"),
        pytest.param([THEIRS], "not-supported", id="another payer's"),
        pytest.param([a_coverage(payor=[{"reference": "Organization/nameless"}])], "required", id="payer without id"),
        pytest.param([a_coverage(payor=None)], "required", id="no payer"),
        pytest.param([a_coverage(), a_coverage("cov-2")], "multiple-matches", id="two that fit"),
    ],
)
def test_an_unusable_coverage_is_an_error_under_2_2(coverages: list[Json], code: str) -> None:
    """400 with the place, nothing kept (crd section 1.8)."""
    ehr = Ehr()
    answer = ehr.post(a_call(coverages=coverages, prefetch=PAYERS))
    assert answer.status_code == 400
    (issue,) = answer.json()["issue"]
    assert (issue["code"], issue["expression"]) == (code, ["prefetch.coverage"])
    assert ehr.store.commits == 0


@pytest.mark.parametrize(
    ("coverages", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([THEIRS], [], id="another payer's"),
        pytest.param(
            [a_coverage(payor=[{"reference": "Organization/nameless"}])], ["Coverage/cov-1"], id="payer without id"
        ),
        pytest.param([a_coverage(payor=None)], ["Coverage/cov-1"], id="no payer"),
        pytest.param([a_coverage(), a_coverage("cov-2")], ["Coverage/cov-1"], id="two that fit"),
    ],
)
def test_2_0_answers_as_well_as_it_can(coverages: list[Json], expected: list[str]) -> None:
    """The older guide knows no such errors: 200, with an answer where a coverage may be ours."""
    assert _coverage_of(a_call(version=None, coverages=coverages, prefetch=PAYERS)) == expected


@pytest.mark.parametrize("prefetch", [{"coverage": None}, {"coverage": {"resourceType": "OperationOutcome"}}])
def test_a_coverage_that_could_not_be_sent_counts_as_missing(prefetch: Json) -> None:
    """An OperationOutcome or null is how a client says that it has none to send."""
    assert Ehr().post(a_call(prefetch=prefetch)).status_code == 400


@pytest.mark.parametrize(
    ("coverages", "insurance", "expected"),
    [
        pytest.param([a_coverage(), THEIRS], None, ["Coverage/cov-1"], id="ours beside another payer's"),
        pytest.param([a_coverage(), THEIRS], "Coverage/cov-9", [], id="the order is billed to the other"),
        pytest.param(
            [a_coverage(), a_coverage("cov-2")], "Coverage/cov-2", ["Coverage/cov-2"], id="the order names it"
        ),
        pytest.param(
            [a_coverage(), a_coverage("cov-2", status="cancelled")], None, ["Coverage/cov-1"], id="one active"
        ),
        pytest.param([a_coverage()], "Coverage/elsewhere", ["Coverage/cov-1"], id="the order names one not sent"),
    ],
)
def test_several_coverages_are_narrowed(coverages: list[Json], insurance: str | None, expected: list[str]) -> None:
    """By payer, by the order's own insurance, by status; an order billed to another payer is left alone (T-23)."""
    order = an_order(insurance=[{"reference": insurance}] if insurance else [])
    assert _coverage_of(a_call(order, coverages=coverages, prefetch=PAYERS)) == expected


@pytest.mark.parametrize("beneficiary", ["Patient/p-2", "https://ehr.example/fhir/Patient/p-2"])
def test_somebody_elses_coverage_is_as_good_as_not_sent(beneficiary: str) -> None:
    """A call is about one patient: beside the patient's own, another's counts for nothing; alone, there is none."""
    other = a_coverage("cov-2", beneficiary={"reference": beneficiary})
    assert _coverage_of(a_call(coverages=[other, a_coverage()])) == ["Coverage/cov-1"]
    assert _coverage_of(a_call(version=None, coverages=[other])) == []
    (issue,) = Ehr().post(a_call(coverages=[other])).json()["issue"]
    assert issue["code"] == "required"
    assert "of another patient" in issue["details"]["text"]
    (issue,) = Ehr().post(a_call(coverages=[])).json()["issue"]
    assert issue["details"]["text"].startswith("No Coverage came along")


def test_a_coverage_that_does_not_say_whose_it_is_is_the_patients() -> None:
    """It was prefetched for this patient; only a beneficiary that is surely another rules it out."""
    for beneficiary in (None, {"display": "x"}, {"reference": "urn:uuid:6a1c0a5e-0000-4000-8000-000000000009"}):
        assert _coverage_of(a_call(coverages=[a_coverage(beneficiary=beneficiary)])) == ["Coverage/cov-1"]


def test_a_single_coverage_resource_is_as_good_as_a_bundle() -> None:
    """Some clients prefetch the resource itself, or under a key of their own."""
    assert _coverage_of(a_call(prefetch={"coverage": a_coverage()})) == ["Coverage/cov-1"]
    assert _coverage_of(a_call(coverages=[], prefetch={"coverages": a_bundle(a_coverage())})) == ["Coverage/cov-1"]


def test_the_patient_may_bring_the_member_id() -> None:
    """A Coverage without a member id falls back on the Patient's member number."""
    member = {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]}}
    patient = {"resourceType": "Patient", "id": "p-1", "identifier": [{**member, "value": "W-1"}]}
    (said,) = Ehr().said(a_call(coverages=[a_coverage(member=None)], prefetch={"patient": patient}))
    assert said["covered"] == ["covered"]
