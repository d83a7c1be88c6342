"""Point 4: an order whose words, units and numbers say more than its structure; weights that no patient has."""

from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    SNOMED,
    UCUM,
    add,
    all_of,
    answer,
    answered,
    claim,
    concept,
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

TABLE = Table(4)
_GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
_SUBCUTANEOUS = {"system": SNOMED, "code": "34206005"}


def _dosages(bundle: Json, found: list[Json]) -> None:
    order(bundle)["dosageInstruction"] = found


def _ra(bundle: Json) -> bool:
    return with_order(bundle) and answered(bundle, "indication") == "RA"


TABLE.rows_of(
    [
        (f"100 mg once a day, in words: {words}", [dosage(text=words)])
        for words in (
            "100 mg four times a day",
            "100 mg BID",
            "100 mg SC twice daily",
            "Inject 100 mg every 6 hours",
            "Inject 2 syringes once daily",
            "Inject 200mg/day",
            "Inject 200 milligrams daily",
            "Inject 0.2 g daily",
            "Inject 1.34 mL daily",
            "Inject 3 mg/kg daily",
            "100 mg daily, may increase to 200 if flare",
            "100 mg IV daily",
            "100 mg intravenously once a day",
            "100 mg intrathecal daily",
            "100 mg daily for gout flare",
        )
    ]
    + [
        ("100 mg, and 200 mg as the patient is told", [dosage(patientInstruction="Inject 200 mg every day")]),
        ("100 mg, and 200 mg on bad days", [dosage(additionalInstruction=[{"text": "Inject 200 mg on bad days"}])]),
        ("100 mg as needed for gout", [dosage(asNeededCodeableConcept=concept(SNOMED, "90560007", "Gout"))]),
        ("up to 500 mg at once", [dosage(maxDosePerAdministration=dose(500))]),
        (
            "under the skin and into a vein, another way",
            [dosage(route={"coding": [_SUBCUTANEOUS, {"system": SNOMED, "code": "47625008"}]})],
        ),
        (
            "under the skin by code, into a vein in words",
            [dosage(route={"coding": [_SUBCUTANEOUS], "text": "intravenous"})],
        ),
        (
            "under the skin by code, into a vein as its display",
            [dosage(route={"coding": [{**_SUBCUTANEOUS, "display": "Intravenous"}]})],
        ),
        ("into the knee joint", [dosage(site=concept(SNOMED, "72696002", "Knee joint structure"))]),
        (
            "morning and evening in two numbered lines",
            [dosage(sequence=n, timing={"repeat": {"when": [w]}}) for n, w in ((1, "MORN"), (2, "EVE"))],
        ),
        (
            "milligrams by code, grams in words",
            [
                {
                    **dosage(),
                    "doseAndRate": [{"doseQuantity": {"value": 100, "unit": "g", "system": UCUM, "code": "mg"}}],
                }
            ],
        ),
        (
            "once a day by code, three times as its display",
            [dosage(timing={"code": concept(_GTS, "QD", "three times a day")})],
        ),
    ],
    "That is not 100 mg a day under the skin.",
    _dosages,
    fits=_ra,
)


def _dispensed(bundle: Json, request: Json) -> None:
    order(bundle)["dispenseRequest"] = request


_DAYS = {"expectedSupplyDuration": dose(30, "d")}
TABLE.rows_of(
    [
        ("sixty of each for thirty days", {"quantity": {"value": 60, "unit": "each"}, **_DAYS}),
        ("sixty of nothing for thirty days", {"quantity": {"value": 60}, **_DAYS}),
        ("sixty SYRINGES for thirty days", {"quantity": {"value": 60, "unit": "SYRINGES"}, **_DAYS}),
        ("900 syringes for no time", {"quantity": {"value": 900, "unit": "syringe"}}),
        (
            "1,000 syringes on the first day",
            {"initialFill": {"quantity": {"value": 1000, "unit": "syringe"}, "duration": dose(1, "d")}},
        ),
    ],
    "Two a day, or more than half a year needs.",
    _dispensed,
    fits=lambda b: _ra(b) and initial(b),
)


@TABLE.row("900 syringes in the 180 days of a first approval.", fits=lambda b: _ra(b) and initial(b))
def item_of_900_syringes(bundle: Json) -> None:
    item(bundle)["quantity"] = {"value": 900, "unit": "syringe"}


@TABLE.row("5,000 packages.", fits=lambda b: "detail" in item(b))
def detail_of_5000(bundle: Json) -> None:
    item(bundle)["detail"][0]["quantity"] = {"value": 5000}


# -- weights -------------------------------------------------------------------------------------------------


def _weighs(bundle: Json, kg: float, mg: float, born: str | None = None) -> None:
    """So heavy, as weighed and as answered; the dose is answered alone."""
    for one in all_of(bundle, "Observation"):
        if one["code"]["coding"][0]["code"] == "29463-7":
            one["valueQuantity"] = dose(kg, "kg")
    answers: Json = {"weight-kg": kg, "dose-mg-per-day": mg, "start-dose-mg-per-day": []}
    if born:
        first(bundle, "Patient")["birthDate"] = born
        answers["birth-date"] = born
    answer(bundle, answers)
    if with_order(bundle):
        order(bundle).pop("dosageInstruction", None)


_BODIES: list[tuple[str, Any]] = [
    ("child of ten of 250 kg", (250, 2000, "2016-09-08")),
    ("baby of 100 kg", (100, 800, "2026-04-01")),
    ("adult of 3 kg", (3, 24, "1976-04-01")),
]
TABLE.rows_of(
    _BODIES,
    "Nobody of that age weighs so much, or so little.",
    lambda b, body: _weighs(b, *body),
    fits=lambda b: initial(b) and treats("CAPS")(b),
)


@TABLE.row("700 mg a day for a child of nine, and nobody weighed it.", fits=lambda b: initial(b) and treats("SJIA")(b))
def high_dose_for_a_child_without_a_weight(bundle: Json) -> None:
    _weighs(bundle, 27, 700, "2017-04-19")
    answer(bundle, {"weight-kg": []})
    remove(bundle, *all_of(bundle, "Observation"))


def _weighed_again(bundle: Json, code: Json) -> None:
    """10 kg, on the day of the request; with 128 mg a day those are 12.8 mg/kg."""
    answer(bundle, {"dose-mg-per-day": 128})
    weighing = {
        "resourceType": "Observation",
        "id": "again",
        "status": "final",
        "code": code,
        "subject": patient_reference(bundle),
        "effectiveDateTime": claim(bundle)["created"][:10],
        "valueQuantity": dose(10, "kg"),
    }
    add(bundle, weighing)


TABLE.rows_of(
    [
        ("10 kg measured", concept("http://loinc.org", "3141-9", "Body weight Measured")),
        ("10 kg stated", concept("http://loinc.org", "3142-7", "Body weight Stated")),
        ("10 kg by SNOMED CT", concept(SNOMED, "27113001", "Body weight")),
    ],
    "The last weighing is another.",
    _weighed_again,
    fits=lambda b: initial(b) and treats("CAPS")(b) and bool(all_of(b, "Observation")),
)
