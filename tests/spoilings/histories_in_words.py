"""Point 8: diagnoses, trials and responses that words, other code systems or the record speak against."""

from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    ADALIMUMAB,
    FORM,
    ICD10,
    RXNORM,
    SNOMED,
    add,
    all_of,
    an_order,
    answer,
    both,
    by_trial,
    claim,
    concept,
    continuation,
    dosage,
    dose,
    first,
    initial,
    item,
    order,
    patient_reference,
    remove,
    treats,
    with_order,
)

TABLE = Table(8)
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_ALLERGY = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_COVID = concept(SNOMED, "840539006", "COVID-19")
_ADALIMUMAB = concept(RXNORM, ADALIMUMAB, "adalimumab")
_KINERET = concept(RXNORM, "727714", "Kineret")
_ra = both(with_order, treats("RA"))


# -- diagnoses -----------------------------------------------------------------------------------------------


def _reason(bundle: Json, reasons: Any) -> None:
    order(bundle)["reasonCode"] = reasons


TABLE.rows_of(
    [
        ("ordered for gout in words", [{"text": "Gout"}]),
        ("ordered for COVID-19 in words", [{"text": "COVID-19 pneumonia"}]),
        ("ordered for gout in SNOMED CT", [concept(SNOMED, "90560007", "Gout")]),
        ("ordered for COVID-19 in SNOMED CT", [_COVID]),
        ("ordered for rheumatoid arthritis by code, gout in words", [{**concept(ICD10, "M06.9"), "text": "Gout"}]),
    ],
    "The order is for something else.",
    _reason,
    fits=_ra,
)


def _beside(bundle: Json, coded: Json) -> None:
    sent = claim(bundle)["diagnosis"]
    sent.append({"sequence": max(d["sequence"] for d in sent) + 1, "diagnosisCodeableConcept": coded})


TABLE.rows_of(
    [
        ("COVID-19 beside it in SNOMED CT", _COVID),
        ("COVID-19 beside it in words, another way", {"text": "COVID-19"}),
        ("COVID-19 beside it in ICD-10 of another edition", concept("http://hl7.org/fhir/sid/icd-10", "U07.1")),
    ],
    "COVID-19 goes to the medical director.",
    _beside,
)


def _diagnosis(bundle: Json, more: Json) -> None:
    claim(bundle)["diagnosis"][0]["diagnosisCodeableConcept"].update(more)


def _by_code(bundle: Json) -> bool:
    return "diagnosisCodeableConcept" in claim(bundle).get("diagnosis", [{}])[0]


TABLE.rows_of(
    [("rheumatoid arthritis by code, another in words", {"text": "Ankylosing spondylitis"})],
    "Which of the two is treated?",
    _diagnosis,
    fits=both(treats("RA"), _by_code),
)


@TABLE.row("Only to be ruled out.", fits=both(treats("RA"), _by_code))
def diagnosis_to_be_ruled_out(bundle: Json) -> None:
    claim(bundle)["diagnosis"][0]["type"] = [{"text": "rule out"}]


def _billed(bundle: Json, code: Any) -> None:
    claim(bundle)["diagnosis"] = [{"sequence": 1, "diagnosisCodeableConcept": concept(ICD10, code)}]
    item(bundle)["diagnosisSequence"] = [1]
    order(bundle)["reasonCode"] = [concept(ICD10, "M06.9")]


TABLE.rows_of(
    [
        ("billed for gout, ordered for rheumatoid arthritis", "M10.9"),
        ("billed for juvenile arthritis, ordered for rheumatoid arthritis", "M08.00"),
        ("billed for a history, ordered for rheumatoid arthritis", "Z87.39"),
        ("billed for the family's history, ordered for rheumatoid arthritis", "Z82.61"),
    ],
    "The item is billed for something else.",
    _billed,
    fits=both(_ra, lambda b: not all_of(b, "Condition")),
)


def _condition(bundle: Json, more: Json) -> None:
    condition = {
        "resourceType": "Condition",
        "id": "in-the-chart",
        "subject": patient_reference(bundle),
        "clinicalStatus": concept(_CLINICAL, "active"),
        **more,
    }
    add(bundle, {k: v for k, v in condition.items() if v is not None})


_REFUTED = {"verificationStatus": concept(_VERIFICATION, "refuted"), "clinicalStatus": None}
TABLE.rows_of(
    [
        ("refuted in SNOMED CT", {"code": concept(SNOMED, "69896004", "Rheumatoid arthritis"), **_REFUTED}),
        ("refuted in words, another way", {"code": {"text": "Rheumatoid arthritis"}, **_REFUTED}),
        (
            "one of several that it may be",
            {"code": concept(ICD10, "M06.9"), "verificationStatus": concept(_VERIFICATION, "differential")},
        ),
    ],
    "The chart says that the patient does not have it, or may not.",
    _condition,
    fits=both(treats("RA"), lambda b: not all_of(b, "Condition")),
)
TABLE.rows_of(
    [
        (
            "COVID-19 active in the chart",
            {"code": concept(ICD10, "U07.1"), "verificationStatus": concept(_VERIFICATION, "confirmed")},
        ),
    ],
    "The patient has COVID-19 now.",
    _condition,
)


@TABLE.row(
    "Billed for familial Mediterranean fever, which the policy does not cover.",
    fits=both(with_order, lambda b: bool(order(b).get("reasonCode"))),
)
def billed_for_another_fever(bundle: Json) -> None:
    fever = concept(ICD10, "M04.1", "Familial Mediterranean fever")
    claim(bundle)["diagnosis"] = [{"sequence": 1, "diagnosisCodeableConcept": fever}]
    item(bundle)["diagnosisSequence"] = [1]


_OTHER_DISEASES = (("gout", "M10.9"), ("psoriasis", "L40.0"), ("pericarditis", "I30.9"))
TABLE.rows_of(
    [(f"ordered for {name} by code", [concept(ICD10, code)]) for name, code in _OTHER_DISEASES],
    "The order is for something else.",
    _reason,
    fits=with_order,
)


def _by_chart(bundle: Json, code: Any) -> None:
    """Claim and order name this; the chart holds the condition that the claim named before."""
    fitting = claim(bundle)["diagnosis"][0]["diagnosisCodeableConcept"]
    _condition(bundle, {"code": fitting})
    claim(bundle)["diagnosis"] = [{"sequence": 1, "diagnosisCodeableConcept": concept(ICD10, code)}]
    item(bundle)["diagnosisSequence"] = [1]
    order(bundle)["reasonCode"] = [concept(ICD10, code)]


TABLE.rows_of(
    [
        (f"asked for {name}, and the chart has the right disease too", code)
        for name, code in (*_OTHER_DISEASES, ("familial Mediterranean fever", "M04.1"))
    ],
    "It is asked for something else.",
    _by_chart,
    fits=both(with_order, _by_code, lambda b: not all_of(b, "Condition")),
)


def _referred(bundle: Json, code: Json | None) -> None:
    order(bundle).pop("reasonCode", None)
    _condition(bundle, {"code": code or {"text": "Gout"}})
    made = next(e["fullUrl"] for e in bundle["entry"] if e["resource"].get("id") == "in-the-chart")
    order(bundle)["reasonReference"] = [{"reference": made} if code else {"display": "Gout"}]


TABLE.rows_of(
    [
        ("ordered for gout by reference", concept(ICD10, "M10.9")),
        ("ordered for gout by reference in words", {"text": "Gout"}),
        ("ordered for gout by a reference of words", None),
    ],
    "The order is for something else.",
    _referred,
    fits=both(with_order, lambda b: not all_of(b, "Condition")),
)


@TABLE.row("The form codes gout.")
def answered_gout(bundle: Json) -> None:
    answer(bundle, {"diagnosis-code": [{"system": ICD10, "code": "M10.9"}]})


@TABLE.row(
    "Thirty years older, says the form.", fits=lambda b: "1950" < first(b, "Patient").get("birthDate", "") < "2000"
)
def another_date_of_birth(bundle: Json) -> None:
    born = first(bundle, "Patient")["birthDate"]
    answer(bundle, {"birth-date": f"{int(born[:4]) - 30}-01-01"})


# -- trials --------------------------------------------------------------------------------------------------


def _tried(bundle: Json, *trials: Json) -> None:
    """These trials are answered, and the record shows none."""
    kinds = ("MedicationStatement", "MedicationDispense", "AllergyIntolerance", "MedicationAdministration")
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] not in kinds]
    claim(bundle).pop("supportingInfo", None)
    for one in claim(bundle)["item"]:
        one.pop("informationSequence", None)
    usual = {"trial.for-condition": "yes", "trial.outcome": "inadequate"}
    medicine = {"trial.medicine": {"system": RXNORM, "code": ADALIMUMAB}}
    answer(bundle, {"prior-therapy-any": True, "trial": [{**medicine, **usual, **t} for t in trials]})


TABLE.rows_of(
    [
        ("trial before the medicine existed", {"trial.start": "1985-01-01", "trial.end": "1985-12-31"}),
        ("trial of 49 years of a young medicine", {"trial.days": 18_000}),
        ("intolerance of what was taken for no day", {"trial.days": 0, "trial.outcome": "intolerant"}),
        (
            "intolerance without a reaction",
            {"trial.days": 1, "trial.outcome": "intolerant", "trial.reaction": "none"},
        ),
        (
            "intolerance that is a matter of money",
            {"trial.days": 1, "trial.outcome": "intolerant", "trial.reaction": "No reaction; insurance stopped paying"},
        ),
    ],
    "That cannot be, or is no intolerance.",
    _tried,
    fits=by_trial,
)


@TABLE.row("The disease began after the trial.", fits=both(by_trial, lambda b: not all_of(b, "Condition")))
def trial_before_the_disease(bundle: Json) -> None:
    _tried(bundle, {"trial.start": "2025-01-01", "trial.end": "2025-06-01"})
    _condition(bundle, {"code": concept(ICD10, "M06.9"), "onsetDateTime": "2026-10-01"})


def _shown(bundle: Json, more: Json) -> None:
    _tried(bundle, {"trial.days": 120})
    statement = {
        "resourceType": "MedicationStatement",
        "id": "shown",
        "status": "stopped",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": _ADALIMUMAB,
        "effectivePeriod": {"start": "2026-03-01", "end": "2026-08-01"},
        **more,
    }
    add(bundle, statement)


TABLE.rows_of(
    [
        ("trial that never began, says its reason", {"statusReason": [{"text": "Never started"}]}),
        ("trial that was never filled, says its reason", {"statusReason": [{"text": "Never filled by patient"}]}),
        ("trial that was refused, says its note", {"note": [{"text": "Patient refused all doses"}]}),
        ("trial that was not taken, says its dosage", {"dosage": [{"text": "not taken"}]}),
    ],
    "The record says that it was not taken.",
    _shown,
    fits=by_trial,
)


TABLE.rows_of(
    [
        ("trial whose reason is a reference of words", {"reasonReference": [{"display": "Psoriasis"}]}),
        (
            "trial whose reason did not come along",
            {"reasonReference": [{"reference": "https://other.example.net/Condition/1", "display": "Psoriasis"}]},
        ),
    ],
    "That was for another disease.",
    _shown,
    fits=by_trial,
)


def _prescribed(bundle: Json, more: Json) -> None:
    _tried(bundle, {"trial.days": 120})
    add(bundle, an_order(bundle, _ADALIMUMAB, id_="tried", **{"authoredOn": "2026-01-01", **more}))


TABLE.rows_of(
    [
        ("trial prescribed for psoriasis", {"status": "completed", "reasonCode": [concept(ICD10, "L40.0")]}),
        ("trial that the patient refused", {"status": "stopped", "statusReason": {"text": "Patient refused"}}),
        ("trial that nobody paid for", {"status": "cancelled", "statusReason": {"text": "Insurance denied"}}),
    ],
    "That was for another disease, or never taken.",
    _prescribed,
    fits=both(by_trial, with_order),
)


@TABLE.row("Somebody thinks of an allergy.", fits=by_trial)
def intolerance_by_an_unconfirmed_allergy(bundle: Json) -> None:
    _shown(bundle, {"effectivePeriod": {"start": "2026-03-01", "end": "2026-03-05"}})
    answer(bundle, {"trial": [{"trial.medicine": {"system": RXNORM, "code": "6851"}, "trial.days": 100}]})
    statement = next(s for s in all_of(bundle, "MedicationStatement") if s["id"] == "shown")
    statement["reasonCode"] = [concept(ICD10, "M06.9")]
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "thought-of",
        "patient": patient_reference(bundle),
        "code": _ADALIMUMAB,
        "verificationStatus": concept(_ALLERGY, "unconfirmed"),
    }
    add(bundle, allergy)


def _locally(bundle: Json, more: Any) -> None:
    """One trial, and the record shows how the medicine was used."""
    code, display, used = more
    _tried(bundle, {"trial.medicine": {"system": RXNORM, "code": code}, "trial.days": 40})
    answer(bundle, {"systemic-features": False})
    statement = {
        "resourceType": "MedicationStatement",
        "id": "local",
        "status": "completed",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": concept(RXNORM, code, display),
        "effectivePeriod": {"start": "2026-07-01", "end": "2026-08-20"},
        "reasonCode": [concept(ICD10, "M08.20")],
        "dosage": [used],
    }
    add(bundle, statement)


TABLE.rows_of(
    [
        ("corticosteroid on the skin", ("8638", "prednisolone", {"route": {"text": "topical"}})),
        (
            "corticosteroid in the eyes",
            ("8638", "prednisolone", {"route": concept(SNOMED, "54485002", "Ophthalmic route")}),
        ),
        ("corticosteroid in the knee", ("8638", "prednisolone", {"route": {"text": "intra-articular"}})),
        (
            "corticosteroid in eye drops",
            ("8638", "prednisolone acetate 1% ophthalmic suspension", {"text": "eye drops"}),
        ),
        ("corticosteroid in a cream", ("10759", "triamcinolone 0.1% cream", {"text": "on the rash"})),
        ("painkiller in a gel", ("3355", "diclofenac sodium 1% topical gel", {"text": "on the knee"})),
        ("immunosuppressant in eye drops", ("3008", "cyclosporine 0.05% ophthalmic emulsion", {"text": "eye drops"})),
        ("aspirin for the heart", ("1191", "aspirin 81 MG Oral Tablet", {"text": "81 mg once a day"})),
    ],
    "That was no systemic treatment.",
    _locally,
    fits=both(initial, treats("SJIA")),
)


def _active(bundle: Json, more: Json) -> None:
    """Nothing was tried; the prescriber says how active the disease is."""
    _tried(bundle)
    answer(bundle, {"prior-therapy-any": False, "trial": [], "systemic-features": True, **more})


@TABLE.row("Severe, and in remission?", fits=both(initial, treats("SJIA"), lambda b: not all_of(b, "Condition")))
def active_features_in_remission(bundle: Json) -> None:
    _active(bundle, {"severity": "severe"})
    _condition(bundle, {"code": concept(ICD10, "M08.20"), "clinicalStatus": concept(_CLINICAL, "remission")})


@TABLE.row("Nobody has so many joints.", fits=both(initial, treats("SJIA")))
def joints_by_the_thousand(bundle: Json) -> None:
    _active(bundle, {"severity": "mild", "active-joints": 9999})


@TABLE.row("Methotrexate did not work, and worked.", fits=both(initial, treats("STILL")))
def the_same_trial_with_two_outcomes(bundle: Json) -> None:
    steroid = {"trial.medicine": {"system": RXNORM, "code": "8640"}, "trial.days": 10}
    answer(bundle, {"systemic-features": False})
    methotrexate = {"trial.medicine": {"system": RXNORM, "code": "6851"}, "trial.days": 60}
    _tried(bundle, steroid, methotrexate, {**methotrexate, "trial.outcome": "adequate"})


# -- what Kineret did ----------------------------------------------------------------------------------------


def _stopped(bundle: Json, more: Json) -> None:
    statement = {
        "resourceType": "MedicationStatement",
        "id": "stopped",
        "status": "stopped",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": _KINERET,
        **more,
    }
    add(bundle, statement)


@TABLE.row("It was stopped without effect, on the day of the request.", fits=continuation)
def kineret_stopped_today_without_effect(bundle: Json) -> None:
    period = {"start": "2026-02-01", "end": claim(bundle)["created"][:10]}
    _stopped(bundle, {"effectivePeriod": period, "statusReason": [{"text": "No effect"}]})


TABLE.rows_of(
    [
        ("Kineret stopped as a failure", {"statusReason": [{"text": "Treatment failure"}]}),
        ("Kineret that is not taken", {"status": "not-taken"}),
        ("Kineret on hold", {"status": "on-hold"}),
    ],
    "It was stopped, or is not taken.",
    _stopped,
    fits=continuation,
)


def _lapsed(bundle: Json, status: Any) -> None:
    for kind in ("MedicationStatement", "MedicationDispense", "MedicationAdministration"):
        remove(bundle, *all_of(bundle, kind))
    _stopped(bundle, {"status": status, "effectivePeriod": {"start": "2026-02-01", "end": "2026-05-25"}})


TABLE.rows_of(
    [(f"Kineret {s} half a year ago, and no fill", s) for s in ("stopped", "completed")],
    "There was a break.",
    _lapsed,
    fits=continuation,
)


@TABLE.row("The order before this one was stopped for lack of effect.", fits=both(continuation, with_order))
def earlier_order_stopped_for_lack_of_effect(bundle: Json) -> None:
    like = {k: order(bundle)[k] for k in ("subject", "medicationCodeableConcept")}
    why = {"status": "stopped", "statusReason": {"text": "Lack of efficacy"}, "intent": "order"}
    add(bundle, {"resourceType": "MedicationRequest", "id": "before", **like, **why})


@TABLE.row("It works, one day after it began?", fits=continuation)
def response_on_the_first_day(bundle: Json) -> None:
    answer(bundle, {"course-start": claim(bundle)["created"][:10]})


@TABLE.row("Kineret was not there yet.", fits=continuation)
def course_that_began_before_the_medicine_existed(bundle: Json) -> None:
    first(bundle, "Patient")["birthDate"] = "1980-01-01"
    answer(bundle, {"birth-date": "1980-01-01", "course-start": "1990-01-01"})


@TABLE.row("Never taken before, they say; it was, and failed.", fits=initial)
def never_taken_before_and_it_failed(bundle: Json) -> None:
    answer(bundle, {"taken-before": "no"})
    period = {"start": "2025-01-01", "end": "2025-06-01"}
    _stopped(bundle, {"effectivePeriod": period, "statusReason": [{"text": "Lack of efficacy"}]})


def _taken_more(bundle: Json, amount: Any) -> None:
    _stopped(bundle, {"status": "active", "effectivePeriod": {"start": "2026-02-02"}, "dosage": [amount]})


TABLE.rows_of(
    [
        ("four times the dose is taken now", {"text": "400 mg daily"}),
        (
            "four times the dose is taken now by its parts",
            {"timing": dosage()["timing"], "doseAndRate": [{"doseQuantity": dose(400)}]},
        ),
    ],
    "More is taken than is ordered, and than may be.",
    _taken_more,
    fits=both(continuation, treats("RA")),
)


@TABLE.row("Four syringes a day were filled.", fits=both(continuation, treats("RA")))
def four_syringes_a_day_filled(bundle: Json) -> None:
    fill = {
        "resourceType": "MedicationDispense",
        "id": "four-a-day",
        "status": "completed",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": _KINERET,
        "whenHandedOver": "2026-11-20",
        "quantity": {"value": 112, "unit": "syringe"},
        "daysSupply": dose(28, "d"),
    }
    add(bundle, fill)


# -- words of an answer --------------------------------------------------------------------------------------


def _displayed(bundle: Json, more: Any) -> None:
    group, link, display = more
    items = next(i for i in first(bundle, "QuestionnaireResponse")["item"] if i["linkId"] == group)["item"]
    coding = next(i for i in items if i["linkId"] == link)["answer"][0]["valueCoding"]
    assert coding["system"] == FORM
    coding["display"] = display


TABLE.rows_of(
    [("condition answered that its words contradict", ("diagnosis", "indication", "Ankylosing spondylitis"))],
    "The answer reads otherwise than its code.",
    _displayed,
    fits=treats("RA"),
)
TABLE.rows_of(
    [("response answered that its words contradict", ("treatment-response", "response", "No response"))],
    "The answer reads otherwise than its code.",
    _displayed,
    fits=continuation,
)
