"""Point 6: a biologic that stands in words, in a plan, or beside a code that means something else."""

from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    ADALIMUMAB,
    ATC,
    RXNORM,
    SNOMED,
    add,
    an_order,
    claim,
    concept,
    initial,
    order,
    patient_reference,
    with_order,
)

TABLE = Table(6)
_ADALIMUMAB = concept(RXNORM, ADALIMUMAB, "adalimumab")
_KINERET = concept(RXNORM, "727714", "Kineret")


def _about(bundle: Json, kind: str, more: Json) -> None:
    add(bundle, {"resourceType": kind, "id": "in-words", "subject": patient_reference(bundle), **more})


def _taken(bundle: Json, medicine: Json) -> None:
    _about(
        bundle,
        "MedicationStatement",
        {"status": "active", "medicationCodeableConcept": medicine, "effectivePeriod": {"start": "2026-06-01"}},
    )


def _ordered(bundle: Json, medicine: Json) -> None:
    add(bundle, an_order(bundle, medicine))


_UNLIKE: list[tuple[str, Json]] = [
    ("methotrexate by code, Humira in words", {**concept(RXNORM, "6851", "methotrexate"), "text": "Humira"}),
    ("methotrexate by code, Humira as its display", concept(RXNORM, "6851", "Humira")),
    ("prednisone by code, Enbrel in words", {**concept(RXNORM, "8640", "prednisone"), "text": "Enbrel 50 mg weekly"}),
    ("ibuprofen by code, infliximab in words", {**concept(RXNORM, "5640", "ibuprofen"), "text": "infliximab"}),
    ("lisinopril by code, TNF blocker in words", {**concept(RXNORM, "29046", "lisinopril"), "text": "TNF blocker"}),
    ("a biologic injection by no known code", {**concept(RXNORM, "99999999"), "text": "biologic injection"}),
    ("a JAK inhibitor and aspirin in words", {"text": "JAK inhibitor and aspirin"}),
    ("a study medicine beside folic acid", {"text": "blinded study medication and folic acid"}),
    ("an investigational biologic beside methotrexate", {"text": "investigational biologic with methotrexate"}),
    ("a name in letters of two alphabets", {**concept(RXNORM, "99999999"), "text": "\u041dumira"}),
    ("a name with an invisible letter", {**concept(RXNORM, "99999999"), "text": "Hu\u200bmira"}),
    ("a biologic by a pain killer's code", concept(ATC, "N02BE01", "biologic")),
]
TABLE.rows_of([(f"{n}, taken", c) for n, c in _UNLIKE], "Which of the two is it?", _taken)
TABLE.rows_of([(f"{n}, ordered beside", c) for n, c in _UNLIKE], "Which of the two is it?", _ordered, fits=with_order)


@TABLE.row("Adalimumab is to stop first, and does it?", fits=with_order)
def biologic_that_the_order_replaces(bundle: Json) -> None:
    order(bundle)["priorPrescription"] = {"reference": add(bundle, an_order(bundle, _ADALIMUMAB))}


@TABLE.row("Adalimumab was handed over, nobody knows when.")
def adalimumab_handed_over_on_no_day(bundle: Json) -> None:
    _about(bundle, "MedicationDispense", {"status": "completed", "medicationCodeableConcept": _ADALIMUMAB})


def _planned(bundle: Json, more: Any) -> None:
    kind, found = more
    _about(bundle, kind, found)


_PLAN = {"status": "active", "intent": "plan"}
TABLE.rows_of(
    [
        (
            "biologic ordered as a service in words, another way",
            (
                "ServiceRequest",
                {"status": "active", "intent": "order", "code": {"text": "Infliximab infusion 5 mg/kg"}},
            ),
        ),
        (
            "biologic given as a procedure in words, another way",
            (
                "Procedure",
                {"status": "completed", "code": {"text": "Remicade infusion"}, "performedDateTime": "2026-11-20"},
            ),
        ),
        (
            "biologic as the code of a plan",
            ("CarePlan", {**_PLAN, "activity": [{"detail": {"status": "in-progress", "code": _ADALIMUMAB}}]}),
        ),
        (
            "biologic in the words of a plan's activity",
            (
                "CarePlan",
                {**_PLAN, "activity": [{"detail": {"status": "in-progress", "description": "Humira, 40 mg"}}]},
            ),
        ),
        ("biologic in the words of a plan", ("CarePlan", {**_PLAN, "description": "Adalimumab and anakinra"})),
    ],
    "Another biologic in the same weeks.",
    _planned,
)


def _made_of(bundle: Json, medication: Json) -> None:
    """Taken now, and named by a resource of its own."""
    kit = add(bundle, {"resourceType": "Medication", "id": "kit", **medication})
    taken = {"status": "active", "medicationReference": {"reference": kit}, "effectivePeriod": {"start": "2026-06-01"}}
    _about(bundle, "MedicationStatement", taken)


_ASPIRIN = concept(RXNORM, "1191", "aspirin")


@TABLE.row("The kit has adalimumab in it.")
def biologic_in_a_kit_by_reference(bundle: Json) -> None:
    part = add(bundle, {"resourceType": "Medication", "id": "part", "code": _ADALIMUMAB})
    _made_of(bundle, {"code": {"text": "aspirin kit"}, "ingredient": [{"itemReference": {"reference": part}}]})


@TABLE.row("The aspirin has adalimumab in it, in words.")
def biologic_in_a_kit_in_words(bundle: Json) -> None:
    _made_of(bundle, {"code": _ASPIRIN, "ingredient": [{"itemCodeableConcept": {"text": "adalimumab"}}]})


@TABLE.row("An infusion was begun last week; some of it was given.")
def biologic_whose_infusion_was_stopped(bundle: Json) -> None:
    given = {"status": "stopped", "medicationCodeableConcept": _ADALIMUMAB, "effectiveDateTime": "2026-11-20"}
    _about(bundle, "MedicationAdministration", given)


@TABLE.row("Adalimumab was handed over yesterday for a year.", fits=with_order)
def biologic_whose_order_was_filled_yesterday(bundle: Json) -> None:
    supply = {"expectedSupplyDuration": {"value": 365, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}}
    made = an_order(bundle, _ADALIMUMAB, status="completed", dispenseRequest=supply)
    add(bundle, {**made, "authoredOn": "2026-11-20"})


@TABLE.row("Infliximab is infused at the same time, says the claim.")
def biologic_as_a_procedure_of_the_claim(bundle: Json) -> None:
    infusion = concept("http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "J1745", "Injection, infliximab")
    claim(bundle)["procedure"] = [{"sequence": 1, "procedureCodeableConcept": infusion}]


@TABLE.row("The prescription that the claim names is for adalimumab.", fits=with_order)
def biologic_as_the_prescription_of_the_claim(bundle: Json) -> None:
    order_ = add(bundle, an_order(bundle, _ADALIMUMAB, status="completed"))
    claim(bundle)["prescription"] = {"reference": order_}


def _said(bundle: Json, more: Any) -> None:
    key, value = more
    order(bundle)[key] = value


TABLE.rows_of(
    [("biologic in the order's note", ("note", [{"text": "Give together with adalimumab 40 mg every 2 weeks"}]))],
    "The order itself says that both are taken.",
    _said,
    fits=with_order,
)


def _instructed(bundle: Json, more: Json) -> None:
    order(bundle)["dosageInstruction"][0].update(more)


def _with_doses(bundle: Json) -> bool:
    return with_order(bundle) and bool(order(bundle).get("dosageInstruction"))


TABLE.rows_of(
    [
        ("biologic in the words of the dosage", {"text": "daily with Humira"}),
        ("biologic in an additional instruction", {"additionalInstruction": [{"text": "take with Humira"}]}),
    ],
    "The order itself says that both are taken.",
    _instructed,
    fits=_with_doses,
)


@TABLE.row("The sender says that adalimumab goes on.")
def biologic_in_words_of_the_claim(bundle: Json) -> None:
    sent = claim(bundle).setdefault("supportingInfo", [])
    system = "http://terminology.hl7.org/CodeSystem/claiminformationcategory"
    number = max((s["sequence"] for s in sent), default=0) + 1
    words = "Patient continues adalimumab with Kineret"
    sent.append({"sequence": number, "category": concept(system, "other"), "valueString": words})


# -- the medicine asked for ----------------------------------------------------------------------------------

TABLE.rows_of(
    [
        ("first course of Kineret that is taken, in words", {"text": "Kineret 100 mg daily"}),
        ("first course of Kineret that is taken, by ATC", concept(ATC, "L04AC03", "anakinra")),
        ("first course of Kineret that is taken, by SNOMED CT", concept(SNOMED, "385549000", "Anakinra")),
    ],
    "Takes it already, and asks for a first course.",
    _taken,
    fits=initial,
)
TABLE.rows_of(
    [
        (
            "first course of Kineret that was filled last week, in words",
            (
                "MedicationDispense",
                {
                    "status": "completed",
                    "medicationCodeableConcept": {"text": "Kineret 100 mg"},
                    "whenHandedOver": "2026-11-20",
                },
            ),
        ),
        (
            "first course of Kineret that was filled on no day",
            ("MedicationDispense", {"status": "completed", "medicationCodeableConcept": _KINERET}),
        ),
        (
            "first course of Kineret that was given as a procedure",
            ("Procedure", {"status": "completed", "code": _KINERET, "performedDateTime": "2026-11-20"}),
        ),
        (
            "first course of Kineret that is on hold",
            ("MedicationStatement", {"status": "on-hold", "medicationCodeableConcept": _KINERET}),
        ),
    ],
    "Takes it already, and asks for a first course.",
    _planned,
    fits=initial,
)


def _named(bundle: Json, words: Json) -> None:
    order(bundle)["medicationCodeableConcept"].update(words)


def _by_concept(bundle: Json) -> bool:
    return with_order(bundle) and "medicationCodeableConcept" in order(bundle)


TABLE.rows_of(
    [
        ("Kineret by code, Humira in words", {"text": "Humira 40 mg pen"}),
        (
            "Kineret by code, adalimumab as its display",
            {"coding": [{**_KINERET["coding"][0], "display": "adalimumab"}]},
        ),
    ],
    "Which of the two is ordered?",
    _named,
    fits=_by_concept,
)


@TABLE.row("Billed with the words Humira.")
def item_with_the_words_of_another_drug(bundle: Json) -> None:
    claim(bundle)["item"][0]["productOrService"]["text"] = "Humira"


@TABLE.row("The package is called Humira.", fits=lambda b: "detail" in claim(b)["item"][0])
def package_with_the_words_of_another_drug(bundle: Json) -> None:
    claim(bundle)["item"][0]["detail"][0]["productOrService"]["text"] = "Humira"


@TABLE.row("The item is billed as an infusion of infliximab, in its display.")
def item_with_the_display_of_another_drug(bundle: Json) -> None:
    claim(bundle)["item"][0]["productOrService"]["coding"][0]["display"] = "Injection, infliximab"


@TABLE.row("A grave allergy to the very medicine.")
def allergy_to_the_medicine_asked_for(bundle: Json) -> None:
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "own",
        "patient": patient_reference(bundle),
        "code": concept(RXNORM, "72435", "anakinra"),
        "criticality": "high",
        "reaction": [{"manifestation": [{"text": "Anaphylaxis"}], "severity": "severe"}],
    }
    add(bundle, allergy)


@TABLE.row("A package of infliximab, says the form.")
def package_of_another_drug_in_the_form(bundle: Json) -> None:
    group = next(
        i
        for e in bundle["entry"]
        if e["resource"]["resourceType"] == "QuestionnaireResponse"
        for i in e["resource"]["item"]
        if i["linkId"] == "request"
    )
    group["item"] = [i for i in group["item"] if i["linkId"] != "ndc"]
    group["item"].append({"linkId": "ndc", "answer": [{"valueString": "57894003001"}]})
