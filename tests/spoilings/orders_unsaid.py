"""Point 9: orders, members, prescribers and kinds of request that one part of the request says, and another unsays."""

from typing import Any

from server.fhir.codes import PAS
from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    REQUESTED_SERVICE,
    SNOMED,
    all_of,
    answered,
    at_home,
    both,
    claim,
    concept,
    dosed,
    first,
    initial,
    item,
    order,
    treats,
    with_order,
)

TABLE = Table(9)

_NPI = "http://hl7.org/fhir/sid/us-npi"
_UNKNOWN = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}


def _with_one_order(bundle: Json) -> bool:
    return len(all_of(bundle, "MedicationRequest")) == 1


def _unnamed(bundle: Json, more: Json) -> None:
    order(bundle).update(more)
    item(bundle)["extension"] = [e for e in item(bundle)["extension"] if e["url"] != REQUESTED_SERVICE]


TABLE.rows_of(
    [
        (f"order that nothing names with the status {status}", {"status": status})
        for status in ("cancelled", "stopped", "completed", "entered-in-error")
    ]
    + [
        ("order that nothing names, not to do it", {"doNotPerform": True}),
        ("order that nothing names with the intent proposal", {"intent": "proposal"}),
        ("order that nothing names with the intent option", {"intent": "option"}),
    ],
    "The only order that came along is none.",
    _unnamed,
    fits=both(with_order, _with_one_order, lambda b: answered(b, "dose-mg-per-day") is not None),
)


def _ordered(bundle: Json, more: Json) -> None:
    for key, value in more.items():
        if value is None:
            order(bundle).pop(key, None)
        else:
            order(bundle)[key] = value


TABLE.rows_of(
    [
        ("order that says it was cancelled", {"statusReason": {"text": "Cancelled by the prescriber"}}),
        ("order that is only reported", {"reportedBoolean": True}),
        ("order with a note against it", {"note": [{"text": "Cancelled. Takes Humira and 1,000 mg a day."}]}),
        ("order whose status is not known", {"status": None, "_status": _UNKNOWN}),
        ("order of which nobody knows if it is to be done", {"_doNotPerform": _UNKNOWN}),
        ("order with an issue that did not come along", {"detectedIssue": [{"reference": "DetectedIssue/gone"}]}),
        ("order without a day", {"authoredOn": None}),
    ],
    "Is that an order?",
    _ordered,
    fits=with_order,
)

TABLE.rows_of(
    [
        ("order of nobody", {"requester": None}),
        ("order of somebody who is only named", {"requester": {"display": "Nurse Joy"}}),
        (
            "order of somebody by number who did not come along",
            {"requester": {"identifier": {"system": _NPI, "value": "1679576722"}}},
        ),
    ],
    "Who prescribes it?",
    _ordered,
    fits=both(initial, with_order),
)


def _dispensed(bundle: Json, more: Json) -> None:
    order(bundle).setdefault("dispenseRequest", {}).update(more)


TABLE.rows_of(
    [
        ("order with a million refills", {"numberOfRepeatsAllowed": 1000000}),
        ("order whose first fill is a million", {"initialFill": {"quantity": {"value": 1000000}}}),
    ],
    "How many?",
    _dispensed,
    fits=with_order,
)


def _instructed(bundle: Json, more: Json) -> None:
    order(bundle)["dosageInstruction"][0].update(more)


TABLE.rows_of(
    [
        ("dose that the patient is told otherwise", {"patientInstruction": "Take ten syringes a day"}),
        ("dose with an instruction against it", {"additionalInstruction": [{"text": "1,000 mg a day, into a vein"}]}),
        ("dose as needed for pain", {"asNeededCodeableConcept": {"text": "pain"}}),
        ("dose into an eye", {"site": concept(SNOMED, "81745001", "Eye")}),
        ("dose by infusion, as method", {"method": {"text": "intravenous infusion"}}),
        (
            "under the skin and into a vein",
            {"route": {"coding": [{"system": SNOMED, "code": c} for c in ("34206005", "47625008")]}},
        ),
        ("under the skin by code and into a vein by words", {"route": {**concept(SNOMED, "34206005"), "text": "IV"}}),
    ],
    "The instruction says two things.",
    _instructed,
    fits=dosed,
)


@TABLE.row("It is not known that the member lives.")
def member_of_whom_nobody_knows_if_she_died(bundle: Json) -> None:
    first(bundle, "Patient")["_deceasedBoolean"] = _UNKNOWN


_CERTIFICATION = f"{PAS}extension-certificationType"
_X12 = "https://codesystem.x12.org/005010/1322"


def _kinds(bundle: Json, more: Any) -> None:
    target, value = more
    holder = claim(bundle) if target == "claim" else item(bundle)
    kept = [e for e in holder.get("extension", ()) if target != "instead" or e["url"] != _CERTIFICATION]
    holder["extension"] = [*kept, {"url": _CERTIFICATION, "valueCodeableConcept": value}]


TABLE.rows_of(
    [
        ("cancellation as a second kind of request", ("item", concept(_X12, "3"))),
        ("appeal as the kind of the claim", ("claim", concept(_X12, "2"))),
        ("appeal in words", ("instead", {"text": "Appeal"})),
    ],
    "Is it an appeal, or is it taken back?",
    _kinds,
)


def _place(bundle: Json, more: Json) -> None:
    location = item(bundle)["locationCodeableConcept"]
    location.update({k: v for k, v in more.items() if k != "coding"})
    location["coding"] += more.get("coding", [])


TABLE.rows_of(
    [
        ("home and a ward in words", {"text": "Inpatient ward"}),
        ("home and the emergency room in words", {"text": "Emergency room"}),
        ("home and a hospital in another language", {"text": "Krankenhaus"}),
        ("home and a hospital by a code of no system", {"coding": [{"code": "21"}]}),
        (
            "home and an inpatient by code",
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}]},
        ),
        (
            "home and a hospital by the facility code",
            {"coding": [{"system": "https://codesystem.x12.org/005010/1332", "code": "22"}]},
        ),
    ],
    "At home or in a hospital?",
    _place,
    fits=at_home,
)


@TABLE.row("Room and board of a hospital.", fits=at_home)
def revenue_code_of_a_ward(bundle: Json) -> None:
    item(bundle)["revenue"] = concept("https://www.nubc.org/CodeSystem/RevenueCodes", "0120", "Room and board")


@TABLE.row("The prescriber does not practise any more.", fits=initial)
def prescriber_who_is_not_active(bundle: Json) -> None:
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "Practitioner":
            entry["resource"]["active"] = False


@TABLE.row(
    "By qualification a nurse practitioner, and nobody was consulted.",
    fits=both(initial, lambda b: not answered(b, "specialist-consulted")),
)
def prescriber_who_is_qualified_as_a_nurse(bundle: Json) -> None:
    nurse = {"code": concept("http://nucc.org/provider-taxonomy", "363L00000X")}
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "Practitioner":
            entry["resource"]["qualification"] = [nurse]


@TABLE.row("The plan asks itself.")
def request_of_the_payer(bundle: Json) -> None:
    claim(bundle)["provider"] = claim(bundle)["insurer"]


def _in_words(bundle: Json, text: str) -> None:
    order(bundle)["dosageInstruction"][0]["text"] = text


TABLE.rows_of(
    [
        ("ten syringes in words", "10 syringes per day"),
        ("ten syringes in letters", "ten syringes daily"),
        ("a gram in words", "1 g daily"),
        ("a thousand milligrams in words", "1000 milligrams daily"),
        ("a thousand milligrams with a blank", "1 000 mg daily"),
        ("a thousand milligrams with a point", "1.000 mg daily"),
        ("a thousand milligrams in letters", "one thousand milligrams daily"),
        ("a thousand milligrams in wide digits", "\uff11\uff10\uff10\uff10 mg daily"),
        ("a thousand milligrams in another language", "1000 \u043c\u0433 \u0432 \u0434\u0435\u043d\u044c"),
        ("every hour in words", "100 mg every hour"),
        ("four times in words", "100 mg four times daily"),
        ("into a vein in words", "100 mg intravenously daily"),
        ("not yet in words", "Do not start; hold"),
    ],
    "The words of the order say another dose than its numbers.",
    _in_words,
    fits=both(dosed, treats("RA")),
)
