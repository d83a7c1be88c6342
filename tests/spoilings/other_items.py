"""Point 3: an item is judged with the other items and all active orders in view."""

from copy import deepcopy
from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    ADALIMUMAB,
    ATC,
    HCPCS,
    NDC,
    REQUESTED_SERVICE,
    RXNORM,
    SNOMED,
    a_second_item,
    add,
    an_order,
    answered,
    both,
    claim,
    concept,
    dosage,
    dosed,
    item,
    order,
    service_extension,
    treats,
    with_order,
)

TABLE = Table(3)
_CODES: list[tuple[str, Json]] = [
    ("by RxNorm", concept(RXNORM, ADALIMUMAB, "adalimumab")),
    ("by HCPCS", concept(HCPCS, "J0135", "Injection, adalimumab, 20 mg")),
    ("by NDC", concept(NDC, "00074433902")),
    ("by SNOMED CT", concept(SNOMED, "407317001", "Adalimumab")),
    ("by ATC", concept(ATC, "L04AB04")),
    ("by words", {"text": "Humira (adalimumab) 40 mg"}),
]


def _second(bundle: Json, product: Json) -> None:
    claim(bundle)["item"].append(a_second_item(bundle, product))


TABLE.rows_of([(f"biologic as item 2, no order, {n}", c) for n, c in _CODES], "Both in one week?", _second)


def _second_with_order(bundle: Json, medication: Json) -> None:
    url = add(bundle, an_order(bundle, medication))
    asks = {"url": REQUESTED_SERVICE, "valueReference": {"reference": url}}
    claim(bundle)["item"].append(a_second_item(bundle, concept(HCPCS, "J3590"), extension=[asks]))


TABLE.rows_of(
    [(f"biologic as item 2, with its order, {n}", c) for n, c in _CODES],
    "Both in one week?",
    _second_with_order,
    fits=with_order,
)


@TABLE.row("A biologic of another maker as item 2, contained.", fits=with_order)
def biologic_as_item_2_with_a_contained_order(bundle: Json) -> None:
    claim(bundle).setdefault("contained", []).append(an_order(bundle, _CODES[0][1], id_="second"))
    asks = {"url": REQUESTED_SERVICE, "valueReference": {"reference": "#second"}}
    claim(bundle)["item"].append(a_second_item(bundle, concept(HCPCS, "J3590"), extension=[asks]))


def _alike(bundle: Json, count: Any) -> None:
    for n in range(2, count + 1):
        again = deepcopy(item(bundle))
        again["sequence"] = n
        claim(bundle)["item"].append(again)


TABLE.rows_of(
    [("two items of the drug", 2), ("four items of the drug", 4), ("99 items of the drug", 99)],
    "How often do they want it?",
    _alike,
)


@TABLE.row("Item 2 is the same drug with an order of its own.", fits=with_order)
def two_items_with_two_orders(bundle: Json) -> None:
    again = deepcopy(item(bundle))
    again["sequence"] = 2
    like = {k: v for k, v in order(bundle).items() if k not in ("id", "resourceType")}
    url = add(bundle, {"resourceType": "MedicationRequest", "id": "order-2", **deepcopy(like)})
    for extension in again["extension"]:
        if extension["url"] == REQUESTED_SERVICE:
            extension["valueReference"] = {"reference": url}
    claim(bundle)["item"].append(again)


@TABLE.row("Item 2 is the same drug under its package code alone.")
def second_item_named_by_the_package_alone(bundle: Json) -> None:
    _second(bundle, concept(NDC, "66658023407"))


@TABLE.row("Item 2 is the same drug under its billing code alone.")
def second_item_named_by_the_billing_code_alone(bundle: Json) -> None:
    _second(bundle, concept(HCPCS, "J3590"))


@TABLE.row(
    "A second active order of 100 mg: together 200 mg a day.",
    fits=both(dosed, treats("RA"), lambda b: answered(b, "dose-mg-per-day") == 100),
)
def second_active_order_of_the_drug(bundle: Json) -> None:
    medicine = order(bundle)["medicationCodeableConcept"]
    add(bundle, an_order(bundle, medicine, dosageInstruction=deepcopy(order(bundle)["dosageInstruction"])))


@TABLE.row("A second active order without a dose.", fits=dosed)
def second_active_order_of_the_drug_without_a_dose(bundle: Json) -> None:
    add(bundle, an_order(bundle, order(bundle)["medicationCodeableConcept"]))


@TABLE.row("A second order of 1,000 mg a day is on hold.", fits=dosed)
def second_order_on_hold_of_1000_mg(bundle: Json) -> None:
    medicine = order(bundle)["medicationCodeableConcept"]
    add(bundle, an_order(bundle, medicine, status="on-hold", dosageInstruction=[dosage(1000)]))


@TABLE.row("The item names no order; one of 1,000 mg a day lies beside it.", fits=dosed)
def order_that_nothing_names(bundle: Json) -> None:
    found = service_extension(bundle)
    item(bundle)["extension"].remove(found)
    order_ = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "MedicationRequest")
    order_["dosageInstruction"] = [dosage(1000)]


@TABLE.row("A biologic infusion is ordered as a ServiceRequest.", fits=with_order)
def biologic_ordered_as_a_service(bundle: Json) -> None:
    made = an_order(bundle, {})
    del made["medicationCodeableConcept"]
    code = concept(HCPCS, "J1745", "Injection, infliximab")
    add(bundle, {**made, "resourceType": "ServiceRequest", "code": code})


@TABLE.row("The item names a biologic's order by a reference without an address.", fits=with_order)
def item_whose_order_is_named_by_number(bundle: Json) -> None:
    found = service_extension(bundle)
    assert found is not None
    order(bundle).update(identifier=[{"system": "urn:x", "value": "1"}], medicationCodeableConcept=_CODES[0][1])
    found["valueReference"] = {"identifier": {"system": "urn:x", "value": "1"}}
