"""Cards that a plan asks for in its file: pages, apps, tasks, renewals, alternatives, companions."""

from dataclasses import replace
from datetime import date

import orjson
import pytest

from server.fhir.codes import HCPCS
from server.fhir.read import Coding
from server.policy.card_rules import CardRules, OtherService
from server.store.ports import ActiveAuthorization
from tests.crd.authorized import authorized_case
from tests.crd.calls import BED, PLAN, Ehr, Json, Memory, a_call, a_service, an_order
from tests.policies import FORM_URL, POLICY_ID

VERSIONS = ("2.2", None)
APP = "https://payer.example/app/launch"
OTHER = OtherService(Coding(HCPCS, "E0184", "Dry pressure mattress"), "It does the same at home.")


def cards(call: Json, topic: str, store: Memory | None = None, **rules: object) -> list[Json]:
    catalogue = tuple(replace(e, alternative=OTHER, companion=OTHER) if BED in e.tokens else e for e in PLAN.catalogue)
    ehr = Ehr(store, plan=replace(PLAN, catalogue=catalogue, cards=CardRules(**rules)))  # type: ignore[arg-type]
    return [c for c in ehr.call(call)["cards"] if c["source"]["topic"]["code"] == topic]


def test_a_plan_that_asks_for_nothing_has_no_cards() -> None:
    """Coverage information says it all (C-56)."""
    assert Ehr().call(a_call())["cards"] == []


def test_the_policy_page_may_be_a_card_under_2_2_too() -> None:
    (card,) = cards(a_call(), "guideline", policy_pages=True)
    assert card["links"][0]["url"] == "https://payer.example/policies/123"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_app_is_launched_with_what_it_needs_to_find_the_form(version: str | None) -> None:
    (card,) = cards(a_call(version=version), "coverage-info", smart_app=APP)
    (link,) = card["links"]
    assert (link["type"], link["url"]) == ("smart", APP)
    context = orjson.loads(link["appContext"])
    assert context["questionnaire"] == [f"{FORM_URL}|1.0.0"]
    assert context["order"] == "MedicationRequest/rx-1"
    assert cards(a_call(a_service(BED), version=version), "coverage-info", smart_app=APP) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_form_may_be_put_on_the_task_list(version: str | None) -> None:
    (card,) = cards(a_call(version=version), "coverage-info", form_tasks=True)
    (suggestion,) = card["suggestions"]
    (action,) = suggestion["actions"]
    task = action["resource"]
    assert (action["type"], task["status"], task["intent"]) == ("create", "ready", "order")
    assert {"type": {"text": "questionnaire"}, "valueCanonical": f"{FORM_URL}|1.0.0"} in task["input"]
    assert task["for"] == {"reference": "Patient/p-1"}


def test_cards_about_the_form_go_with_coverage_information() -> None:
    """Who switches that off wants neither."""
    call = a_call(configuration={"coverage-info": False})
    assert cards(call, "coverage-info", smart_app=APP, form_tasks=True) == []


def test_an_alternative_changes_the_order_and_a_companion_adds_one() -> None:
    order = a_service(BED, quantityQuantity={"value": 1}, extension=[{"url": "http://x.test", "valueString": "y"}])
    (card,) = cards(a_call(order), "therapy-alternatives-opt")
    (action,) = card["suggestions"][0]["actions"]
    assert action["type"] == "update"
    assert action["resource"]["code"]["coding"][0]["code"] == "E0184"
    assert action["resource"]["quantityQuantity"] == {"value": 1}
    assert "extension" not in action["resource"]
    (card,) = cards(a_call(order), "clinical-reminder")
    (action,) = card["suggestions"][0]["actions"]
    assert (action["type"], action["resource"]["status"]) == ("create", "draft")
    assert "id" not in action["resource"]
    assert cards(a_call(order, configuration={"clinical-reminder": False}), "clinical-reminder") == []


@pytest.mark.parametrize(("ends", "told"), [(date(2026, 12, 1), True), (date(2027, 6, 1), False)])
def test_an_authorization_near_its_end_is_told_of_with_the_form(ends: date, *, told: bool) -> None:
    """The order is satisfied with its number and its end; what comes after has a form of its own."""
    standing = ActiveAuthorization("VA-7", POLICY_ID, (date(2026, 6, 1), ends), "sub-1")
    store = Memory(("W-1", standing))
    store.cases["sub-1"] = authorized_case(an_order(order_id="before"), standing.number, standing.period)
    found = cards(a_call(), "limits", store, renewal_days=30)
    assert len(found) == told
    for card in found:
        assert "VA-7 ends on 2026-12-01" in card["summary"]
        assert FORM_URL in card["detail"]


def test_what_is_drafted_already_is_not_proposed_but_depended_on() -> None:
    """The order says on which other it depends (crd C-7)."""
    certified = a_service(f"{HCPCS}|E0184", order_id="sr-2")
    call = a_call(a_service(BED), certified)
    assert cards(call, "clinical-reminder") == []
    catalogue = tuple(replace(e, companion=OTHER) if BED in e.tokens else e for e in PLAN.catalogue)
    bed, _ = Ehr(plan=replace(PLAN, catalogue=catalogue)).said(call)
    assert bed["dependency"] == [{"reference": "ServiceRequest/sr-2"}]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plan_may_want_the_documents_of_an_authorized_order_kept(version: str | None) -> None:
    standing = ActiveAuthorization("VA-7", POLICY_ID, (date(2026, 6, 1), date(2026, 12, 31)), "sub-1")
    store = Memory(("W-1", standing))
    store.cases["sub-1"] = authorized_case(an_order(order_id="before"), standing.number, standing.period)
    (said,) = Ehr(store, plan=replace(PLAN, keep_documents=True)).said(a_call(version=version))
    assert (said["pa-needed"], said["doc-purpose"]) == (["satisfied"], ["retain-doc"])
    assert "Keep the documentation" in said["reason"][0]["text"]
