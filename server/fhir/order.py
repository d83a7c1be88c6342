"""What an order asks for and when that starts, and the day that decides: the orders that DTR takes (dtr D-21)."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from server.fhir.codes import CRD
from server.fhir.primitives import real_day
from server.fhir.read import Coding, Resource, codings, dicts, extension_value, extensions, reference

_PAYLOAD_CONTENT = "http://hl7.org/fhir/5.0/StructureDefinition/extension-CommunicationRequest.payload.content[x]"
BILLING_OPTIONS = f"{CRD}ext-billing-options"

Resolve = Callable[[Any, Resource], Resource | None]
"""Finds the resource that a Reference points at, given the resource that holds the Reference."""

_Path = tuple[str, ...]

# Where each kind of order names what is ordered. After a Reference, the path continues in the resource it points at.
_CODES: dict[str, tuple[_Path, ...]] = {
    "Appointment": (("serviceType",), ("appointmentType",)),
    "CommunicationRequest": (),
    "DeviceRequest": (("codeCodeableConcept",), ("codeReference", "type")),
    "Encounter": (("class",), ("type",)),
    "ImmunizationRecommendation": (("recommendation", "vaccineCode"),),
    "MedicationRequest": (("medicationCodeableConcept",), ("medicationReference", "code")),
    "NutritionOrder": (
        ("oralDiet", "type"),
        ("supplement", "type"),
        ("enteralFormula", "baseFormulaType"),
        ("enteralFormula", "additiveType"),
    ),
    "ServiceRequest": (("code",), ("orderDetail",)),
    "SupplyRequest": (("itemCodeableConcept",), ("itemReference", "code"), ("itemReference", "type")),
    "VisionPrescription": (("lensSpecification", "product"),),
}
ORDER_TYPES = tuple(_CODES)
"""The resources that a form can be asked for."""

_STARTS: tuple[_Path, ...] = (
    ("dispenseRequest", "validityPeriod", "start"),
    ("occurrenceDateTime",),
    ("occurrencePeriod", "start"),
    ("occurrenceTiming", "event"),
    ("occurrenceTiming", "repeat", "boundsPeriod", "start"),
    ("dosageInstruction", "timing", "event"),
    ("dosageInstruction", "timing", "repeat", "boundsPeriod", "start"),
    ("start",),
    ("period", "start"),
)


def order_codings(order: Resource, resolve: Resolve) -> tuple[Coding, ...]:
    """The codes of what is ordered, each once; those of its billing options last (crd C-14).

    When an order names its product by a Reference, the billing options are an extension of that Reference.
    """
    paths = _CODES.get(str(order.get("resourceType")), ())
    concepts = [c for path in paths for c in _concepts(order, path, resolve)]
    if order.get("resourceType") == "CommunicationRequest":  # R4 has no element for the code of what is asked for
        concepts += [extension_value(p, _PAYLOAD_CONTENT) for p in dicts(order.get("payload"))]
    references = [order.get(path[0]) for path in paths if _is_reference(path)]
    named = [c for concept in concepts for c in codings(concept)]
    for element in concepts + references:
        for option in extensions(element, BILLING_OPTIONS):
            named += codings(option.get("valueCodeableConcept"))
    return tuple(dict.fromkeys(named))


def order_references(order: Resource, resolve: Resolve) -> Iterator[tuple[str, Resource | None]]:
    """The elements that name what is ordered by a reference to a resource, each with that resource, if it is there."""
    for name in dict.fromkeys(p[0] for p in _CODES.get(str(order.get("resourceType")), ()) if _is_reference(p)):
        if reference(order.get(name)) is not None:
            yield name, resolve(order[name], order)


def service_day(order: Resource) -> date | None:
    """The earliest day of service that the order names; None when it names none."""
    found = (real_day(value) for path in _STARTS if path[0] in order for value in _at(order, path))
    return min((day for day in found if day is not None), default=None)


def deciding_day(requested: date | None, order: Resource | None, asked: date) -> date:
    """The day whose edition of a policy judges a service, in every stage: the day it starts (policy reading A-32).

    requested: the first day that a request for authorization names; it outweighs the one that the order names. asked:
    the day on which a stage is asked, which counts where neither names one. A start in the past stays in the past: the
    edition of that day judges what is asked for afterwards, so that every stage asks for the same form on any day.
    """
    return requested or (service_day(order) if order is not None else None) or asked


def _concepts(order: Resource, path: _Path, resolve: Resolve) -> list[Any]:
    if _is_reference(path):
        return list(_at(resolve(order.get(path[0]), order), path[1:])) if path[0] in order else []
    return list(_at(order, path))


def _is_reference(path: _Path) -> bool:
    return path[0].endswith("Reference")


def _at(node: Any, path: _Path) -> Iterator[Any]:
    """Every value at a path of element names, through lists."""
    if isinstance(node, list):
        for part in node:
            yield from _at(part, path)
    elif not path:
        yield node
    elif isinstance(node, dict):
        yield from _at(node.get(path[0]), path[1:])
