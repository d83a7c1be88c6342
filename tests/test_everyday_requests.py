"""The counterweight of the spoilings: what honest senders write every day stops no request that is approved."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from server.decision.model import Outcome
from server.fhir.version import Version
from server.services import open_engine
from server.settings import Settings
from tests.spoilings.model import Json
from tests.spoilings.request import (
    HCPCS,
    POS,
    SNOMED,
    UCUM,
    add,
    all_of,
    answer,
    bases,
    claim,
    concept,
    dosage,
    dose,
    item,
    order,
    patient_reference,
    policies,
)
from tests.test_no_wrong_approval import Judge, received

_GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
_NUCC = "http://nucc.org/provider-taxonomy"
_ONCE = {"frequency": 1, "period": 1, "periodUnit": "d"}
Change = Callable[[Json], Any]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    engine = open_engine(Settings(isolates=1), policies())
    yield Judge(engine)
    engine.close()


def instruction(**more: Any) -> Change:
    return lambda bundle: order(bundle).update(dosageInstruction=[dosage(**more)])


def words_alone(text: str) -> Change:
    return lambda bundle: order(bundle).update(dosageInstruction=[{"text": text}])


def supplied(**more: Any) -> Change:
    return lambda bundle: order(bundle).update(dispenseRequest=more)


def placed(place: Json) -> Change:
    return lambda bundle: item(bundle).update(locationCodeableConcept=place)


def facility(kind: str, name: str) -> Change:
    def change(bundle: Json) -> None:
        claim(bundle)["facility"] = {"reference": add(bundle, {"resourceType": kind, "id": "facility", "name": name})}

    return change


def each(kind: str, **more: Any) -> Change:
    def change(bundle: Json) -> None:
        for one in all_of(bundle, kind):
            one.update(more)

    return change


def report(conclusion: str) -> Change:
    def change(bundle: Json) -> None:
        add(
            bundle,
            {
                "resourceType": "DiagnosticReport",
                "id": "report",
                "status": "final",
                "subject": patient_reference(bundle),
                "code": {"text": "IL1RN gene sequencing"},
                "effectiveDateTime": "2026-01-15",
                "conclusion": conclusion,
            },
        )

    return change


WORDS = (
    "Inject 0.67 mL (100 mg total) into the skin daily.",
    "Inject 0.67 mLs (100 mg total) into the skin daily.",
    "100 mg subQ QD",
    "Inject 100mg SC once daily at bedtime",
    "100 mg, Subcutaneous, Daily",
    "Inject contents of 1 syringe (100 mg) subcutaneously every day.",
    "Inject 100 mg under the skin 1 (one) time each day.",
    "100 mg once every day SQ, rotate sites, discard after single use",
    "inject 1 syringe under the skin once daily for 28 days",
    "Inject 100 mg subcutaneously every 24 hours for rheumatoid arthritis.",
    "INJECT 1 SYRINGE (100 MG) UNDER THE SKIN EVERY DAY AT THE SAME TIME. KEEP REFRIGERATED. DO NOT FREEZE OR SHAKE.",
)
_SC = concept(SNOMED, "34206005", "Subcutaneous route (qualifier value)")
ORDERS: dict[str, Change] = {
    **{f"beside numbers: {words}": instruction(text=words) for words in WORDS},
    **{f"alone: {words}": words_alone(words) for words in WORDS},
    "told to the patient": instruction(patientInstruction="Keep refrigerated; rotate injection sites."),
    "route in words": instruction(route={"text": "under the skin"}),
    "route of the house": instruction(route=concept("http://ehr.example/routes", "18", "Subcutaneous")),
    "route in all of them": instruction(route={**_SC, "text": "Subcutaneous"}),
    "daily at bedtime": instruction(timing={"code": {"text": "daily at bedtime"}, "repeat": _ONCE}),
    "1x/day": instruction(timing={"code": {"text": "1x/day"}, "repeat": _ONCE}),
    "QD in words": instruction(timing={"code": concept(_GTS, "QD", "every day at institution specified times")}),
    "administer": instruction(method=concept(SNOMED, "418283001", "Administer")),
    "inject": instruction(
        method=concept(SNOMED, "422145002", "Inject - dosing instruction imperative (qualifier value)")
    ),
    "into the abdomen": instruction(site=concept(SNOMED, "818983003", "Abdomen")),
    "28 of each": supplied(
        quantity={"value": 28, "unit": "each"}, expectedSupplyDuration=dose(28, "d"), numberOfRepeatsAllowed=11
    ),
    "millilitres": supplied(
        quantity={"value": 18.76, "unit": "mL", "system": UCUM, "code": "mL"}, expectedSupplyDuration=dose(28, "d")
    ),
    "boxes": supplied(quantity={"value": 4, "unit": "box"}, numberOfRepeatsAllowed=5),
    "pharmacy of a hospital": supplied(performer={"display": "General Hospital Specialty Pharmacy"}),
}
AROUND: dict[str, Change] = {
    "facility, a place": facility("Location", "Sample Rheumatology Office"),
    "facility, a practice": facility("Organization", "Sample Rheumatology Practice"),
    "office that is no hospital": placed(concept(POS, "11", "Office (non-hospital)")),
    "office in words": placed({**concept(POS, "11"), "text": "Physician office"}),
    "home in words": placed({**concept(POS, "12", "Home"), "text": "Patient's home"}),
    "administered under the skin": lambda b: item(b).update(modifier=[concept(HCPCS, "JB")]),
    "syringes for half a year": lambda b: item(b).update(quantity={"value": 180, "unit": "syringe"}),
    "rheumatologist in SNOMED CT": each("PractitionerRole", specialty=[concept(SNOMED, "394810000", "Rheumatology")]),
    "rheumatologist of the house": each(
        "PractitionerRole", specialty=[concept("http://ehr.example/s", "66", "Rheumatology")]
    ),
    "rheumatologist in words": each("PractitionerRole", specialty=[{"text": "Rheumatology"}]),
    "rheumatologist by code and words": each(
        "PractitionerRole",
        specialty=[concept(_NUCC, "207RR0500X", "Internal Medicine, Rheumatology")],
        code=[{"text": "Physician"}],
    ),
    "physician by qualification": each("Practitioner", qualification=[{"code": {"text": "MD"}}], active=True),
    "attester by name": lambda b: answer(b, {"attester": "Dr. Robin Sample"}),
}
REPORTS = (
    "Homozygous pathogenic variant of IL1RN. No pathogenic variants in NLRP3, MEFV or MVK.",
    "Biallelic pathogenic variants in IL1RN; no other variants of uncertain significance",
    "Homozygous pathogenic IL1RN variant, no other variants",
    "POSITIVE: IL1RN c.160C>T homozygous, pathogenic. Consistent with DIRA. Negative for NLRP3.",
)
ROWS = [
    *((name, "ra-initial", change) for name, change in {**ORDERS, **AROUND}.items()),
    *((words, "dira-initial", report(words)) for words in REPORTS),
]


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize(("chart", "change"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_an_everyday_request_is_approved(judge: Judge, chart: str, change: Change, version: Version) -> None:
    """Words, codes and quantities as electronic records export them."""
    base = next(b for b in bases() if b.name == chart)
    body = base.copy()
    change(body)
    assert orjson.loads(orjson.dumps(body)) != base.copy()
    assert judge.outcomes(orjson.dumps(body), received(base), version) == [Outcome.APPROVE]
