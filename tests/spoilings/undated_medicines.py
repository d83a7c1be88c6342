"""Point 6: biologics of no day at all, and known codes in another spelling."""

from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import ADALIMUMAB, RXNORM, add, an_order, claim, concept, patient_reference, with_order

TABLE = Table(6)

_HUMIRA = concept(RXNORM, ADALIMUMAB, "adalimumab")
_UNKNOWN = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}


def _given(bundle: Json, more: Json) -> None:
    day = claim(bundle)["created"][:10]
    known = {k: day if v == "TODAY" else v for k, v in more.items()}
    add(bundle, {"id": "given", "subject": patient_reference(bundle), "medicationCodeableConcept": _HUMIRA, **known})


def _fill(**more: Any) -> Json:
    return {"resourceType": "MedicationDispense", **more}


TABLE.rows_of(
    [
        ("biologic filled on no day", _fill(status="completed")),
        ("biologic that is being filled", _fill(status="in-progress")),
        ("biologic handed over today and stopped", _fill(status="stopped", whenHandedOver="TODAY")),
        (
            "biologic given on no day",
            {"resourceType": "MedicationAdministration", "status": "completed", "_effectiveDateTime": _UNKNOWN},
        ),
        (
            "biologic given in part today",
            {"resourceType": "MedicationAdministration", "status": "stopped", "effectiveDateTime": "TODAY"},
        ),
    ],
    "It may be taken now.",
    _given,
)


TABLE.rows_of(
    [
        ("biologic in a system with a slash", concept(f"{RXNORM}/", ADALIMUMAB, "methotrexate")),
        ("biologic in wide letters", {"text": "\uff28\uff55\uff4d\uff49\uff52\uff41 with methotrexate"}),
    ],
    "That is adalimumab.",
    lambda bundle, medicine: add(bundle, an_order(bundle, medicine)),  # type: ignore[arg-type]
    fits=with_order,
)
