"""One order, asked about at signing and sent in: CRD and PAS never say what the other contradicts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir.codes import HCPCS
from server.fhir.version import Version
from server.pas.match import MatchedItem, read_and_match
from server.pas.rejections import rejections_of
from server.policy.plan import MemberStatus
from tests.crd.calls import BED, NEVER, OTHER_DRUG, OXYGEN, Ehr, Memory, a_call, a_coding, a_coverage, an_order
from tests.crd.calls import PLAN as CRD_PLAN
from tests.policies import DRUG, DRUG_NDC, PLACEHOLDER, a_library
from tests.requests.bundle import EHR, NO_POLICYS_DRUG, a_bundle, an_item
from tests.requests.world import PLAN, a_case

Json = dict[str, Any]

POLICIES = a_library()
UNKNOWN = f"{HCPCS}|Q9999"
TOKENS = (DRUG, DRUG_NDC, OTHER_DRUG, PLACEHOLDER, BED, NEVER, OXYGEN, UNKNOWN)


def signed(tokens: Sequence[str], text: str | None) -> tuple[dict[str, list[Any]], Any]:
    """What is said of an order, and what is kept of it."""
    ehr = Ehr(Memory(), policies=POLICIES)
    (said,) = ehr.said(a_call(_order(tokens, text, "p-1")))
    (kept,) = ehr.store.assertions.values()
    return said, kept


def sent(tokens: Sequence[str], text: str | None) -> MatchedItem:
    """The same order in a request, whose item bills a code that says nothing."""
    item = an_item(productOrService={"coding": [{"system": "http://example.org/local", "code": "visit"}]})
    item["extension"][-1]["valueReference"] = {"reference": "MedicationRequest/rx-1"}
    bundle = a_bundle(item)
    entries = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "MedicationRequest"]
    order = _order(tokens, text, "patient")
    body = {**bundle, "entry": [*entries, {"fullUrl": f"{EHR}/MedicationRequest/rx-1", "resource": order}]}
    (matched,) = read_and_match(orjson.dumps(body), body, Version.V2_2, POLICIES).items
    return matched


def _order(tokens: Sequence[str], text: str | None, patient: str) -> Json:
    concept: Json = {"coding": [a_coding(t) for t in tokens]} if tokens else {}
    if text is not None or not tokens:
        concept["text"] = text or "something"
    return an_order(medicationCodeableConcept=concept, subject={"reference": f"Patient/{patient}"})


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=3, unique=True), st.sampled_from([None, "a drug"]))
def test_both_read_the_same_policy_out_of_an_order(tokens: list[str], text: str | None) -> None:
    """What has a policy needs authorization at signing, by the very edition that judges it; and nothing else does.

    What CRD says needs none, PAS has no policy to certify by. Where CRD does not know, PAS leaves it to a person.
    """
    said, kept = signed(tokens, text)
    item = sent(tokens, text)
    asked = said.get("pa-needed", ["not covered"])
    if item.policy is not None and not {DRUG, DRUG_NDC} & set(tokens):  # by the placeholder, if the form comes with it
        assert asked in (["conditional"], ["not covered"])
    else:
        assert kept.policy_id == (item.policy.id if item.policy else None)
        assert kept.edition == (item.edition.version if item.edition else None)
        assert (asked == ["auth-needed"]) == (item.policy is not None)
    if asked == ["no-auth"]:
        assert not {DRUG, DRUG_NDC, OTHER_DRUG, PLACEHOLDER, NEVER, OXYGEN} & set(tokens)
    if not tokens or set(tokens) <= {UNKNOWN, OTHER_DRUG, PLACEHOLDER}:
        assert asked == ["conditional"]


def test_what_crd_does_not_know_pas_hands_to_a_person() -> None:
    """Not even a machine that finds every criterion met certifies it."""
    said, _ = signed([OTHER_DRUG], None)
    assert (said["covered"], said["info-needed"]) == (["conditional"], ["OTH"])
    (item,) = a_case(a_bundle(drug=NO_POLICYS_DRUG)).items
    assert not item.approved


@pytest.mark.parametrize("status", list(MemberStatus))
def test_both_know_the_same_members(status: MemberStatus) -> None:
    """Whoever is not covered at signing is refused a decision, and nobody else is."""
    ehr = Ehr(plan=replace(CRD_PLAN, unlisted_members=status), policies=POLICIES)
    (said,) = ehr.said(a_call(coverages=[a_coverage()]))
    body = a_bundle()
    request = read_and_match(orjson.dumps(body), body, Version.V2_2, POLICIES).request
    refused = rejections_of(request, replace(PLAN, unlisted_members=status))
    assert (said["covered"] == ["not-covered"]) == bool(refused)


_NAMED_BY = {
    "MedicationRequest": ("medicationCodeableConcept", "medicationReference", "subject"),
    "DeviceRequest": ("codeCodeableConcept", "codeReference", "subject"),
    "ServiceRequest": ("code", None, "subject"),
    "CommunicationRequest": (None, None, "subject"),
    "NutritionOrder": (None, None, "patient"),
    "VisionPrescription": (None, None, "patient"),
}
_BARE: Json = {"intent": "order", "dateTime": "2026-11-23", "created": "2026-11-23", "dateWritten": "2026-11-23"}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(_NAMED_BY)),
    st.lists(st.sampled_from((*TOKENS, "http://x.test|1")), max_size=2, unique=True),
    st.sampled_from(["named", "referred to"]),
    st.sampled_from(["2.2", None]),
)
def test_no_order_of_a_member_is_signed_in_silence(kind: str, tokens: list[str], how: str, version: str | None) -> None:
    """Of every type, coded, in words, or by a resource that did not come: coverage information (crd C-6)."""
    concept, reference, subject = _NAMED_BY[kind]
    named: Json = {}
    if how == "referred to" and reference:
        named[reference] = {"reference": f"{'Device' if kind == 'DeviceRequest' else 'Medication'}/gone"}
    elif concept:
        named[concept] = {"coding": [a_coding(t) for t in tokens], "text": "x"} if tokens else {"text": "x"}
    order = {
        "resourceType": kind,
        "id": "o-1",
        "status": "draft",
        subject: {"reference": "Patient/p-1"},
        **_BARE,
        **named,
    }
    order |= {
        "prescriber": {"reference": "Practitioner/d-1"},
        "lensSpecification": [{"product": {"text": "x"}, "eye": "left"}],
    }
    (said,) = Ehr(Memory(), policies=POLICIES).said(a_call(order, version=version))
    assert said["reason"]
    if how == "referred to" and reference:
        assert said["pa-needed"] == ["conditional"]
