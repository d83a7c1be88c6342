"""Point 6: a medicine that is not recognised is not "none"."""

from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    ADALIMUMAB,
    ATC,
    HCPCS,
    NDC,
    RXNORM,
    SNOMED,
    add,
    an_order,
    answer,
    claim,
    concept,
    order,
    patient_reference,
    with_order,
)

TABLE = Table(6)
_CODED: list[tuple[str, Json]] = [
    ("RxNorm", concept(RXNORM, ADALIMUMAB, "adalimumab")),
    ("NDC", concept(NDC, "00074433902")),
    ("NDC with hyphens", concept(NDC, "0074-4339-02")),
    ("HCPCS", concept(HCPCS, "J0135")),
    ("SNOMED CT", concept(SNOMED, "407317001", "Adalimumab")),
    ("ATC", concept(ATC, "L04AB04")),
    ("text alone", {"text": "Humira pen 40 mg every other week"}),
    ("a display alone", {"coding": [{"display": "adalimumab 40 MG/0.8 ML"}]}),
    ("a code of the house", concept("http://ehr.example.org/drugs", "4711")),
    ("a code of no system", {"coding": [{"code": "4711"}]}),
    ("another biosimilar", concept(RXNORM, "1872980", "adalimumab-atto")),
]
_MISSING: list[tuple[str, Json]] = [
    ("belimumab", concept(RXNORM, "1092437", "belimumab")),
    ("vedolizumab", concept(RXNORM, "1538097", "vedolizumab")),
    ("bimekizumab", concept(RXNORM, "2661372", "bimekizumab")),
    ("natalizumab", concept(RXNORM, "354770", "natalizumab")),
    ("anifrolumab", concept(RXNORM, "2562848", "anifrolumab")),
    ("mirikizumab", concept(RXNORM, "2669883", "mirikizumab")),
    ("emapalumab", concept(RXNORM, "2104613", "emapalumab")),
    ("siltuximab", concept(RXNORM, "1535218", "siltuximab")),
    ("deucravacitinib", concept(RXNORM, "2611453", "deucravacitinib")),
    ("ritlecitinib", concept(RXNORM, "2640355", "ritlecitinib")),
    ("abrocitinib", concept(RXNORM, "2591474", "abrocitinib")),
]


def _day(bundle: Json) -> str:
    found: str = claim(bundle)["created"][:10]
    return found


def _taken(bundle: Json, medicine: Json, **more: Any) -> None:
    statement = {
        "resourceType": "MedicationStatement",
        "id": "taken",
        "status": "active",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": medicine,
        "effectivePeriod": {"start": "2026-06-01"},
        **more,
    }
    add(bundle, statement)


def _filled(bundle: Json, medicine: Json) -> None:
    fill = {
        "resourceType": "MedicationDispense",
        "id": "filled",
        "status": "completed",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": medicine,
        "whenHandedOver": _day(bundle),
    }
    add(bundle, fill)


def _given(bundle: Json, medicine: Json, **more: Any) -> None:
    given = {
        "resourceType": "MedicationAdministration",
        "id": "given",
        "status": "completed",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": medicine,
        "effectiveDateTime": _day(bundle),
        **more,
    }
    add(bundle, given)


def _ordered(bundle: Json, medicine: Json, **more: Any) -> None:
    add(bundle, an_order(bundle, medicine, **more))


TABLE.rows_of([(f"taken now by {n}", c) for n, c in _CODED], "Is that a biologic?", _taken)
TABLE.rows_of([(f"filled now by {n}", c) for n, c in _CODED], "Is that a biologic?", _filled)
TABLE.rows_of([(f"given now by {n}", c) for n, c in _CODED], "Is that a biologic?", _given)
TABLE.rows_of([(f"ordered beside by {n}", c) for n, c in _CODED], "Is that a biologic?", _ordered, fits=with_order)
TABLE.rows_of([(f"{n} taken now", c) for n, c in _MISSING], "Another biologic or targeted one.", _taken)
TABLE.rows_of([(f"{n} given now", c) for n, c in _MISSING], "Another biologic or targeted one.", _given)


@TABLE.row("An infusion of infliximab was given as a procedure last week.")
def biologic_given_as_a_procedure(bundle: Json) -> None:
    done = {
        "resourceType": "Procedure",
        "id": "infusion",
        "status": "completed",
        "subject": patient_reference(bundle),
        "code": concept(HCPCS, "J1745", "Injection, infliximab"),
        "performedDateTime": _day(bundle),
    }
    add(bundle, done)


@TABLE.row("Adalimumab is on hold, and may be taken again.")
def biologic_on_hold(bundle: Json) -> None:
    _taken(bundle, _CODED[0][1], status="on-hold")


@TABLE.row("Adalimumab is intended.")
def biologic_intended(bundle: Json) -> None:
    _taken(bundle, _CODED[0][1], status="intended")


@TABLE.row("Adalimumab: status unknown.")
def biologic_of_unknown_status(bundle: Json) -> None:
    _taken(bundle, _CODED[0][1], status="unknown")


@TABLE.row("Adalimumab is planned for the same weeks.", fits=with_order)
def biologic_planned(bundle: Json) -> None:
    _ordered(bundle, _CODED[0][1], intent="plan")


@TABLE.row("Adalimumab is drafted for the same weeks.", fits=with_order)
def biologic_drafted(bundle: Json) -> None:
    _ordered(bundle, _CODED[0][1], status="draft")


@TABLE.row("Adalimumab's order ran out yesterday on paper: its status is unknown.", fits=with_order)
def biologic_ordered_with_unknown_status(bundle: Json) -> None:
    _ordered(bundle, _CODED[0][1], status="unknown")


@TABLE.row("An infusion of adalimumab is going on.")
def biologic_in_progress(bundle: Json) -> None:
    _given(bundle, _CODED[0][1], status="in-progress")


@TABLE.row("The kit taken now has adalimumab in it.")
def biologic_as_an_ingredient(bundle: Json) -> None:
    kit = {
        "resourceType": "Medication",
        "id": "kit",
        "code": {"text": "Kit"},
        "ingredient": [{"itemCodeableConcept": _CODED[0][1]}],
    }
    statement = {
        "resourceType": "MedicationStatement",
        "id": "taken",
        "status": "active",
        "subject": patient_reference(bundle),
        "medicationReference": {"reference": add(bundle, kit)},
    }
    add(bundle, statement)


@TABLE.row("The medicine taken now is named by a reference that leads nowhere.")
def medicine_that_did_not_come_along(bundle: Json) -> None:
    statement = {
        "resourceType": "MedicationStatement",
        "id": "taken",
        "status": "active",
        "subject": patient_reference(bundle),
        "medicationReference": {"reference": "https://other.example.net/r4/Medication/1"},
    }
    add(bundle, statement)


@TABLE.row("The form says that one will be taken with it.")
def biologic_answered(bundle: Json) -> None:
    answer(bundle, {"concurrent-any": True, "concurrent-which": [{"system": RXNORM, "code": ADALIMUMAB}]})


@TABLE.row("The form does not say whether one will be taken with it.")
def biologic_not_answered(bundle: Json) -> None:
    answer(bundle, {"concurrent-any": []})


@TABLE.row("One is taken now and stops first, they say.")
def biologic_that_stops_first(bundle: Json) -> None:
    answer(bundle, {"stopping-first": True})


@TABLE.row("The form says none, and names adalimumab.")
def biologic_named_beside_none(bundle: Json) -> None:
    answer(bundle, {"concurrent-which": [{"system": RXNORM, "code": ADALIMUMAB}]})


@TABLE.row("Supplied by the prescriber's office as a device kit: adalimumab.", fits=with_order)
def biologic_as_the_reason_of_a_care_plan(bundle: Json) -> None:
    plan = {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": "active",
        "intent": "plan",
        "subject": patient_reference(bundle),
        "activity": [
            {"detail": {"kind": "MedicationRequest", "status": "in-progress", "productCodeableConcept": _CODED[0][1]}}
        ],
    }
    add(bundle, plan)
    assert order(bundle)
