"""Doses are read from what FHIR lets one say, or they are null (issue 12, wrong approvals, point 4)."""

from datetime import date, timedelta
from typing import Any

import pytest

from server.cql.engine import CqlEngine
from tests.cql.shared import concept, read

UCUM = "http://unitsofmeasure.org"
GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "system": UCUM, "code": unit}


def instruction(timing: Any = DAILY, dose: float = 100, unit: str = "mg", **more: Any) -> dict[str, Any]:
    amount = {"doseAndRate": [{"doseQuantity": quantity(dose, unit)}]}
    return {**({"timing": timing} if timing else {}), **amount, **more}


def readings(engine: CqlEngine, *instructions: dict[str, Any], **more: Any) -> dict[str, Any]:
    order = {"resourceType": "MedicationRequest", "dosageInstruction": list(instructions), **more}
    weight = {
        "resourceType": "Observation",
        "status": "final",
        "code": concept("http://loinc.org", "29463-7"),
        "effectiveDateTime": "2026-11-24",
        "valueQuantity": quantity(30, "kg"),
    }
    return read(engine, "SharedReadings", order, weight)


@pytest.mark.parametrize(
    ("timing", "often"),
    [
        (DAILY, 1),
        ({"repeat": {"frequency": 1, "period": 8, "periodUnit": "h"}}, 3),
        ({"repeat": {"frequency": 1, "frequencyMax": 4, "period": 1, "periodUnit": "d"}}, 4),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}}, 1),
        ({"repeat": {"when": ["MORN", "EVE"]}}, 2),
        ({"repeat": {"timeOfDay": ["08:00:00", "14:00:00", "20:00:00"]}}, 3),
        ({"repeat": {"dayOfWeek": ["mon", "fri"]}}, 1),
        ({"code": concept(GTS, "QD")}, 1),
        ({"code": concept(GTS, "BID")}, 2),
        ({"code": concept(GTS, "Q6H")}, 4),
        ({"code": concept(None, "", text="Every 12 hours")}, 2),
        ({"code": concept(GTS, "QD", text="twice daily")}, 2),
        ({"code": concept("http://snomed.info/sct", "229798009")}, 3),
        ({**DAILY, "code": concept(GTS, "TID")}, 3),
        ({"repeat": {"boundsDuration": quantity(28, "d")}, "code": concept(GTS, "QD")}, 1),
        ({"event": ["2027-02-01T08:00:00Z", "2027-02-01T20:00:00Z", "2027-02-02T08:00:00Z"]}, 2),
        ({"event": ["2027-02"]}, None),
        ({"code": concept(GTS, "QD", text="as often as it takes")}, None),
        ({"code": concept("http://clinic.example/sig", "SIG7")}, None),
        ({**DAILY, "code": concept("http://clinic.example/sig", "SIG7")}, None),
        ({"repeat": {"count": 10}}, None),
        ({"repeat": {"period": 1, "periodUnit": "d"}}, None),
        (None, None),
    ],
)
def test_how_often_on_a_day(shared: CqlEngine, timing: Any, often: float | None) -> None:
    """By repeat, code, words and events: the more often counts, and a part that cannot be read leaves no reading."""
    assert readings(shared, instruction(timing))["Dosages"][0]["often"] == often


@pytest.mark.parametrize(
    ("dose", "unit", "milligrams"),
    [
        (100, "mg", 100),
        (0.1, "g", 100),
        (100_000, "ug", 100),
        (0.67, "mL", 100),
        (2, "{syringe}", 200),
        (2, "mg/kg", 60),
        (1, "{vial}", None),
        (0, "mg", None),
        (-100, "mg", None),
    ],
)
def test_how_much(shared: CqlEngine, dose: float, unit: str, milligrams: float | None) -> None:
    """Units of mass, of a product of known strength and by weight become milligrams; no other does, nor zero."""
    assert readings(shared, instruction(dose=dose, unit=unit))["Dosages"][0]["single"] == pytest.approx(milligrams)


def test_ranges_rates_and_limits(shared: CqlEngine) -> None:
    """A range counts by its end; an infusion has no dose by the day; a limit counts where its period can be read."""

    def dosage(**more: Any) -> dict[str, Any]:
        found: dict[str, Any] = readings(shared, {"timing": DAILY, **more})["Dosages"][0]
        return found

    upwards = {"low": quantity(50, "mg")}
    assert dosage(doseAndRate=[{"doseRange": {**upwards, "high": quantity(200, "mg")}}])["dose"] == 200
    assert dosage(doseAndRate=[{"doseRange": upwards}])["dose"] is None
    assert (
        dosage(doseAndRate=[{"doseQuantity": quantity(9, "mg"), "rateQuantity": quantity(9, "mg/h")}])["dose"] is None
    )
    assert dosage(maxDosePerAdministration=quantity(80, "mg"))["dose"] == 80
    for unit, most in (("d", 100), ("wk", 100), ("h", 2400), ("{course}", None)):
        limit = {"numerator": quantity(100, "mg"), "denominator": quantity(1, unit)}
        assert dosage(maxDosePerPeriod=limit)["most"] == pytest.approx(most)


def test_instructions_beside_and_after_each_other(shared: CqlEngine) -> None:
    """One number runs at once and adds up, numbers follow each other, and what has none may run beside each."""
    once = instruction()
    beside = readings(shared, {**once, "sequence": 1}, {**once, "sequence": 1})
    after = readings(shared, {**once, "sequence": 1}, {**once, "sequence": 2})
    open_ = readings(shared, {**once, "sequence": 1}, once)
    assert (beside["Highest"], after["Highest"], open_["Highest"]) == (200, 100, 200)
    assert min(step["lowest"] for step in open_["Steps"]) == 100
    assert readings(shared, once, {"text": "as directed"})["Highest"] is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Inject 300 mg daily", 300),
        ("Inject 50 mg twice daily", 100),
        ("Inject 2 syringes every day at bedtime", 200),
        ("Inject one prefilled syringe (100 mg/0.67 mL) subcutaneously once daily", 100),
        ("100 mg/0.67 mL under the skin daily. Rotate injection sites; keep refrigerated, do not freeze.", 100),
        ("Inject 18 mg (0.12 mL of 100 mg/0.67 mL) SC q24h", 18),
        ("1,000 mg a day", 1000),
        ("1.34 mL in the morning and at night", 400),
        ("2 mg/kg/day", 60),
        ("Inject 100 mg (149 mg/mL) daily", 100),
    ],
)
def test_words_that_are_understood(shared: CqlEngine, text: str, named: float) -> None:
    """Amounts and times of a text make a daily dose; a strength is none where an amount stands beside it."""
    found = readings(shared, instruction(text=text))["Dosages"][0]
    assert (found["isClear"], found["named"]) == (True, pytest.approx(named, abs=0.2))
    assert readings(shared, {"text": text})["Highest"] == found["named"]


@pytest.mark.parametrize(
    "text",
    [
        "100 mg daily, may increase to 200 if flare",
        "100 mg every hour",
        "ten syringes daily",
        "1 000 mg daily",
        "1.000 mg daily",
        "\uff11\uff10\uff10 mg daily",
        "100 mg IV daily",
        "100-200 mg daily",
        ">100 mg daily",
        "200 mg/1.34 mL daily",
        "100 mg daily with Humira",
        "100 mg into each thigh daily",
        "100 mg | #1 mg| daily",
        "Do not start; hold",
        "100 mg daily and 100 mg nightly",
        "100 mg in the morning, 1 syringe at bedtime",
    ],
)
def test_words_that_are_not_understood(shared: CqlEngine, text: str) -> None:
    """Whatever else a text says, a person reads it, and by itself it is no dose."""
    assert readings(shared, instruction(text=text))["Dosages"][0]["isClear"] is False
    assert readings(shared, {"text": text})["Highest"] is None


def test_words_that_give_no_dose(shared: CqlEngine) -> None:
    """They are understood and stand for nothing."""
    found = readings(shared, instruction(text="Use as directed"))["Dosages"][0]
    assert (found["isClear"], found["named"]) == (True, None)


def test_numbered_lines_of_one_day(shared: CqlEngine) -> None:
    """Morning and evening add up although they are numbered; with an end, or the same moment, they are steps."""

    def line(number: int, moment: str, **more: Any) -> dict[str, Any]:
        return instruction({"repeat": {"when": [moment], **more}}, sequence=number)

    month = {"boundsDuration": quantity(28, "d")}
    assert readings(shared, line(1, "MORN"), line(2, "EVE"))["Highest"] == 200
    assert readings(shared, line(1, "MORN"), line(2, "MORN"))["Highest"] == 100
    assert readings(shared, line(1, "MORN", **month), line(2, "EVE", **month))["Highest"] == 100


def test_a_unit_and_its_words_say_the_same(shared: CqlEngine) -> None:
    """Milligrams by code and grams in words are no dose."""
    for unit, dose in (("g", None), ("milligrams", 100), ("Syringe label", 100)):
        said = {**quantity(100, "mg"), "unit": unit}
        assert readings(shared, {"timing": DAILY, "doseAndRate": [{"doseQuantity": said}]})["Highest"] == dose


@pytest.mark.parametrize(
    ("route", "under"),
    [
        (concept("http://snomed.info/sct", "34206005"), True),
        (concept("http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration", "SQ"), True),
        (concept(None, "", text="Subcutaneous"), True),
        (concept("http://snomed.info/sct", "47625008"), False),
        (concept(None, "", text="intravenous"), False),
        (concept(None, "", text="under the skin"), True),
        (concept("http://house.example/routes", "18", "Subcutaneous"), True),
        (concept("http://house.example/routes", "18"), False),
        (concept("http://snomed.info/sct", "34206005", "Subcutaneous route (qualifier value)"), True),
        (concept("http://snomed.info/sct", "34206005", "Intravenous route"), False),
        (concept("http://snomed.info/sct", "34206005", text="IV"), False),
        (concept("http://snomed.info/sct", "47625008", "Subcutaneous route"), False),
    ],
)
def test_routes(shared: CqlEngine, route: dict[str, Any], *, under: bool) -> None:
    """Only a route that is known to be under the skin is one."""
    assert readings(shared, instruction(route=route))["Is Under The Skin"] is under


def test_units_that_are_handed_over(shared: CqlEngine) -> None:
    """Syringes, or their volume, over the days they are for."""
    for quantity_, days in ((quantity(90, "{syringe}"), 30), (quantity(20.1, "mL"), 10)):
        request = {"quantity": quantity_, "expectedSupplyDuration": quantity(days, "d")}
        assert readings(shared, instruction(), dispenseRequest=request)["Units A Day"] == pytest.approx(3)


def test_limits_are_tried_with_the_highest_and_the_lowest_reading(shared: CqlEngine) -> None:
    """Over by every reading is unmet, over by one is for a person; 100 / 12.5 is 8 exactly and passes."""
    found = readings(shared)
    assert found["By Day"] == ["met", "review", "unmet"]
    assert found["By Kilogram"] == "review"


@pytest.mark.parametrize("days", [0, 1, 28, 59, 60, 365, 366, 1461, 25_000])
@pytest.mark.parametrize("first", [date(2000, 2, 28), date(1999, 12, 31), date(1901, 1, 1), date(2027, 3, 1)])
def test_days_between_two_dates(shared: CqlEngine, first: date, days: int) -> None:
    """Counting gives what the calendar gives, over leap years and the year 2000."""
    last = first + timedelta(days=days)
    assert read(shared, "SharedReadings", First=first, Last=last)["Days Between"] == days
