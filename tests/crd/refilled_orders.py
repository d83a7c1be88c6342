"""Spoils the order or the member of a refill: after each row the authorization is not shown to cover it."""

import copy

from tests.crd.refill import UNKNOWN, coverage, dosage, has_reason, order, patient, set_in, without
from tests.spoilings.model import Json, Table
from tests.spoilings.request import ICD10, UCUM

TABLE = Table(11)
row, rows_of = TABLE.row, TABLE.rows_of

# -- the order -----------------------------------------------------------------------------------------------------

rows_of(
    [
        *((f"refill that is {s}", {"status": s}) for s in ("cancelled", "on-hold", "entered-in-error", "stopped")),
        *((f"refill that is a {i}", {"intent": i}) for i in ("proposal", "plan", "option")),
        ("refill of unknown modifiers", {"modifierExtension": UNKNOWN}),
        ("refill under other rules", {"implicitRules": "http://ehr.example/rules"}),
        ("refill with a note", {"note": [{"text": "Do not start; on hold"}]}),
        ("refill with a reason for its status", {"statusReason": {"text": "stopped for infection"}}),
        ("refill in a hospital", {"category": [{"coding": [{"code": "inpatient"}]}]}),
        ("refill given by somebody", {"performer": {"display": "General Hospital"}}),
        ("refill with a narrative of its own", {"text": {"status": "additional", "div": "<div>1000 mg</div>"}}),
        ("refill that holds something", {"contained": [{"resourceType": "Medication", "id": "x"}]}),
        ("refill that holds nonsense", {"contained": 7}),
        ("refill that may be substituted", {"substitution": {"allowedBoolean": True}}),
        ("refill with an issue", {"detectedIssue": [{"display": "sepsis"}]}),
        ("refill of another element", {"_status": {"extension": UNKNOWN}}),
        ("refill by another prescriber", {"requester": {"reference": "Practitioner/somebody-else"}}),
        ("refill by an NPI", {"requester": {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}}}),
        ("refill by a name", {"requester": {"display": "the neighbour"}}),
    ],
    "It is another order, or none.",
    set_in(order),
)
rows_of([("refill by nobody", "requester")], "Nobody ordered it.", without(order))
rows_of(
    [
        ("refill for another disease in words", [{"text": "gout"}]),
        ("refill for an excluded disease", [{"coding": [{"system": ICD10, "code": "M45.9"}]}]),
        ("refill for no reason", []),
    ],
    "It is for another disease, or nobody knows for which.",
    lambda call, value: order(call).update(reasonCode=value),
    fits=has_reason,
)


@row("A second reason was not authorized.", fits=has_reason)
def refill_for_one_disease_more(call: Json) -> None:
    order(call)["reasonCode"].append({"coding": [{"system": ICD10, "code": "M45.9"}]})


@row("The reason was refuted.", fits=has_reason)
def refill_for_what_was_refuted(call: Json) -> None:
    refuted = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/condition-ver-status", "code": "refuted"}]}
    call["prefetch"]["conditions"] = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": f"Patient/{patient(call)['id']}"},
        "code": order(call).pop("reasonCode")[0],
        "verificationStatus": refuted,
    }
    order(call)["reasonReference"] = [{"reference": "Condition/c"}]


rows_of(
    [
        ("refill that lasts too long", {"end": "2037-01-01"}),
        ("refill that began too early", {"start": "2020-01-01"}),
        ("refill whose end nobody can read", {"end": "2027"}),
        ("refill of a modified period", {"modifierExtension": UNKNOWN}),
        ("refill whose start is perhaps another", {"_start": {"extension": UNKNOWN}}),
    ],
    "Not all of its days are authorized.",
    set_in(lambda call: order(call)["dispenseRequest"]["validityPeriod"]),
)
rows_of(
    [
        ("refill of a lot", {"quantity": {"value": 10_000, "unit": "syringe"}}),
        ("refill again and again", {"numberOfRepeats": 99}),
        ("refill of true repeats", {"numberOfRepeats": True}),
        ("refill more often", {"dispenseInterval": {"value": 1, "unit": "d", "system": UCUM, "code": "d"}}),
        ("refill of a modified hand-out", {"modifierExtension": UNKNOWN}),
        ("refill handed out elsewhere", {"performer": {"display": "General Hospital"}}),
    ],
    "More is handed over than was authorized, or elsewhere.",
    set_in(lambda call: order(call)["dispenseRequest"]),
)


@row("A timing of its own lasts for years.")
def refill_bounded_far_away(call: Json) -> None:
    dosage(call)["timing"]["repeat"]["boundsPeriod"] = {"end": "2037-01-01"}


@row("Two orders: twice the amount.")
def refill_twice_in_one_call(call: Json) -> None:
    again = copy.deepcopy(call["context"]["draftOrders"]["entry"][0])
    again["resource"]["id"] += "-2"
    again["fullUrl"] += "-2"
    call["context"]["draftOrders"]["entry"].append(again)


@row("Two orders, one of which takes no answer.")
def refill_twice_the_second_without_an_id(call: Json) -> None:
    again = copy.deepcopy(call["context"]["draftOrders"]["entry"][0])
    del again["resource"]["id"], again["fullUrl"]
    call["context"]["draftOrders"]["entry"].append(again)


# -- the member ----------------------------------------------------------------------------------------------------

rows_of([("refill for nobody", "subject")], "Nobody knows whose it is.", without(order))
rows_of(
    [
        ("refill for a displayed patient", {"display": "Somebody"}),
        ("refill for an identified patient", {"identifier": {"system": "http://x.example", "value": "OTHER"}}),
        ("refill for a patient of another server", {"reference": "https://other.example/fhir/Patient/PATIENT"}),
    ],
    "Nobody knows whose it is.",
    lambda call, value: order(call).update(
        subject={k: v.replace("PATIENT", patient(call)["id"]) if isinstance(v, str) else v for k, v in value.items()}
    ),
)
rows_of(
    [
        ("refill under a Coverage of nobody", {"beneficiary": {"display": "Somebody"}}),
        ("refill under an identified Coverage", {"beneficiary": {"identifier": {"system": "x", "value": "OTHER"}}}),
    ],
    "Whose Coverage it is is not shown.",
    set_in(coverage),
)


@row("The identifier beside the reference is another's.")
def refill_for_a_patient_with_the_number_of_another(call: Json) -> None:
    order(call)["subject"]["identifier"] = {**patient(call)["identifier"][0], "value": "OTHER"}


rows_of(
    [
        ("refill for the dead", {"deceasedBoolean": True}),
        ("refill for who died once", {"deceasedDateTime": "2026-12-01"}),
        ("refill for who may be dead", {"_deceasedDateTime": {"extension": UNKNOWN}}),
    ],
    "The patient has died, or may have.",
    set_in(patient),
)


@row("Coverage and Patient are of two members.")
def refill_for_a_patient_with_another_member_number(call: Json) -> None:
    for identifier in patient(call)["identifier"]:
        identifier["value"] = "OTHER"


@row("Nothing is known of the patient.")
def refill_without_the_patient(call: Json) -> None:
    del call["prefetch"]["patient"]
