"""Point 8: trials for another disease, and a diagnosis that contradicts the answer."""

from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    ADALIMUMAB,
    ICD10,
    RXNORM,
    SNOMED,
    add,
    all_of,
    answer,
    both,
    by_trial,
    claim,
    concept,
    continuation,
    initial,
    item,
    order,
    patient_reference,
    treats,
    with_order,
)

TABLE = Table(8)
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def _code(bundle: Json) -> Json:
    found: Json = claim(bundle)["diagnosis"][0]["diagnosisCodeableConcept"]
    return found


def _diagnosed(bundle: Json, codes: Any) -> None:
    """Every diagnosis on the claim and each reason of the order is this."""
    system, code = codes
    claim(bundle)["diagnosis"] = [{"sequence": 1, "diagnosisCodeableConcept": concept(system, code)}]
    if "diagnosisSequence" in item(bundle):
        item(bundle)["diagnosisSequence"] = [1]
    if with_order(bundle):
        order(bundle)["reasonCode"] = [concept(system, code)]


def _by_code(bundle: Json) -> bool:
    """Requests whose diagnosis stands on the claim and the order, and in no Condition of the chart."""
    return not all_of(bundle, "Condition")


def _coded(bundle: Json) -> bool:
    """Requests whose first diagnosis, by code, is the one that the order gives as its reason."""
    sent = (
        claim(bundle).get("diagnosis", [{}])[0].get("diagnosisCodeableConcept", {}).get("coding", [{}])[0].get("code")
    )
    reasons = [c.get("code") for r in order(bundle).get("reasonCode", []) for c in r.get("coding", [])]
    return sent in reasons


_ra = treats("RA")
TABLE.rows_of(
    [
        ("coded ankylosing spondylitis", (ICD10, "M45.9")),
        ("coded lupus", (ICD10, "M32.10")),
        ("coded osteoarthritis", (ICD10, "M17.0")),
        ("coded gout", (ICD10, "M10.9")),
        ("coded psoriatic arthritis", (ICD10, "L40.50")),
        ("coded as a headache", (ICD10, "R51.9")),
        ("coded as a code that there is not", (ICD10, "M05")),
        ("coded in another system alone", (SNOMED, "9631008")),
        ("coded as CAPS", (ICD10, "M04.2")),
        ("coded as COVID-19", (ICD10, "U07.1")),
    ],
    "They say rheumatoid arthritis and code something else.",
    _diagnosed,
    fits=both(_ra, _by_code),
)
TABLE.rows_of(
    [("another condition coded as rheumatoid arthritis", (ICD10, "M06.9"))],
    "They say something else and code rheumatoid arthritis.",
    _diagnosed,
    fits=both(treats("CAPS", "DIRA", "SJIA", "STILL"), _by_code),
)


def _beside(bundle: Json, coded: Any) -> None:
    system, code = coded
    sent = claim(bundle)["diagnosis"]
    number = max(d["sequence"] for d in sent) + 1
    sent.append({"sequence": number, "diagnosisCodeableConcept": concept(system, code)})


TABLE.rows_of(
    [
        ("ankylosing spondylitis beside it", (ICD10, "M45.9")),
        ("lupus beside it", (ICD10, "M32.10")),
        ("COVID-19 beside it", (ICD10, "U07.1")),
        ("COVID-19 in small letters beside it", (ICD10, "u071")),
    ],
    "Which of the two is treated?",
    _beside,
    fits=_ra,
)


@TABLE.row("The item is for another diagnosis than the answers.", fits=_ra)
def item_for_another_diagnosis(bundle: Json) -> None:
    _beside(bundle, (ICD10, "M45.9"))
    item(bundle)["diagnosisSequence"] = [claim(bundle)["diagnosis"][-1]["sequence"]]


@TABLE.row("The item is for a diagnosis that is not on the claim.", fits=_ra)
def item_for_a_diagnosis_that_is_not_there(bundle: Json) -> None:
    item(bundle)["diagnosisSequence"] = [99]


@TABLE.row("No diagnosis came along.", fits=_ra)
def no_diagnosis(bundle: Json) -> None:
    claim(bundle).pop("diagnosis")
    item(bundle).pop("diagnosisSequence", None)
    for one in all_of(bundle, "MedicationRequest"):
        one.pop("reasonCode", None)
        one.pop("reasonReference", None)
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "Condition"]


@TABLE.row("The order is for ankylosing spondylitis.", fits=lambda b: _ra(b) and with_order(b))
def order_for_another_condition(bundle: Json) -> None:
    order(bundle)["reasonCode"] = [concept(ICD10, "M45.9")]


@TABLE.row("The form gives another diagnosis code than the claim.", fits=_ra)
def answered_another_diagnosis(bundle: Json) -> None:
    answer(bundle, {"diagnosis-code": [{"system": ICD10, "code": "M45.9"}]})


def _condition(bundle: Json, more: Any) -> None:
    """The chart has the condition treated, and no other entry of it."""
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "Condition"]
    for one in all_of(bundle, "MedicationRequest"):
        one.pop("reasonReference", None)
    condition = {
        "resourceType": "Condition",
        "id": "condition",
        "subject": patient_reference(bundle),
        "code": _code(bundle),
        "clinicalStatus": concept(_CLINICAL, "active"),
        "verificationStatus": concept(_VERIFICATION, "confirmed"),
        **more,
    }
    add(bundle, {k: v for k, v in condition.items() if v is not None})


TABLE.rows_of(
    [
        ("condition that is refuted", {"verificationStatus": concept(_VERIFICATION, "refuted")}),
        ("condition that was entered in error", {"verificationStatus": concept(_VERIFICATION, "entered-in-error")}),
        ("condition that is resolved", {"clinicalStatus": concept(_CLINICAL, "resolved")}),
        ("condition that is inactive", {"clinicalStatus": concept(_CLINICAL, "inactive")}),
        ("condition that has abated", {"clinicalStatus": None, "abatementDateTime": "2020-01-01"}),
        ("condition that abated in words", {"clinicalStatus": None, "abatementString": "in childhood"}),
        ("condition that begins in 2090", {"onsetDateTime": "2090-01-01"}),
        ("condition that is recorded in 2090", {"recordedDate": "2090-01-01"}),
    ],
    "The chart says that the patient does not have it.",
    _condition,
    fits=both(with_order, _coded),
)


def _trial(bundle: Json, more: dict[str, Any], recorded: Json | None = None) -> None:
    """One trial is answered, of adalimumab, and the record holds nothing but what is given."""
    for kind in ("MedicationStatement", "MedicationDispense", "AllergyIntolerance", "MedicationAdministration"):
        bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != kind]
    claim(bundle).pop("supportingInfo", None)
    for one in claim(bundle)["item"]:
        one.pop("informationSequence", None)
    trial = {
        "trial.medicine": {"system": RXNORM, "code": ADALIMUMAB},
        "trial.for-condition": "yes",
        "trial.days": 120,
        "trial.outcome": "inadequate",
        **more,
    }
    answer(bundle, {"prior-therapy-any": True, "trial": [{k: v for k, v in trial.items() if v is not None}]})
    if recorded is not None:
        statement = {
            "resourceType": "MedicationStatement",
            "id": "shown",
            "status": "completed",
            "subject": patient_reference(bundle),
            "medicationCodeableConcept": concept(RXNORM, ADALIMUMAB, "adalimumab"),
            **recorded,
        }
        add(bundle, statement)


TABLE.rows_of(
    [
        ("trial for another condition", {"trial.for-condition": "no"}),
        ("trial for nobody knows what", {"trial.for-condition": "unsure"}),
        ("trial of 89 days", {"trial.days": 89}),
        ("trial of minus 120 days", {"trial.days": -120}),
        ("trial of a million days", {"trial.days": 1_000_000}),
        ("trial that was contraindicated", {"trial.outcome": "contraindicated"}),
        ("trial of methotrexate", {"trial.medicine": {"system": RXNORM, "code": "6851"}}),
        ("trial of Kineret itself", {"trial.medicine": {"system": RXNORM, "code": "72435"}}),
        ("trial of a medicine in words", {"trial.medicine": "some biologic"}),
        ("trial still going on", {"trial.outcome": "ongoing"}),
        ("trial begun and not ended", {"trial.days": None, "trial.start": "2025-01-01"}),
        ("trial without days", {"trial.days": None}),
        ("trial without an outcome, of 20 days", {"trial.outcome": None, "trial.days": 20}),
    ],
    "That is no trial of three months for this disease.",
    _trial,
    fits=by_trial,
)

_PERIOD = {"effectivePeriod": {"start": "2025-01-01", "end": "2025-12-31"}}
TABLE.rows_of(
    [
        ("trial that the record says was never taken", {"status": "not-taken", **_PERIOD}),
        ("trial that the record says was entered in error", {"status": "entered-in-error", **_PERIOD}),
        ("trial that the record says was for gout", {**_PERIOD, "reasonCode": [concept(ICD10, "M10.9")]}),
        ("trial that the record says was for psoriasis", {**_PERIOD, "reasonCode": [concept(ICD10, "L40.0")]}),
        (
            "trial that the record says lasted five days",
            {"effectivePeriod": {"start": "2025-01-01", "end": "2025-01-05"}},
        ),
        ("trial that the record says is only intended", {"status": "intended"}),
        ("trial that the record says goes on", {"status": "active", "effectivePeriod": {"start": "2025-01-01"}}),
        ("trial that the record says begins in 2090", {"status": "active", "effectivePeriod": {"start": "2090-01-01"}}),
        (
            "trial whose reason is another disease in SNOMED CT",
            {**_PERIOD, "reasonCode": [concept(SNOMED, "90560007", "Gout")]},
        ),
        ("trial whose reason is another disease in words", {**_PERIOD, "reasonCode": [{"text": "for psoriasis"}]}),
    ],
    "The record contradicts the trial that is answered.",
    lambda b, r: _trial(b, {}, r),
    fits=by_trial,
)


@TABLE.row("The trial was for a disease that the claim names beside.", fits=both(by_trial, _by_code))
def trial_for_the_other_disease_on_the_claim(bundle: Json) -> None:
    _beside(bundle, (ICD10, "M10.9"))
    _trial(bundle, {}, {**_PERIOD, "reasonCode": [concept(ICD10, "M10.9")]})


@TABLE.row("Nothing was tried.", fits=by_trial)
def nothing_was_tried(bundle: Json) -> None:
    answer(bundle, {"prior-therapy-any": False})
    for kind in ("MedicationStatement", "MedicationDispense"):
        bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != kind]
    claim(bundle).pop("supportingInfo", None)
    for one in claim(bundle)["item"]:
        one.pop("informationSequence", None)


@TABLE.row("Takes Kineret already, and asks for a first course.", fits=initial)
def first_course_of_who_takes_it(bundle: Json) -> None:
    answer(bundle, {"taking-now": True})


def _fill_of_kineret(bundle: Json, day: str) -> None:
    fill = {
        "resourceType": "MedicationDispense",
        "id": "kineret-fill",
        "status": "completed",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": concept(RXNORM, "727714"),
        "whenHandedOver": day,
        "daysSupply": {"value": 28, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"},
    }
    add(bundle, fill)


@TABLE.row("Was given Kineret yesterday, and asks for a first course.", fits=initial)
def first_course_of_who_was_given_it(bundle: Json) -> None:
    _fill_of_kineret(bundle, claim(bundle)["created"][:10])


@TABLE.row("Got an injection of Kineret yesterday, and asks for a first course.", fits=initial)
def first_course_of_who_got_an_injection(bundle: Json) -> None:
    given = {
        "resourceType": "MedicationAdministration",
        "id": "kineret-given",
        "status": "completed",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": concept(RXNORM, "727714"),
        "effectiveDateTime": claim(bundle)["created"][:10],
    }
    add(bundle, given)


@TABLE.row("Continues what is not taken.", fits=continuation)
def continuation_of_what_is_not_taken(bundle: Json) -> None:
    answer(bundle, {"taking-now": False})


def _response(bundle: Json, code: Any) -> None:
    answer(bundle, {"response": code})


TABLE.rows_of(
    [("no response", "none"), ("too early for a response", "too-early"), ("a response that nobody tells", [])],
    "It does not work, or nobody knows.",
    _response,
    fits=continuation,
)


@TABLE.row(
    "The claim names gout too, and that is what the trial was for.",
    fits=both(by_trial, _by_code, lambda b: not all_of(b, "Condition")),
)
def trial_for_the_disease_on_the_claim_where_the_chart_has_the_right_one(bundle: Json) -> None:
    right = claim(bundle)["diagnosis"][0]["diagnosisCodeableConcept"]
    subject = patient_reference(bundle)
    add(bundle, {"resourceType": "Condition", "id": "right", "subject": subject, "code": right})
    trial_for_the_other_disease_on_the_claim(bundle)
