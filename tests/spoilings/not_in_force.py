"""Point 9: orders, coverages and members that are not in force, and numbers that cannot be."""

from typing import Any

from server.fhir.codes import PAS
from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    ADALIMUMAB,
    POS,
    RXNORM,
    add,
    answer,
    answered,
    at_home,
    claim,
    concept,
    first,
    in_hospital,
    initial,
    item,
    order,
    with_order,
)

TABLE = Table(9)
_SOPT = "https://nahdo.org/sopt"


def _order(bundle: Json, more: Any) -> None:
    order(bundle).update(more)


TABLE.rows_of(
    [(f"order with the intent {i}", {"intent": i}) for i in ("proposal", "plan", "option")]
    + [
        (f"order with the status {s}", {"status": s})
        for s in ("draft", "on-hold", "unknown", "cancelled", "completed", "stopped", "entered-in-error")
    ]
    + [
        ("order not to do it", {"doNotPerform": True}),
        ("order of a quantity 0", {"dispenseRequest": {"quantity": {"value": 0}}}),
        ("order of a quantity below 0", {"dispenseRequest": {"quantity": {"value": -28}}}),
        ("order of ten million", {"dispenseRequest": {"quantity": {"value": 10_000_000}}}),
        ("order of 28,000 syringes", {"dispenseRequest": {"quantity": {"value": 28_000, "unit": "syringe"}}}),
    ],
    "That order orders nothing that could be done.",
    _order,
    fits=with_order,
)


def _quantity(bundle: Json, value: Any) -> None:
    item(bundle)["quantity"] = {**item(bundle).get("quantity", {}), "value": value}


TABLE.rows_of(
    [
        ("quantity 0", 0),
        ("quantity below 0", -1),
        ("quantity of ten million", 10_000_000),
        ("quantity of 1e300", 1e300),
    ],
    "How many?",
    _quantity,
)


def _coverage(bundle: Json, more: Any) -> None:
    first(bundle, "Coverage").update(more)


TABLE.rows_of(
    [(f"coverage that is {s}", {"status": s}) for s in ("draft", "cancelled", "entered-in-error")]
    + [
        ("coverage that ended before", {"period": {"start": "2020-01-01", "end": "2021-01-01"}}),
        ("coverage that begins later", {"period": {"start": "2031-01-01"}}),
    ],
    "The member is not covered then.",
    _coverage,
)


def _patient(bundle: Json, more: Any) -> None:
    first(bundle, "Patient").update(more)


TABLE.rows_of(
    [
        ("member who has died", {"deceasedBoolean": True}),
        ("member who died on a day", {"deceasedDateTime": "2026-01-01"}),
        ("member whose record is not in use", {"active": False}),
        (
            "member whose record is replaced by another",
            {"link": [{"type": "replaced-by", "other": {"reference": "Patient/other"}}]},
        ),
    ],
    "That is no living member's record.",
    _patient,
)


def _certified_as(bundle: Json, code: Any) -> None:
    for extension in item(bundle)["extension"]:
        if extension["url"] == f"{PAS}extension-certificationType":
            extension["valueCodeableConcept"] = concept("https://codesystem.x12.org/005010/1322", code)


def _certified(bundle: Json) -> bool:
    return any(e["url"] == f"{PAS}extension-certificationType" for e in item(bundle).get("extension", ()))


TABLE.rows_of(
    [
        ("appeal at once", "1"),
        ("appeal", "2"),
        ("cancellation", "3"),
        ("notification", "5"),
        ("verification", "6"),
        ("reconsideration", "N"),
        ("kind of request that there is not", "ZZ"),
    ],
    "That is no first request and no renewal.",
    _certified_as,
    fits=_certified,
)


@TABLE.row("A renewal on the item, a first request in the form.", fits=lambda b: initial(b) and _certified(b))
def renewal_of_what_is_said_to_be_the_first(bundle: Json) -> None:
    _certified_as(bundle, "R")


def _at_hospital(bundle: Json, code: str = "22") -> None:
    item(bundle)["locationCodeableConcept"] = concept(POS, code)
    answer(bundle, {"place-of-service": {"system": POS, "code": code}})


@TABLE.row("In a hospital, without a reason.", fits=at_home)
def hospital_without_a_reason(bundle: Json) -> None:
    _at_hospital(bundle)


@TABLE.row("The form says home, the request says hospital.", fits=at_home)
def hospital_on_the_request_alone(bundle: Json) -> None:
    item(bundle)["locationCodeableConcept"] = concept(POS, "22")


@TABLE.row("Home and hospital at once.", fits=at_home)
def home_and_hospital(bundle: Json) -> None:
    item(bundle)["locationCodeableConcept"]["coding"].append({"system": POS, "code": "22"})


@TABLE.row("The request names a hospital by reference.", fits=at_home)
def hospital_by_reference(bundle: Json) -> None:
    del item(bundle)["locationCodeableConcept"]
    place = {
        "resourceType": "Location",
        "id": "ward",
        "name": "General Hospital, ward 3",
        "type": [concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "HOSP", "Hospital")],
    }
    item(bundle)["locationReference"] = {"reference": add(bundle, place)}


@TABLE.row("The claim's facility is a hospital.", fits=at_home)
def hospital_as_the_facility(bundle: Json) -> None:
    place = {
        "resourceType": "Location",
        "id": "ward",
        "name": "General Hospital",
        "type": [concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "HOSP", "Hospital")],
    }
    claim(bundle)["facility"] = {"reference": add(bundle, place)}


def _exempt(bundle: Json) -> bool:
    coverage = first(bundle, "Coverage").get("type", {}).get("coding", [])
    medicare = any(c.get("code", "").startswith("1") for c in coverage)
    return (
        in_hospital(bundle)
        and medicare
        and answered(bundle, "site-exception") is None
        and first(bundle, "Patient").get("birthDate", "9") < "2005"
    )


def _kinds(bundle: Json, codes: Any) -> None:
    first(bundle, "Coverage")["type"] = {"coding": [{"system": _SOPT, "code": c} for c in codes]}


TABLE.rows_of(
    [
        ("two kinds of coverage at once", ["1", "51"]),
        ("two kinds of coverage the other way round", ["51", "1"]),
        ("Medicare code that there is not", ["1777"]),
        ("Medicare code with letters", ["1x"]),
        ("commercial coverage in a hospital", ["51"]),
        ("Medigap", ["523"]),
    ],
    "Is that Medicare?",
    _kinds,
    fits=_exempt,
)


@TABLE.row("The form says commercial, the card says Medicare.", fits=_exempt)
def kind_of_coverage_that_the_form_contradicts(bundle: Json) -> None:
    answer(bundle, {"coverage-kind": "commercial"})


@TABLE.row("Another payer's member.")
def coverage_of_another_payer(bundle: Json) -> None:
    first(bundle, "Coverage")["payor"] = [{"identifier": {"system": "http://other.example.net", "value": "OTHER"}}]


@TABLE.row("For another payer.")
def request_to_another_payer(bundle: Json) -> None:
    claim(bundle)["insurer"] = {
        "reference": add(
            bundle,
            {
                "resourceType": "Organization",
                "id": "other-payer",
                "name": "Other",
                "identifier": [{"system": "http://other.example.net", "value": "OTHER"}],
            },
        )
    }


@TABLE.row("No member of the plan.")
def member_that_the_plan_no_longer_covers(bundle: Json) -> None:
    for resource in (first(bundle, "Coverage"), first(bundle, "Patient")):
        for identifier in resource["identifier"]:
            identifier["value"] = "W-INACTIVE-1"
    first(bundle, "Coverage")["subscriberId"] = "W-INACTIVE-1"


@TABLE.row("No member of the plan, written with a blank.")
def former_member_written_with_a_blank(bundle: Json) -> None:
    for resource in (first(bundle, "Coverage"), first(bundle, "Patient")):
        for identifier in resource["identifier"]:
            identifier["value"] = " W-INACTIVE-1 "
    first(bundle, "Coverage")["subscriberId"] = "W-INACTIVE-1 "


@TABLE.row("No member of the plan, written in small letters.")
def former_member_written_small(bundle: Json) -> None:
    for resource in (first(bundle, "Coverage"), first(bundle, "Patient")):
        for identifier in resource["identifier"]:
            identifier["value"] = "w-inactive-1"
    first(bundle, "Coverage")["subscriberId"] = "w-inactive-1"


@TABLE.row("The Claim is a draft.")
def claim_that_is_a_draft(bundle: Json) -> None:
    claim(bundle)["status"] = "draft"


@TABLE.row("The Claim was cancelled.")
def claim_that_was_cancelled(bundle: Json) -> None:
    claim(bundle)["status"] = "cancelled"


@TABLE.row("A bill, no request.")
def claim_that_is_a_bill(bundle: Json) -> None:
    claim(bundle)["use"] = "claim"


@TABLE.row("It changes an earlier request.")
def claim_that_changes_another(bundle: Json) -> None:
    claim(bundle)["related"] = [{"claim": {"identifier": {"value": "earlier"}}}]


@TABLE.row("Cancelled in whole.")
def claim_that_cancels_in_whole(bundle: Json) -> None:
    claim(bundle).setdefault("extension", []).append(
        {
            "url": f"{PAS}extension-certificationType",
            "valueCodeableConcept": concept("https://codesystem.x12.org/005010/1322", "3"),
        }
    )


@TABLE.row("The form's billing code is the outpatient one.")
def billed_by_the_outpatient_code(bundle: Json) -> None:
    answer(bundle, {"billing-code": "C9399"})


@TABLE.row("The order is for adalimumab.", fits=with_order)
def order_of_another_medicine(bundle: Json) -> None:
    order(bundle)["medicationCodeableConcept"] = concept(RXNORM, ADALIMUMAB, "adalimumab")


@TABLE.row("A form nobody finished.")
def answers_in_progress(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse")["status"] = "in-progress"


@TABLE.row("A form entered in error.")
def answers_entered_in_error(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse")["status"] = "entered-in-error"


@TABLE.row("No form at all.")
def no_answers(bundle: Json) -> None:
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "QuestionnaireResponse"]
    claim(bundle).pop("supportingInfo", None)
    for one in claim(bundle)["item"]:
        one.pop("informationSequence", None)


def _open(bundle: Json, link: Any) -> None:
    answer(bundle, {link: []})


for _link, _fits in (
    ("attest", None),
    ("indication", None),
    ("concurrent-any", None),
    ("response", lambda b: not initial(b)),
    ("caps-form", lambda b: answered(b, "caps-form") is not None),
    ("genetic-confirmed", lambda b: answered(b, "genetic-confirmed") is not None),
    ("test-fda-approved", lambda b: answered(b, "test-fda-approved") is not None),
):
    TABLE.rows_of(
        [(f"`{_link}` left open", _link)],
        "They do not say.",
        _open,
        fits=_fits or (lambda b, link=_link: answered(b, link) is not None),  # type: ignore[misc]
    )


@TABLE.row("The medicine's own entry is an error.", fits=with_order)
def medicine_entered_in_error(bundle: Json) -> None:
    found = order(bundle)
    code = found.pop("medicationCodeableConcept", None) or concept(RXNORM, "727714")
    medicine = {"resourceType": "Medication", "id": "kineret", "status": "entered-in-error", "code": code}
    found["medicationReference"] = {"reference": add(bundle, medicine)}


@TABLE.row("Home, and a hospital in another code system.", fits=at_home)
def home_and_hospital_in_another_system(bundle: Json) -> None:
    hospital = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "HOSP", "display": "Hospital"}
    item(bundle)["locationCodeableConcept"]["coding"].append(hospital)


@TABLE.row("Home by code, hospital in words.", fits=at_home)
def home_and_hospital_in_words(bundle: Json) -> None:
    item(bundle)["locationCodeableConcept"]["text"] = "Outpatient hospital infusion suite"
