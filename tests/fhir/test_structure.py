"""server/fhir/structure.py: what is no base R4 is named with its place, whichever checker stands behind it."""

import json
from typing import Any

import pytest

from server.fhir import structure
from server.fhir.structure import real_day, structure_problems

SENT = "Geheim-1970"


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
]


@pytest.fixture(params=["fhirkit", "R4B"])
def checker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    kind = str(request.param)
    if kind == "fhirkit":
        pytest.importorskip("fhirkit")
    monkeypatch.setattr(structure, "_check", {"fhirkit": structure._fhirkit, "R4B": structure._r4b}[kind]())  # noqa: SLF001 - both must give one answer
    return kind


@pytest.mark.usefixtures("checker")
@pytest.mark.parametrize(("body", "places"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_every_fault_is_named_with_its_place_and_without_its_value(body: dict[str, Any], places: list[str]) -> None:
    """Each fault of the table comes out at exactly its FHIRPath, and no text repeats what was sent."""
    problems = structure_problems(json.dumps(body).encode(), body)
    assert sorted({str(p.expression) for p in problems}) == places
    assert all(p.severity in ("error", "fatal") and SENT not in p.text for p in problems)


@pytest.mark.usefixtures("checker")
@pytest.mark.parametrize(
    "resource",
    [
        a_claim(),
        {"resourceType": "Patient", "id": "a-b.C9", "birthDate": "1970-02", "_gender": {"id": "has spaces here"}},
        {"resourceType": "Patient", "name": [{"family": "2026-02-30"}], "identifier": [{"value": "2026-02-30"}]},
        {"resourceType": "Patient", "somethingOfOurs": "2026"},
        {"resourceType": "Patient", "birthDate": "2024-02-29"},
    ],
    ids=["claim", "partial date", "text that looks like a day", "unknown element", "leap day"],
)
def test_what_is_sound_has_no_problem(resource: dict[str, Any]) -> None:
    """Partial dates, leap days, unknown elements and text that happens to look like a day are no faults."""
    body = in_bundle(resource)
    assert structure_problems(json.dumps(body).encode(), body) == []


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
