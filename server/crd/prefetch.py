"""The prefetch templates of the CDS services: what a client is asked to send along (crd section 1.2).

They are the guide's own strings where it has one (crd C-18). A template stands here only when every answer needs it
(C-19): practitioners, organizations, locations of the guide's set decide nothing. Clients that fill in plain tokens
alone can send the first ones (T-22). `payers` is ours: the guide wants the payer's identifier checked (T-5), and no
template of its set brings it; so is `performer`, which order-dispatch is about (T-11).
"""

from server.crd import query
from server.crd.gather import ALTERNATE_REFERENCE

_DRAFTS = "context.draftOrders.entry.resource"
_BASED_ON = "context.appointments.entry.resource.basedOn"
_ALTERNATE = f"{_BASED_ON}.extension('{ALTERNATE_REFERENCE}').value"
_KINDS = (
    "CommunicationRequest", "DeviceRequest", "MedicationRequest", "NutritionOrder", "ServiceRequest",
    "VisionPrescription",
)  # fmt: skip

_PERSON = {
    "patient": "Patient/{{context.patientId}}",
    "coverage": "Coverage?patient={{context.patientId}}&status=active",
}
_PAYERS = {"payers": "Organization?_id={{%coverage.entry.resource.payor.resolve().id}}"}
_PRODUCTS = {
    "devices": "Device?_id={{%deviceRequests.entry.resource.code.resolve().id}}",
    "medications": "Medication?_id={{%medicationRequests.entry.resource.medication.resolve().id}}",
}


def _by_id(kind: str, path: str) -> str:
    return f"{kind}?_id={{{{{path}.resolve().ofType({kind}).id}}}}"


ORDER_PREFETCH = {
    **_PERSON,
    "devices": f"Device?_id={{{{{_DRAFTS}.ofType(DeviceRequest).code.resolve().id}}}}",
    "medications": f"Medication?_id={{{{{_DRAFTS}.ofType(MedicationRequest).medication.resolve().id}}}}",
    **_PAYERS,
}
"""Of hooks with draft orders."""

DISPATCH_PREFETCH = {
    **_PERSON,
    "performer": "{{context.performer}}",
    **{f"{k[0].lower()}{k[1:]}s": _by_id(k, "context.dispatchedOrders") for k in _KINDS},
    **_PRODUCTS,
    **_PAYERS,
}

APPOINTMENT_PREFETCH = {
    **_PERSON,
    "deviceRequests": _by_id("DeviceRequest", _ALTERNATE),
    "serviceRequests": _by_id("ServiceRequest", _BASED_ON),
    "medicationRequests": _by_id("MedicationRequest", _ALTERNATE),
    **_PRODUCTS,
    **_PAYERS,
}

ENCOUNTER_PREFETCH = {**_PERSON, "encounter": "Encounter/{{context.encounterId}}", **_PAYERS}

WANTS: tuple[query.Want, ...] = (
    query.patient, query.coverage, query.orders, query.products, query.payers, query.performers,
)  # fmt: skip
"""What is fetched when it did not come along: the same, and who delivers, where the answer hangs on that (C-19)."""
