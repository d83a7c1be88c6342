"""Point 1: evidence the engine cannot see. What is accepted as the order is judged; what cannot be placed is told."""

from typing import Any

from server.fhir.codes import PAS
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
    claim,
    concept,
    dosage,
    dosed,
    first,
    item,
    order,
    patient_reference,
    remove,
    service_extension,
    treats,
    url_of,
    with_order,
)

TABLE = Table(1)
_HUMIRA = concept(RXNORM, ADALIMUMAB, "adalimumab")
_HUMIRA_NDC = "00074433902"


def _contain(bundle: Json, changed: Json) -> None:
    """The order, changed, stands in Claim.contained instead of an entry."""
    old = order(bundle)
    url = url_of(bundle, old)
    for response in (e["resource"] for e in bundle["entry"]):
        if response["resourceType"] == "QuestionnaireResponse":
            kept = [e for e in response.get("extension", ()) if e.get("valueReference", {}).get("reference") != url]
            response["extension"] = kept
    extension = service_extension(bundle)
    assert extension is not None
    remove(bundle, old)
    claim(bundle).setdefault("contained", []).append({**old, **changed, "id": "order"})
    extension["valueReference"] = {"reference": "#order"}


@TABLE.row("Ten times the dose, folded into the Claim.", fits=dosed)
def contained_order_of_1000_mg_a_day(bundle: Json) -> None:
    _contain(bundle, {"dosageInstruction": [dosage(1000)]})


@TABLE.row("That is adalimumab, and into a vein.", fits=with_order)
def contained_order_of_another_drug_by_vein(bundle: Json) -> None:
    route = concept(SNOMED, "47625008", "Intravenous route")
    _contain(bundle, {"medicationCodeableConcept": _HUMIRA, "dosageInstruction": [dosage(400, route=route)]})


@TABLE.row("The contained order is a draft.", fits=with_order)
def contained_order_that_is_a_draft(bundle: Json) -> None:
    _contain(bundle, {"status": "draft"})


@TABLE.row("The medicine that the order names is adalimumab.", fits=with_order)
def contained_medicine_that_is_another(bundle: Json) -> None:
    found = order(bundle)
    found.pop("medicationCodeableConcept", None)
    found["contained"] = [{"resourceType": "Medication", "id": "drug", "code": _HUMIRA}]
    found["medicationReference"] = {"reference": "#drug"}


@TABLE.row("One of its ingredients is adalimumab.", fits=with_order)
def contained_medicine_mixed_with_another(bundle: Json) -> None:
    found = order(bundle)
    named = found.pop("medicationCodeableConcept", None) or {"text": "Kineret"}
    found["contained"] = [
        {
            "resourceType": "Medication",
            "id": "drug",
            "code": named,
            "ingredient": [{"itemCodeableConcept": _HUMIRA}],
        }
    ]
    found["medicationReference"] = {"reference": "#drug"}


@TABLE.row("An active adalimumab order stands inside the other order.", fits=with_order)
def biologic_ordered_in_what_the_order_contains(bundle: Json) -> None:
    beside = an_order(bundle, _HUMIRA)
    order(bundle).setdefault("contained", []).append(beside)


@TABLE.row("An active adalimumab order stands inside the Claim.", fits=with_order)
def biologic_ordered_in_what_the_claim_contains(bundle: Json) -> None:
    claim(bundle).setdefault("contained", []).append(an_order(bundle, _HUMIRA))


@TABLE.row("An active adalimumab order stands inside the Patient.", fits=with_order)
def biologic_ordered_in_what_the_patient_contains(bundle: Json) -> None:
    first(bundle, "Patient").setdefault("contained", []).append(an_order(bundle, _HUMIRA))


@TABLE.row("An active adalimumab order stands inside the clinic.", fits=with_order)
def biologic_ordered_in_what_the_clinic_contains(bundle: Json) -> None:
    first(bundle, "Organization").setdefault("contained", []).append(an_order(bundle, _HUMIRA))


@TABLE.row("An active adalimumab order stands inside the Coverage.", fits=with_order)
def biologic_ordered_in_what_the_coverage_contains(bundle: Json) -> None:
    first(bundle, "Coverage").setdefault("contained", []).append(an_order(bundle, _HUMIRA))


@TABLE.row("An active adalimumab order stands inside the answers.", fits=with_order)
def biologic_ordered_in_what_the_answers_contain(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse").setdefault("contained", []).append(an_order(bundle, _HUMIRA))


@TABLE.row("An active adalimumab order is the 250th thing in the Claim.", fits=with_order)
def biologic_ordered_behind_many_contained_resources(bundle: Json) -> None:
    many = [{"resourceType": "Organization", "id": f"o{n}", "name": "Nobody"} for n in range(250)]
    claim(bundle)["contained"] = [*many, an_order(bundle, _HUMIRA)]


@TABLE.row("An active adalimumab order stands in a contained thing of a contained thing.", fits=with_order)
def biologic_ordered_two_deep(bundle: Json) -> None:
    inner = {"resourceType": "Organization", "id": "o", "contained": [an_order(bundle, _HUMIRA)]}
    claim(bundle).setdefault("contained", []).append(inner)


def _in_a_bundle(bundle: Json, resource: Json, kind: str) -> None:
    url = f"https://clinic.example.com/fhir/{resource['resourceType']}/{resource['id']}"
    inner = {"resourceType": "Bundle", "id": "inner", "type": kind, "entry": [{"fullUrl": url, "resource": resource}]}
    add(bundle, inner)


@TABLE.row("An active adalimumab order came along in a Bundle.", fits=with_order)
def biologic_ordered_in_an_inner_bundle(bundle: Json) -> None:
    _in_a_bundle(bundle, an_order(bundle, _HUMIRA), "collection")


@TABLE.row("Adalimumab was filled last week, says the Bundle inside.", fits=with_order)
def biologic_filled_in_an_inner_bundle(bundle: Json) -> None:
    fill = {
        "resourceType": "MedicationDispense",
        "id": "fill",
        "status": "completed",
        "subject": patient_reference(bundle),
        "medicationCodeableConcept": _HUMIRA,
        "whenHandedOver": claim(bundle)["created"][:10],
    }
    _in_a_bundle(bundle, fill, "document")


@TABLE.row("An active adalimumab order came along in Parameters.", fits=with_order)
def biologic_ordered_in_parameters(bundle: Json) -> None:
    beside = an_order(bundle, _HUMIRA)
    add(bundle, {"resourceType": "Parameters", "id": "p", "parameter": [{"name": "order", "resource": beside}]})


@TABLE.row("An active adalimumab order is contained in the inner Bundle's Claim.", fits=with_order)
def biologic_ordered_in_a_bundle_that_the_claim_contains(bundle: Json) -> None:
    beside = an_order(bundle, _HUMIRA)
    inner = {"resourceType": "Bundle", "id": "b", "type": "collection", "entry": [{"resource": beside}]}
    claim(bundle).setdefault("contained", []).append(inner)


@TABLE.row("The item names two orders, and the second is 1,000 mg a day.", fits=dosed)
def second_order_on_the_item(bundle: Json) -> None:
    medicine = order(bundle)["medicationCodeableConcept"]
    url = add(bundle, an_order(bundle, medicine, dosageInstruction=[dosage(1000)]))
    item(bundle)["extension"].append({"url": f"{PAS}extension-requestedService", "valueReference": {"reference": url}})


@TABLE.row("The coverage is only a draft.")
def contained_coverage_that_is_a_draft(bundle: Json) -> None:
    found = first(bundle, "Coverage")
    remove(bundle, found)
    claim(bundle).setdefault("contained", []).append({**found, "id": "cov", "status": "draft"})
    claim(bundle)["insurance"][0]["coverage"] = {"reference": "#cov"}


@TABLE.row("The member died.")
def contained_patient_who_died(bundle: Json) -> None:
    found = first(bundle, "Patient")
    claim(bundle).setdefault("contained", []).append({**found, "id": "pat", "deceasedBoolean": True})
    for entry in bundle["entry"]:
        for key in ("subject", "beneficiary"):
            if key in entry["resource"] and entry["resource"] is not claim(bundle):
                entry["resource"][key] = {"identifier": found["identifier"][0]}
    remove(bundle, found)
    claim(bundle)["patient"] = {"reference": "#pat"}


def _product(bundle: Json, code: Json) -> None:
    item(bundle)["detail"] = [{"sequence": 1, "productOrService": code}]


TABLE.rows_of(
    [
        ("package of another drug by NDC", concept(NDC, _HUMIRA_NDC)),
        ("package of another drug by HCPCS", concept(HCPCS, "J0135")),
        ("package of another drug by RxNorm", _HUMIRA),
        ("package of another drug by SNOMED CT", concept(SNOMED, "407317001", "Adalimumab")),
        ("package of another drug by ATC", concept(ATC, "L04AB04", "adalimumab")),
    ],
    "The package named is not Kineret.",
    _product,
)


def _second_package(bundle: Json, code: Json) -> None:
    details = item(bundle).setdefault("detail", [])
    details.append({"sequence": len(details) + 1, "productOrService": code})


TABLE.rows_of(
    [
        ("second package of another drug by NDC", concept(NDC, _HUMIRA_NDC)),
        ("second package of another drug by HCPCS", concept(HCPCS, "J0135")),
        ("second package of another drug by RxNorm", _HUMIRA),
    ],
    "There is adalimumab beside the Kineret in the package.",
    _second_package,
)


@TABLE.row("A part of the package is adalimumab.")
def another_drug_below_the_package(bundle: Json) -> None:
    details = item(bundle).setdefault("detail", [{"sequence": 1, "productOrService": concept(NDC, "66658023407")}])
    details[0]["subDetail"] = [{"sequence": 1, "productOrService": concept(NDC, _HUMIRA_NDC)}]


def _ordered_as(bundle: Json, coding: Json) -> None:
    found = order(bundle)
    found["medicationCodeableConcept"]["coding"].append(coding)


TABLE.rows_of(
    [
        ("order coded as Kineret and another drug by RxNorm", {"system": RXNORM, "code": ADALIMUMAB}),
        ("order coded as Kineret and another drug by NDC", {"system": NDC, "code": _HUMIRA_NDC}),
    ],
    "The order names two medicines.",
    _ordered_as,
    fits=lambda b: with_order(b) and "coding" in order(b).get("medicationCodeableConcept", {}),
)


@TABLE.row("Billed as adalimumab too.")
def billed_as_another_drug_too(bundle: Json) -> None:
    item(bundle)["productOrService"]["coding"].append({"system": HCPCS, "code": "J0135"})


def _weight(bundle: Json) -> Any:
    return [o for o in (e["resource"] for e in bundle["entry"]) if o["resourceType"] == "Observation"]


@TABLE.row("Another weighing of the same day says 2 kg.", fits=lambda b: treats("CAPS")(b) and _weight(b))
def lighter_weight_in_an_inner_bundle(bundle: Json) -> None:
    found = _weight(bundle)[0]
    lighter = {**found, "id": "lighter", "valueQuantity": {**found["valueQuantity"], "value": 2}}
    _in_a_bundle(bundle, lighter, "collection")
