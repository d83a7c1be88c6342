"""The draft of the first policy's form: nothing is filled in that the record does not say of this patient."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from server.cql.engine import CqlEngine
from server.decision.judge import Engine
from server.dtr.population import PayerKnowledge, population_results
from server.services import open_engine
from server.settings import ROOT, Settings
from server.store.ports import ActiveAuthorization
from tests.spoilings.request import ATC, NDC, RXNORM, UCUM, policies, policy

Json = dict[str, Any]

DEMO = orjson.loads((ROOT / "cql/kineret-201603/demo/questionnaire-package.json").read_bytes())
SENT = {p["name"]: p["resource"] for p in DEMO["parameter"] if "resource" in p}
NOW = datetime.now(UTC)
"""The library counts from the engine's own day."""
LIBRARY = "KineretPrepopulation"
KINERET: Json = SENT["order"]["medicationCodeableConcept"]
PATIENT: Json = SENT["order"]["subject"]
OTHER = {"reference": "Patient/other"}


@pytest.fixture(scope="module")
def engine() -> Iterator[CqlEngine]:
    engine = open_engine(Settings(isolates=1), policies())
    yield engine
    engine.close()


def days_ago(days: int) -> str:
    return datetime.fromtimestamp(NOW.timestamp() - days * 86_400, UTC).date().isoformat()


def drafted(
    engine: Engine,
    *referenced: Json,
    order: Callable[[Json], Any] = lambda _: None,
    coverage: Callable[[Json], Any] = lambda _: None,
    authorization: ActiveAuthorization | None = None,
) -> Json:
    """The results of the library for the demo's order and coverage, each changed in place, and what came with them."""
    sent = deepcopy(SENT)
    order(sent["order"])
    coverage(sent["coverage"])
    edition = policy().editions[0]
    (key,) = (k for k in policies().libraries if k.startswith(f"{LIBRARY}|"))
    known = PayerKnowledge((sent["order"],), (sent["coverage"],), referenced, authorization, NOW)
    results, problems = population_results((key,), edition, known, engine)
    assert problems == []
    found = {k: (v["code"] if isinstance(v, dict) and "code" in v else v) for k, v in results[LIBRARY].items()}
    return {k: v for k, v in found.items() if k in ASKED and v not in (None, [])}


ASKED = (
    "Product", "RequestType", "TakingNow", "TakenBefore", "CourseStart", "WeightKg", "DoseMgPerDay",
    "StartDoseMgPerDay", "DosesPerDay", "Indication", "CoverageKind", "SiteException", "PrescriberSpecialty",
)  # fmt: skip


def fill(days: int = 10, **more: Any) -> Json:
    return {
        "resourceType": "MedicationDispense",
        "id": f"fill-{days}",
        "status": "completed",
        "subject": PATIENT,
        "medicationCodeableConcept": KINERET,
        "whenHandedOver": days_ago(days),
        **more,
    }


def supply(days: int) -> Json:
    return {"value": days, "unit": "d", "system": UCUM, "code": "d"}


def allergy(**more: Any) -> Json:
    return {"resourceType": "AllergyIntolerance", "id": "a", "patient": PATIENT, "code": KINERET, **more}


def weight(**more: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": "w",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": PATIENT,
        "effectiveDateTime": days_ago(3),
        "valueQuantity": {"value": 70, "unit": "kg", "system": UCUM, "code": "kg"},
        **more,
    }


def dialysis(**more: Any) -> Json:
    return {
        "resourceType": "Procedure",
        "id": "p",
        "status": "completed",
        "subject": PATIENT,
        "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "90935"}]},
        "performedDateTime": days_ago(10),
        **more,
    }


def test_what_the_demo_order_says_is_filled_in(engine: Engine) -> None:
    """One product, 100 mg once a day, for the disease of its one code; nothing of what was taken."""
    assert drafted(engine) == {
        "Product": "727714",
        "DoseMgPerDay": 100.0,
        "DosesPerDay": 1,
        "Indication": "RA",
        "CoverageKind": "commercial",
    }


def test_what_the_record_says_of_the_patient_is_filled_in(engine: Engine) -> None:
    """A fill that lasts until today, a weighing, a severe reaction, and dialysis."""
    severe = allergy(reaction=[{"manifestation": [{"text": "shock"}], "severity": "severe"}])
    found = drafted(engine, fill(daysSupply=supply(28)), weight(), severe, dialysis())
    said = {k: found[k] for k in ("RequestType", "TakingNow", "TakenBefore", "WeightKg")}
    assert said == {"RequestType": "continuation", "TakingNow": True, "TakenBefore": "yes", "WeightKg": 70.0}
    assert found["CourseStart"][:10] == days_ago(10)
    assert [e["code"] for e in found["SiteException"]] == ["E3", "E4b"]


def reference_or_identifier(named: Json | None) -> bool:
    """Whether it names anybody. What is contained and names nobody is about whom its holder is about."""
    return bool(named) and not {"reference", "identifier"}.isdisjoint(named or {})


OF_NOBODY_ELSE = {
    "fill": fill(),
    "allergy": allergy(reaction=[{"manifestation": [{"text": "shock"}], "severity": "severe"}]),
    "weight": weight(),
    "dialysis": dialysis(),
}


@pytest.mark.parametrize("named", [OTHER, {"display": "Somebody"}, {"identifier": {"system": "x", "value": "1"}}, None])
@pytest.mark.parametrize("contained", [False, True])
@pytest.mark.parametrize("kind", OF_NOBODY_ELSE)
def test_a44_nothing_of_another_person_is_filled_in(
    engine: Engine, kind: str, named: Json | None, *, contained: bool
) -> None:
    """Nor what is not shown to be about anybody. What the order contains and is about nobody is about its patient."""
    resource = deepcopy(OF_NOBODY_ELSE[kind])
    about = "patient" if "patient" in resource else "subject"
    resource[about] = named
    if named is None:
        del resource[about]
    if contained and reference_or_identifier(named):
        assert drafted(engine, order=lambda o: o.update(contained=[resource])) == drafted(engine)
    elif not contained:
        assert drafted(engine, resource) == drafted(engine)


@pytest.mark.parametrize("named", [OTHER, {"display": "Somebody"}, {}])
def test_a44_the_order_of_another_person_says_nothing(engine: Engine, named: Json) -> None:
    """Its product, dose and reason are not the patient's."""
    assert drafted(engine, order=lambda o: o.update(subject=named)) == {"CoverageKind": "commercial"}


def test_a44_addresses_of_one_patient_may_differ(engine: Engine) -> None:
    """In the order by the full address, elsewhere by the relative one; on another server it is somebody else."""
    here, there = (f"https://{host}.example/fhir/{PATIENT['reference']}" for host in ("here", "there"))
    assert drafted(engine, weight(), order=lambda o: o.update(subject={"reference": here})) == {
        **drafted(engine),
        "WeightKg": 70.0,
    }
    far = weight(subject={"reference": there})
    assert drafted(engine, far, order=lambda o: o.update(subject={"reference": here})) == drafted(engine)


def dosage(**more: Any) -> Callable[[Json], None]:
    return lambda o: o["dosageInstruction"][0].update(more)


def without_limit(change: Callable[[Json], Any]) -> Callable[[Json], None]:
    """The order without its limit and its words, so that the dose stands alone, and then changed."""

    def changed(o: Json) -> None:
        o["dosageInstruction"][0].pop("maxDosePerPeriod", None)
        o["dosageInstruction"][0].pop("text", None)
        change(o["dosageInstruction"][0])

    return changed


def mg(value: float, **more: Any) -> Json:
    return {"doseQuantity": {"value": value, "unit": "mg", "system": UCUM, "code": "mg", **more}}


def by_two(o: Json) -> None:
    o["dosageInstruction"][0].pop("sequence", None)
    o["dosageInstruction"].append(deepcopy(o["dosageInstruction"][0]))


DOSES: dict[str, Callable[[Json], Any]] = {
    "more than its limit": dosage(doseAndRate=[mg(1000)]),
    "two side by side": by_two,
    "two doses at a time": without_limit(lambda d: d["doseAndRate"].append(mg(1000))),
    "perhaps more often": without_limit(lambda d: d["timing"]["repeat"].update(frequencyMax=10)),
    "four moments": without_limit(lambda d: d["timing"]["repeat"].update(when=["MORN", "NOON", "EVE", "NIGHT"])),
    "timing by words": without_limit(lambda d: d["timing"].update(code={"text": "QID"})),
    "timing by a code": without_limit(lambda d: d["timing"].update(code={"coding": [{"code": "QID"}]})),
    "at least": without_limit(lambda d: d.update(doseAndRate=[mg(100, comparator=">")])),
    "a rate": without_limit(lambda d: d["doseAndRate"][0].update(rateQuantity={"value": 1, "code": "mg/h"})),
    "as needed": dosage(asNeededBoolean=True),
    "other words": dosage(text="1000 mg a day"),
    "words for ten": dosage(text="ten syringes daily"),
    "words for often": dosage(text="100 mg every hour"),
    "words for grams": dosage(text="1 g daily"),
    "words for other digits": dosage(text="\uff11\uff10\uff10\uff10 mg daily"),
    "words with a comma": dosage(text="1,000 mg daily"),
    "words for not yet": dosage(text="Do not start; hold"),
}


@pytest.mark.parametrize("change", DOSES.values(), ids=DOSES)
def test_a45_a_dose_that_is_not_plain_is_left_open(engine: Engine, change: Callable[[Json], Any]) -> None:
    """Silence in the draft, and the prescriber answers."""
    found = drafted(engine, order=change)
    assert "DoseMgPerDay" not in found
    assert "StartDoseMgPerDay" not in found


@pytest.mark.parametrize(
    "text", ["Up to 100 mg a day", "100 mg daily.", "Inject 100mg under the skin once daily (one syringe)", None]
)
def test_a45_a_plain_dose_is_filled_in(engine: Engine, text: str | None) -> None:
    """As people write it, and once more by the code of once a day."""
    once = {"coding": [{"code": "QD"}], "text": "daily"}

    def change(o: Json) -> None:
        o["dosageInstruction"][0]["text"] = text
        o["dosageInstruction"][0]["timing"]["code"] = once
        if text is None:
            del o["dosageInstruction"][0]["text"]

    found = drafted(engine, order=change)
    assert (found["DoseMgPerDay"], found["DosesPerDay"]) == (100.0, 1)


def test_a45_doses_one_after_the_other_have_a_start_and_a_highest(engine: Engine) -> None:
    """In the order of their numbers, however they stand."""

    def change(o: Json) -> None:
        first = o["dosageInstruction"][0]
        first.pop("maxDosePerPeriod")
        first.pop("text")
        o["dosageInstruction"].append({**deepcopy(first), "sequence": 0, "doseAndRate": [mg(50)]})

    found = drafted(engine, order=change)
    assert (found["StartDoseMgPerDay"], found["DoseMgPerDay"]) == (50.0, 100.0)


NO_ORDERS: dict[str, Json] = {
    "not to be done": {"doNotPerform": True},
    "a proposal": {"intent": "proposal"},
    "another drug too": {
        "medicationCodeableConcept": {"coding": [*KINERET["coding"], {"system": RXNORM, "code": "327361"}]}
    },
}


@pytest.mark.parametrize("change", NO_ORDERS.values(), ids=NO_ORDERS)
def test_a45_only_an_order_of_kineret_alone_is_read(engine: Engine, change: Json) -> None:
    """Another says nothing of product, dose and disease."""
    assert drafted(engine, order=lambda o: o.update(change)) == {"CoverageKind": "commercial"}


def test_a45_codes_of_other_systems_may_stand_beside(engine: Engine) -> None:
    """An NDC, or the ATC code of the same drug."""
    beside = [{"system": NDC, "code": "66658023407"}, {"system": ATC, "code": "L04AC03"}]
    both = {"coding": [*KINERET["coding"], *beside]}
    assert drafted(engine, order=lambda o: o.update(medicationCodeableConcept=both)) == drafted(engine)


@pytest.mark.parametrize("reason", [{"text": "Ankylosing spondylitis"}, {"coding": [{"code": "M10.9"}]}])
def test_a45_a_further_reason_leaves_the_disease_open(engine: Engine, reason: Json) -> None:
    """It may be what the drug is ordered for."""
    coded = {
        **reason,
        "coding": [{**c, "system": "http://hl7.org/fhir/sid/icd-10-cm"} for c in reason.get("coding", [])],
    }
    further = coded if coded["coding"] else reason
    assert "Indication" not in drafted(engine, order=lambda o: o["reasonCode"].append(further))


STATEMENT: Json = {
    "resourceType": "MedicationStatement",
    "id": "s",
    "subject": PATIENT,
    "medicationCodeableConcept": KINERET,
}
NOT_TAKEN: dict[str, tuple[Json, ...]] = {
    "ran out": (fill(88, daysSupply=supply(7)),),
    "too long ago": (fill(91),),
    "not yet": (fill(-10),),
    "not given": (fill(quantity={"value": 0}),),
    "given back": (fill(quantity={"value": -28}),),
    "not picked up": (fill(statusReasonCodeableConcept={"text": "Not picked up"}),),
    "something else given": (fill(substitution={"wasSubstituted": True}),),
    "supply in unknown units": (fill(daysSupply={"value": 28, "unit": "syringes"}),),
    "stopped since": (fill(), {**STATEMENT, "status": "stopped", "effectivePeriod": {"end": days_ago(1)}}),
    "said not to be taken": (fill(), {**STATEMENT, "status": "not-taken"}),
}


@pytest.mark.parametrize("referenced", NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_a46_what_is_not_shown_to_be_taken_now_is_not_said_to_be(engine: Engine, referenced: tuple[Json, ...]) -> None:
    """Neither taking now, nor a continuation, nor the start of a course."""
    assert {"TakingNow", "RequestType", "CourseStart"}.isdisjoint(drafted(engine, *referenced))


def test_a46_an_authorization_alone_is_no_continuation(engine: Engine) -> None:
    """Nobody has taken anything yet."""
    stands = ActiveAuthorization("VA-1", policy().id, (NOW.date(), NOW.date()), "c")
    assert drafted(engine, authorization=stands) == drafted(engine)


def test_a46_a_course_starts_after_the_last_long_pause(engine: Engine) -> None:
    """A fill of years ago belongs to another course; those of one course follow each other."""
    found = drafted(engine, fill(5000), fill(120), fill(60), fill(10))
    assert found["CourseStart"][:10] == days_ago(120)


REACTIONS: dict[str, Json] = {
    "may become severe": allergy(criticality="high"),
    "was mild": allergy(criticality="high", reaction=[{"manifestation": [{"text": "rash"}], "severity": "mild"}]),
    "of unknown severity": allergy(criticality="high", reaction=[{"manifestation": [{"text": "rash"}]}]),
    "was refuted": allergy(
        reaction=[{"manifestation": [{"text": "shock"}], "severity": "severe"}],
        verificationStatus={"coding": [{"code": "refuted"}]},
    ),
}


@pytest.mark.parametrize("reaction", REACTIONS.values(), ids=REACTIONS)
def test_a47_only_a_severe_reaction_is_an_exception(engine: Engine, reaction: Json) -> None:
    """How severe one may become is no event."""
    assert "SiteException" not in drafted(engine, reaction)


def payer(*codes: str, **more: Any) -> Callable[[Json], Any]:
    coding = [{"system": "https://nahdo.org/sopt", "code": c} for c in codes]
    return lambda c: c.update(type={"coding": coding}, **more)


@pytest.mark.parametrize(
    "change",
    [payer("1999"), payer("5999"), payer("52", "11"), payer("52", status="cancelled"), payer("53x")],
    ids=["no Medicare code", "no private code", "of two kinds", "cancelled", "no code"],
)
def test_a47_a_coverage_of_no_known_kind_leaves_it_open(engine: Engine, change: Callable[[Json], Any]) -> None:
    """The prescriber's office knows."""
    assert "CoverageKind" not in drafted(engine, coverage=change)


@pytest.mark.parametrize(
    ("code", "kind"),
    [("1", "medicare"), ("121", "medicare"), ("111", "medicare-advantage"), ("14", "dual"), ("211", "medicaid"),
     ("523", "medigap"), ("512", "commercial"), ("5", "commercial")],
)  # fmt: skip
def test_a_coverage_of_a_known_kind_is_filled_in(engine: Engine, code: str, kind: str) -> None:
    """By the code of the list of payers."""
    assert drafted(engine, coverage=payer(code))["CoverageKind"] == kind
