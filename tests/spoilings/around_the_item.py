"""Point 3: what the item and the items beside it ask for, in words, by procedures and by codes that nobody knows."""

from collections.abc import Callable

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    HCPCS,
    NDC,
    SNOMED,
    a_second_item,
    answer,
    claim,
    concept,
    item,
    order,
    with_order,
)

TABLE = Table(3)

_INFLIXIMAB = concept(HCPCS, "J1745", "Injection, infliximab")
_CPT = "http://www.ama-assn.org/go/cpt"


def _second(bundle: Json, product: Json) -> None:
    claim(bundle)["item"].append(a_second_item(bundle, product))


TABLE.rows_of(
    [
        (f"item 2 under the code {code}", concept(HCPCS, code))
        for code in ("J9999", "J8499", "J8999", "J7999", "Q5140", "Q9999", "j1745", "XXXXX", "J3590X")
    ]
    + [
        ("item 2 that its text says is a biologic", {**concept(HCPCS, "E0250"), "text": "infliximab 400 mg"}),
        ("item 2 that its display says is a biologic", concept(HCPCS, "E0250", "Injection, infliximab")),
    ],
    "It is a biologic, or nobody can tell what it is.",
    _second,
)


@TABLE.row("Item 2 is a biologic in words, and its infusion by code.")
def item_2_in_words_with_an_infusion(bundle: Json) -> None:
    detail = {"sequence": 1, "productOrService": concept(_CPT, "96413")}
    claim(bundle)["item"].append(a_second_item(bundle, {"text": "infliximab"}, detail=[detail]))


@TABLE.row("An infusion of infliximab is asked for beside it.")
def procedure_of_a_biologic(bundle: Json) -> None:
    claim(bundle)["procedure"] = [{"sequence": 1, "procedureCodeableConcept": _INFLIXIMAB}]


@TABLE.row("It asks for a procedure that is not on the claim.")
def procedure_that_is_not_on_the_claim(bundle: Json) -> None:
    item(bundle)["procedureSequence"] = [7]


@TABLE.row("The item says infliximab.")
def item_that_its_text_says_is_another_drug(bundle: Json) -> None:
    item(bundle)["productOrService"]["text"] = "Remicade (infliximab) infusion 400 mg"


@TABLE.row("The code's own words say infliximab.", fits=lambda b: bool(item(b)["productOrService"].get("coding")))
def item_that_its_display_says_is_another_drug(bundle: Json) -> None:
    item(bundle)["productOrService"]["coding"][0]["display"] = "Injection, infliximab, 10 mg"


def _detail(bundle: Json, product: Json) -> None:
    details = item(bundle).setdefault("detail", [])
    details.append({"sequence": len(details) + 1, "productOrService": product})


TABLE.rows_of(
    [
        ("package of another drug in words", {"text": "infliximab"}),
        ("package of another drug by a code of the house", concept("http://house.example/drugs", "INF", "infliximab")),
        ("package of another drug by its display", concept(NDC, "66658023407", "infliximab 100 MG")),
    ],
    "The package is infliximab.",
    _detail,
)


def _ordered_in_place(bundle: Json) -> bool:
    return with_order(bundle) and bool(order(bundle).get("medicationCodeableConcept", {}).get("coding"))


_MEDICINES: list[tuple[str, Callable[[Json], None]]] = [
    ("order whose text is another drug", lambda m: m.update(text="Humira (adalimumab) 40 mg pen")),
    (
        "order whose display is another drug",
        lambda m: m["coding"][0].update(display="adalimumab 40 MG/0.4 ML Auto-Injector [Humira]"),
    ),
]
_MEDICINES += [
    (
        "order coded as another drug too by SNOMED CT",
        lambda m: m["coding"].append({"system": SNOMED, "code": "386891004", "display": "infliximab"}),
    ),
    (
        "order coded as another drug too by a code of the house",
        lambda m: m["coding"].append({"system": "http://house.example/drugs", "code": "INF", "display": "infliximab"}),
    ),
]
TABLE.rows_of(
    _MEDICINES,
    "The order names another drug.",
    lambda bundle, change: change(order(bundle)["medicationCodeableConcept"]),
    fits=_ordered_in_place,
)


@TABLE.row("The form names the package of Humira.")
def package_answered_that_is_another_drug(bundle: Json) -> None:
    answer(bundle, {"ndc": "00074024302"})


def _item(bundle: Json, more: Json) -> None:
    item(bundle).update(more)


TABLE.rows_of(
    [
        ("item with the modifier that expects a denial", {"modifier": [concept(HCPCS, "GZ")]}),
        ("item with the modifier of what the law excludes", {"modifier": [concept(HCPCS, "GY")]}),
        ("item with a modifier into a vein", {"modifier": [{"text": "intravenous"}]}),
        ("item into an eye", {"bodySite": concept("http://snomed.info/sct", "81745001", "Eye")}),
        ("item times a thousand", {"factor": 1000}),
    ],
    "That is not what the form says.",
    _item,
)


@TABLE.row("A million packages.", fits=lambda b: bool(item(b).get("detail")))
def million_packages(bundle: Json) -> None:
    item(bundle)["detail"][0]["quantity"] = {"value": 1000000}


@TABLE.row("More than how many?", fits=lambda b: "quantity" in item(b))
def quantity_that_is_more_than(bundle: Json) -> None:
    item(bundle)["quantity"]["comparator"] = ">"


TABLE.rows_of(
    [
        ("billed as another drug too without a system", {"code": "J1745", "display": "infliximab"}),
        ("billed as another drug too in a system with a slash", {"system": f"{HCPCS}/", "code": "J1745"}),
    ],
    "It is billed as infliximab too.",
    lambda bundle, coding: item(bundle)["productOrService"]["coding"].append(coding),
    fits=lambda b: bool(item(b)["productOrService"].get("coding")),
)
