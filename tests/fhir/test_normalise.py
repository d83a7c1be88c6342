"""CQL compares codings to the letter, so the record spells each system and each NDC one way."""

import orjson
import pytest

from server.fhir.normalise import normalised

NDC = "http://hl7.org/fhir/sid/ndc"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("12345-678-90", ["12345067890"]),
        ("1234-5678-90", ["01234567890"]),
        ("12345-6789-0", ["12345678900"]),
        ("12345-6789-01", ["12345678901"]),
        ("12345678901", ["12345678901"]),
        ("1234567890", ["01234567890", "12345067890", "12345678900"]),
    ],
)
def test_an_ndc_is_eleven_digits(sent: str, seen: list[str]) -> None:
    """Hyphens say where the zero goes; without them each of the three readings is there."""
    coding = {"system": NDC, "code": sent}
    resource = {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"coding": [coding]}}
    found = normalised(orjson.dumps(resource))["medicationCodeableConcept"]["coding"]
    assert [c["code"] for c in found] == seen


def test_a_lone_coding_keeps_one_code() -> None:
    """An answer is one Coding and stays one."""
    resource = {
        "resourceType": "QuestionnaireResponse",
        "item": [{"answer": [{"valueCoding": {"system": NDC, "code": "1-2-3"}}]}],
    }
    answer = normalised(orjson.dumps(resource))["item"][0]["answer"][0]
    assert answer["valueCoding"] == {"system": NDC, "code": "00001000203"}


def test_other_spellings_of_a_system_are_folded() -> None:
    """The https form of HCPCS is the http form; text that only mentions it is left alone."""
    alias = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
    resource = {"resourceType": "X", "code": {"coding": [{"system": alias, "code": "A"}], "text": alias}}
    assert normalised(orjson.dumps(resource))["code"] == {"coding": [{"system": HCPCS, "code": "A"}], "text": alias}
