"""Point 4: what cannot be read does not agree."""

from copy import deepcopy
from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import all_of, answer, answered, concept, dosage, dose, dosed, first, order, with_order

TABLE = Table(4)
WEIGHTS = Table(9)


def _dosages(bundle: Json, found: list[Json]) -> None:
    order(bundle)["dosageInstruction"] = deepcopy(found)


def _of(**more: Any) -> list[Json]:
    return [dosage(**more)]


_NO_TIMES = {"timing": None}
TABLE.rows_of(
    [
        ("1,000 mg a day", _of(value=1000)),
        ("1 g a day", _of(value=1, unit="g")),
        ("2,000,000 ug a day", _of(value=2_000_000, unit="ug")),
        ("1,000 mg, four times a day by code", _of(value=1000, timing={"code": {"text": "QID"}})),
        (
            "100 mg, four times a day by code",
            _of(timing={"code": concept("http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation", "QID")}),
        ),
        ("100 mg every hour by words", _of(timing={"code": {"text": "every hour"}})),
        ("100 mg on four times by event", _of(timing={"event": [f"2027-02-01T{h:02}:00:00Z" for h in (1, 6, 12, 18)]})),
        ("1,000 mg without a time", _of(value=1000, **_NO_TIMES)),
        ("100 mg without a time", _of(**_NO_TIMES)),
        ("ten syringes a day", [{**dosage(), "doseAndRate": [{"doseQuantity": {"value": 10, "unit": "syringe"}}]}]),
        ("6.7 mL a day", _of(value=6.7, unit="mL")),
        ("a second dose at the same time", [dosage(sequence=1), dosage(value=300, sequence=1)]),
        ("a second dose without a number", [dosage(), dosage(value=300)]),
        ("a dose up to 1,000 mg", [{**dosage(), "doseAndRate": [{"doseRange": {"low": dose(1), "high": dose(1000)}}]}]),
        ("a dose of at least 100 mg", [{**dosage(), "doseAndRate": [{"doseRange": {"low": dose(100)}}]}]),
        (
            "a dose of more than 100 mg",
            [{**dosage(), "doseAndRate": [{"doseQuantity": {**dose(100), "comparator": ">"}}]}],
        ),
        ("a rate of 100 mg an hour", [{**dosage(), "doseAndRate": [{"rateQuantity": dose(100, "mg/h")}]}]),
        (
            "a rate beside the dose",
            [{**dosage(), "doseAndRate": [{"doseQuantity": dose(100), "rateQuantity": dose(100, "mg/h")}]}],
        ),
        ("a dose by weight", _of(value=100, unit="mg/kg")),
        ("two doses in one line", [{**dosage(), "doseAndRate": [{"doseQuantity": dose(v)} for v in (100, 1000)]}]),
        ("three times a day", _of(timing={"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}})),
        (
            "up to ten times a day",
            _of(timing={"repeat": {"frequency": 1, "frequencyMax": 10, "period": 1, "periodUnit": "d"}}),
        ),
        ("every 8 hours", _of(timing={"repeat": {"frequency": 1, "period": 8, "periodUnit": "h"}})),
        ("every hour", _of(timing={"repeat": {"frequency": 1, "period": 1, "periodUnit": "h"}})),
        (
            "every 4 to 24 hours",
            _of(timing={"repeat": {"frequency": 1, "period": 4, "periodMax": 24, "periodUnit": "h"}}),
        ),
        ("at each meal", _of(timing={"repeat": {"when": ["CM", "CD", "CV"]}})),
        (
            "at four times of day",
            _of(timing={"repeat": {"timeOfDay": ["06:00:00", "12:00:00", "18:00:00", "23:00:00"]}}),
        ),
        ("700 mg once a week", _of(value=700, timing={"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}})),
        (
            "a limit of 1,000 mg a day and no dose",
            [
                {
                    "timing": dosage()["timing"],
                    "maxDosePerPeriod": {"numerator": dose(1000), "denominator": dose(1, "d")},
                }
            ],
        ),
        ("a limit of 1,000 mg at once", [{**dosage(), "doseAndRate": [], "maxDosePerAdministration": dose(1000)}]),
        ("a lifetime limit alone", [{"maxDosePerLifetime": dose(1000), "text": "as needed"}]),
        ("as needed, in words", [{"text": "Inject as needed", "asNeededBoolean": True}]),
        ("1,000 mg a day in words", [{"text": "Inject 1000 mg under the skin daily"}]),
        ("100 mg that the words contradict", [{**dosage(), "text": "Inject 1000 mg under the skin four times a day"}]),
        ("into a vein", _of(route=concept("http://snomed.info/sct", "47625008", "Intravenous route"))),
        ("into a vein by words", _of(route={"text": "intravenous"})),
        (
            "into the spine by another code",
            _of(route=concept("http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration", "IV")),
        ),
        (
            "by pump, as method",
            _of(method=concept("http://snomed.info/sct", "764794000", "Intravenous infusion - action")),
        ),
        ("minus 100 mg a day", _of(value=-100)),
        ("0 mg a day", _of(value=0)),
    ],
    "That is not 100 mg a day under the skin.",
    _dosages,
    fits=lambda b: with_order(b) and answered(b, "indication") == "RA",
)


@TABLE.row(
    "They say 50 mg a day, and each dose ordered is 100 mg.",
    fits=lambda b: dosed(b) and answered(b, "indication") == "RA",
)
def single_dose_above_the_daily_dose_answered(bundle: Json) -> None:
    answer(bundle, {"dose-mg-per-day": 50})
    order(bundle)["dosageInstruction"] = [dosage(100, timing={"code": {"text": "as told"}})]


@TABLE.row(
    "The dose answered is 1,000 mg a day.", fits=lambda b: dosed(b) and answered(b, "dose-mg-per-day") is not None
)
def dose_answered_of_1000_mg(bundle: Json) -> None:
    answer(bundle, {"dose-mg-per-day": 1000})


@TABLE.row(
    "The dose answered is less than nothing.", fits=lambda b: dosed(b) and answered(b, "dose-mg-per-day") is not None
)
def dose_answered_below_nothing(bundle: Json) -> None:
    answer(bundle, {"dose-mg-per-day": -100})


@TABLE.row("Nobody says how much.", fits=lambda b: dosed(b) and answered(b, "indication") == "RA")
def no_dose_at_all(bundle: Json) -> None:
    answer(bundle, {"dose-mg-per-day": []})
    del order(bundle)["dosageInstruction"]


def _caps(bundle: Json) -> bool:
    return dosed(bundle) and answered(bundle, "indication") == "CAPS"


@TABLE.row("40 mg a kilogram.", fits=_caps)
def five_times_the_dose_by_weight(bundle: Json) -> None:
    for one in order(bundle)["dosageInstruction"]:
        one["doseAndRate"] = [{"doseQuantity": dose(1280)}]
        one.pop("maxDosePerPeriod", None)


def _weight_answered(bundle: Json, kg: Any) -> None:
    answer(bundle, {"weight-kg": kg})


WEIGHTS.rows_of(
    [
        ("weight answered 5,000 kg", 5000),
        ("weight answered 0 kg", 0),
        ("weight answered minus 32 kg", -32),
        ("weight answered 3 kg", 3),
    ],
    "Nobody weighs that.",
    _weight_answered,
    fits=lambda b: _caps(b) and answered(b, "weight-kg") is not None,
)


def _weighing(bundle: Json, value: Any) -> None:
    first(bundle, "Observation")["valueQuantity"] = value


WEIGHTS.rows_of(
    [
        ("weighing of 5,000 kg", dose(5000, "kg")),
        ("weighing of 0 kg", dose(0, "kg")),
        ("weighing of 3 kg", dose(3, "kg")),
        ("weighing of 320 g", dose(320, "g")),
        ("weighing of 3 lb", {"value": 3, "unit": "lb", "system": "http://unitsofmeasure.org", "code": "[lb_av]"}),
    ],
    "Which of the two weights is right?",
    _weighing,
    fits=lambda b: _caps(b) and bool(all_of(b, "Observation")),
)


def _often(bundle: Json, count: Any) -> None:
    answer(bundle, {"doses-per-day": count})


TABLE.rows_of(
    [
        ("three doses a day answered", 3),
        ("99 doses a day answered", 99),
        ("minus one dose a day answered", -1),
        ("0 doses a day answered", 0),
    ],
    "How often?",
    _often,
    fits=lambda b: _caps(b) and answered(b, "doses-per-day") is not None,
)
