"""Each rule of cql/shared over a small record, by a policy that has nothing of its own to say."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from server.cql.engine import CqlEngine
from server.fhir.read import Resource
from server.policy.library import PolicyLibrary
from tests.cql.conftest import LIBRARIES, ROOT, SCRIPT, library
from tests.cql.shared_rules import (
    FAMILY_MEDICINE,
    HOSPITAL,
    NOTE,
    RHEUMATOLOGY,
    SKILLED_NURSING,
    answers,
    claim,
    concept,
    condition,
    coverage,
    icd,
    item,
    note,
    order,
    role,
    say,
    text,
)

AT_HOSPITAL = claim(item=[item(HOSPITAL)])


@pytest.fixture(scope="module")
def engine() -> Iterator[CqlEngine]:
    """Every library and value set of cql/, and SharedRules."""
    if not SCRIPT.is_file():
        pytest.skip(f"{SCRIPT} is not built; run `make setup`")
    policies = PolicyLibrary.load(ROOT / "cql", ROOT / "questionnaires")
    libraries = [*policies.libraries.values(), library(LIBRARIES / "SharedRules.cql")]
    engine = CqlEngine(
        SCRIPT.read_text(), libraries, policies.value_sets.values(), isolates=1, timeout_seconds=10, memory_mb=256
    )
    yield engine
    engine.close()


def test_a_plain_record_passes(engine: CqlEngine) -> None:
    """What the tables below spoil is in order as it stands."""
    said = say(engine, role(specialty=RHEUMATOLOGY), answers({"attest": True}))
    states = ("Days", "Order", "Member", "Attestation", "Specialist", "Diagnosis", "Site")
    assert {s: said[f"{s} State"] for s in states} == dict.fromkeys(states, "met")
    assert said["Child State"] == "unmet"


# -- days (issue 12, point 7) --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "state"),
    [
        ({}, "met"),
        ({"Service_Date": date(2026, 9, 2)}, "met"),  # 90 days back
        ({"Service_Date": date(2026, 9, 1)}, "review"),
        ({"Service_Date": date(2027, 5, 30)}, "met"),  # 180 days ahead
        ({"Service_Date": date(2027, 5, 31)}, "review"),
        ({"Service_Date": date(2090, 1, 1)}, "review"),
        ({"Service_Date": None}, "unknown"),
        ({"Service_Date": None, "Request_Date": date(2020, 1, 1)}, "review"),
        ({"Request_Date": date(2026, 12, 2)}, "met"),  # another clock
        ({"Request_Date": date(2026, 12, 3)}, "review"),
        ({"Request_Date": date(2026, 9, 2)}, "met"),
        ({"Request_Date": date(2026, 9, 1)}, "review"),
        ({"Request_Date": None}, "review"),
        ({"Received_Date": None}, "review"),
        ({"Clock_Days": None}, "review"),
        ({"Service_Days_Ahead": None}, "review"),
    ],
)
def test_a_request_is_judged_by_the_day_of_its_receipt(
    engine: CqlEngine, parameters: dict[str, Any], state: str
) -> None:
    """Days within the tolerances pass; what is far away, and what no parameter measures, a person looks at."""
    assert say(engine, **parameters)["Days State"] == state


@pytest.mark.parametrize(
    ("written", "state"),
    [
        (None, "met"),
        ("2026-12-02", "met"),
        ("2026-12-03", "review"),
        ("2090", "review"),
        ("2026-12", "met"),  # a month counts as far as it decides
        ("2025-12-01", "met"),
        ("2025-11-30", "review"),
        ("2024", "review"),
        ("2026-11-30T23:30:00-05:00", "met"),
    ],
)
def test_the_day_of_an_order_must_count(engine: CqlEngine, written: str | None, state: str) -> None:
    """Not in the future, not older than an order lasts; no day is not held against it."""
    assert say(engine, order(authoredOn=written) if written else order())["Order State"] == state


def test_what_is_after_the_service_is_no_evidence(engine: CqlEngine) -> None:
    """An order, a consultation or answers of a day after the first day of service: a person looks."""
    consulted = _consulted(("valueDate", "2026-11-29"))
    said = say(engine, role(specialty=FAMILY_MEDICINE), consulted, Service_Date=date(2026, 11, 20))
    assert [said[f"{s} State"] for s in ("Order", "Specialist", "Attestation")] == ["review", "review", "review"]
    assert {
        "ref": "MedicationRequest/order",
        "said": "Looked at on the order: the order is of 2026-11-30, after the first day of service",
    } in said["Order Evidence"]


# -- in force (point 9) --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        *((order(status=s), "review") for s in ("draft", "on-hold", "unknown", "cancelled", "entered-in-error")),
        *((order(intent=i), "review") for i in ("proposal", "plan", "option")),
        *((order(intent=i), "met") for i in ("original-order", "reflex-order", "filler-order", "instance-order")),
        (order(id="another"), "review"),
        (order(dispenseRequest={"validityPeriod": {"end": "2027-01-31"}}), "review"),
        (order(dispenseRequest={"validityPeriod": {"end": "2027-02-01"}}), "met"),
        (order(dispenseRequest={"quantity": {"value": 0}}), "review"),
        (claim(item=[item(quantity={"value": 0})]), "review"),
        (claim(item=[item(quantity={"value": -1})]), "review"),
        (claim(item=[item(quantity={"value": 1001})]), "review"),
        (claim(item=[item(quantity={"value": 1000})]), "met"),
    ],
)
def test_only_an_order_in_force_is_one(engine: CqlEngine, changed: Resource, state: str) -> None:
    """By status, intent, period and quantity."""
    assert say(engine, changed)["Order State"] == state


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"resourceType": "Patient", "deceasedBoolean": True}, "review"),
        ({"resourceType": "Patient", "deceasedDateTime": "2026"}, "review"),
        ({"resourceType": "Patient", "deceasedBoolean": False}, "met"),
        (coverage("52", status="draft"), "review"),
        (coverage("52", status="entered-in-error"), "review"),
        (coverage("52", period={"end": "2027-01-31"}), "review"),
        (coverage("52", period={"start": "2027-02-02"}), "review"),
        (coverage("52", period={"start": "2027-02-01", "end": "2027-02-01"}), "met"),
    ],
)
def test_a_living_member_with_a_coverage_in_force(engine: CqlEngine, changed: Resource, state: str) -> None:
    """A death, of whatever day, and a coverage that is none on the first day of service."""
    assert say(engine, changed)["Member State"] == state


@pytest.mark.parametrize(
    ("response", "state"),
    [
        (answers({"attest": True}), "met"),
        (answers({"attest": False}), "unknown"),
        (answers({}), "unknown"),
        (answers({"attest": True}, author=None), "unknown"),
        (answers({"attest": True, "attester": ("valueString", "Robin Sample")}, author=None), "met"),
        (answers({"attest": True, "attester": ("valueString", " - 1")}, author=None), "unknown"),
        (answers({"attest": True}, authored="2026-06-04"), "met"),  # 180 days
        (answers({"attest": True}, authored="2026-06-03"), "review"),
        (answers({"attest": True}, authored="2027-01-01T00:00:00Z"), "review"),
    ],
)
def test_answers_are_attested_signed_and_of_these_days(engine: CqlEngine, response: Resource, state: str) -> None:
    """The author of a response signs it as the answer does."""
    assert say(engine, {k: v for k, v in response.items() if v is not None})["Attestation State"] == state


# -- age and weight ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("born", "answered", "service", "state"),
    [
        ("2009-02-01", None, "2027-02-01", "unmet"),
        ("2009-02-02", None, "2027-02-01", "met"),
        ("2009", None, "2027-02-01", "unknown"),
        ("2008", None, "2027-02-01", "unmet"),
        ("2010", None, "2027-02-01", "met"),
        (None, None, "2027-02-01", "unknown"),
        ("2015-01-01", None, None, "unknown"),  # the day to count to is missing
        ("1980-01-01", None, None, "unmet"),
        ("1980-01-01", "2015-01-01", "2027-02-01", "review"),
        ("1980-01-01", "1981-01-01", "2027-02-01", "unmet"),
        ("2027-02-02", None, "2027-02-01", "review"),  # born after the service: point 7
        ("2090", None, "2027-02-01", "review"),
        (None, "2090-01-01", "2027-02-01", "review"),
        ("1906-02-01", None, "2027-02-01", "review"),  # 121 years
        ("1907-02-01", None, "2027-02-01", "unmet"),
    ],
)
def test_age_on_the_first_day_of_service(
    engine: CqlEngine, born: str | None, answered: str | None, service: str | None, state: str
) -> None:
    """Met: below the adult age. What is born after the service has no age."""
    patient = {"resourceType": "Patient", **({"birthDate": born} if born else {})}
    form = answers({"birth-date": ("valueDate", answered)} if answered else {})
    day = date.fromisoformat(service) if service else None
    said = say(engine, patient, form, Service_Date=day)
    assert said["Child State"] == state
    assert said["Child Evidence"]


def test_a_date_of_birth_that_came_is_not_asked_for_again(engine: CqlEngine) -> None:
    """Where the first day of service is missing, that is what the evidence says."""
    child = {"resourceType": "Patient", "birthDate": "2015-01-01"}
    words = " ".join(e["said"] for e in say(engine, child, answers({}), Service_Date=None)["Child Evidence"])
    assert "No first day of service" in words
    assert "No date of birth" not in words


def _weighed(value: float, day: str = "2026-11-20", unit: str = "kg") -> Resource:
    quantity = {"value": value, "code": unit, "system": "http://unitsofmeasure.org"}
    code = concept("http://loinc.org", "29463-7")
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": code,
        "effectiveDateTime": day,
        "valueQuantity": quantity,
    }


@pytest.mark.parametrize(
    ("weighed", "answered", "readings", "state"),
    [
        (_weighed(32), None, [32], "met"),
        (_weighed(32), 30, [30, 32], "met"),
        (_weighed(32, "2026-09-02"), None, [32], "met"),
        (_weighed(32, "2026-09-01"), None, [], "met"),  # too old: not sent
        (_weighed(70.5, unit="[lb_av]"), None, [31.978262085], "met"),
        (_weighed(32, "2026-12-03"), None, [], "review"),  # point 7
        (_weighed(5000), 32, [32, 5000], "review"),  # point 9, and below
        (_weighed(0), None, [], "review"),
        (_weighed(-1), None, [], "review"),
        (_weighed(300), None, [300], "met"),
        (_weighed(300.1), None, [300.1], "review"),
        (None, 0, [], "review"),
        (None, -32, [], "review"),
        (None, 5000, [5000], "review"),
        (None, None, [], "met"),
    ],
)
def test_a_weight_that_nobody_has_is_looked_at(
    engine: CqlEngine, weighed: Resource | None, answered: float | None, readings: list[float], state: str
) -> None:
    """On record or answered; a limit that was kept by weight is then for a person."""
    form = answers({} if answered is None else {"weight-kg": ("valueDecimal", answered)})
    said = say(engine, form, *([weighed] if weighed else []))
    assert said["Weight Readings"] == pytest.approx(readings)
    assert said["By Weight"] == state


# -- diagnosis (point 8) -------------------------------------------------------------------------------------


def _status(clinical: str | None = None, verification: str | None = None, **changes: Any) -> dict[str, Any]:
    found = {**changes}
    if clinical:
        found["clinicalStatus"] = concept("clinical", clinical)
    if verification:
        found["verificationStatus"] = concept("verification", verification)
    return found


def _claimed(*codes: str, **changes: Any) -> Resource:
    rows = [{"sequence": n, "diagnosisCodeableConcept": icd(code)} for n, code in enumerate(codes, 1)]
    return claim(diagnosis=rows, **changes)


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        ([_claimed()], "unknown"),
        ([_claimed("E11.9")], "review"),
        ([_claimed("M05.79")], "met"),
        ([_claimed("m0579")], "met"),
        ([_claimed("M45.9")], "review"),
        ([_claimed("M05.79", "M45.9")], "review"),
        ([_claimed("M05.79", "M17.0")], "met"),  # many have both
        ([_claimed("M17.0"), order(reasonCode=[icd("M05.79")])], "review"),
        ([_claimed("E11.9"), order(reasonCode=[icd("M05.79")])], "met"),
        ([_claimed("M45.9"), order(reasonCode=[icd("M05.79")])], "review"),
        ([_claimed("M05.79"), order(reasonCode=[icd("M45.9")])], "review"),
        ([_claimed("M05.79", "M17.0", item=[item(diagnosisSequence=[2])])], "review"),  # the item is for the second
        ([_claimed("M05.79", "M17.0", item=[item(diagnosisSequence=[1])])], "met"),
        ([_claimed("M05.79"), answers({"diagnosis-code": ("valueCoding", icd("M45.9")["coding"][0])})], "review"),
        ([_claimed(), answers({"diagnosis-code": ("valueCoding", icd("M05.79")["coding"][0])})], "unknown"),
        ([_claimed("E11.9"), condition()], "met"),
        ([_claimed("E11.9"), condition(**_status("remission"))], "met"),
        ([_claimed("E11.9"), condition(**_status(verification="provisional"))], "review"),
        *(
            ([_claimed("M05.79"), condition(**against)], "review")
            for against in (
                _status("resolved"),
                _status("inactive"),
                _status(verification="refuted"),
                _status(verification="entered-in-error"),
                _status(abatementDateTime="2020-01-01"),
                _status("active", abatementString="years ago"),
                _status("active", onsetDateTime="2026-12-03"),
                _status("active", recordedDate="2090-01-01"),
            )
        ),
        ([_claimed("M05.79"), condition(**_status("resolved")), condition(id="d", **_status("active"))], "met"),
        ([_claimed("M05.79"), condition("E11.9", **_status("resolved"))], "met"),
        ([_claimed("M05.79"), condition("M45.9")], "met"),  # what the chart alone has beside it is not asked for
        ([claim(diagnosis=[{"diagnosisReference": {"reference": "Condition/c"}}]), condition()], "met"),
        # what the claim is for, in a system that nobody here reads
        (
            [
                claim(
                    diagnosis=[
                        {"sequence": 1, "diagnosisCodeableConcept": concept("http://snomed.info/sct", "9631008")}
                    ]
                ),
                order(reasonCode=[icd("M05.79")]),
            ],
            "review",
        ),
        (
            [
                claim(diagnosis=[{"diagnosisReference": {"reference": "Condition/c"}}]),
                condition(**_status("resolved")),
            ],
            "review",
        ),
        ([claim(diagnosis=[{"diagnosisReference": {"reference": "Condition/c"}}]), condition("M45.9")], "review"),
    ],
)
def test_codes_speak_for_the_condition_treated_or_against_it(
    engine: CqlEngine, sent: list[Resource], state: str
) -> None:
    """A code that fits, none that names another condition, and no record that it is over, ruled out or yet to come."""
    assert say(engine, *sent)["Diagnosis State"] == state


def test_a_code_that_only_the_form_gives_is_named(engine: CqlEngine) -> None:
    """Where no diagnosis came along, the finding says where was looked and what the form said."""
    form = answers({"diagnosis-code": ("valueCoding", icd("M05.79")["coding"][0])})
    words = [e["said"] for e in say(engine, _claimed(), form)["Diagnosis Evidence"]]
    assert words == [
        "No ICD-10-CM code stands on the claim, as a reason of the order, or in a Condition that came along",
        "Answered in the form alone: M05.79",
    ]


# -- the specialist (point 10) -------------------------------------------------------------------------------

KIM = "Kim Sample, NPI 1234567893"
CONSULTANT = {"provider": {"reference": "PractitionerRole/consultant"}, "role": concept("x12", "73")}


def _consulted(
    day: tuple[str, str] | None = ("valueDate", "2026-11-16"),
    name: str | None = KIM,
    expert: str | None = "rheumatology",
) -> Resource:
    given: dict[str, Any] = {"prescriber-specialty": "other-physician", "specialist-consulted": True, "attest": True}
    given |= {"consultant-specialty": expert} if expert else {}
    given |= {"consultant-identity": ("valueString", name)} if name else {}
    return answers(given | ({"consultation-date": day} if day else {}))


NURSE_PRACTITIONER = [concept("http://nucc.org/provider-taxonomy", "363L00000X")]
ANSWERED = answers({"prescriber-specialty": "rheumatology"})


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        ([role(specialty=RHEUMATOLOGY)], "met"),
        ([ANSWERED], "met"),
        ([role(specialty=RHEUMATOLOGY), ANSWERED], "met"),
        ([role(specialty=FAMILY_MEDICINE), ANSWERED], "review"),
        ([role(specialty=FAMILY_MEDICINE)], "unknown"),  # whether one was consulted is not answered
        ([role(specialty=RHEUMATOLOGY, period={"start": "2090-01-01"})], "unknown"),
        ([role(specialty=RHEUMATOLOGY, period={"start": "2090-01-01"}), ANSWERED], "review"),
        ([role(specialty=RHEUMATOLOGY, period={"end": "2026-11-30"})], "unknown"),
        ([role(specialty=RHEUMATOLOGY, period={"end": "2026-11-30"}), ANSWERED], "review"),
        ([role(specialty=RHEUMATOLOGY, period={"start": "2026-12-01", "end": "2026-12-01"})], "met"),
        ([role(specialty=RHEUMATOLOGY, active=False), ANSWERED], "review"),
        ([role(specialty=RHEUMATOLOGY, practitioner={"reference": "Practitioner/other"})], "unknown"),
        ([role(specialty=RHEUMATOLOGY, practitioner={"reference": "Practitioner/other"}), ANSWERED], "review"),
        ([role(specialty=RHEUMATOLOGY + NURSE_PRACTITIONER)], "review"),
        ([role(specialty=RHEUMATOLOGY + NURSE_PRACTITIONER), ANSWERED], "review"),
        ([role(specialty=NURSE_PRACTITIONER)], "unknown"),
        ([_consulted()], "met"),
        ([_consulted(("valueDate", "2026-12-03"))], "review"),
        ([_consulted(("valueDate", "2025-12-01"))], "met"),
        ([_consulted(("valueDate", "2025-11-30"))], "review"),
        ([_consulted(None)], "unknown"),
        ([_consulted(name=None)], "unknown"),
        ([_consulted(name="Kim Sample")], "unknown"),
        ([_consulted(name="NPI 1234567893")], "unknown"),
        ([_consulted(name="NPI: 1234567893 N/A")], "unknown"),
        ([_consulted(name="Dr. Kim Sample (NPI 1234567893)")], "met"),
        ([_consulted(name="1234567893 Øyvind Ås")], "met"),
        ([_consulted(name="Kim Sample, 12345678930")], "unknown"),  # eleven digits are no NPI
        ([_consulted(expert="dermatology")], "unmet"),
        ([_consulted(expert=None)], "unknown"),
        (
            [
                claim(careTeam=[CONSULTANT]),
                role(id="consultant", specialty=RHEUMATOLOGY, practitioner={"display": "Kim"}),
                _consulted(expert=None),
            ],
            "met",
        ),
        ([claim(careTeam=[CONSULTANT]), role(id="consultant", specialty=RHEUMATOLOGY), _consulted()], "review"),
    ],
)
def test_a_specialist_prescribes_or_was_consulted(engine: CqlEngine, sent: list[Resource], state: str) -> None:
    """A role in force and the prescriber's own; a consultation with name, NPI, specialty and day."""
    assert say(engine, *sent)["Specialist State"] == state


# -- proof (point 10) ----------------------------------------------------------------------------------------


def _data(data: str, **changes: Any) -> Resource:
    return note(content=[{"attachment": {"contentType": "text/plain", "data": data, **changes}}])


def _url(url: str, **changes: Any) -> Resource:
    return note(content=[{"attachment": {"contentType": "text/plain", "url": url, **changes}}])


@pytest.mark.parametrize(
    ("sent", "proves"),
    [
        ([note()], True),
        ([note(date="2026-12-02T00:00:00Z")], True),
        ([note(date="2026-12-03T00:00:00Z")], False),
        ([note(date="2025-12-01T00:00:00Z")], True),
        ([note(date="2025-11-30T00:00:00Z")], False),
        ([note(status="superseded")], False),
        ([note(docStatus="entered-in-error")], False),
        ([note(type=concept("http://loinc.org", "11502-2"))], False),  # a laboratory report
        ([note(content=[{"attachment": {"contentType": "text/plain"}}])], False),
        ([_data(text("x"))], False),
        ([_data(text("x" * 19))], False),
        ([_data(text("twenty letters, read"))], True),
        ([_data(text(" " * 61))], False),
        ([_data(text("\r\n\t " * 20))], False),
        ([_data(text("." * 62))], False),
        ([_data(text("\0" * 60))], False),
        ([_data(NOTE, creation="2090")], False),
        ([_data(NOTE, creation="2026-11-01")], True),
        ([_data("", url="https://clinic.example.com/Binary/1")], False),
        ([_url("https://clinic.example.com/Binary/1")], True),
        ([_url("https://clinic.example.com/Binary/1", size=0)], False),
        ([_url("https://clinic.example.com/Binary/1", size=20)], True),
        ([_url("urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6")], True),
        ([_url("Binary/1")], True),
        *(([_url(url)], False) for url in ("about:blank", "data:,", "https://", "https://host/", "file:///etc", " ")),
        ([_url("https://clinic.example.com/Binary/b"), {"resourceType": "Binary", "id": "b", "data": NOTE}], True),
        ([_url("https://clinic.example.com/Binary/b"), {"resourceType": "Binary", "id": "b"}], False),
        ([_url("Binary/b"), {"resourceType": "Binary", "id": "b", "data": text(" " * 90)}], False),
    ],
)
def test_a_document_says_something_can_be_read_and_is_of_its_day(
    engine: CqlEngine, sent: list[Resource], *, proves: bool
) -> None:
    """As a note of the record, and as an attachment of an answer."""
    assert bool(say(engine, *sent)["Notes"]) is proves
    document, *others = sent
    if set(document) == set(note()) and document["status"] == "current":
        attached = answers({"site-exception-record": ("valueAttachment", document["content"][0]["attachment"])})
        assert say(engine, attached, *others)["Is Attached"] is proves


@pytest.mark.parametrize(
    ("words", "denies"),
    [
        ("Homozygous pathogenic variant of IL1RN.", False),
        ("IL1RN: Negative", True),
        ("No pathogenic variant\nin IL1RN", True),
        ("IL1RN deletion not detected", True),
        ("IL1RN, likely benign", True),
        ("IL1RN wild-type", True),
    ],
)
def test_a_report_that_found_nothing_denies(engine: CqlEngine, words: str, *, denies: bool) -> None:
    """By the words of a report, of an observation, or by a code."""
    report = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "Genes"}, "conclusion": words}
    seen = {"resourceType": "Observation", "status": "final", "code": {"text": "Genes"}, "valueString": words}
    for result in (report, seen):
        (found,) = say(engine, result)["Results"]
        assert found["denies"] is denies
    coded = {**report, "conclusion": "IL1RN", "conclusionCode": [concept("http://snomed.info/sct", "260415000")]}
    assert say(engine, coded)["Results"][0]["denies"] is True
    assert say(engine, {**report, "conclusion": "NLRP3"})["Results"] == []
    assert (
        say(engine, {**report, "conclusion": f"IL1RN: {words}", "status": "preliminary"})["Results"][0]["isFinal"]
        is False
    )
    assert say(engine, {**report, "status": "entered-in-error", "conclusion": "IL1RN"})["Results"][0]["withdrawn"]


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("IL1RN: two pathogenic variants. DIRA confirmed.", "affirms"),
        ("Homozygous pathogenic variant of IL1RN. No pathogenic variants in NLRP3, MEFV.", "affirms"),
        ("Biallelic IL1RN variants; no other variants of uncertain significance", "affirms"),
        ("Compound heterozygous for c.355C>T in IL1RN, pathogenic", "affirms"),
        ("IL1RN result pending", "denies"),
        ("NLRP3 variant found, not pathogenic; IL1RN normal", "denies"),
        ("Homozygous pathogenic variant of IL1RN, no other variants", "affirms"),
        ("NLRP3 variant found, pathogenic; IL1RN was sequenced", "open"),
        ("NLRP3 was sequenced. A pathogenic variant was found. IL1RN was sequenced", "open"),
        ("Non-pathogenic IL1RN variant", "denies"),
        ("Heterozygous carrier of IL1RN variant only.", "denies"),
        ("IL1RN was sequenced", "open"),
        ("Pathogenic variant in NLRP3; IL1RN was sequenced", "open"),
    ],
)
def test_a_report_must_affirm(engine: CqlEngine, words: str, state: str) -> None:
    """Clause by clause: what is said of other genes neither affirms nor denies."""
    report = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "IL1RN"}, "conclusion": words}
    (found,) = say(engine, report)["Results"]
    assert (found["denies"], found["isOpen"]) == {
        "affirms": (False, False),
        "denies": (True, True),
        "open": (False, True),
    }[state]
    (silent,) = say(engine, {**report, "conclusion": None})["Results"]
    assert (silent["denies"], silent["isOpen"]) == (False, False)


# -- site of care (SOC-0 to SOC-E6; points 9 and 10) ---------------------------------------------------------

NONE = {"site-exception": "none", "coverage-kind": "commercial"}


@pytest.mark.parametrize(
    ("sent", "given", "state"),
    [
        ([claim()], {}, "met"),
        ([AT_HOSPITAL], {}, "unknown"),
        ([AT_HOSPITAL], NONE, "unmet"),
        ([AT_HOSPITAL], {**NONE, "coverage-kind": "unknown"}, "unknown"),
        ([AT_HOSPITAL], {**NONE, "coverage-kind": "medigap"}, "review"),
        ([AT_HOSPITAL], {"coverage-kind": "medicare"}, "met"),
        ([AT_HOSPITAL, coverage("121")], {}, "met"),
        ([AT_HOSPITAL, coverage("142")], {}, "met"),
        ([AT_HOSPITAL, coverage("523")], {"site-exception": "none"}, "review"),
        ([AT_HOSPITAL, coverage("9999")], {"site-exception": "none"}, "unknown"),
        ([AT_HOSPITAL, coverage("1999")], {"site-exception": "none"}, "review"),  # made up: point 9
        ([AT_HOSPITAL, coverage("1999")], {"coverage-kind": "medicare"}, "review"),
        ([AT_HOSPITAL, coverage("121", "52")], {"site-exception": "none"}, "review"),  # two kinds at once
        ([AT_HOSPITAL, coverage("52", "121")], {"coverage-kind": "medicare"}, "review"),
        ([AT_HOSPITAL, coverage("1", "121")], {}, "met"),
        ([AT_HOSPITAL, coverage("52")], {"coverage-kind": "medicare"}, "review"),
        ([AT_HOSPITAL], {"place-of-service": ("valueCoding", {"system": "x", "code": "11"})}, "review"),
        ([claim(item=[item(SKILLED_NURSING)])], NONE, "review"),
        ([AT_HOSPITAL], {**NONE, "site-exception": "E2"}, "review"),  # claimed, not documented
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": "E2"}, "met"),
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": ["E2", "none"]}, "review"),
        ([AT_HOSPITAL, _data(text("x"))], {**NONE, "site-exception": "E2"}, "review"),
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": "E3"}, "unknown"),
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": "E3", "taken-before": "yes"}, "met"),
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": "E3", "taken-before": "no"}, "review"),
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": "E4a"}, "met"),
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": "E4b"}, "met"),
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": "E5"}, "unknown"),
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": "E5", "caregiver-available": False}, "met"),
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": "E5", "caregiver-available": True}, "unmet"),
        ([AT_HOSPITAL, note()], {**NONE, "site-exception": "E6"}, "met"),
        ([AT_HOSPITAL, {"resourceType": "Patient", "birthDate": "2015-01-01"}], NONE, "met"),
        ([AT_HOSPITAL, {"resourceType": "Patient", "birthDate": "2027-05-01"}], NONE, "review"),  # point 7
        ([AT_HOSPITAL, {"resourceType": "Patient"}], NONE, "unknown"),
    ],
)
def test_the_site_of_care_is_decided_step_by_step(
    engine: CqlEngine, sent: list[Resource], given: dict[str, Any], state: str
) -> None:
    """Coverage, place, age, exceptions, in the order of the policy; what is unknown names what is missing."""
    said = say(engine, *sent, answers(given))
    assert said["Site State"] == state
    assert said["Site Evidence"]


@pytest.mark.parametrize(
    ("branch", "sent", "given"),
    [
        ("SOC-0", [coverage("112")], {}),
        ("SOC-1", [claim()], {}),
        ("SOC-E1", [{"resourceType": "Patient", "birthDate": "2015-01-01"}], {}),
        ("SOC-E2", [note()], {"site-exception": "E2"}),
        ("SOC-E3", [note()], {"site-exception": "E3", "taken-before": "yes"}),
        ("SOC-E4", [note()], {"site-exception": "E4b"}),
        ("SOC-E5", [note()], {"site-exception": "E5", "caregiver-available": False}),
        ("SOC-E6", [note()], {"site-exception": "E6"}),
    ],
)
def test_each_branch_stands_by_its_id(
    engine: CqlEngine, branch: str, sent: list[Resource], given: dict[str, Any]
) -> None:
    """Met by its own facts, and not without them."""
    place = [] if branch == "SOC-1" else [AT_HOSPITAL]
    assert say(engine, *place, *sent, answers(given))[branch] == "met"
    assert say(engine, AT_HOSPITAL, answers({}))[branch] == "unmet"
