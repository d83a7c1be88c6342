"""server/fhir/r4.py: the table of R4 is HL7's, and a library that was made from HL7's files another way agrees."""

import pytest
from fhir.resources.R4B import get_fhir_model_class

from server.fhir.r4 import FILE, RESOURCES, definition
from tests.fhir.r4_elements import made_from
from tests.shared_material import SHARED, needs_shared

# What a payer is sent and sends. R4B changed none of them.
SENT = [
    *("Bundle", "Parameters", "Claim", "Coverage", "Patient", "Organization", "Practitioner", "PractitionerRole"),
    *("Encounter", "Condition", "Observation", "Procedure", "AllergyIntolerance", "DiagnosticReport", "Location"),
    *("MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration", "ServiceRequest"),
    *("DeviceRequest", "NutritionOrder", "VisionPrescription", "CommunicationRequest", "DocumentReference", "Task"),
    *("Questionnaire", "QuestionnaireResponse", "ValueSet", "ClaimResponse", "OperationOutcome"),
]


@needs_shared
def test_the_table_is_made_from_the_definitions() -> None:
    """Nobody has edited it, and the script still makes it."""
    assert made_from(SHARED / "ig" / "hl7.fhir.r4.core-4.0.1.tgz") == FILE.read_text(encoding="utf-8")


def test_every_resource_can_be_read() -> None:
    """Each of the 146 has its elements; a resource that may not stand for itself is not among them."""
    assert len(RESOURCES) == 146
    assert not {"Resource", "DomainResource", "Element", "Extension"} & RESOURCES
    assert all({"id", "meta"} <= set(definition(name).elements) for name in RESOURCES)


@pytest.mark.parametrize("name", SENT)
def test_another_reading_of_r4_has_the_same_elements(name: str) -> None:
    """The keys of a resource are those that fhir.resources gives it."""
    theirs = set(get_fhir_model_class(name).elements_sequence())
    ours = {key for key in definition(name).elements if not key.startswith("_")}
    assert ours == theirs - {"resourceType"}
