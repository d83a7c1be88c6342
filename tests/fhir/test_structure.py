"""server/fhir/structure.py: what is no base R4 is named with its place and remedy, and nothing else is."""

import json
from typing import Any

import pytest

from server.errors import MAX_PROBLEMS
from server.fhir.primitives import real_day
from server.fhir.structure import structure_problems

SENT = "Geheim-1970"
PHOTO = "Bundle.entry[0].resource.photo[0].data"


def a_claim(**changes: Any) -> dict[str, Any]:
    claim: dict[str, Any] = {
        "resourceType": "Claim",
        "status": "active",
        "type": {"text": "professional"},
        "use": "preauthorization",
        "patient": {"reference": "Patient/1"},
        "created": "2026-11-23",
        "provider": {"reference": "Organization/1"},
        "priority": {"text": "normal"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/1"}}],
    }
    return {k: v for k, v in {**claim, **changes}.items() if v is not ...}


def in_bundle(*resources: Any, **changes: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources], **changes}


FAULTS = [
    ("empty entry", in_bundle(entry=[]), ["Bundle.entry"]),
    ("null", in_bundle(a_claim(), identifier=None), ["Bundle.identifier"]),
    ("entry is text", in_bundle(entry="x"), ["Bundle.entry"]),
    ("unknown type", in_bundle({"resourceType": "Zork"}), ["Bundle.entry[0].resource"]),
    ("no type", in_bundle({}), ["Bundle.entry[0].resource"]),
    ("no patient", in_bundle(a_claim(patient=...)), ["Bundle.entry[0].resource.patient"]),
    (
        "two at once",
        in_bundle(a_claim(provider=..., priority=...)),
        ["Bundle.entry[0].resource.priority", "Bundle.entry[0].resource.provider"],
    ),
    (
        "object for an array",
        in_bundle({"resourceType": "Patient", "name": {"family": SENT}}),
        ["Bundle.entry[0].resource.name"],
    ),
    ("no date", in_bundle({"resourceType": "Patient", "birthDate": SENT}), ["Bundle.entry[0].resource.birthDate"]),
    (
        "30 February",
        in_bundle({"resourceType": "Patient", "birthDate": "2026-02-30"}),
        ["Bundle.entry[0].resource.birthDate"],
    ),
    (
        "30 February in a list",
        in_bundle(
            {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": {"display": "x"}}
            | {"occurrenceTiming": {"event": ["2026-01-01", "2026-02-30"]}}
        ),
        ["Bundle.entry[0].resource.occurrenceTiming.event[1]"],
    ),
    ("bad id", in_bundle({"resourceType": "Patient", "id": "a b/c"}), ["Bundle.entry[0].resource.id"]),
    *[
        (f"{name} {value!r}", in_bundle({"resourceType": "Patient", name: value}), [f"Bundle.entry[0].resource.{name}"])
        for name, value in [
            ("active", "true"),
            ("active", 1),
            ("active", []),
            ("multipleBirthInteger", 1.0),
            ("multipleBirthInteger", "2"),
            ("multipleBirthInteger", 2**31),
            ("birthDate", 1970),
            ("birthDate", "1970-13"),
            ("birthDate", "1970-01-01T00:00:00Z"),
            ("birthDate", ["1970-01-01"]),
            ("birthDate", {}),
            ("deceasedDateTime", "2026-01-01T10:00:00"),
            ("deceasedDateTime", "2026-01-01T25:00:00Z"),
            ("deceasedDateTime", "٢٠٢٦-01-01"),
            ("gender", " male"),
            ("gender", "a\tb"),
            ("gender", "male "),
            ("implicitRules", "http://a b"),
            ("language", ""),
            ("maritalStatus", {}),
            ("maritalStatus", SENT),
            ("maritalStatus", [{"text": "x"}]),
            ("_birthDate", SENT),
            ("contact", {"gender": "male"}),
        ]
    ],
    *[
        (f"photo data {data!r}", in_bundle({"resourceType": "Patient", "photo": [{"data": data}]}), [PHOTO])
        for data in ("@@@@", "abc", "ab=c", "====", 7, "  ")
    ],
    *[
        (f"name {names}", in_bundle({"resourceType": "Patient", "name": names}), [f"Bundle.entry[0].resource.{place}"])
        for names, place in [
            ([None], "name[0]"),
            ([[{"family": "x"}]], "name[0]"),
            ([{}], "name[0]"),
            ([{"given": [None]}], "name[0].given[0]"),
            ([{"given": ["a", 7]}], "name[0].given[1]"),
            ([{"given": [["a"]]}], "name[0].given[0]"),
            ([{"given": []}], "name[0].given"),
            ([{"given": "a"}], "name[0].given"),
            ([{"_given": [{"extension": {}}]}], "name[0]._given[0].extension"),
            ([{"extension": [{"valueString": "x"}]}], "name[0].extension[0].url"),
        ]
    ],
    (
        "two types of one choice",
        in_bundle({"resourceType": "Patient", "deceasedBoolean": False, "deceasedDateTime": "2026-01-01"}),
        ["Bundle.entry[0].resource.deceasedDateTime"],
    ),
    (
        "a choice is missing",
        in_bundle(
            {"resourceType": "MedicationStatement", "status": "active", "subject": {"display": "x"}},
        ),
        ["Bundle.entry[0].resource.medication"],
    ),
    (
        "in a contained resource",
        in_bundle({"resourceType": "Patient", "contained": [{"resourceType": "Patient", "name": {"family": SENT}}]}),
        ["Bundle.entry[0].resource.contained[0].name"],
    ),
    (
        "a sequence of nothing",
        in_bundle(a_claim(item=[{"sequence": 0, "productOrService": {"text": "x"}}])),
        ["Bundle.entry[0].resource.item[0].sequence"],
    ),
    ("nothing but a type that nobody knows", {"resourceType": SENT}, ["Resource"]),
    ("no parameter", {"resourceType": "Parameters", "parameter": []}, ["Parameters.parameter"]),
]


@pytest.mark.parametrize(("body", "places"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_every_fault_is_named_with_its_place_and_without_its_value(body: dict[str, Any], places: list[str]) -> None:
    """Each fault of the table comes out at exactly its FHIRPath, and no text repeats what was sent."""
    problems = structure_problems(json.dumps(body).encode(), body)
    assert sorted({str(p.expression) for p in problems}) == places
    assert all(p.severity in ("error", "fatal") and SENT not in p.text for p in problems)


@pytest.mark.parametrize(
    "resource",
    [
        a_claim(),
        {"resourceType": "Patient", "id": "a-b.C9", "birthDate": "1970-02", "_gender": {"id": "has spaces here"}},
        {"resourceType": "Patient", "name": [{"family": "2026-02-30"}], "identifier": [{"value": "2026-02-30"}]},
        {"resourceType": "Patient", "somethingOfOurs": "2026"},
        {"resourceType": "Patient", "birthDate": "2024-02-29"},
        {"resourceType": "Patient", "_birthDate": {"extension": [{"url": "urn:absent", "valueCode": "unknown"}]}},
        a_claim(status=..., _status={"extension": [{"url": "urn:absent", "valueCode": "unknown"}]}),
        {"resourceType": "Patient", "name": [{"given": ["a", None], "_given": [None, {"id": "b"}]}]},
        {"resourceType": "Patient", "photo": [{"data": "QUJD\r\nRA=="}, {"data": "AAAA"}]},
        {"resourceType": "Patient", "deceasedDateTime": "2026-01-01T10:00:00.123+14:00", "implicitRules": "urn:x#y|1"},
        {"resourceType": "Basic", "code": {"coding": [{"code": "two words", "userSelected": True}], "text": "  "}},
        {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueQuantity": {"value": 1e2}},
        {"resourceType": "SubstanceSpecification", "name": [{"name": "a", "synonym": [{"name": "b"}]}]},
    ],
    ids=[
        "claim",
        "partial date",
        "text that looks like a day",
        "unknown element",
        "leap day",
        "an extension for a value",
        "an extension for a mandatory value",
        "a gap in a list",
        "base64 with white space",
        "fraction and zone",
        "spaces in text",
        "exponent",
        "an element like the one it is in",
    ],
)
def test_what_is_sound_has_no_problem(resource: dict[str, Any]) -> None:
    """Partial dates, leap days, unknown elements and text that happens to look like a day are no faults."""
    body = in_bundle(resource)
    assert structure_problems(json.dumps(body).encode(), body) == []


def test_an_empty_array_is_named_with_what_to_do() -> None:
    """The element is named, so that a reader of the text alone finds it."""
    body = {"resourceType": "Parameters", "parameter": []}
    (problem,) = structure_problems(json.dumps(body).encode(), body)
    assert problem.text.startswith("`parameter` is an empty array")
    assert "fill it or leave it out" in problem.text


def test_a_key_that_stands_twice_is_refused() -> None:
    """Parsing keeps one of two values; another reader may keep the other."""
    patient = b'{"resourceType":"Patient","id":"a","id":"b"}'
    raw = b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":%b}]}' % patient
    (problem,) = structure_problems(raw, json.loads(raw))
    assert problem.expression == "Bundle.entry[0].resource"


def test_more_problems_than_anybody_reads_are_not_looked_for() -> None:
    """A hundred thousand faults cost no more than the first thousand, and it shows that there are too many."""
    body = in_bundle(*[{"resourceType": "Patient", "active": "no"}] * 100_000)
    assert MAX_PROBLEMS < len(structure_problems(b"{}", body)) < 20 * MAX_PROBLEMS


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("2026-11-23", True),
        ("2026-11-23T09:00:00+05:00", True),
        ("2026-02-29", False),
        ("2026-11", False),
        ("", False),
        (None, False),
        (20261123, False),
    ],
)
def test_a_real_day_is_full_and_in_the_calendar(text: object, known: bool) -> None:  # noqa: FBT001 - a table's column
    """A day is read from dates and date-times alike, and from nothing else."""
    assert (real_day(text) is not None) is known
