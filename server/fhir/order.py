"""What an order asks for, and from which day: the request resources that CRD and DTR accept (crd C-20, dtr D-21)."""

from collections.abc import Callable
from datetime import date
from typing import Any

from server.fhir.read import Coding, Resource, codings, reference

ORDER_TYPES = (
    "Appointment",
    "CommunicationRequest",
    "DeviceRequest",
    "Encounter",
    "ImmunizationRecommendation",
    "MedicationRequest",
    "NutritionOrder",
    "ServiceRequest",
    "SupplyRequest",
    "VisionPrescription",
)

Resolve = Callable[[Any, Resource], Resource | None]
"""Finds the resource that a Reference of a holder points at, e.g. `BundleIndex.resolve`."""

_CODED = {
    "Appointment": ("serviceType", "appointmentType"),
    "CommunicationRequest": ("category",),
    "DeviceRequest": ("codeCodeableConcept",),
    "Encounter": ("type",),
    "MedicationRequest": ("medicationCodeableConcept",),
    "ServiceRequest": ("code",),
    "SupplyRequest": ("itemCodeableConcept",),
}
_REFERRED = {
    "DeviceRequest": ("codeReference", "type"),
    "MedicationRequest": ("medicationReference", "code"),
    "SupplyRequest": ("itemReference", "code"),
}


def contained_in(element: Any, holder: Resource) -> Resource | None:
    """The contained resource of the holder that a `#id` Reference points at; None for any other reference."""
    literal = reference(element) or ""
    if not literal.startswith("#"):
        return None
    return next((c for c in holder.get("contained") or () if isinstance(c, dict) and c.get("id") == literal[1:]), None)


def order_codings(order: Resource, resolve: Resolve = contained_in) -> tuple[Coding, ...]:
    """The codes of what is ordered, as CodeableConcept or in the Medication, Device or supply it refers to."""
    kind = str(order.get("resourceType"))
    found = [c for path in _CODED.get(kind, ()) for c in codings(order.get(path))]
    if kind in _REFERRED:
        path, code = _REFERRED[kind]
        target = resolve(order.get(path), order) if order.get(path) else None
        found += codings((target or {}).get(code))
    return tuple(dict.fromkeys(found))


def service_day(order: Resource) -> date | None:
    """The first day of service that the order names; None when it names none."""
    dispense = _dict(order.get("dispenseRequest"))
    candidates = (
        order.get("occurrenceDateTime"),
        _dict(order.get("occurrencePeriod")).get("start"),
        _dict(_dict(_dict(order.get("occurrenceTiming")).get("repeat")).get("boundsPeriod")).get("start"),
        _dict(dispense.get("validityPeriod")).get("start"),
        *(_first_dose(d) for d in order.get("dosageInstruction") or ()),
        order.get("start"),
        _dict(order.get("period")).get("start"),
    )
    return next((day for c in candidates if (day := _day(c)) is not None), None)


def _first_dose(dosage: Any) -> Any:
    return _dict(_dict(_dict(_dict(dosage).get("timing")).get("repeat")).get("boundsPeriod")).get("start")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:  # a month or a year names no day
        return None
