"""Which policy, which edition and which answers judge an item of a request."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from server.fhir.codes import NDC
from server.fhir.read import Resource
from server.form.model import Form
from server.pas.rejections import rejections_of
from server.policy.library import PolicyLibrary
from server.policy.model import Policy
from tests.policies import DRUG, DRUG_NDC, FORM_URL, PLACEHOLDER, a_library, a_policy, an_edition
from tests.requests.bundle import (
    EHR,
    NO_POLICYS_DRUG,
    a_bundle,
    an_item,
    answers,
    item_changed,
    item_without,
    resources,
)
from tests.requests.world import EDITION, LIBRARY, OLD_EDITION, OTHER_POLICY, PLAN, POLICY, matched
from tests.shared_material import KINERET_CASES, needs_shared

Json = dict[str, Any]


SECOND = replace(OTHER_POLICY, placeholders=frozenset({PLACEHOLDER}))
TWO = a_library(POLICY, SECOND)


def placeholder_only(*extra: Resource) -> Json:
    """A request whose item has nothing but a code that stands for many products."""
    bundle = a_bundle(item_without("extension"), extra=extra)
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "MedicationRequest"]
    return bundle


def policy_of(bundle: Json, policies: PolicyLibrary = LIBRARY) -> Policy | None:
    """The policy of the first item."""
    return matched(bundle, policies=policies).items[0].policy


def response_ids(bundle: Json) -> list[str | None]:
    return [i.response["id"] if i.response else None for i in matched(bundle).items]


def info(sequence: int, id_: str) -> Json:
    return {
        "sequence": sequence,
        "category": {"text": "x"},
        "valueReference": {"reference": f"QuestionnaireResponse/{id_}"},
    }


@pytest.mark.parametrize(
    ("day", "edition"),
    [("2024-01-17", None), ("2024-01-18", OLD_EDITION), ("2026-05-31", OLD_EDITION), ("2026-06-01", EDITION)],
)
def test_the_service_date_decides_the_edition(day: str, edition: Any) -> None:
    """The edition in force on the first service day applies; before the first edition there is none."""
    item = matched(a_bundle(an_item(servicedDate=day))).items[0]
    assert item.edition is edition
    assert item.policy is POLICY


def test_without_a_service_date_the_day_of_the_claim_decides() -> None:
    """An item that names no day is judged by the edition of the day it was asked for."""
    item = item_without("servicedDate")
    assert matched(a_bundle(item, claim={"created": "2026-05-01"})).items[0].edition is OLD_EDITION


@pytest.mark.parametrize("ndc", ["0990-0123-04", "00990012304", "0990012304"])
def test_the_product_is_known_by_its_ndc_however_written(ndc: str) -> None:
    """Ten or eleven digits, with or without hyphens, in a detail of the item."""
    detail = {"sequence": 1, "productOrService": {"coding": [{"system": NDC, "code": ndc}]}}
    bundle = item_changed(a_bundle(drug=NO_POLICYS_DRUG), detail=[detail])
    assert DRUG_NDC in POLICY.identified_by
    assert policy_of(bundle) is POLICY


@pytest.mark.parametrize("contained", [True, False])
def test_a_medication_is_found_where_it_is(contained: bool) -> None:  # noqa: FBT001 - a table's column
    """An order may contain its Medication or refer to an entry."""
    system, _, code = DRUG.rpartition("|")
    medication = {"resourceType": "Medication", "id": "med", "code": {"coding": [{"system": system, "code": code}]}}
    bundle = a_bundle(extra=() if contained else (medication,))
    order = resources(bundle, "MedicationRequest")[0]
    del order["medicationCodeableConcept"]
    order["medicationReference"] = {"reference": "#med" if contained else "Medication/med"}
    if contained:
        order["contained"] = [medication]
    assert policy_of(bundle) is POLICY


def test_a_placeholder_means_the_only_policy_it_can_mean() -> None:
    """With one policy behind the placeholder it is that one; with two, and nothing else said, it is none."""
    assert policy_of(placeholder_only()) is POLICY
    assert policy_of(placeholder_only(), TWO) is None


def test_a_placeholder_means_the_policy_whose_form_is_attached() -> None:
    """The attached form tells which of two policies is meant."""
    other = answers(order=None, questionnaire=SECOND.editions[0].form.canonical)
    assert policy_of(placeholder_only(other), TWO) is SECOND
    assert policy_of(placeholder_only(answers(order=None)), TWO) is POLICY


def test_a_product_of_another_policy_outweighs_the_placeholder() -> None:
    """A code that names a product nobody has a policy for is no policy, placeholder or not."""
    bundle = a_bundle()
    concept = resources(bundle, "MedicationRequest")[0]["medicationCodeableConcept"]
    concept["coding"][0]["code"] = "4711"
    assert policy_of(bundle) is None


def test_answers_belong_to_the_item_that_names_them() -> None:
    """The informationSequence goes before qr-context, and qr-context before being the only one left."""
    two = (an_item(), an_item(2))
    a, b = answers("a", order=2), answers("b", order=1)
    assert response_ids(a_bundle(*two, extra=(a, b))) == ["b", "a"]
    named = a_bundle(
        an_item(informationSequence=[1]),
        an_item(2, informationSequence=[2]),
        extra=(a, b),
        claim={"supportingInfo": [info(1, "a"), info(2, "b")]},
    )
    assert response_ids(named) == ["a", "b"]
    assert response_ids(a_bundle(*two, extra=(answers("only", order=None),))) == ["only", "only"]
    assert response_ids(a_bundle(*two, extra=(a,))) == [None, "a"]


@pytest.mark.parametrize(
    ("old_one", "new_one"),
    [
        ("2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z"),
        ("2026-11-23T14:00:00Z", "2026-11-23T10:00:00-05:00"),
        ("2026-11-23T14:00:00.100Z", "2026-11-23T14:00:00.2Z"),
        ("2026-11-01", "2026-11-20"),
        ("2026-11-01", "2026-11-20T10:00:00Z"),
    ],
)
def test_the_latest_answers_count(old_one: str, new_one: str) -> None:
    """Of two responses to one item's form, the one authored last is read."""
    old, new = answers("old", authored=old_one), answers("new", authored=new_one, item=answers()["item"][:1])
    assert response_ids(a_bundle(extra=(new, old))) == ["new"]
    assert response_ids(a_bundle(extra=(old, new))) == ["new"]


def test_the_same_answers_twice_are_no_matter() -> None:
    """Two responses that say the same need no time to be told apart."""
    assert response_ids(a_bundle(extra=(answers("a"), answers("b")))) == ["a"]


def test_answers_in_a_bundle_of_their_own_are_found() -> None:
    """DTR may hand its responses over as a Bundle that is one entry."""
    inner = {"fullUrl": f"{EHR}/QuestionnaireResponse/answers", "resource": answers(order=None)}
    bundle = {"resourceType": "Bundle", "id": "dtr", "type": "collection", "entry": [inner]}
    assert response_ids(a_bundle(extra=(bundle,))) == ["answers"]


def test_answers_entered_in_error_do_not_count() -> None:
    """A response that was withdrawn is not read, whatever it answers."""
    assert response_ids(a_bundle(extra=(answers(status="entered-in-error", questionnaire="urn:x"),))) == [None]


def test_the_forms_canonical_may_come_without_its_version() -> None:
    """A response that names only the form's url answers the edition in force."""
    assert response_ids(a_bundle(extra=(answers(questionnaire=FORM_URL),))) == ["answers"]


@pytest.mark.parametrize("value", [5, ["x"], [{"resource": 7}], {"a": 1}])
def test_evidence_with_an_element_it_does_not_have(value: Any) -> None:
    """What R4 does not know in a resource may hold anything and is passed over (pas P-21)."""
    extra = {"resourceType": "MedicationStatement", "id": "taken", "status": "active", "entry": value}
    extra |= {"subject": {"reference": "Patient/patient"}, "medicationCodeableConcept": {"text": "x"}}
    evidence = {
        "sequence": 1,
        "category": {"text": "info"},
        "valueReference": {"reference": "MedicationStatement/taken"},
    }
    bundle = a_bundle(an_item(informationSequence=[1]), extra=(answers(), extra), claim={"supportingInfo": [evidence]})
    assert matched(bundle).items[0].response is not None


CASES = sorted(KINERET_CASES.glob("*/pas-submit.json")) if KINERET_CASES.is_dir() else []


@needs_shared
@pytest.mark.parametrize("path", CASES, ids=lambda p: p.parent.name)
def test_the_shared_cases_are_read(path: Any) -> None:
    """Each case of the reference, read with a form that has its questions: no problem, and every answer stays."""
    body = orjson.loads(path.read_bytes())
    sent = resources(body, "QuestionnaireResponse")[0]
    form = a_form_for(sent)
    tokens = frozenset({"http://www.nlm.nih.gov/research/umls/rxnorm|727714"})
    policy = a_policy(identified_by=tokens, editions=(an_edition(form=form),))
    plan = replace(PLAN, payer_id="VITRUVIAN-DEMO")
    found = matched(body, policies=a_library(policy))
    assert rejections_of(found.request, plan) == ()
    (item,) = found.items
    assert item.policy is policy
    assert item.response == sent
    assert len(found.request.member_ids) == 1


def a_form_for(response: Json) -> Form:
    """A form with exactly the questions that a response answers."""
    url = response["questionnaire"]
    items = [_question(i, response["item"]) for i in response["item"]]
    return Form(url, "1", {"resourceType": "Questionnaire", "url": url, "version": "1", "item": items})


_TYPES = {"Boolean": "boolean", "Decimal": "decimal", "Integer": "integer", "Date": "date", "String": "string"}


def _question(item: Json, beside: list[Json]) -> Json:
    answered = item.get("answer", [])
    kinds = {key.removeprefix("value") for a in answered for key in a if key.startswith("value")}
    same = [i for i in beside if i["linkId"] == item["linkId"]]
    children: dict[str, Json] = {}
    for one in same:
        for child in one.get("item", []):
            children.setdefault(child["linkId"], _question(child, one["item"]))
    kind = next((_TYPES.get(k, k.lower()) for k in kinds), "group")
    return {
        "linkId": item["linkId"],
        "type": {"coding": "open-choice"}.get(kind, kind),
        "repeats": len(same) > 1 or len(answered) > 1,
        "item": list(children.values()),
    }
