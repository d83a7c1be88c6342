"""Business reasons not to decide a request are data: a code, a place and what would mend it (pas P-49)."""

from typing import Any

import pytest

from server.fhir.codes import PAS
from server.pas.rejections import inquiry_rejections_of, rejections_of
from server.pas.request.bundle import INFO_CANCELLED
from server.policy.plan import MemberStatus, Plan
from tests.requests.bundle import CLAIM, EHR, PAYER, a_bundle, claim_of, item_changed, resources
from tests.requests.world import PLAN, a_plan, a_request, an_inquiry

Json = dict[str, Any]


COVERAGE = "Bundle.entry[3].resource"
ANOTHER_PAYER = {"identifier": {"system": "urn:x", "value": "OTHER"}}

NOT_COVERED: list[tuple[str, str, Json]] = [
    ("95", "status", {"status": "cancelled"}),
    ("95", "status", {"status": "entered-in-error"}),
    ("95", "period", {"period": {"start": "2010-01-01", "end": "2027-01-14"}}),
    ("95", "period", {"period": {"end": "2026"}}),
    ("95", "period", {"period": {"start": "2027-01-16"}}),
    ("95", "period", {"period": {"start": "2027-02"}}),
    ("79", "payor", {"payor": [ANOTHER_PAYER]}),
    ("79", "payor", {"payor": [{"reference": "Organization/clinic"}]}),
    ("79", "payor", {"payor": [{"reference": "Patient/patient"}]}),
    ("79", "payor", {"payor": [ANOTHER_PAYER, {"reference": "Organization/not-sent"}]}),
    ("79", "payor", {"payor": [{"display": "some plan"}]}),
    (
        "79",
        "payor",
        {
            "payor": [{"reference": "#p"}],
            "contained": [
                {"resourceType": "Organization", "id": "p"} | {"identifier": [{"system": "urn:x", "value": "OTHER"}]}
            ],
        },
    ),
]
COVERED: list[Json] = [
    {"status": "draft"},
    {"period": {"start": "2027-01-15", "end": "2027-01-15"}},
    {"period": {"start": "2027", "end": "2027-01"}},
    {"payor": [ANOTHER_PAYER, {"reference": "Organization/payer"}]},
    {"payor": [{"display": "example plan"}]},
    {"payor": [{"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": PAYER}}]},
]


def codes(bundle: Json, plan: Plan = PLAN) -> list[str]:
    """The X12 901 codes of why a `$submit` is rejected."""
    return [r.code for r in rejections_of(a_request(bundle), plan)]


def covered(**changes: Any) -> Any:
    return lambda bundle: resources(bundle, "Coverage")[0].update(changes)


def test_a_coverage_without_a_service_day_is_judged_on_the_day_of_the_claim() -> None:
    """Where no day of service is named, the Coverage must be in force when the Claim was made."""
    bundle = a_bundle()
    del claim_of(bundle)["item"][0]["servicedDate"]
    for end, expected in (("2026-11-23", []), ("2026-11-22", ["95"])):
        covered(period={"end": end})(bundle)
        assert codes(bundle) == expected


def test_who_has_no_member_id_is_not_known() -> None:
    """Without a member id of its own nobody is a member of the plan (pas T-16)."""
    bundle = a_bundle()
    coverage, patient = resources(bundle, "Coverage")[0], resources(bundle, "Patient")[0]
    del coverage["identifier"], patient["identifier"][0]["type"]
    assert codes(bundle) == ["75"]


@pytest.mark.parametrize(
    ("spoil", "rejections"),
    [
        (
            lambda b: claim_of(b).update(related=[{"claim": {"reference": "Claim/before"}}]),
            [("33", f"{CLAIM}.related[0]")],
        ),
        (
            lambda b: claim_of(b).update(
                extension=[
                    {
                        "url": f"{PAS}extension-certificationType",
                        "valueCodeableConcept": {
                            "coding": [{"system": "https://codesystem.x12.org/005010/1322", "code": "3"}]
                        },
                    }
                ]
            ),
            [("33", CLAIM)],
        ),
        (
            lambda b: item_changed(b, modifierExtension=[{"url": INFO_CANCELLED, "valueBoolean": True}]),
            [("33", f"{CLAIM}.item[0]")],
        ),
        (lambda b: item_changed(b, modifierExtension=[{"url": INFO_CANCELLED, "valueBoolean": False}]), []),
        (
            lambda b: resources(b, "Organization")[1].update(identifier=[{"system": "urn:x", "value": "OTHER"}]),
            [("79", f"{CLAIM}.insurer")],
        ),
        (lambda b: resources(b, "Organization")[1].pop("identifier"), [("T4", f"{CLAIM}.insurer")]),
        *((covered(**changes), [(code, f"{COVERAGE}.{at}")]) for code, at, changes in NOT_COVERED),
        *((covered(**changes), []) for changes in COVERED),
    ],
    ids=[
        *("update", "cancel", "item cancelled", "not cancelled", "another payer", "payer unnamed"),
        *(f"{code} {n}" for n, (code, _, _) in enumerate(NOT_COVERED)),
        *(f"covered {n}" for n, _ in enumerate(COVERED)),
    ],
)
def test_business_reasons_are_data(spoil: Any, rejections: list[tuple[str, str]]) -> None:
    """Updates and requests for another payer are read, and rejected with an X12 901 code at their place."""
    bundle = a_bundle()
    spoil(bundle)
    found = rejections_of(a_request(bundle), PLAN)
    assert [(r.code, r.expression) for r in found] == rejections
    assert all(r.text for r in found)


@pytest.mark.parametrize(
    ("status", "submitted", "inquired"),
    [
        (MemberStatus.ACTIVE, [], []),
        (MemberStatus.INACTIVE, ["95"], []),
        (MemberStatus.UNKNOWN, ["75"], ["75"]),
        (MemberStatus.SEVERAL, ["75"], []),
    ],
)
def test_a_member_the_plan_does_not_cover_is_rejected(
    status: MemberStatus, submitted: list[str], inquired: list[str]
) -> None:
    """An unknown member is rejected by both operations; a former one may still ask about the past."""
    plan = a_plan(M_1=status)
    assert codes(a_bundle(), plan) == submitted
    assert [r.code for r in inquiry_rejections_of(an_inquiry(a_bundle()), plan)] == inquired


def test_an_update_may_bring_its_prior_claim() -> None:
    """Two Claims are no problem where the first names the other as its prior."""
    bundle = a_bundle(claim={"related": [{"claim": {"reference": "Claim/before"}}]})
    bundle["entry"].append({"fullUrl": f"{EHR}/Claim/before", "resource": {**claim_of(bundle), "id": "before"}})
    assert codes(bundle) == ["33"]
