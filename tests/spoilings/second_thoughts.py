"""What a request unsays in a word beside a good code: doubts, rates, no person's name, the very medicine forbidden."""

from typing import Any

from server.fhir.codes import PAS
from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    POS,
    RXNORM,
    SNOMED,
    UCUM,
    add,
    all_of,
    an_order,
    answer,
    answered,
    both,
    claim,
    concept,
    dosed,
    first,
    initial,
    item,
    order,
    patient_reference,
    treats,
    with_order,
)

_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_PLAN = concept("http://terminology.hl7.org/CodeSystem/coverage-class", "plan")
DIAGNOSES = Table(8)
DOSES = Table(4)
PROOF = Table(10)
MEDICINES = Table(6)
ORDERS = Table(9)


def _office_or_home(bundle: Json) -> bool:
    """Requests that the place of service alone clears, of an adult."""
    place = item(bundle).get("locationCodeableConcept", {}).get("coding", [{}])[0].get("code")
    return place in ("11", "12") and first(bundle, "Patient").get("birthDate", "") < "2005"


def _commercial(bundle: Json) -> bool:
    return bool(answered(bundle, "coverage-kind") == "commercial")


# -- diagnoses ------------------------------------------------------------------------------------------------

_DOUBTS = ("?RA", "r/o RA", "RA excluded", "RA, doubtful", "Not RA", "RA unlikely", "mother has RA")


def _diagnosis_in_words(bundle: Json, words: str) -> None:
    claim(bundle)["diagnosis"][0]["diagnosisCodeableConcept"]["text"] = words


def _reason_in_words(bundle: Json, words: str) -> None:
    order(bundle)["reasonCode"][0]["text"] = words


def _with_a_coded_diagnosis(bundle: Json) -> bool:
    return answered(bundle, "indication") == "RA" and "diagnosisCodeableConcept" in claim(bundle)["diagnosis"][0]


def _with_a_reason(bundle: Json) -> bool:
    return answered(bundle, "indication") == "RA" and with_order(bundle) and bool(order(bundle).get("reasonCode"))


DIAGNOSES.rows_of(
    ((f"diagnosis whose words doubt it: {words}", words) for words in _DOUBTS),
    "The code is of arthritis, and the words say that it may be none, or another's.",
    _diagnosis_in_words,
    fits=_with_a_coded_diagnosis,
)
DIAGNOSES.rows_of(
    ((f"reason whose words doubt it: {words}", words) for words in _DOUBTS),
    "The code is of arthritis, and the prescriber's words say that it may be none, or another's.",
    _reason_in_words,
    fits=_with_a_reason,
)

# -- doses ----------------------------------------------------------------------------------------------------


def _by_number(bundle: Json) -> bool:
    return dosed(bundle) and all(d.get("doseAndRate") for d in order(bundle)["dosageInstruction"])


def _of_100_mg(bundle: Json) -> bool:
    return bool(answered(bundle, "dose-mg-per-day") == 100)


def _rate(bundle: Json, rate: Json) -> None:
    order(bundle)["dosageInstruction"][0]["doseAndRate"][0].update(rate)


DOSES.rows_of(
    (
        ("dose with a rate", {"rateQuantity": {"value": 10, "unit": "mg/min", "system": UCUM, "code": "mg/min"}}),
        (
            "dose with a rate by the hour",
            {
                "rateRatio": {
                    "numerator": {"value": 400, "unit": "mg", "system": UCUM, "code": "mg"},
                    "denominator": {"value": 1, "unit": "h", "system": UCUM, "code": "h"},
                }
            },
        ),
    ),
    "An injection under the skin has no rate: this is an infusion.",
    _rate,
    fits=_by_number,
)


@DOSES.row("The patient is told to take each dose twice a day.", fits=both(_by_number, treats("RA"), _of_100_mg))
def dose_once_by_numbers_and_twice_by_an_instruction(bundle: Json) -> None:
    order(bundle)["dosageInstruction"][0]["additionalInstruction"] = [{"text": "twice"}]


# -- the very medicine ----------------------------------------------------------------------------------------


def _no_reaction_is_proof(bundle: Json) -> bool:
    return bool(answered(bundle, "site-exception") != "E3")


def _allergy(bundle: Json, more: Json) -> None:
    add(bundle, {"resourceType": "AllergyIntolerance", "id": "own", "patient": patient_reference(bundle), **more})


MEDICINES.rows_of(
    (
        ("allergy to the medicine in words", {"code": {"text": "anakinra"}}),
        ("allergy to the medicine by its brand", {"code": {"text": "Kineret"}, "criticality": "high"}),
        ("allergy to the medicine in SNOMED CT", {"code": concept(SNOMED, "385549000", "Anakinra")}),
        (
            "allergy whose reaction names the medicine",
            {
                "code": {"text": "biologics"},
                "reaction": [{"substance": {"text": "Kineret"}, "manifestation": [{"text": "anaphylaxis"}]}],
            },
        ),
    ),
    "The patient does not tolerate the very medicine asked for.",
    _allergy,
    fits=_no_reaction_is_proof,
)


@ORDERS.row("Beside the order there is one that the medicine is not to be given.", fits=with_order)
def order_not_to_give_the_medicine(bundle: Json) -> None:
    add(bundle, an_order(bundle, concept(RXNORM, "727714"), doNotPerform=True))


def _procedure(bundle: Json, more: Json) -> None:
    done = {"resourceType": "Procedure", "id": "infusion", "status": "completed", "subject": patient_reference(bundle)}
    add(bundle, {**done, "code": {"text": "Infusion"}, "performedDateTime": claim(bundle)["created"], **more})


MEDICINES.rows_of(
    (
        ("biologic as what a procedure used", {"usedReference": [{"display": "infliximab"}]}),
        ("biologic in the note of a procedure", {"note": [{"text": "Remicade 400 mg"}]}),
    ),
    "An infusion of a biologic was given today.",
    _procedure,
)

# -- proof ----------------------------------------------------------------------------------------------------


def _report(bundle: Json, words: str) -> None:
    first(bundle, "DiagnosticReport")["conclusion"] = words


def _with_a_report(bundle: Json) -> bool:
    return answered(bundle, "indication") == "DIRA" and initial(bundle) and bool(all_of(bundle, "DiagnosticReport"))


PROOF.rows_of(
    (
        (f"genetic report: {words}", words)
        for words in (
            "Research use only: IL1RN pathogenic variant",
            "IL1RN pathogenic variant cannot be confirmed",
            "IL1RN pathogenic variant reported in error",
            "IL1RN pathogenic variant?",
        )
    ),
    "The report takes back what it says.",
    _report,
    fits=_with_a_report,
)
PROOF.rows_of(
    (
        (f"attested by: {words}", words)
        for words in ("AI scribe", "ChatGPT", "auto-generated", "unsigned", "draft", "signature on file", "EHR system")
    ),
    "No person stands by the answers.",
    lambda bundle, words: answer(bundle, {"attester": words}),
)


def _name(bundle: Json, name: Json) -> None:
    for one in all_of(bundle, "Practitioner"):
        one["name"] = [name]


def _specialist_prescribes(bundle: Json) -> bool:
    return initial(bundle) and answered(bundle, "consultation-date") is None


PROOF.rows_of(
    (
        ("prescriber called a nurse before the name", {"prefix": ["Nurse"], "family": "Sample"}),
        ("prescriber called a nurse behind the name", {"text": "Robin Sample, APRN"}),
        ("prescriber called a pharmacist behind the name", {"text": "Robin Sample, PharmD"}),
        ("prescriber called a dentist behind the name", {"text": "Robin Sample, DDS"}),
    ),
    "Who prescribes is no physician of the specialty.",
    _name,
    fits=_specialist_prescribes,
)


def _place(bundle: Json, more: Json) -> None:
    item(bundle)["locationCodeableConcept"].update(more)


PROOF.rows_of(
    (
        ("office by code, 22 in words", {"text": "22"}),
        ("office by code, 19 in words", {"text": "19"}),
    ),
    "The words are the code of a hospital.",
    _place,
    fits=_office_or_home,
)


def _display(bundle: Json, words: str) -> None:
    item(bundle)["locationCodeableConcept"]["coding"] = concept(POS, "11", words)["coding"]


PROOF.rows_of(
    ((f"office by code, its display: {words}", words) for words in ("22", "Observation unit", "Step-down unit")),
    "The display is of a hospital.",
    _display,
    fits=_office_or_home,
)


def _category(bundle: Json, category: Any) -> None:
    item(bundle)["category"] = category


PROOF.rows_of(
    (
        ("service of a hospital by code", concept("https://codesystem.x12.org/005010/1365", "50")),
        ("service of an inpatient by code", concept("https://codesystem.x12.org/005010/1365", "48")),
        ("service of a hospital in words", {"text": "Hospital outpatient"}),
    ),
    "The item is a service that a hospital gives.",
    _category,
    fits=_office_or_home,
)


def _by_place(bundle: Json) -> bool:
    return _office_or_home(bundle) and with_order(bundle)


@PROOF.row("The item is for a stay in hospital.", fits=_office_or_home)
def stay_that_the_item_names(bundle: Json) -> None:
    item(bundle)["encounter"] = [{"display": "Inpatient stay"}]


@PROOF.row("The order was written for an inpatient.", fits=_by_place)
def category_of_an_inpatient_in_words(bundle: Json) -> None:
    order(bundle)["category"] = [{"text": "Inpatient"}]


def _coverage(bundle: Json, more: Json) -> None:
    first(bundle, "Coverage").update(more)


ORDERS.rows_of(
    (
        ("coverage for teeth alone", {"type": {"text": "Dental"}}),
        ("coverage for teeth alone by code", {"type": concept(_ACT, "DENTAL")}),
        ("coverage for accidents at work", {"type": concept(_ACT, "WCBPOL")}),
        ("coverage for accidents of cars", {"type": concept(_ACT, "AUTOPOL")}),
        (
            "coverage for accidents at work by its name",
            {"class": [{"type": _PLAN, "value": "W", "name": "Workers comp"}]},
        ),
        ("coverage for teeth alone by its name", {"class": [{"type": _PLAN, "value": "D", "name": "Dental only"}]}),
    ),
    "This coverage pays for no such medicine.",
    _coverage,
    fits=_commercial,
)


def _extension(bundle: Json, extension: Json) -> None:
    item(bundle).setdefault("extension", []).append(extension)


ORDERS.rows_of(
    (
        (
            "cancellation that stands as a plain extension",
            {"url": f"{PAS}extension-infoCancelled", "valueBoolean": True},
        ),
        ("item cancelled by an extension", {"url": f"{PAS}extension-itemCancelled", "valueBoolean": True}),
    ),
    "The item says that it is cancelled.",
    _extension,
)


@ORDERS.row("The item names two orders, and one is of Humira.", fits=with_order)
def second_order_that_the_item_names(bundle: Json) -> None:
    _extension(bundle, {"url": f"{PAS}extension-requestedService", "valueReference": {"display": "Humira"}})


@MEDICINES.row("Humira is taken beside methotrexate.")
def biologic_in_the_words_by_which_another_is_taken(bundle: Json) -> None:
    taken = {
        "resourceType": "MedicationStatement",
        "id": "taken",
        "status": "active",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": {"text": "methotrexate"},
        "dosage": [{"text": "with Humira weekly"}],
    }
    add(bundle, taken)


TABLES = (DIAGNOSES, DOSES, MEDICINES, ORDERS, PROOF)
