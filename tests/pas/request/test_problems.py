"""A request that cannot be used is refused with every problem, each at its place."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import InvalidRequest, Problem
from server.fhir.codes import PAS
from tests.policies import FORM_URL
from tests.requests.bundle import CLAIM, EHR, NO_POLICYS_DRUG, a_bundle, an_item, answers, resources
from tests.requests.world import OTHER_FORM, an_inquiry, matched

Json = dict[str, Any]
Spoil = Callable[[Json], Any]
Way = tuple[str, Spoil, list[tuple[str, str | None]]]

ORDER, QR = "Bundle.entry[1].resource", "Bundle.entry[9].resource"


def problems(body: Json, read: Callable[[Json], Any] = matched) -> list[tuple[str, str | None]]:
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    assert all(p.text.strip() and isinstance(p, Problem) for p in caught.value.problems)
    return [(p.code, p.expression) for p in caught.value.problems]


def claim(bundle: Json) -> Json:
    found: Json = bundle["entry"][0]["resource"]
    return found


def without(kind: str) -> Spoil:
    def spoil(bundle: Json) -> None:
        bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != kind]

    return spoil


def response(**changes: Any) -> Spoil:
    return lambda bundle: resources(bundle, "QuestionnaireResponse")[0].update(changes)


def of_claim(**changes: Any) -> Spoil:
    def spoil(bundle: Json) -> None:
        claim(bundle).update(changes)
        for key in [k for k, v in changes.items() if v is None]:
            del claim(bundle)[key]

    return spoil


def of_item(**changes: Any) -> Spoil:
    return lambda bundle: claim(bundle)["item"][0].update(changes)


def of_bundle(**changes: Any) -> Spoil:
    return lambda bundle: bundle.update(changes)


def second_claim(bundle: Json) -> None:
    bundle["entry"].append({"fullUrl": f"{EHR}/Claim/two", "resource": {**claim(bundle), "id": "two"}})


def of(kind: str, **changes: Any) -> Spoil:
    return lambda bundle: resources(bundle, kind)[0].update(changes)


def another_number(bundle: Json) -> None:
    patient = resources(bundle, "Patient")[0]
    patient["identifier"] = [{**patient["identifier"][0], "value": "M-2"}]


def contained_order(bundle: Json) -> None:
    order = deepcopy(resources(bundle, "MedicationRequest")[0]) | {"id": "inside", "doNotPerform": True}
    claim(bundle)["contained"] = [order]
    item = claim(bundle)["item"][0]
    item["extension"] = [e for e in item["extension"] if "valueReference" not in e]
    item["extension"].append({"url": f"{PAS}extension-requestedService", "valueReference": {"reference": "#inside"}})


def two_answers(*authored: str | None) -> Spoil:
    def spoil(bundle: Json) -> None:
        other = deepcopy(resources(bundle, "QuestionnaireResponse")[0]) | {"id": "other"}
        del other["item"][1:]
        bundle["entry"].append({"fullUrl": f"{EHR}/QuestionnaireResponse/other", "resource": other})
        for resource, day in zip(resources(bundle, "QuestionnaireResponse"), authored, strict=True):
            resource.pop("authored", None)
            resource.update({"authored": day} if day else {})

    return spoil


INFO = {"sequence": 1, "category": {"text": "info"}, "valueReference": {"reference": "DocumentReference/none"}}
A_DOCUMENT = {**INFO, "valueReference": {"reference": "Patient/patient"}}

OVER: list[Way] = [
    (f"order {status}", of("MedicationRequest", status=status), [("value", f"{ORDER}.status")])
    for status in ("cancelled", "completed", "entered-in-error", "revoked", "stopped")
]
CONTESTED: list[Way] = [
    (f"two answers, {n}", two_answers(*authored), [("duplicate", QR), ("duplicate", "Bundle.entry[10].resource")])
    for n, authored in enumerate(
        [
            (None, None),
            ("2026-11-23", "2026-11-23"),
            ("2026-11-23", "2026-11-23T10:00:00Z"),
            ("2026-11-23T10:00:00-05:00", "2026-11-23T15:00:00Z"),
            ("2026-11", "2026-11-23T15:00:00Z"),
            (None, "2026-11-23T15:00:00Z"),
        ]
    )
]
WAYS: list[Way] = [
    ("no patient", without("Patient"), [("not-found", f"{CLAIM}.patient.reference")]),
    (
        "no organizations",
        without("Organization"),
        [("not-found", f"{CLAIM}.insurer.reference"), ("not-found", f"{CLAIM}.provider.reference")],
    ),
    ("no coverage", without("Coverage"), [("not-found", f"{CLAIM}.insurance[0].coverage.reference")]),
    (
        "no order",
        without("MedicationRequest"),
        [("not-found", f"{CLAIM}.item[0].extension[3].valueReference.reference")],
    ),
    (
        "evidence not enclosed",
        of_claim(supportingInfo=[INFO]),
        [("not-found", f"{CLAIM}.supportingInfo[0].valueReference.reference")],
    ),
    (
        "patient is no patient",
        of_claim(patient={"reference": "Coverage/coverage"}),
        [("value", f"{CLAIM}.patient.reference")],
    ),
    ("insurer missing", of_claim(insurer=None), [("required", f"{CLAIM}.insurer")]),
    ("patient missing", of_claim(patient=None), [("required", f"{CLAIM}.patient")]),
    ("patient only displayed", of_claim(patient={"display": "x"}), [("required", f"{CLAIM}.patient")]),
    ("items missing", of_claim(item=None), [("required", f"{CLAIM}.item")]),
    ("item is text", of_claim(item="one"), [("structure", f"{CLAIM}.item")]),
    ("no items at all", of_claim(item=[]), [("structure", f"{CLAIM}.item")]),
    ("claim identifier missing", of_claim(identifier=None), [("required", f"{CLAIM}.identifier")]),
    ("not a preauthorization", of_claim(use="claim"), [("value", f"{CLAIM}.use")]),
    ("not active", of_claim(status="entered-in-error"), [("value", f"{CLAIM}.status")]),
    (
        "billed period turned round",
        of_claim(billablePeriod={"start": "2027-02-01", "end": "2027-01-01"}),
        [("value", f"{CLAIM}.billablePeriod")],
    ),
    ("created is partial", of_claim(created="2026-11"), [("value", f"{CLAIM}.created")]),
    ("created is no day", of_claim(created="2026-02-30"), [("value", f"{CLAIM}.created")]),
    ("created is no date", of_claim(created="soon"), [("value", f"{CLAIM}.created")]),
    ("serviced is no day", of_item(servicedDate="2027-02-29"), [("value", f"{CLAIM}.item[0].servicedDate")]),
    ("serviced is partial", of_item(servicedDate="2027-01"), [("value", f"{CLAIM}.item[0].servicedDate")]),
    ("sequence missing", lambda b: claim(b)["item"][0].pop("sequence"), [("required", f"{CLAIM}.item[0].sequence")]),
    (
        "code missing",
        lambda b: claim(b)["item"][0].pop("productOrService"),
        [("required", f"{CLAIM}.item[0].productOrService")],
    ),
    (
        "item sequence twice",
        lambda b: claim(b)["item"].append(claim(b)["item"][0]),
        [("duplicate", f"{CLAIM}.item[1].sequence")],
    ),
    (
        "information sequence twice",
        of_claim(supportingInfo=[A_DOCUMENT, A_DOCUMENT]),
        [("duplicate", f"{CLAIM}.supportingInfo[1].sequence")],
    ),
    ("two claims", second_claim, [("business-rule", "Bundle.entry[10].resource")]),
    ("claim is not first", lambda b: b["entry"].reverse(), [("structure", "Bundle.entry[0].resource")]),
    ("no entry", of_bundle(entry=[]), [("structure", "Bundle.entry")]),
    ("entry missing", lambda b: b.pop("entry"), [("required", "Bundle.entry")]),
    ("no identifier", lambda b: b.pop("identifier"), [("required", "Bundle.identifier")]),
    ("no fullUrl", lambda b: b["entry"][3].pop("fullUrl"), [("required", "Bundle.entry[3].fullUrl")]),
    ("bad fullUrl", lambda b: b["entry"][6].update(fullUrl="x"), [("value", "Bundle.entry[6].fullUrl")]),
    (
        "fullUrl twice",
        lambda b: b["entry"].append({**b["entry"][6]}),
        [("duplicate", "Bundle.entry[10].fullUrl")],
    ),
    ("too many entries", lambda b: b["entry"].extend(b["entry"][1:2] * 500), [("too-costly", "Bundle.entry")]),
    (
        "somebody else's coverage",
        lambda b: resources(b, "Coverage")[0].update(beneficiary={"reference": "Patient/another"}),
        [("value", "Bundle.entry[3].resource.beneficiary")],
    ),
    (
        "unknown modifier",
        of_item(modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
        [("extension", f"{CLAIM}.item[0].modifierExtension[0].url")],
    ),
    ("unknown canonical", response(questionnaire="urn:nobody|1"), [("not-found", f"{QR}.questionnaire")]),
    ("unknown edition", response(questionnaire=f"{FORM_URL}|9.9"), [("not-found", f"{QR}.questionnaire")]),
    ("older edition", response(questionnaire=f"{FORM_URL}|1.0.0"), [("business-rule", f"{QR}.questionnaire")]),
    ("another form", response(questionnaire=OTHER_FORM), [("business-rule", f"{QR}.questionnaire")]),
    (
        "no canonical",
        lambda b: resources(b, "QuestionnaireResponse")[0].pop("questionnaire"),
        [("required", f"{QR}.questionnaire")],
    ),
    ("answers about another", response(subject={"reference": "Patient/another"}), [("value", f"{QR}.subject")]),
    (
        "wrong type",
        response(item=[{"linkId": "indication", "answer": [{"valueBoolean": True}]}]),
        [("value", f"{QR}.item[0].answer[0].valueBoolean")],
    ),
    (
        "unknown code",
        response(item=[{"linkId": "kind", "answer": [{"valueCoding": {"code": "no-such"}}]}]),
        [("code-invalid", f"{QR}.item[0].answer[0].valueCoding")],
    ),
    *OVER,
    ("order not to perform", of("MedicationRequest", doNotPerform=True), [("value", f"{ORDER}.doNotPerform")]),
    (
        "order about another",
        of("MedicationRequest", subject={"reference": "Patient/another"}),
        [("value", f"{ORDER}.subject")],
    ),
    ("order in the Claim not to perform", contained_order, [("value", f"{CLAIM}.contained[0].doNotPerform")]),
    ("answers in progress", response(status="in-progress"), [("value", f"{QR}.status")]),
    ("answers stopped", response(status="stopped"), [("value", f"{QR}.status")]),
    ("member numbers disagree", another_number, [("value", "Bundle.entry[2].resource.identifier")]),
    ("serviced long ago", of_item(servicedDate="1799-12-31"), [("value", f"{CLAIM}.item[0].servicedDate")]),
    ("serviced never", of_item(servicedDate="9999-12-31"), [("value", f"{CLAIM}.item[0].servicedDate")]),
    ("created in the far future", of_claim(created="2201-01-01"), [("value", f"{CLAIM}.created")]),
    *CONTESTED,
    ("unknown question", response(item=[{"linkId": "colour"}]), [("value", f"{QR}.item[0].linkId")]),
]


@pytest.mark.parametrize(("spoil", "expected"), [w[1:] for w in WAYS], ids=[w[0] for w in WAYS])
def test_each_fault_is_refused_at_its_place(spoil: Spoil, expected: list[tuple[str, str | None]]) -> None:
    """A good request that is spoilt in one way gives that problem, at that FHIRPath, and no other."""
    bundle = a_bundle(extra=(answers(),))
    spoil(bundle)
    assert problems(bundle) == expected


def test_all_problems_come_at_once() -> None:
    """Broken structure, missing resources and wrong answers of one request are all named in one answer."""
    bundle = a_bundle(an_item(), an_item(2), extra=(answers(),))
    for spoil in (
        without("Coverage"),
        of_claim(use="claim", created="2026-02-30", insurer=None, priority=5),
        of_item(quantity={"value": "many"}),
        response(item=[{"linkId": "kind", "answer": [{"valueCoding": {"code": "no-such"}}]}]),
        lambda b: claim(b)["item"][1].update(sequence=1),
    ):
        spoil(bundle)
    assert {place for _, place in problems(bundle)} == {
        f"{CLAIM}.created",
        f"{CLAIM}.use",
        f"{CLAIM}.insurer",
        f"{CLAIM}.priority",
        f"{CLAIM}.item[0].quantity.value",
        f"{CLAIM}.item[1].sequence",
        f"{CLAIM}.insurance[0].coverage.reference",
        f"{QR}.item[0].answer[0].valueCoding",
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("structure", None), ("structure", "Resource")]),
        ({"resourceType": "Patient"}, [("structure", None)]),
        ({"resourceType": "Parameters"}, [("required", "Parameters.parameter")]),
        (
            {
                "resourceType": "Parameters",
                "parameter": [{"name": "resource", "resource": {"resourceType": "Patient"}}],
            },
            [("required", "Parameters.parameter")],
        ),
        (
            {"resourceType": "Bundle", "type": "collection", "entry": [5]},
            [
                ("structure", "Bundle.entry[0]"),
                ("required", "Bundle.entry[0].resource"),
                ("required", "Bundle.entry[0].fullUrl"),
            ],
        ),
    ],
)
def test_a_body_that_is_no_request_is_refused(body: Json, expected: list[tuple[str, str | None]]) -> None:
    """Another resource, Parameters without a Bundle, and entries that are no entries are refused by both operations."""
    assert problems(body, matched) == expected
    assert problems(body, an_inquiry) == expected


def test_places_in_parameters_are_told_from_the_bundle() -> None:
    """A Bundle inside Parameters is judged like a bare one, and its problems start at `Bundle`."""
    bundle = a_bundle()
    claim(bundle)["priority"] = 5
    body = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": bundle}]}
    assert problems(body) == [("structure", f"{CLAIM}.priority")]


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (without("Patient"), [("not-found", f"{CLAIM}.patient.reference")]),
        (of_claim(provider=None), [("required", f"{CLAIM}.provider")]),
        (of_item(servicedDate="2027-02-29"), [("value", f"{CLAIM}.item[0].servicedDate")]),
        (of_bundle(entry=[]), [("structure", "Bundle.entry")]),
        (
            of_item(productOrService={"coding": [{"code": str(n)} for n in range(1001)]}),
            [("too-costly", f"{CLAIM}.item")],
        ),
    ],
)
def test_an_inquiry_is_judged_likewise(spoil: Spoil, expected: list[tuple[str, str | None]]) -> None:
    """Who is asked about, who asks and real dates are needed by an inquiry too."""
    bundle = a_bundle()
    spoil(bundle)
    assert problems(bundle, an_inquiry) == expected


def test_no_text_repeats_what_was_sent() -> None:
    """Problem texts hold no value of the request, whatever is wrong with it."""
    sent = "Mustermann"
    bundle = a_bundle(extra=(answers(questionnaire=sent),))
    resources(bundle, "Patient")[0].update(birthDate=sent, gender=[sent], name={"family": sent})
    claim(bundle).update(use=sent, created=sent, patient={"reference": sent})
    with pytest.raises(InvalidRequest) as caught:
        matched(bundle)
    assert len(caught.value.problems) >= 7
    assert sent not in json.dumps([(p.text, p.expression) for p in caught.value.problems])


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 7, "x", [], {}, [[]], [{}], {"reference": 5}, {"coding": 5}, [None], "2026-99-99"]
)


@given(st.data())
def test_whatever_is_broken_there_is_an_answer(data: st.DataObject) -> None:
    """One to three elements anywhere replaced by junk: the request is read or refused, and nothing else happens."""
    bundle = a_bundle(extra=(answers(),), claim={"supportingInfo": [A_DOCUMENT]})
    for _ in range(data.draw(st.integers(1, 3))):
        node: Any = bundle
        while True:
            key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
            if not isinstance(node[key], (dict, list)) or not node[key] or data.draw(st.booleans()):
                node[key] = deepcopy(data.draw(JUNK))
                break
            node = node[key]
    for read in (matched, an_inquiry):
        try:
            read(bundle)
        except InvalidRequest as refused:
            assert refused.problems  # noqa: PT017 - either outcome is right; an empty refusal is not


def test_a_request_without_faults_has_none() -> None:
    """The requests that the tables above spoil are good ones."""
    matched(a_bundle(extra=(answers(),)))
    matched(a_bundle(drug=NO_POLICYS_DRUG))
    an_inquiry(a_bundle())
