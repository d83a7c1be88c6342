"""Medicines are known in every shape a record names them in, or are unknown (issue 12, wrong approvals, point 6)."""

from typing import Any

import pytest

from server.cql.engine import CqlEngine
from tests.cql.shared import RXNORM, concept, read

NDC = "http://hl7.org/fhir/sid/ndc"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
SNOMED = "http://snomed.info/sct"
ATC = "http://www.whocc.no/atc"

Shape = dict[str, Any]


def medicine(engine: CqlEngine, named: Shape, *others: Shape) -> dict[str, Any]:
    taken = {"resourceType": "MedicationStatement", "status": "active", **named}
    return read(engine, "SharedReadings", taken, *others)


@pytest.mark.parametrize(
    ("named", "kind", "agent"),
    [
        (concept(RXNORM, "327361"), "biologic", "adalimumab"),
        (concept(HCPCS, "J0135"), "biologic", "adalimumab"),
        (concept(ATC, "L04AB04"), "biologic", "adalimumab"),
        (concept(SNOMED, "0", "Product containing adalimumab"), "biologic", "adalimumab"),
        (concept(NDC, "00000000000", "HUMIRA(CF) PEN"), "biologic", "adalimumab"),
        (concept(None, "", text="adalimumab-atto 40 mg"), "biologic", "adalimumab"),
        (concept(RXNORM, "1357536"), "targeted", "tofacitinib"),
        (concept(None, "", text="Rinvoq 15 mg daily"), "targeted", "upadacitinib"),
        (concept(RXNORM, "72435"), "ordered", "anakinra"),
        (concept(NDC, "66658023407"), "ordered", "anakinra"),
        (concept(None, "", text="Kineret"), "ordered", "anakinra"),
        (concept(RXNORM, "6851"), "conventional", "6851"),
        (concept(RXNORM, "8640"), "corticosteroid", "8640"),
    ],
)
def test_a_code_of_any_system_or_a_name_tells_kind_and_agent(
    shared: CqlEngine, named: Shape, kind: str, agent: str
) -> None:
    """RxNorm, HCPCS, ATC, NDC, the words of a SNOMED code and plain text lead to the same ingredient."""
    found = medicine(shared, {"medicationCodeableConcept": named})
    assert (found["Medicine"]["kind"], found["Agent Read"]) == (kind, agent)


@pytest.mark.parametrize("name", ["belimumab", "Entyvio", "bimekizumab-bkzx", "Sotyktu", "Dupixent", "natalizumab"])
def test_the_rest_of_the_class_is_known_by_name(shared: CqlEngine, name: str) -> None:
    """Biologics and targeted agents that the policy's appendix does not name are a kind that a person looks at."""
    assert (
        medicine(shared, {"medicationCodeableConcept": concept(None, "", text=name)})["Medicine"]["kind"] == "related"
    )


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        (concept(NDC, "00093104801"), "unknown"),
        (concept(HCPCS, "J1234"), "unknown"),
        (concept(SNOMED, "407317001"), "unknown"),
        (concept(ATC, "L04AX99"), "unknown"),
        (concept(RXNORM, "9999999"), "unknown"),
        (concept(None, "", text="study drug"), "unknown"),
        (concept(RXNORM, "9999999", "newrelimab 40 MG Injection"), "unknown"),
        (concept(RXNORM, "314076", "lisinopril 10 MG Oral Tablet"), "other"),
        (concept(RXNORM, "9999999", "eplerosartan 10 MG Oral Tablet"), "other"),
        (concept(ATC, "C09AA03"), "other"),
        (concept(NDC, "00093104801", "Metformin 500 mg"), "other"),
        (concept(None, "", text="Prolia (denosumab)"), "other"),
    ],
)
def test_what_is_not_recognised_is_unknown_unless_the_record_tells_enough(
    shared: CqlEngine, named: Shape, kind: str
) -> None:
    """Silence is never "none": a named ingredient, an RxNorm term in words or an ATC group shows another medicine."""
    assert medicine(shared, {"medicationCodeableConcept": named})["Medicine"]["kind"] == kind


def test_a_medicine_in_a_resource_of_its_own(shared: CqlEngine) -> None:
    """By its code, its ingredients or its words; a reference that leads nowhere names nothing."""
    by_reference = {"medicationReference": {"reference": "Medication/m"}}
    enbrel = {"resourceType": "Medication", "id": "m", "code": {"text": "Enbrel SureClick"}}
    mixture = {
        "resourceType": "Medication",
        "id": "m",
        "ingredient": [{"itemCodeableConcept": concept(RXNORM, "214555")}],
    }
    assert medicine(shared, by_reference, enbrel)["Agent Read"] == "etanercept"
    assert medicine(shared, by_reference, mixture)["Agent Read"] == "etanercept"
    assert medicine(shared, by_reference)["Medicine"]["kind"] == "unknown"
