"""What the CDS services ask the client to send along, and reading what came (crd section 1.2)."""

from collections.abc import Iterator, Mapping
from typing import Any

from server.fhir.read import BundleIndex, Resource, reference, type_and_id

_DRAFTS = "context.draftOrders.entry.resource"

ORDER_TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "coverage": "Coverage?patient={{context.patientId}}&status=active",
    "devices": f"Device?_id={{{{{_DRAFTS}.ofType(DeviceRequest).code.resolve().id}}}}",
    "medications": f"Medication?_id={{{{{_DRAFTS}.ofType(MedicationRequest).medication.resolve().id}}}}",
    "payers": "Organization?_id={{%coverage.entry.resource.payor.resolve().id}}",
}
"""Prefetch of order-sign and order-select, in the guide's own strings where it has one (crd C-18).

Only what every answer needs (C-19): the practitioners, organizations, locations and encounter of the guide's set decide
nothing here. Clients that know plain tokens alone can still send the first two (T-22). `payers` is ours: no key of the
guide's set brings the payer's identifier, which the guide wants checked (T-5).
"""


class Prefetched:
    """Everything that came along, found by reference: the prefetched resources, then the draft orders' entries.

    Keys are the client's business as long as the types are right; an OperationOutcome, null or a broken value in the
    place of data counts as not sent (C-21).
    """

    def __init__(self, prefetch: Mapping[str, Any], drafts: tuple[Mapping[str, Any], ...]) -> None:
        entries: list[Mapping[str, Any]] = []
        seen: set[str] = set()
        for entry in (*_entries(prefetch), *drafts):
            resource = entry["resource"]
            key = entry.get("fullUrl") or f"{resource.get('resourceType')}/{resource.get('id')}"
            if isinstance(key, str) and key not in seen:  # the same resource under two keys is one resource
                seen.add(key)
                entries.append(entry)
        self.index = BundleIndex({"entry": entries})
        self.coverages = tuple(c for c in self.index.of_type("Coverage") if isinstance(c.get("id"), str) and c["id"])

    def patient(self, patient_id: str) -> Resource | None:
        patients = self.index.of_type("Patient")
        return next((p for p in patients if p.get("id") == patient_id), None)

    def is_another(self, element: Any, patient_id: str) -> bool:
        """True when a Reference surely names somebody else than the patient of the call; what cannot be told is not."""
        named = type_and_id(reference(element))
        if named is None:
            found = self.index.resolve(element) or {}
            named = f"{found.get('resourceType')}/{found['id']}" if found.get("id") else None
        return named is not None and named != (type_and_id(patient_id) or f"Patient/{patient_id}")


def _entries(prefetch: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for value in prefetch.values():
        if not isinstance(value, dict):
            continue
        if value.get("resourceType") != "Bundle":
            yield {"resource": value}
            continue
        found = value.get("entry")
        for entry in found if isinstance(found, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                yield entry
