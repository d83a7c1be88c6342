"""The libraries of cql/shared over small records: the real engine, the value sets of the policies."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from server.cql.engine import CqlEngine
from server.policy.library import PolicyLibrary
from server.settings import Settings
from tests.cql.conftest import LIBRARIES, SCRIPT, library

PARAMETERS: dict[str, Any] = {
    "Request Date": "2026-12-01",
    "Service Date": "2027-02-01",
    "Ordered Agent": "anakinra",
    "Current Use Days": 90,
    "Supply Gap Days": 14,
    "Longest Supply Days": 366,
    "Longest Trial Days": 18300,
    "Attested Trial Is Enough": True,
    "Unit Milligrams": 100.0,
    "Unit Millilitres": 0.67,
    "Weight Days": 90,
    "Received Date": "2026-12-01",
    "Clock Days": 1,
    "Least Weight": 1.0,
    "Most Weight": 300.0,
}
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


@contextmanager
def shared_engine() -> Iterator[CqlEngine]:
    settings = Settings()
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    libraries = [*policies.libraries.values(), library(LIBRARIES / "SharedReadings.cql")]
    engine = CqlEngine(
        SCRIPT.read_text(), libraries, policies.value_sets.values(), isolates=1, timeout_seconds=10, memory_mb=256
    )
    try:
        yield engine
    finally:
        engine.close()


def read(engine: CqlEngine, library_name: str, *resources: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """Every define of a library of version 1.0.0 over a patient born in 1971 and these resources."""
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1971-06-14"}
    numbered = ({"id": f"r{n}", **resource} for n, resource in enumerate(resources))
    bundle = {"resourceType": "Bundle", "entry": [{"resource": r} for r in (patient, *numbered)]}
    return engine.evaluate(f"{library_name}|1.0.0", bundle, {**PARAMETERS, **parameters})


def concept(system: str | None, code: str, display: str | None = None, text: str | None = None) -> dict[str, Any]:
    coding = {"system": system, "code": code, **({"display": display} if display else {})}
    return {**({"coding": [coding]} if system else {}), **({"text": text} if text else {})}


def statement(
    medicine: dict[str, Any], status: str, start: str = "", end: str = "", reason: str = ""
) -> dict[str, Any]:
    period = {**({"start": start} if start else {}), **({"end": end} if end else {})}
    return {
        "resourceType": "MedicationStatement",
        "status": status,
        "medicationCodeableConcept": medicine,
        **({"effectivePeriod": period} if period else {}),
        **({"reasonCode": [concept(ICD, reason)]} if reason else {}),
    }


def fill(medicine: dict[str, Any], day: str, supply: int = 0, status: str = "completed") -> dict[str, Any]:
    days = {"daysSupply": {"value": supply, "system": "http://unitsofmeasure.org", "code": "d"}} if supply else {}
    return {
        "resourceType": "MedicationDispense",
        "status": status,
        "medicationCodeableConcept": medicine,
        "whenHandedOver": day,
        **days,
    }


def answers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "QuestionnaireResponse", "status": "completed", "item": list(items)}


def answer(link: str, **value: Any) -> dict[str, Any]:
    return {"linkId": link, "answer": [value]}
