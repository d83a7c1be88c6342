"""Whose data a resource is. Only the beneficiary's own data may reach a decision."""

from typing import Any

from server.fhir.read import BundleIndex, Resource, reference

_ABOUT = ("subject", "patient", "beneficiary", "for")


def is_about_another(index: BundleIndex, patient: Resource, resource: Resource) -> bool:
    """True when a resource names a subject that is not, or cannot be shown to be, this patient."""
    if resource is patient:
        return False
    if resource.get("resourceType") == "Patient":
        return True
    return any(
        _names_another(index, patient, resource, element)
        for key in _ABOUT
        for element in (resource[key] if isinstance(resource.get(key), list) else [resource.get(key)])
        if isinstance(element, dict)
    )


def _names_another(index: BundleIndex, patient: Resource, holder: Resource, element: dict[str, Any]) -> bool:
    if reference(element) is not None:
        return index.resolve(element, holder) is not patient
    identifier = element.get("identifier")
    if isinstance(identifier, dict) and identifier.get("value"):
        return not any(
            isinstance(i, dict) and (i.get("system"), i.get("value")) == (identifier.get("system"), identifier["value"])
            for i in patient.get("identifier") or ()
        )
    return False  # the resource names no subject
