"""Whose data a resource is: nothing but the beneficiary's may reach a decision."""

from collections.abc import Iterator
from typing import Any

from server.fhir.read import BundleIndex, Resource, reference

_ABOUT = ("subject", "patient", "beneficiary", "for")
_TOLD_OF = {"Observation": ("focus",)}
"""What an observation is about where that is not its subject: a weight may be of the subject's child."""

OF_NOBODY = frozenset(
    {
        "ActivityDefinition", "Binary", "Endpoint", "HealthcareService", "Library", "Location", "Medication",
        "MedicationKnowledge", "Organization", "Practitioner", "PractitionerRole", "Substance",
    }
)  # fmt: skip
"""Types of resources that are about no person, and so may name none."""


def is_about(index: BundleIndex, patient: Resource, resource: Resource, holder: Resource) -> bool:
    """Whether a resource is shown to be about this patient, or is of a type that is about nobody.

    holder: the entry that it stands in: itself, or the resource that contains it. What is contained and names nobody is
    about whom its holder is about. A subject that is only displayed names nobody.
    """
    if resource.get("resourceType") == "Patient":
        return resource is patient
    named = [_is(index, patient, resource, element) for element in _subjects(resource)]
    if False in named:
        return False
    if True in named or resource.get("resourceType") in OF_NOBODY:
        return True
    if holder is resource or holder.get("resourceType") in OF_NOBODY:
        return False
    return is_about(index, patient, holder, holder)


def names_somebody(resource: Resource) -> bool:
    """Whether a resource says whom it is about, by a reference or an identifier."""
    return any(reference(s) is not None or isinstance(s.get("identifier"), dict) for s in _subjects(resource))


def _subjects(resource: Resource) -> Iterator[dict[str, Any]]:
    for key in _ABOUT + _TOLD_OF.get(str(resource.get("resourceType")), ()):
        found = resource.get(key)
        yield from (e for e in (found if isinstance(found, list) else [found]) if isinstance(e, dict))


def _is(index: BundleIndex, patient: Resource, resource: Resource, element: dict[str, Any]) -> bool | None:
    """Whether a subject is the patient; None when the element names nobody."""
    if reference(element) is not None:
        return index.resolve(element, resource) is patient
    identifier = element.get("identifier")
    if not isinstance(identifier, dict) or not identifier.get("value"):
        return None
    wanted = (identifier.get("system"), identifier["value"])
    return bool(wanted[0]) and any(
        isinstance(i, dict) and (i.get("system"), i.get("value")) == wanted for i in patient.get("identifier") or ()
    )
