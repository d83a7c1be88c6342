"""Point 5: another patient, another server. What is judged is about the member; the rest is told, not passed over."""

from copy import deepcopy
from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    ADALIMUMAB,
    RXNORM,
    add,
    all_of,
    answer,
    answered,
    by_trial,
    claim,
    concept,
    first,
    initial,
    item,
    order,
    patient_reference,
    remove,
    treats,
    url_of,
    with_order,
)

TABLE = Table(5)
_STRANGER = "https://clinic.example.com/fhir/Patient/stranger"
_HUMIRA = concept(RXNORM, ADALIMUMAB, "adalimumab")


def _stranger(bundle: Json) -> Json:
    add(bundle, {"resourceType": "Patient", "id": "stranger", "birthDate": "1970-01-01"})
    return {"reference": _STRANGER}


@TABLE.row("The order is another patient's.", fits=with_order)
def order_of_another_patient(bundle: Json) -> None:
    order(bundle)["subject"] = _stranger(bundle)


@TABLE.row("The order is of a patient of another hospital.", fits=with_order)
def order_of_a_patient_of_another_server(bundle: Json) -> None:
    tail = patient_reference(bundle)["reference"].split("/")[-1]
    order(bundle)["subject"] = {"reference": f"https://other.example.net/r4/Patient/{tail}"}


@TABLE.row("The order says nobody's name.", fits=with_order)
def order_of_nobody_but_a_display(bundle: Json) -> None:
    order(bundle)["subject"] = {"display": "the patient"}


@TABLE.row("The contained order is another patient's.", fits=with_order)
def contained_order_of_another_patient(bundle: Json) -> None:
    found = order(bundle)
    for extension in item(bundle)["extension"]:
        if extension["url"].endswith("requestedService"):
            extension["valueReference"] = {"reference": "#order"}
    claim(bundle)["contained"] = [{**found, "id": "order", "subject": _stranger(bundle)}]


@TABLE.row("The answers are about another patient.")
def answers_about_another_patient(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse")["subject"] = _stranger(bundle)


@TABLE.row("The answers do not say whom they are about.")
def answers_about_nobody(bundle: Json) -> None:
    del first(bundle, "QuestionnaireResponse")["subject"]


@TABLE.row("The answers name the patient in words only.")
def answers_about_a_display(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse")["subject"] = {"display": "the patient"}


@TABLE.row("The answers are about a patient of another hospital.")
def answers_about_a_patient_of_another_server(bundle: Json) -> None:
    tail = patient_reference(bundle)["reference"].split("/")[-1]
    first(bundle, "QuestionnaireResponse")["subject"] = {"reference": f"https://other.example.net/r4/Patient/{tail}"}


@TABLE.row("The coverage is another patient's.")
def coverage_of_another_patient(bundle: Json) -> None:
    first(bundle, "Coverage")["beneficiary"] = _stranger(bundle)


@TABLE.row("The Claim is for a stranger; everything else is not.")
def claim_for_another_patient(bundle: Json) -> None:
    claim(bundle)["patient"] = _stranger(bundle)


@TABLE.row("Patient and coverage have different member numbers.")
def member_numbers_that_differ(bundle: Json) -> None:
    first(bundle, "Patient")["identifier"][0]["value"] = "W-SOMEBODY-ELSE"


def _fill(bundle: Json, **more: Any) -> Json:
    return {
        "resourceType": "MedicationDispense",
        "id": "fill",
        "status": "completed",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": _HUMIRA,
        "whenHandedOver": claim(bundle)["created"][:10],
        **more,
    }


@TABLE.row("A fill of adalimumab lies here, and it does not say whose it is.")
def biologic_filled_for_nobody(bundle: Json) -> None:
    found = _fill(bundle)
    del found["subject"]
    add(bundle, found)


@TABLE.row("A fill of adalimumab lies here for a patient of another server; is it the same one?")
def biologic_filled_for_a_patient_of_another_server(bundle: Json) -> None:
    tail = patient_reference(bundle)["reference"].split("/")[-1]
    add(bundle, _fill(bundle, subject={"reference": f"https://other.example.net/r4/Patient/{tail}"}))


@TABLE.row("A fill of adalimumab lies here for somebody who is only named.")
def biologic_filled_for_a_display(bundle: Json) -> None:
    add(bundle, _fill(bundle, subject={"display": "the member"}))


@TABLE.row("A fill of adalimumab is contained in an order and is said to be of nobody here.", fits=with_order)
def biologic_filled_for_a_reference_that_leads_nowhere(bundle: Json) -> None:
    order(bundle)["contained"] = [_fill(bundle, subject={"reference": "Patient/gone"})]


def _open_trials(bundle: Json) -> None:
    """Nothing of the patient's own says what was tried."""
    answer(bundle, {"trial": []})
    remove(bundle, *all_of(bundle, "MedicationStatement"), *all_of(bundle, "MedicationDispense"))


def _trial(**more: Any) -> Json:
    return {
        "resourceType": "MedicationStatement",
        "id": "shown",
        "status": "completed",
        "medicationCodeableConcept": _HUMIRA,
        "effectivePeriod": {"start": "2025-01-01", "end": "2025-12-31"},
        **more,
    }


@TABLE.row("The trial is another patient's.", fits=by_trial)
def trial_of_another_patient(bundle: Json) -> None:
    _open_trials(bundle)
    add(bundle, _trial(subject=_stranger(bundle)))


@TABLE.row("The trial is another patient's, contained in the order.", fits=lambda b: by_trial(b) and with_order(b))
def contained_trial_of_another_patient(bundle: Json) -> None:
    _open_trials(bundle)
    order(bundle)["contained"] = [_trial(subject=_stranger(bundle))]


@TABLE.row("The trial is of a patient of another server.", fits=by_trial)
def trial_of_a_patient_of_another_server(bundle: Json) -> None:
    _open_trials(bundle)
    tail = patient_reference(bundle)["reference"].split("/")[-1]
    add(bundle, _trial(subject={"reference": f"https://other.example.net/r4/Patient/{tail}"}))


def _weighed(bundle: Json) -> bool:
    return bool(treats("CAPS")(bundle) and all_of(bundle, "Observation"))


@TABLE.row("Somebody else was weighed.", fits=_weighed)
def weight_of_another_patient(bundle: Json) -> None:
    answer(bundle, {"weight-kg": []})
    first(bundle, "Observation")["subject"] = _stranger(bundle)


@TABLE.row("Nobody knows who was weighed.", fits=_weighed)
def weight_of_nobody(bundle: Json) -> None:
    answer(bundle, {"weight-kg": []})
    del first(bundle, "Observation")["subject"]


def _same_id(bundle: Json, kind: str) -> None:
    """The named resource is another server's; one of ours has the same tail."""
    if kind == "Condition":
        condition = {
            "resourceType": "Condition",
            "id": "c",
            "subject": patient_reference(bundle),
            "code": deepcopy(claim(bundle)["diagnosis"][0]["diagnosisCodeableConcept"]),
        }
        add(bundle, condition)
        claim(bundle)["diagnosis"] = [
            {"sequence": 1, "diagnosisReference": {"reference": "https://other.example.net/r4/Condition/c"}}
        ]
        order(bundle).pop("reasonCode", None)
        bundle["entry"] = [e for e in bundle["entry"] if e["resource"] is not condition]
    else:
        found = order(bundle)
        for extension in item(bundle)["extension"]:
            if extension["url"].endswith("requestedService"):
                tail = url_of(bundle, found).split("/")[-1]
                extension["valueReference"] = {"reference": f"https://other.example.net/r4/MedicationRequest/{tail}"}


TABLE.rows_of(
    [
        ("diagnosis of another server whose tail matches", "Condition"),
        ("order of another server whose tail matches", "MedicationRequest"),
    ],
    "That address leads elsewhere.",
    _same_id,
    fits=with_order,
)


@TABLE.row("The medicine it names is on another server; one of the same number here is Kineret.", fits=with_order)
def medicine_of_another_server_whose_tail_matches(bundle: Json) -> None:
    found = order(bundle)
    named = found.pop("medicationCodeableConcept", None) or concept(RXNORM, "727714")
    item(bundle).pop("detail", None)
    add(bundle, {"resourceType": "Medication", "id": "m", "code": named})
    found["medicationReference"] = {"reference": "https://other.example.net/r4/Medication/m"}


@TABLE.row("Two medicines have the number that the order names, and one is adalimumab.", fits=with_order)
def medicine_named_by_a_number_that_two_have(bundle: Json) -> None:
    found = order(bundle)
    named = found.pop("medicationCodeableConcept", None) or concept(RXNORM, "727714")
    add(bundle, {"resourceType": "Medication", "id": "m", "code": named}, base="https://one.example.net/r4")
    add(bundle, {"resourceType": "Medication", "id": "m", "code": _HUMIRA}, base="https://two.example.net/r4")
    found["medicationReference"] = {"reference": "Medication/m"}


@TABLE.row("The condition it names is the neighbour's; the patient's own has the same number.", fits=with_order)
def reason_that_is_another_patients_condition_of_the_same_number(bundle: Json) -> None:
    found = order(bundle)
    found.pop("reasonCode", None)
    code = deepcopy(claim(bundle)["diagnosis"][0]["diagnosisCodeableConcept"])
    del claim(bundle)["diagnosis"]
    item(bundle).pop("diagnosisSequence", None)
    own = url_of(bundle, found).rsplit("/", 2)[0]
    theirs = {"resourceType": "Condition", "id": "c", "subject": _stranger(bundle), "code": code}
    add(bundle, theirs, base=own)
    found["reasonReference"] = [{"reference": "Condition/c"}]


@TABLE.row("The attachment is about another patient.", fits=lambda b: answered(b, "indication") == "RA")
def diagnosis_of_another_patient(bundle: Json) -> None:
    code = deepcopy(claim(bundle)["diagnosis"][0]["diagnosisCodeableConcept"])
    theirs = {"resourceType": "Condition", "id": "c", "subject": _stranger(bundle), "code": code}
    url = add(bundle, theirs)
    claim(bundle)["diagnosis"] = [{"sequence": 1, "diagnosisReference": {"reference": url}}]
    for one in all_of(bundle, "MedicationRequest"):
        one.pop("reasonCode", None)
    bundle["entry"] = [
        e for e in bundle["entry"] if e["resource"]["resourceType"] != "Condition" or e["resource"] is theirs
    ]


@TABLE.row("Who prescribes is the patient.", fits=lambda b: initial(b) and with_order(b))
def answers_signed_by_the_patient(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse")["author"] = patient_reference(bundle)
    answer(bundle, {"attester": []})


@TABLE.row("A later form of the same patient says that adalimumab is taken with it.")
def later_answers_that_say_otherwise(bundle: Json) -> None:
    other = deepcopy(bundle)
    answer(other, {"concurrent-any": True, "concurrent-which": [{"system": RXNORM, "code": ADALIMUMAB}]})
    later = first(other, "QuestionnaireResponse")
    later["id"] = "later"
    later["authored"] = claim(bundle)["created"]
    later.pop("extension", None)
    add(bundle, later)


@TABLE.row("It is another's weight, told of this patient.", fits=_weighed)
def weight_whose_focus_is_another(bundle: Json) -> None:
    answer(bundle, {"weight-kg": []})
    first(bundle, "Observation")["focus"] = [_stranger(bundle)]
