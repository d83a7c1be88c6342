"""The prefetch templates of the CDS services: what a client is asked to send along (crd section 1.2)."""

from server.crd import query

_DRAFTS = "context.draftOrders.entry.resource"

ORDER_PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "coverage": "Coverage?patient={{context.patientId}}&status=active",
    "devices": f"Device?_id={{{{{_DRAFTS}.ofType(DeviceRequest).code.resolve().id}}}}",
    "medications": f"Medication?_id={{{{{_DRAFTS}.ofType(MedicationRequest).medication.resolve().id}}}}",
    "payers": "Organization?_id={{%coverage.entry.resource.payor.resolve().id}}",
}
"""The prefetch templates of hooks with draft orders, in the guide's own strings where it has one (crd C-18).

A template stands here only when every answer needs it (C-19): practitioners, organizations, locations and the encounter
of the guide's set decide nothing. Clients that fill in plain tokens alone can send the first two (T-22). `payers` is
ours: the guide wants the payer's identifier checked (T-5), and no template of its set brings it.
"""

ORDER_WANTS: tuple[query.Want, ...] = (query.patient, query.coverage, query.products, query.payers, query.performers)
"""What is fetched when it did not come along: the same, and who delivers, where the answer hangs on that (C-19)."""
