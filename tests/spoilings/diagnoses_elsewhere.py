"""Point 8: a diagnosis said in another code system, in words, by its type, or by a reference that leads nowhere."""

from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    ICD10,
    SNOMED,
    add,
    both,
    claim,
    concept,
    order,
    patient_reference,
    treats,
    with_order,
)

TABLE = Table(8)

_AS_BY_SNOMED = concept(SNOMED, "9631008", "Ankylosing spondylitis")
_IN_WORDS = {"text": "Ankylosing spondylitis"}
_ra_ordered = both(treats("RA"), with_order)


def _reason(bundle: Json, reason: Json) -> None:
    order(bundle).pop("reasonReference", None)
    order(bundle)["reasonCode"] = [reason]


TABLE.rows_of(
    [
        ("order for gout", concept(ICD10, "M10.9")),
        ("order for another condition in words", _IN_WORDS),
        ("order for COVID-19 in words", {"text": "COVID-19"}),
        ("order for another condition by SNOMED CT", _AS_BY_SNOMED),
    ],
    "The claim says one disease and the order another.",
    _reason,
    fits=_ra_ordered,
)


def _another(bundle: Json, code: Json) -> None:
    number = max(d["sequence"] for d in claim(bundle)["diagnosis"]) + 1
    claim(bundle)["diagnosis"].append({"sequence": number, **code})


def _concept(code: Json) -> Json:
    return {"diagnosisCodeableConcept": code}


_WRITTEN = [
    ("by its OID", concept("urn:oid:2.16.840.1.113883.6.90", "U07.1")),
    ("by the code of the WHO", concept("http://hl7.org/fhir/sid/icd-10", "U07.1")),
    ("by SNOMED CT", concept(SNOMED, "840539006", "COVID-19")),
    ("with a slash at its system", concept(f"{ICD10}/", "U07.1")),
    ("in a system written with https", concept(ICD10.replace("http:", "https:"), "U07.1")),
    ("in words", {"text": "COVID-19"}),
]
TABLE.rows_of(
    [(f"COVID-19 beside it {name}", _concept(code)) for name, code in _WRITTEN],
    "They treat COVID-19 too: the Medical Director decides.",
    _another,
)

_RIVALS = [
    ("by SNOMED CT", _AS_BY_SNOMED),
    ("by the code of the WHO", concept("http://hl7.org/fhir/sid/icd-10", "M45.9")),
    ("by ICD-9-CM", concept("http://hl7.org/fhir/sid/icd-9-cm", "720.0")),
    ("in words", _IN_WORDS),
]
TABLE.rows_of(
    [(f"spondylitis beside it {name}", _concept(code)) for name, code in _RIVALS]
    + [
        ("diagnosis that leads nowhere", {"diagnosisReference": {"reference": "Condition/gone"}}),
        ("diagnosis that is a display", {"diagnosisReference": {"display": "Ankylosing spondylitis"}}),
    ],
    "Which of the two is treated?",
    _another,
    fits=treats("RA"),
)


def _by_code(bundle: Json) -> bool:
    return treats("RA")(bundle) and "diagnosisCodeableConcept" in claim(bundle)["diagnosis"][0]


def _said(bundle: Json, more: dict[str, Any]) -> None:
    claim(bundle)["diagnosis"][0].update(more.get("diagnosis", {}))
    found = claim(bundle)["diagnosis"][0]["diagnosisCodeableConcept"]
    found.update(more.get("concept", {}))
    found["coding"][0].update(more.get("coding", {}))


_TYPES = "http://terminology.hl7.org/CodeSystem/ex-diagnosistype"
TABLE.rows_of(
    [
        ("diagnosis that its text says is another", {"concept": _IN_WORDS}),
        ("diagnosis that its text rules out", {"concept": {"text": "Rheumatoid arthritis ruled out"}}),
        ("diagnosis that its display says is another", {"coding": {"display": "Ankylosing spondylitis"}}),
        ("diagnosis of the type differential", {"diagnosis": {"type": [concept(_TYPES, "differential")]}}),
        ("diagnosis of the type ruled out", {"diagnosis": {"type": [{"text": "ruled out"}]}}),
    ],
    "Code and words do not agree, or it is no diagnosis yet.",
    _said,
    fits=_by_code,
)


@TABLE.row("The reason it names did not come along.", fits=_ra_ordered)
def order_for_a_reason_that_leads_nowhere(bundle: Json) -> None:
    order(bundle).pop("reasonCode", None)
    order(bundle)["reasonReference"] = [{"reference": "Condition/gone"}]


_REFUTED = concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "refuted")


def _in_the_chart(bundle: Json, more: Json) -> None:
    add(bundle, {"resourceType": "Condition", "id": "in-chart", "subject": patient_reference(bundle), **more})


TABLE.rows_of(
    [
        ("refuted in words", {"code": concept(ICD10, "M06.09"), "verificationStatus": {"text": "refuted"}}),
        ("refuted by SNOMED CT", {"code": concept(SNOMED, "69896004"), "verificationStatus": _REFUTED}),
    ],
    "The chart says that it is not this disease.",
    _in_the_chart,
    fits=treats("RA"),
)
