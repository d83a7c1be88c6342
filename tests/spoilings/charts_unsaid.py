"""Point 8: a chart that unsays the form: Kineret stopped or not handed over, lighter weights, other genes."""

from copy import deepcopy
from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    RXNORM,
    SNOMED,
    add,
    all_of,
    an_order,
    claim,
    concept,
    continuation,
    first,
    order,
    patient_reference,
    treats,
    with_order,
)

TABLE = Table(8)

_KINERET = concept(RXNORM, "727714")


def _filled(bundle: Json) -> bool:
    return continuation(bundle) and len(all_of(bundle, "MedicationDispense")) == 1


def _stated(bundle: Json, more: Json) -> None:
    found = {"resourceType": "MedicationStatement", "id": "stated", "medicationCodeableConcept": _KINERET}
    add(bundle, {**found, "subject": patient_reference(bundle), **more})


@TABLE.row("It was stopped after the last fill, for it did not work.", fits=_filled)
def course_that_was_stopped(bundle: Json) -> None:
    period = {"start": "2026-01-01", "end": claim(bundle)["created"][:10]}
    _stated(bundle, {"status": "stopped", "effectivePeriod": period, "statusReason": [{"text": "Ineffective"}]})


@TABLE.row("The chart says that it is not taken.", fits=_filled)
def course_that_is_not_taken(bundle: Json) -> None:
    _stated(bundle, {"status": "not-taken", "effectivePeriod": {"start": "2026-01-01"}})


def _fill(bundle: Json, more: Json) -> None:
    first(bundle, "MedicationDispense").update(more)


TABLE.rows_of(
    [
        ("fill of nothing", {"quantity": {"value": 0}}),
        ("fill below nothing", {"quantity": {"value": -28}}),
        ("fill for no day", {"daysSupply": {"value": 0}}),
        ("fill that was not picked up", {"statusReasonCodeableConcept": {"text": "Not picked up"}}),
        ("fill of another drug in its place", {"substitution": {"wasSubstituted": True}}),
    ],
    "Nothing shows that Kineret was handed over.",
    _fill,
    fits=lambda b: _filled(b) and not all_of(b, "MedicationStatement"),
)


@TABLE.row("Its order was stopped, for it did not work.", fits=lambda b: _filled(b) and with_order(b))
def order_before_that_was_stopped(bundle: Json) -> None:
    medicine = deepcopy(order(bundle)["medicationCodeableConcept"])
    add(bundle, an_order(bundle, medicine, "before", status="stopped", statusReason={"text": "No response"}))


def _weighed(bundle: Json) -> bool:
    return bool(treats("CAPS")(bundle) and all_of(bundle, "Observation"))


def _lighter(bundle: Json, more: Json) -> None:
    found = deepcopy(first(bundle, "Observation"))
    found.update({"id": "lighter", **more})
    found["valueQuantity"]["value"] = 3
    add(bundle, {k: v for k, v in found.items() if v is not None})


TABLE.rows_of(
    [
        ("lighter weight of no day", {"effectiveDateTime": None}),
        ("lighter weight that is preliminary", {"status": "preliminary"}),
        ("lighter weight by another LOINC code", {"code": concept("http://loinc.org", "3141-9")}),
        ("lighter weight by SNOMED CT", {"code": concept(SNOMED, "27113001")}),
    ],
    "By that weight it is too much.",
    _lighter,
    fits=_weighed,
)


def _reported(bundle: Json, more: dict[str, Any]) -> None:
    first(bundle, "DiagnosticReport").update(more)


TABLE.rows_of(
    [
        ("genetic report that is preliminary", {"status": "preliminary"}),
        ("genetic report that finds another gene", {"conclusion": "NLRP3 variant found; IL1RN normal"}),
        ("genetic report of the mother", {"conclusion": "Mother is a carrier"}),
    ],
    "That does not confirm it.",
    _reported,
    fits=lambda b: bool(treats("DIRA")(b) and all_of(b, "DiagnosticReport")),
)
