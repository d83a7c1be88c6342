"""Point 7: the sender does not choose today."""

from datetime import date, timedelta
from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    ADALIMUMAB,
    POS,
    RXNORM,
    all_of,
    answer,
    answered,
    by_trial,
    claim,
    concept,
    continuation,
    first,
    initial,
    item,
    order,
    remove,
    treats,
    with_order,
)

TABLE = Table(7)
_FAR = [("in 2090", "2090-01-01"), ("in 1990", "1990-01-01"), ("in 1801", "1801-01-01"), ("in 2199", "2199-12-31")]


def _created(bundle: Json, day: Any) -> None:
    claim(bundle)["created"] = day


def _near(bundle: Json, days: int) -> str:
    return (date.fromisoformat(claim(bundle)["created"][:10]) + timedelta(days=days)).isoformat()


TABLE.rows_of([(f"Claim made {n}", d) for n, d in _FAR], "That is not today.", _created)
TABLE.rows_of(
    [("Claim made three days from now", 3), ("Claim made a year ago", -366)],
    "That is not today.",
    lambda b, n: _created(b, _near(b, n)),
)


@TABLE.row("It does not say when it was made, and its Bundle is of 2090.")
def claim_without_a_day_in_a_bundle_of_2090(bundle: Json) -> None:
    del claim(bundle)["created"]
    claim(bundle)["_created"] = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    bundle["timestamp"] = "2090-01-01T00:00:00Z"


def _serviced(bundle: Json, day: Any) -> None:
    for key in ("servicedDate", "servicedPeriod"):
        item(bundle).pop(key, None)
    item(bundle)["servicedDate"] = day
    answer(bundle, {"service-start": day})


TABLE.rows_of([(f"service {n}", d) for n, d in _FAR], "Nobody authorizes that day now.", _serviced)
TABLE.rows_of(
    [("service a year from now", 370), ("service a year ago", -370)],
    "Nobody authorizes that day now.",
    lambda b, n: _serviced(b, _near(b, n)),
)


def _dated(bundle: Json) -> bool:
    """Whether the request gives a first day beside that of the form."""
    item = first(bundle, "Claim")["item"][0]
    return "servicedDate" in item or "servicedPeriod" in item


@TABLE.row("The form gives another first day than the request.", fits=_dated)
def service_days_that_differ(bundle: Json) -> None:
    answer(bundle, {"service-start": _near(bundle, 20)})


@TABLE.row("A service of a hundred years.", fits=_dated)
def service_of_a_hundred_years(bundle: Json) -> None:
    day = item(bundle).pop("servicedDate", None) or item(bundle)["servicedPeriod"]["start"]
    item(bundle)["servicedPeriod"] = {"start": day, "end": "2130-01-01"}


@TABLE.row("The service ends before it begins.", fits=_dated)
def service_that_ends_before_it_begins(bundle: Json) -> None:
    day = item(bundle).pop("servicedDate", None) or item(bundle)["servicedPeriod"]["start"]
    item(bundle)["servicedPeriod"] = {"start": day, "end": "2020-01-01"}


def _ordered(bundle: Json, day: Any) -> None:
    order(bundle)["authoredOn"] = day


TABLE.rows_of([(f"order written {n}", d) for n, d in _FAR], "Such an order is none.", _ordered, fits=with_order)
TABLE.rows_of(
    [("order written next week", 7), ("order written two years ago", -730)],
    "Such an order is none.",
    lambda b, n: _ordered(b, _near(b, n)),
    fits=with_order,
)


@TABLE.row("The order was over before the service.", fits=with_order)
def order_that_is_over_before_service(bundle: Json) -> None:
    order(bundle)["dispenseRequest"] = {"validityPeriod": {"start": "2024-01-01", "end": "2025-01-01"}}


@TABLE.row("The order begins years after the service.", fits=with_order)
def order_that_begins_after_service(bundle: Json) -> None:
    order(bundle)["dispenseRequest"] = {"validityPeriod": {"start": "2031-01-01"}}


@TABLE.row("The doses are for 2090.", fits=lambda b: with_order(b) and bool(order(b).get("dosageInstruction")))
def doses_of_2090(bundle: Json) -> None:
    for one in order(bundle)["dosageInstruction"]:
        one.setdefault("timing", {}).setdefault("repeat", {})["boundsPeriod"] = {
            "start": "2090-01-01",
            "end": "2090-12-31",
        }


def _authored(bundle: Json, day: Any) -> None:
    first(bundle, "QuestionnaireResponse")["authored"] = day


TABLE.rows_of([(f"answers of {n[3:]}", d) for n, d in _FAR], "Those answers are not of these days.", _authored)
TABLE.rows_of(
    [("answers of next week", 7), ("answers of two years ago", -730)],
    "Those answers are not of these days.",
    lambda b, n: _authored(b, _near(b, n)),
)


def _born(bundle: Json, day: Any) -> None:
    first(bundle, "Patient")["birthDate"] = day
    answer(bundle, {"birth-date": day})


TABLE.rows_of(
    [("born in 2090", "2090-01-01"), ("born in 1801", "1801-01-01"), ("born next year", "2028-06-01")],
    "Nobody is born then.",
    _born,
    fits=lambda b: initial(b) and treats("RA")(b),
)


@TABLE.row("The record says 1973, the form says a child.", fits=lambda b: initial(b) and treats("RA")(b))
def birth_dates_that_differ(bundle: Json) -> None:
    answer(bundle, {"birth-date": "2020-01-01"})


@TABLE.row("A child, for a drug that adults get.", fits=lambda b: initial(b) and treats("RA")(b))
def child_with_the_adult_disease(bundle: Json) -> None:
    _born(bundle, "2020-01-01")


@TABLE.row("Born after the first day of service, and so a child who may go to a hospital?")
def unborn_child_in_a_hospital(bundle: Json) -> None:
    _born(bundle, "2089-01-01")
    item(bundle)["locationCodeableConcept"] = concept(POS, "22")
    answer(bundle, {"place-of-service": {"system": POS, "code": "22"}})


def _consulted(bundle: Json) -> bool:
    return initial(bundle) and answered(bundle, "consultation-date") is not None


def _consultation(bundle: Json, day: Any) -> None:
    answer(bundle, {"consultation-date": day})


TABLE.rows_of(
    [(f"consultation {n}", d) for n, d in _FAR], "There was no such consultation.", _consultation, fits=_consulted
)
TABLE.rows_of(
    [("consultation next week", 7), ("consultation three years ago", -1100)],
    "There was no such consultation.",
    lambda b, n: _consultation(b, _near(b, n)),
    fits=_consulted,
)


def _course(bundle: Json, day: Any) -> None:
    answer(bundle, {"course-start": day})


TABLE.rows_of(
    [("course that begins in 2090", "2090-01-01"), ("course that began in 1801", "1801-01-01")],
    "A course that continues has begun, and in our time.",
    _course,
    fits=continuation,
)


@TABLE.row("The course that continues begins after the first day of service.", fits=continuation)
def course_that_begins_after_service(bundle: Json) -> None:
    answer(bundle, {"course-start": _near(bundle, 300)})


def _trial_of(bundle: Json, days: tuple[str, str]) -> None:
    """Every trial answered and on record is of these days."""
    start, end = days
    remove(bundle, *all_of(bundle, "MedicationDispense"))
    for one in all_of(bundle, "MedicationStatement"):
        one["effectivePeriod"] = {"start": start, "end": end}
    answer(bundle, {"trial": [{**_TRIAL, "trial.start": start, "trial.end": end}]})


_TRIAL = {
    "trial.medicine": {"system": RXNORM, "code": ADALIMUMAB},
    "trial.for-condition": "yes",
    "trial.outcome": "inadequate",
}


TABLE.rows_of(
    [
        ("trial of 2090", ("2090-01-01", "2090-12-31")),
        ("trial that ends in 2090", ("2026-11-01", "2090-12-31")),
        ("trial of 1801", ("1801-01-01", "1801-12-31")),
        ("trial that ends before it begins", ("2026-05-01", "2025-01-01")),
        ("trial of a hundred years", ("1926-01-01", "2026-01-01")),
        ("trial before birth", ("1950-01-01", "1951-01-01")),
    ],
    "That trial was not.",
    _trial_of,
    fits=by_trial,
)


def _weighed(bundle: Json) -> bool:
    return bool(treats("CAPS")(bundle) and all_of(bundle, "Observation"))


def _weighing(bundle: Json, day: Any) -> None:
    answer(bundle, {"weight-kg": []})
    first(bundle, "Observation")["effectiveDateTime"] = day


TABLE.rows_of([(f"weighing {n}", d) for n, d in _FAR], "That weight is not of these days.", _weighing, fits=_weighed)


@TABLE.row("Nobody says when the weight was taken.", fits=_weighed)
def weighing_without_a_day(bundle: Json) -> None:
    answer(bundle, {"weight-kg": []})
    del first(bundle, "Observation")["effectiveDateTime"]
