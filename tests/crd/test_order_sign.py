"""order-sign and order-select: what is said about each order, and what is kept of it."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.auth.caller import LOOPBACK
from server.crd.gather import gather
from server.crd.hook_request import read_hook_request
from server.crd.hooks.order_select import order_select
from server.fhir.codes import COVERAGE_INFORMATION, HCPCS, NDC, RXNORM
from server.fhir.order import BILLING_OPTIONS
from server.fhir.version import Version
from server.policy.library import PolicyLibrary
from server.policy.plan_file import load_plan
from server.store.ports import ActiveAuthorization
from server.store.sql import open_store
from tests.crd.authorized import authorized_case
from tests.crd.calls import (
    BED,
    NEVER,
    OTHER_DRUG,
    OXYGEN,
    TODAY,
    Ehr,
    Json,
    Memory,
    a_bundle,
    a_call,
    a_coding,
    a_coverage,
    a_service,
    a_world,
    an_answered_order,
    an_order,
    children,
    information,
)
from tests.crd.spoilt import spoil
from tests.policies import DRUG, DRUG_NDC, FORM_URL, POLICY_ID, a_form, a_library, a_policy, an_edition
from tests.shared_material import KINERET_CASES, SHARED, needs_shared

VERSIONS = ("2.2", "2.0", None)
J3590 = f"{HCPCS}|J3590"
AUTHORIZED = ActiveAuthorization("VA-7", POLICY_ID, (date(2026, 6, 1), date(2026, 12, 31)), "sub-1")


@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_under_a_policy_needs_prior_authorization(version: str | None) -> None:
    """The order says: covered, authorization and clinical documentation needed, which form, under which assertion."""
    ehr = Ehr()
    (said,) = ehr.said(a_call(version=version))
    assert said["coverage"] == [{"reference": "Coverage/cov-1"}]
    assert said["covered"] == ["covered"]
    assert said["pa-needed"] == ["auth-needed"]
    assert said["doc-needed"] == ["clinical"]
    assert said.get("doc-purpose", []) == ([] if version == "2.2" else ["withpa"])
    assert said["questionnaire"] == [f"{FORM_URL}|1.0.0"]
    assert [c["code"] for c in said["billingCode"]] == ["J3590"]
    assert said["date"] == [TODAY.isoformat()]
    assert list(ehr.store.assertions) == said["coverage-assertion-id"]
    assert ("expiry-date" in said, "detail" in said) == (version == "2.2", version == "2.2")


def test_what_was_said_is_remembered_with_its_ground() -> None:
    """DTR and PAS find the order, the coverage, the member, the edition and the form behind an assertion."""
    ehr = Ehr()
    (said,) = ehr.said(a_call(an_order(quantity=1)))
    kept = ehr.store.assertions[said["coverage-assertion-id"][0]]
    assert (kept.policy_id, kept.edition, kept.form) == (POLICY_ID, "2024-01-18", f"{FORM_URL}|1.0.0")
    assert (kept.hook, kept.version, kept.member_ids) == ("order-sign", Version.V2_2, ("W-1",))
    assert json.loads(kept.order) == an_order(quantity=1)
    assert json.loads(kept.coverage) == a_coverage()


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(an_order(DRUG), id="RxNorm"),
        pytest.param(an_order(DRUG_NDC), id="NDC of 11 digits"),
        pytest.param(an_order(f"{NDC}|00990-0123-04"), id="NDC 5-4-2"),
        pytest.param(an_order(f"{NDC}|0990-0123-04"), id="NDC 4-4-2"),
        pytest.param(an_order(f"{NDC}|00990-123-04"), id="NDC 5-3-2"),
        pytest.param(an_order(f"{NDC}|00990-0123-4"), id="NDC 5-4-1"),
        pytest.param(an_order(f"{NDC}|0990012304"), id="NDC of 10 digits without hyphens"),
        pytest.param(an_order(J3590, DRUG), id="unclassified code and drug"),
        pytest.param(an_order(OTHER_DRUG, DRUG), id="an ingredient beside it"),
        pytest.param(a_service(J3590, orderDetail=[{"coding": [a_coding(DRUG)]}]), id="drug in the order's detail"),
        pytest.param(
            an_order(
                medicationCodeableConcept=None,
                contained=[5, {"resourceType": "Medication", "id": "m", "code": {"coding": [a_coding(DRUG)]}}],
                medicationReference={"reference": "#m"},
            ),
            id="contained Medication",
        ),
        pytest.param(
            a_service(
                "http://snomed.info/sct|1",
                code={
                    "extension": [
                        {
                            "url": "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options",
                            "valueCodeableConcept": {"coding": [a_coding(DRUG)]},
                        }
                    ]
                },
            ),
            id="billing option",
        ),
    ],
)
def test_the_drug_is_recognised_however_it_is_coded(order: Json) -> None:
    """Every way of naming the drug that the guides allow leads to its policy."""
    (said,) = Ehr().said(a_call(order))
    assert said["questionnaire"] == [f"{FORM_URL}|1.0.0"]


@pytest.mark.parametrize("reference", ["Medication/m-1", "https://ehr.example/fhir/Medication/m-1"])
@pytest.mark.parametrize("where", ["prefetch", "drafts"])
def test_a_referenced_medication_is_found(reference: str, where: str) -> None:
    """The Medication may come in the prefetch or beside the orders, and be referenced either way."""
    medication = {"resourceType": "Medication", "id": "m-1", "code": {"coding": [a_coding(DRUG)]}}
    order = an_order(medicationReference={"reference": reference})
    del order["medicationCodeableConcept"]
    call = a_call(order, prefetch={"medications": a_bundle(medication)} if where == "prefetch" else None)
    if where == "drafts":
        call = a_call(order, medication)
    (said,) = Ehr().said(call)
    assert said["pa-needed"] == ["auth-needed"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("token", "covered", "pa_needed", "info_needed"),
    [
        (BED, "covered", ["no-auth"], []),
        (OXYGEN, "covered", ["conditional"], ["performer"]),
        (NEVER, "not-covered", [], []),
        (J3590, "conditional", ["conditional"], ["detail-code"]),
    ],
)
def test_the_catalogue_answers_for_services_without_a_policy(
    version: str | None, token: str, covered: str, pa_needed: list[str], info_needed: list[str]
) -> None:
    """What the plan's catalogue says is what the order says; 2.0 has no word for a finer code."""
    (said,) = Ehr().said(a_call(a_service(token), version=version))
    assert said["covered"] == [covered]
    assert said.get("pa-needed", []) == pa_needed
    old = version != "2.2"
    assert said.get("info-needed", []) == ["OTH" if old and c == "detail-code" else c for c in info_needed]
    assert "questionnaire" not in said


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("order", "info_needed", "words"),
    [
        pytest.param(a_service(f"{HCPCS}|Q9999"), "OTH", "catalogue of Example Plan do not name", id="unknown service"),
        pytest.param(an_order(OTHER_DRUG), "OTH", "all that is ordered: 1234567", id="another drug"),
        pytest.param(an_order(J3590, OTHER_DRUG), "OTH", "do not name all", id="unclassified code of another drug"),
        pytest.param(an_order(medicationCodeableConcept={"text": "something"}), "detail-code", "No code", id="text"),
        pytest.param(
            an_order(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m-1"}),
            "detail-code",
            "The Medication that the order names did not come along",
            id="Medication that did not come",
        ),
        pytest.param(
            a_service(BED, codeReference={"reference": "Device/d"}) | {"resourceType": "DeviceRequest"},
            "detail-code",
            "The Device that the order names did not come along",
            id="Device that did not come",
        ),
        pytest.param(
            {
                "resourceType": "CommunicationRequest",
                "id": "c",
                "status": "draft",
                "subject": {"reference": "Patient/p-1"},
            },
            "detail-code",
            "No code",
            id="CommunicationRequest",
        ),
    ],
)
def test_what_nobody_knows_is_told_as_not_known(version: str | None, order: Json, info_needed: str, words: str) -> None:
    """No order of a member is signed in silence, and none is guessed about (C-6): what is missing stands there."""
    ehr = Ehr()
    (said,) = ehr.said(a_call(order, version=version))
    assert (said["covered"], said["pa-needed"]) == (["conditional"], ["conditional"])
    assert said["info-needed"] == [info_needed if version == "2.2" else "OTH"]
    assert words in said["reason"][0]["text"]
    assert "questionnaire" not in said
    assert [a.policy_id for a in ehr.store.assertions.values()] == [None]


def test_a_code_that_needs_nothing_does_not_speak_for_a_product_that_did_not_come() -> None:
    """A hurried or sly order names a bed by a billing option, and something else by reference."""
    bed = {"url": BILLING_OPTIONS, "valueCodeableConcept": {"coding": [a_coding(BED)]}}
    order = an_order(medicationReference={"reference": "Medication/m-1", "extension": [bed]})
    del order["medicationCodeableConcept"]
    (said,) = Ehr().said(a_call(order))
    assert said["pa-needed"] == ["conditional"]


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(an_order(doNotPerform=True), id="must not be done"),
        pytest.param({"resourceType": "Task", "id": "t"}, id="no order"),
        pytest.param(an_order(order_id=""), id="no id"),
        pytest.param(an_order(extension={"url": "x"}), id="extension that is no list"),
    ],
)
def test_what_takes_no_answer_is_left_alone(order: Json) -> None:
    """No guess, no card, no trace in the record."""
    ehr = Ehr()
    assert ehr.call(a_call(order)) == {"cards": []}
    assert ehr.call(a_call(order, version=None)) == {"cards": [], "systemActions": []}
    assert ehr.store.commits == 0


def test_each_order_is_answered_on_its_own() -> None:
    """Several drafts, several answers, each with its own assertion, in one commit."""
    ehr = Ehr()
    orders = [a_service(BED), an_order(), a_service(NEVER, order_id="sr-2"), an_order(OTHER_DRUG, order_id="rx-2")]
    answer = ehr.call(a_call(*orders))
    updated = {a["resource"]["id"]: children(information(a["resource"])) for a in answer["systemActions"]}
    assert {key: said["covered"] for key, said in updated.items()} == {
        "sr-1": ["covered"],
        "rx-1": ["covered"],
        "sr-2": ["not-covered"],
        "rx-2": ["conditional"],
    }
    assert len({said["coverage-assertion-id"][0] for said in updated.values()}) == 4
    assert len(ehr.store.assertions) == 4
    assert ehr.store.commits == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_standing_authorization_satisfies(version: str | None) -> None:
    """The refill of an authorized order needs nothing more, and carries its number."""
    store = Memory(("W-1", AUTHORIZED))
    store.cases["sub-1"] = authorized_case(an_order(order_id="before"), AUTHORIZED.number, AUTHORIZED.period)
    ehr = Ehr(store)
    (said,) = ehr.said(a_call(version=version))
    assert said["pa-needed"] == ["satisfied"]
    assert said["satisfied-pa-id"] == ["VA-7"]
    assert "questionnaire" not in said
    if version == "2.2":
        assert said["expiry-date"] == ["2026-12-31"]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_authorization_that_cannot_be_compared_satisfies_nothing(version: str | None) -> None:
    """Of one made before cases were kept, nobody knows here what it was given for."""
    (said,) = Ehr(Memory(("W-1", AUTHORIZED))).said(a_call(version=version))
    assert said["pa-needed"] == ["auth-needed"]
    assert "An authorization (VA-7) is in force until 2026-12-31" in said["reason"][0]["text"]


def test_many_orders_are_compared_in_time_that_grows_with_them() -> None:
    """The orders of a call are counted once, not once for each of them."""
    store = Memory(("W-1", AUTHORIZED))
    store.cases["sub-1"] = authorized_case(an_order(), AUTHORIZED.number, AUTHORIZED.period)
    ehr = Ehr(store)
    orders = [an_order(order_id=f"rx-{n}") for n in range(200)]
    with patch.object(PolicyLibrary, "for_order", autospec=True, side_effect=PolicyLibrary.for_order) as asked:
        said = ehr.said(a_call(*orders))
    assert {tuple(s["pa-needed"]) for s in said} == {("auth-needed",)}
    assert asked.call_count <= 2 * len(orders)


@pytest.mark.parametrize(
    ("member", "policy", "start"),
    [("W-2", POLICY_ID, None), ("W-1", "another", None), ("W-1", POLICY_ID, "2027-01-01")],
)
def test_an_authorization_satisfies_only_its_member_policy_and_time(
    member: str, policy: str, start: str | None
) -> None:
    """Another member's, another policy's, or one that ends before care starts does not count."""
    standing = ActiveAuthorization("VA-7", policy, AUTHORIZED.period, "sub-1")
    order = an_order(dispenseRequest={"validityPeriod": {"start": start}} if start else {})
    (said,) = Ehr(Memory((member, standing))).said(a_call(order))
    assert said["pa-needed"] == ["auth-needed"]


def test_a_what_if_question_leaves_no_trace() -> None:
    """With unsolicited-determ false nothing is satisfied and nothing is kept (crd C-30)."""
    ehr = Ehr(Memory(("W-1", AUTHORIZED)))
    (said,) = ehr.said(a_call(configuration={"unsolicited-determ": False}))
    assert said["pa-needed"] == ["auth-needed"]
    assert ehr.store.commits == 0


def test_the_edition_in_force_when_care_starts_decides() -> None:
    """An order for later is answered by the edition of that day; one for today says until when that holds."""
    later = an_edition(version="2027-01-01", effective=date(2027, 1, 1), form=a_form(version="2.0.0"))
    ehr = Ehr(policies=a_library(a_policy(editions=(later, an_edition()))))
    today, then = ehr.said(
        a_call(an_order(), a_service(DRUG, occurrenceDateTime="2027-02-01T08:00:00Z", order_id="later"))
    )
    assert (today["questionnaire"], then["questionnaire"]) == ([f"{FORM_URL}|1.0.0"], [f"{FORM_URL}|2.0.0"])
    assert today["expiry-date"] == ["2026-12-31"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("coverage", "code"),
    [
        (a_coverage(member="W-NOBODY"), "no-member-found"),
        (a_coverage(member=None), "no-member-found"),
        (a_coverage(member="W-LEFT"), "no-active-coverage"),
        (a_coverage(member="W-TWICE"), "coverage-not-found"),
        (a_coverage(status="cancelled"), "no-active-coverage"),
        (a_coverage(period={"end": "2026-11-22"}), "no-active-coverage"),
        (a_coverage(period={"end": "2025"}), "no-active-coverage"),
        (a_coverage(period={"start": "2026-12"}), "no-active-coverage"),
    ],
)
def test_who_is_no_active_member_is_not_covered(version: str | None, coverage: Json, code: str) -> None:
    """An unknown or inactive member is told as not-covered with its reason, never as an error (crd C-70, C-71)."""
    (said,) = Ehr().said(a_call(coverages=[coverage], version=version))
    assert said["covered"] == ["not-covered"]
    assert "pa-needed" not in said
    coded = [c["code"] for c in said["reason"][0].get("coding", ())]
    assert coded == ([code] if version == "2.2" else [])


@pytest.mark.parametrize("period", [{"start": "2026", "end": "2026"}, {"end": "2026-11-23"}, {"end": 7}, "x", None])
def test_a_coverage_in_force_covers(period: Any) -> None:
    """A partial date stands for all its days; a period that cannot be read is no reason to refuse."""
    (said,) = Ehr().said(a_call(coverages=[a_coverage(period=period)]))
    assert said["covered"] == ["covered"]


def test_the_coverage_is_referred_to_as_the_client_does() -> None:
    """The literal of the order's own `insurance` is used, else `Coverage/id`."""
    literal = "https://ehr.example/fhir/Coverage/cov-1"
    (said,) = Ehr().said(a_call(an_order(insurance=[{"reference": literal}])))
    assert said["coverage"] == [{"reference": literal}]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_that_carries_the_same_answer_is_not_updated_again(version: str | None) -> None:
    """Nothing new, no action (crd C-60, T-30): until the answer expires, changes, or was never given by this server."""
    ehr = Ehr()
    carrying = an_answered_order(ehr, version)
    assert ehr.said(a_call(carrying, version=version)) == []
    ehr.on = TODAY + timedelta(days=91)
    (again,) = ehr.said(a_call(carrying, version=version))
    assert again["date"] == [ehr.on.isoformat()]
    (elsewhere,) = Ehr().said(a_call(carrying, version=version))
    assert elsewhere["pa-needed"] == ["auth-needed"]


def test_a_what_if_answer_is_given_again_for_real() -> None:
    """What was said in a what-if is not in the record, so signing the order says it anew and keeps it."""
    ehr = Ehr()
    carrying = an_answered_order(ehr, "2.2", configuration={"unsolicited-determ": False})
    assert len(ehr.said(a_call(carrying))) == 1
    assert ehr.store.commits == 1


def test_our_outdated_answer_is_replaced_and_other_extensions_stay() -> None:
    """Of several extensions only our own for the same coverage changes: another payer's, and foreign ones, stay."""
    foreign = {"url": "http://ehr.example/ext", "valueDecimal": 1}
    other = {
        "url": COVERAGE_INFORMATION,
        "extension": [
            {"url": "coverage", "valueReference": {"reference": "Coverage/other"}},
            {"url": "covered", "valueCode": "not-covered"},
            {"url": "date", "valueDate": "2026-01-01"},
            {"url": "coverage-assertion-id", "valueString": "theirs"},
            {"url": "reason", "valueCodeableConcept": {"text": "no"}},
        ],
    }
    ours = {
        "url": COVERAGE_INFORMATION,
        "extension": [{"url": "coverage", "valueReference": {"reference": "https://ehr.example/fhir/Coverage/cov-1"}}],
    }
    (action,) = Ehr().call(a_call(an_order(extension=[foreign, ours, other, ours])))["systemActions"]
    extensions = action["resource"]["extension"]
    assert [extensions[0], extensions[2]] == [foreign, other]
    assert len(extensions) == 3
    assert children(extensions[1])["pa-needed"] == ["auth-needed"]


@pytest.mark.parametrize("coverage_id", ["cov-1", "a b"])
@pytest.mark.parametrize(
    "carried",
    [
        pytest.param({}, id="bare"),
        pytest.param({"extension": [{"url": "coverage"}]}, id="coverage without a value"),
        pytest.param({"extension": [5, {"url": ["x"]}, {"url": {}}]}, id="no children"),
        pytest.param({"extension": 5}, id="no list"),
    ],
)
def test_coverage_information_that_names_no_coverage_is_not_ours(coverage_id: str, carried: Json) -> None:
    """It stays as it was, beside our answer, also where the id of the Coverage is none that FHIR allows."""
    order = an_order(extension=[{"url": COVERAGE_INFORMATION, **carried}])
    answer = Ehr().post(a_call(order, coverages=[a_coverage(coverage_id)])).json()
    (action,) = answer["systemActions"]
    assert action["resource"]["extension"][0] == order["extension"][0]
    assert len(action["resource"]["extension"]) == 2


def test_our_answer_is_known_by_a_coverage_id_that_fhir_does_not_allow() -> None:
    """An order that was answered for such a Coverage is not answered again."""
    ehr = Ehr()
    coverages = [a_coverage("a b")]
    (action,) = ehr.call(a_call(coverages=coverages))["systemActions"]
    assert "systemActions" not in ehr.call(a_call(action["resource"], coverages=coverages))


@pytest.mark.parametrize(
    ("subject", "answered"),
    [
        ({"reference": "Patient/p-1"}, True),
        ({"reference": "https://ehr.example/fhir/Patient/p-1"}, True),
        ({"display": "somebody"}, True),
        ({"reference": "urn:uuid:6a1c0a5e-0000-4000-8000-000000000001"}, True),
        ({"reference": "Patient/p-2"}, False),
        ({"reference": "Group/g-1"}, False),
        ({"reference": "urn:uuid:6a1c0a5e-0000-4000-8000-000000000002"}, False),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_for_somebody_else_is_left_alone(version: str | None, subject: Json, *, answered: bool) -> None:
    """Nothing that holds for the patient of the call is said about an order that is surely another's."""
    other = {"resourceType": "Patient", "id": "p-2"}
    bundle = a_bundle(other)
    bundle["entry"][0]["fullUrl"] = "urn:uuid:6a1c0a5e-0000-4000-8000-000000000002"
    ehr = Ehr()
    said = ehr.said(a_call(an_order(subject=subject), version=version, prefetch={"others": bundle}))
    assert (len(said), ehr.store.commits) == ((1, 1) if answered else (0, 0))


def test_many_orders_are_answered_in_time_that_grows_with_them() -> None:
    """What was selected is read once, not once for each order."""
    calls = 0

    class Selections(list[str]):
        def __iter__(self) -> Any:
            nonlocal calls
            calls += 1
            return super().__iter__()

    body = a_call(*(an_order(order_id=f"rx-{n}") for n in range(20)), hook="order-select", selections=[])
    request = read_hook_request(orjson.dumps(body), body, "order-select")
    asked = replace(request, context={**request.context, "selections": Selections(["MedicationRequest/rx-1"])})
    assert len(order_select(gather(asked), LOOPBACK, a_world(Memory()))["systemActions"]) == 1
    assert calls == 1


def test_order_select_answers_for_the_selected_orders_without_asking_for_documentation() -> None:
    """Only `selections` are answered, and no form or documentation is asked for before signing (crd C-5, C-7)."""
    ehr = Ehr()
    call = a_call(
        an_order(),
        an_order(order_id="rx-2"),
        a_service(BED),
        hook="order-select",
        selections=["MedicationRequest/rx-2"],
    )
    (action,) = ehr.call(call, "crd-order-select")["systemActions"]
    said = children(information(action["resource"]))
    assert action["resource"]["id"] == "rx-2"
    assert said["pa-needed"] == ["auth-needed"]
    assert not {"doc-needed", "doc-purpose", "questionnaire"} & said.keys()


def test_order_sign_completes_what_order_select_said() -> None:
    """The signed order names the form, although it already carries the answer of order-select."""
    ehr = Ehr()
    call = a_call(hook="order-select", selections=["MedicationRequest/rx-1"])
    (action,) = ehr.call(call, "crd-order-select")["systemActions"]
    (said,) = ehr.said(a_call(action["resource"]))
    assert said["questionnaire"] == [f"{FORM_URL}|1.0.0"]


def test_order_select_says_nothing_of_what_nobody_knows() -> None:
    """It may speak, and need not: signing will tell."""
    call = a_call(an_order(OTHER_DRUG), hook="order-select", selections=["MedicationRequest/rx-1"])
    assert Ehr().call(call, "crd-order-select") == {"cards": []}


def test_order_select_without_coverage_says_nothing() -> None:
    """A secondary hook is no place for an error about coverage (T-6)."""
    for version in VERSIONS:
        call = a_call(hook="order-select", selections=["MedicationRequest/rx-1"], coverages=[], version=version)
        assert Ehr().call(call, "crd-order-select")["cards"] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_coverage_information_can_be_switched_off(version: str | None) -> None:
    """coverage-info false: no actions, nothing kept."""
    ehr = Ehr()
    answer = ehr.call(a_call(version=version, configuration={"coverage-info": False}))
    assert answer.get("systemActions", []) == []
    assert ehr.store.commits == 0


def test_nothing_is_answered_before_it_is_kept() -> None:
    """When the record cannot be written, there is no answer that speaks of an assertion."""

    class Full(Memory):
        def remember(self, assertions: Any) -> None:  # noqa: ARG002
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        Ehr(Full()).post(a_call())


def _rich_call(version: str | None) -> Json:
    medication = {"resourceType": "Medication", "id": "m", "code": {"coding": [a_coding(DRUG)]}}
    carrying = an_answered_order(Ehr(), "2.2")
    order = an_order(
        order_id="rx-2",
        contained=[medication],
        medicationReference={"reference": "#m"},
        insurance=[{"reference": "Coverage/cov-1"}],
        dispenseRequest={"validityPeriod": {"start": "2026-12-01"}},
    )
    del order["medicationCodeableConcept"]
    coverage = a_coverage(
        identifier=[{"type": {"coding": [{"code": "MB"}]}, "value": "W-1"}], period={"end": "2027-01-01"}
    )
    return a_call(carrying, order, version=version, coverages=[coverage], configuration={"max-cards": 3, "claim": True})


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(VERSIONS))
def test_no_request_makes_the_server_fail(data: st.DataObject, version: str | None) -> None:
    """Whatever stands in the place of whatever, the answer is 200 or an error that names the place: never a fault."""
    call = _rich_call(version)
    spoil(data, call)
    answer = Ehr().post(call)
    assert answer.status_code in {200, 400, 422}
    if answer.status_code != 200:
        assert answer.json()["issue"]


@needs_shared
@pytest.mark.parametrize("version", VERSIONS)
def test_the_demo_plan_answers_the_shared_requests(version: str | None) -> None:
    """Each of the 58 orders is answered, and comes back with nothing changed but one extension more."""
    plan = load_plan(Path("cql/plans/vitruvian-demo.toml"))
    policy = a_policy(identified_by=frozenset({f"{RXNORM}|727714"}))
    ehr = Ehr(plan=plan, policies=a_library(policy))
    files = sorted(KINERET_CASES.glob("*/order-sign.json"))
    assert len(files) == 58
    for file in files:
        raw = file.read_bytes()
        body = orjson.loads(raw)
        if version is None:
            raw = raw.replace(b'"davinci-crd.requestedVersion"', b'"someone-elses.extension"')
        answer = ehr.post(raw)
        assert answer.status_code == 200
        (action,) = answer.json()["systemActions"]
        sent = body["context"]["draftOrders"]["entry"][0]["resource"]
        assert children(action["resource"]["extension"][0])["pa-needed"] == ["auth-needed"]
        assert {k: v for k, v in action["resource"].items() if k != "extension"} == sent


def test_the_record_of_an_answer_is_in_the_database(tmp_path: Path) -> None:
    """With the real store, the assertion can be read back as soon as the answer is there."""
    store = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    try:
        (said,) = Ehr(store).said(a_call())
        kept = store.assertion(said["coverage-assertion-id"][0])
        assert kept is not None
        assert kept.form == f"{FORM_URL}|1.0.0"
    finally:
        store.close()


@needs_shared
@pytest.mark.parametrize(
    ("example", "status", "said"),
    [
        ("order-sign-1", 200, [("covered", "no-auth")]),
        ("order-select-1", 200, [("covered", "no-auth")]),
        ("ig221-order-sign-request", 200, [("conditional", "conditional"), ("covered", "conditional")]),
        ("ig221-order-sign-commreq-request", 200, []),
        ("order-sign-request-2.0.1", 200, []),
        ("order-sign-request-2.2.1", 400, []),
    ],
)
def test_the_demo_plan_answers_the_guides_examples(example: str, status: int, said: list[tuple[str, str]]) -> None:
    """The test kit's requests get coverage-information; those for another payer's member get none."""
    raw = (SHARED / "examples" / "crd" / f"{example}.json").read_bytes()
    service = f"crd-{orjson.loads(raw)['hook']}"
    ehr = Ehr(plan=load_plan(Path("cql/plans/vitruvian-demo.toml")))
    assert ehr.post(raw, service).status_code == status
    if status == 200:
        assert [(s["covered"][0], s["pa-needed"][0]) for s in ehr.said(raw, service)] == said


@pytest.mark.parametrize(
    ("products", "pa_needed"),
    [
        ([BED, BED], "no-auth"),
        ([BED, f"{HCPCS}|Q9999"], "conditional"),
        ([BED, OXYGEN], "conditional"),
        ([BED], "no-auth"),
    ],
)
def test_one_lens_does_not_speak_for_another(products: list[str], pa_needed: str) -> None:
    """An order of several things needs nothing only where none of them does."""
    lenses = [{"product": {"coding": [a_coding(p)]}, "eye": "left"} for p in products]
    order = {"resourceType": "VisionPrescription", "id": "v", "status": "draft", "lensSpecification": lenses}
    (said,) = Ehr().said(a_call({**order, "patient": {"reference": "Patient/p-1"}, **_VISION}))
    assert said["pa-needed"] == [pa_needed]


@pytest.mark.parametrize("beside", [J3590, OTHER_DRUG])
def test_a_code_that_needs_nothing_does_not_speak_for_a_drug_beside_it(beside: str) -> None:
    (said,) = Ehr().said(a_call(an_order(BED, beside)))
    assert said["pa-needed"] == ["conditional"]


_VISION: Json = {
    "created": "2026-11-23",
    "dateWritten": "2026-11-23",
    "prescriber": {"reference": "Practitioner/d-1"},
}


def test_a_policy_by_other_codes_does_not_make_a_listed_service_unlisted() -> None:
    """A policy that is woken by HCPCS codes makes of every HCPCS code one that names a product; a bed stays a bed."""
    by_code = a_policy(identified_by=frozenset({f"{HCPCS}|K0861"}))
    (said,) = Ehr(policies=a_library(by_code)).said(a_call(a_service(BED)))
    assert said["pa-needed"] == ["no-auth"]
