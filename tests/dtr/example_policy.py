"""A made-up policy with a form, pre-population CQL and value sets, and requests about it; synthetic throughout."""

import shutil
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

from server.cql.engine import CqlEngine
from server.fhir.version import Version
from server.policy.library import PolicyLibrary
from server.policy.plan import MemberStatus, Plan
from server.store.ports import ActiveAuthorization, Assertion, QuestionnaireErrors

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).resolve().parent / "data"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FORM = "http://vitruvian.example/fhir/Questionnaire/example"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

Json = dict[str, Any]


def load(folder: Path) -> PolicyLibrary:
    """The example policy beside the project's own shared libraries; `folder` is scratch space."""
    shutil.copytree(DATA / "cql", folder / "cql")
    (folder / "cql" / "shared").mkdir()
    for file in (ROOT / "cql" / "shared").glob("FHIRHelpers*"):
        shutil.copy(file, folder / "cql" / "shared")
    return PolicyLibrary.load(folder / "cql", DATA / "questionnaires")


def engine(policies: PolicyLibrary) -> CqlEngine:
    script = (ROOT / "build" / "cql-engine.js").read_text(encoding="utf-8")
    return CqlEngine(
        script,
        policies.libraries.values(),
        policies.value_sets.values(),
        isolates=1,
        timeout_seconds=5,
        memory_mb=512,
    )


PLAN = Plan(
    name="Example plan",
    payer_id="EXAMPLE",
    payer_id_system="http://vitruvian.example/payer-id",
    npi="1999999992",
    phone="555-0100",
    address={},
    unlisted_members=MemberStatus.ACTIVE,
    members={"STRANGER": MemberStatus.UNKNOWN, "GONE": MemberStatus.INACTIVE},
    clients=frozenset(),
    catalogue=(),
)

COVERAGE: Json = {
    "resourceType": "Coverage",
    "id": "cov1",
    "status": "active",
    "type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "51"}]},
    "subscriberId": "M1",
    "beneficiary": {"reference": "Patient/p1"},
    "payor": [{"display": "Example plan"}],
}

ORDER: Json = {
    "resourceType": "MedicationRequest",
    "id": "mr1",
    "status": "draft",
    "intent": "order",
    "medicationCodeableConcept": {
        "coding": [
            {"system": RXNORM, "code": "99990001"},
            {"system": "http://hl7.org/fhir/sid/ndc", "code": "99999000101"},
        ]
    },
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2026-11-23",
    "reasonCode": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M05.79"}]}],
    "insurance": [{"reference": "Coverage/cov1"}],
    "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 10.5, "unit": "mg"}}]}],
    "dispenseRequest": {"validityPeriod": {"start": "2026-12-01"}},
}


def order(**changes: Any) -> Json:
    return {**deepcopy(ORDER), **changes}


def coverage(**changes: Any) -> Json:
    return {**deepcopy(COVERAGE), **changes}


def other_order() -> Json:
    """An order that no policy names."""
    return order(id="mr2", medicationCodeableConcept={"coding": [{"system": RXNORM, "code": "11110001"}]})


def ask(*parts: Json) -> Json:
    return {"resourceType": "Parameters", "parameter": list(parts)}


def by_order(*orders: Json, of: Json | None = None) -> list[Json]:
    return [
        {"name": "coverage", "resource": of or coverage()},
        *({"name": "order", "resource": o} for o in orders),
    ]


def assertion(**changes: Any) -> Assertion:
    """What CRD remembered of ORDER."""
    known: Mapping[str, Any] = {
        "id": "A1",
        "created": NOW,
        "hook": "order-sign",
        "version": Version.V2_2,
        "member_ids": ("M1",),
        "policy_id": "example-101",
        "edition": "2026-01-01",
        "form": f"{FORM}|1.0.0",
        "order": orjson.dumps(ORDER).decode(),
        "coverage": orjson.dumps(COVERAGE).decode(),
    }
    return Assertion(**{**known, **changes})


class Remembered:
    """What DTR asks of the store: two look-ups, and to keep the reports about forms."""

    def __init__(self) -> None:
        self.assertions = {
            a.id: a
            for a in (
                assertion(),
                assertion(id="A-NONE", form=None),
                assertion(id="A-PAS", order="{}"),
                assertion(id="A-PATIENT", member_ids=("P1",)),
            )
        }
        self.authorizations: dict[str, ActiveAuthorization] = {}
        self.reports: list[QuestionnaireErrors] = []
        self.belongs_to: tuple[str, ...] = ()
        """The organizations of every case."""

    def providers(self, case_id: str) -> tuple[str, ...]:
        return self.belongs_to if case_id else ()

    def report(self, errors: QuestionnaireErrors) -> None:
        self.reports.append(errors)

    def assertion(self, assertion_id: str) -> Assertion | None:
        return self.assertions.get(assertion_id)

    def active_authorization(self, member_ids: Any, policy_id: str, on: date) -> ActiveAuthorization | None:
        found = [a for m in member_ids if (a := self.authorizations.get(m)) and a.policy_id == policy_id]
        return next((a for a in found if a.period[0] <= on <= a.period[1]), None)
