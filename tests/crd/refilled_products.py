"""Spoils the product or the dosage of a refill: after each row the authorization is not shown to cover it."""

import copy

from tests.crd.refill import UNKNOWN, dosage, dose, has_codings, order, product, set_in, without
from tests.spoilings.model import Json, Table
from tests.spoilings.request import ADALIMUMAB, RXNORM, SNOMED, UCUM

TABLE = Table(11)
row, rows_of = TABLE.row, TABLE.rows_of

# -- the product ---------------------------------------------------------------------------------------------------

rows_of(
    [("refill with the text of another drug", {"text": "Humira"}), ("refill of a product with more parts", {"x": 1})],
    "The words name another drug.",
    set_in(product),
)
rows_of(
    [
        ("refill that codes another drug too", {"system": RXNORM, "code": ADALIMUMAB}),
        ("refill that displays another drug without a code", {"display": "adalimumab"}),
        ("refill that codes another drug in an unknown system", {"code": "J0135", "display": "adalimumab"}),
        ("refill with a code that nobody knows", {"system": "http://ehr.example", "code": "1"}),
    ],
    "A second coding names what was not authorized.",
    lambda call, value: product(call)["coding"].append(dict(value)),
    fits=has_codings,
)
rows_of(
    [("refill whose code is displayed as another drug", {"display": "Humira 40 mg"})],
    "The code and its words disagree.",
    lambda call, value: product(call)["coding"][0].update(value),
    fits=has_codings,
)


@row("The Medication that it refers to is made of another drug.")
def refill_of_a_medication_with_another_ingredient(call: Json) -> None:
    found = order(call)
    code = found.pop("medicationCodeableConcept")
    made = {"itemCodeableConcept": {"coding": [{"system": RXNORM, "code": ADALIMUMAB}]}}
    found["contained"] = [{"resourceType": "Medication", "id": "m", "code": code, "ingredient": [made]}]
    found["medicationReference"] = {"reference": "#m"}


@row("What it refers to as is another drug.")
def refill_of_a_medication_called_otherwise(call: Json) -> None:
    found = order(call)
    code = found.pop("medicationCodeableConcept")
    found["contained"] = [{"resourceType": "Medication", "id": "m", "code": code}]
    found["medicationReference"] = {"reference": "#m", "display": "Humira"}


# -- dose, directions, place ---------------------------------------------------------------------------------------

rows_of(
    [
        ("refill of ten times the dose", {"value": 1000}),
        ("refill of grams", {"unit": "g", "code": "g"}),
        ("refill of at least the dose", {"comparator": ">"}),
        ("refill of no amount", {"value": 0}),
        ("refill of less, in words as much", {"value": 1}),
        ("refill of a dose as text", {"value": "100"}),
        ("refill of a yes", {"value": True}),
    ],
    "The dose is not the authorized one, or cannot be compared.",
    set_in(dose),
)
rows_of(
    [
        ("refill with other words for the dose", {"text": "1000 mg a day"}),
        ("refill with words for the patient", {"patientInstruction": "Take ten syringes a day"}),
        ("refill with a further instruction", {"additionalInstruction": [{"text": "twice the dose on Sundays"}]}),
        ("refill into a vein", {"route": {"coding": [{"system": SNOMED, "code": "47625008"}]}}),
        ("refill with a route in words", {"route": {"text": "intravenous"}}),
        ("refill as needed", {"asNeededBoolean": True}),
        ("refill at a site", {"site": {"text": "eye"}}),
        ("refill by another method", {"method": {"text": "infuse"}}),
        ("refill four times a day", {"timing": {"repeat": {"frequency": 4, "period": 1, "periodUnit": "d"}}}),
        ("refill by a code of timing", {"timing": {"code": {"text": "QID"}}}),
        ("refill with a modified dosage", {"modifierExtension": UNKNOWN}),
        ("refill of no dose", {"doseAndRate": []}),
        (
            "refill with a higher limit",
            {
                "maxDosePerPeriod": {
                    "numerator": {"value": 5000, "unit": "mg", "system": UCUM, "code": "mg"},
                    "denominator": {"value": 1, "unit": "d", "system": UCUM, "code": "d"},
                }
            },
        ),
    ],
    "It is to be given otherwise than was authorized.",
    set_in(dosage),
)
rows_of(
    [(f"refill without {key}", key) for key in ("route", "timing", "doseAndRate")],
    "How it is given is no longer told.",
    without(dosage),
)


@row("It is a little more.")
def refill_of_a_little_more(call: Json) -> None:
    dosage(call).pop("text", None)
    dose(call)["value"] += 0.5


@row("Two doses at a time.")
def refill_with_two_doses_at_a_time(call: Json) -> None:
    dosage(call)["doseAndRate"].append(copy.deepcopy(dosage(call)["doseAndRate"][0]))


@row("The limit is divided by less time: it is higher.")
def refill_with_the_limit_of_a_shorter_time(call: Json) -> None:
    dosage(call)["maxDosePerPeriod"]["denominator"]["value"] = 0.1
    dosage(call).pop("text", None)


@row("Two doses side by side.")
def refill_with_its_dosage_twice(call: Json) -> None:
    order(call)["dosageInstruction"].append(copy.deepcopy(dosage(call)))
