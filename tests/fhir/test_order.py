"""What an order asks for, and from when."""

from datetime import date
from typing import Any

import pytest

from server.fhir.order import BILLING_OPTIONS, order_codings, service_day

CONCEPT = {"coding": [{"system": "http://s", "code": "1"}, {"system": "http://s", "code": "1"}]}

CODED: list[tuple[dict[str, Any], list[str]]] = [
    ({"resourceType": "MedicationRequest", "medicationCodeableConcept": CONCEPT}, ["1"]),
    ({"resourceType": "MedicationRequest", "medicationReference": {"reference": "#m"}}, ["7"]),
    ({"resourceType": "ServiceRequest", "code": CONCEPT, "orderDetail": [CONCEPT]}, ["1"]),
    ({"resourceType": "DeviceRequest", "codeCodeableConcept": CONCEPT}, ["1"]),
    ({"resourceType": "Appointment", "serviceType": [CONCEPT]}, ["1"]),
    ({"resourceType": "NutritionOrder", "supplement": [{"type": CONCEPT}]}, ["1"]),
    ({"resourceType": "CommunicationRequest", "category": [CONCEPT]}, []),
    ({"resourceType": "Basic", "code": CONCEPT}, []),
    (
        {
            "resourceType": "ServiceRequest",
            "code": {
                **CONCEPT,
                "extension": [
                    {"url": BILLING_OPTIONS, "valueCodeableConcept": {"coding": [{"system": "b", "code": "9"}]}}
                ],
            },
        },
        ["1", "9"],
    ),
]


@pytest.mark.parametrize(("order", "codes"), CODED)
def test_the_codes_of_an_order(order: dict[str, Any], codes: list[str]) -> None:
    """Every kind of order names what it asks for in its own element; billing options come last, each code once."""
    medication = {"resourceType": "Medication", "code": {"coding": [{"system": "m", "code": "7"}]}}
    assert [c.code for c in order_codings(order, lambda *_: medication)] == codes


def test_an_order_whose_medication_was_not_sent_names_nothing() -> None:
    """A reference that cannot be followed gives no code, and no error."""
    order = {"resourceType": "MedicationRequest", "medicationReference": {"reference": "Medication/1"}}
    assert order_codings(order, lambda *_: None) == ()


STARTS: list[tuple[dict[str, Any], date | None]] = [
    ({"occurrenceDateTime": "2026-05-04T23:00:00+02:00"}, date(2026, 5, 4)),
    ({"dispenseRequest": {"validityPeriod": {"start": "2026-05-04"}}}, date(2026, 5, 4)),
    ({"dosageInstruction": [{"timing": {"event": ["2026-06-01", "2026-05-04"]}}]}, date(2026, 5, 4)),
    ({"occurrenceDateTime": "2026-05"}, None),
    ({"occurrenceDateTime": "2026-02-30"}, None),
    ({"authoredOn": "2026-05-04"}, None),
]


@pytest.mark.parametrize(("order", "day"), STARTS)
def test_the_first_day_of_service(order: dict[str, Any], day: date | None) -> None:
    """The earliest day that the order names; a month, an impossible day or the day of writing name none."""
    assert service_day(order) == day
