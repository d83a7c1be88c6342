"""Point 2: gates work on parsed JSON, and on every element that may turn a meaning round."""

from server.pas.request.bundle import INFO_CANCELLED
from tests.spoilings.model import Json, Table
from tests.spoilings.request import claim, first, item, order, with_order

TABLE = Table(2)
_UNKNOWN = {"url": "http://example.org/not", "valueBoolean": True}


def _escaped(raw: bytes) -> bytes:
    return raw.replace(b'"modifierExtension"', b'"\\u006dodifierExtension"')


def _escaped_inside(raw: bytes) -> bytes:
    return raw.replace(b'"modifierExtension"', b'"modifier\\u0045xtension"')


@TABLE.row("The order is marked with something that nobody knows.", raw=_escaped, fits=with_order)
def modifier_on_the_order_spelled_with_an_escape(bundle: Json) -> None:
    order(bundle)["modifierExtension"] = [_UNKNOWN]


@TABLE.row("The item is marked with something that nobody knows.", raw=_escaped_inside)
def modifier_on_the_item_spelled_with_an_escape(bundle: Json) -> None:
    item(bundle)["modifierExtension"] = [_UNKNOWN]


@TABLE.row("The answers are marked with something that nobody knows.")
def modifier_on_the_answers(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse")["modifierExtension"] = [_UNKNOWN]


@TABLE.row("A dose is marked with something that nobody knows.", fits=with_order)
def modifier_on_a_dose(bundle: Json) -> None:
    for one in order(bundle).setdefault("dosageInstruction", [{"text": "as told"}]):
        one["modifierExtension"] = [_UNKNOWN]


@TABLE.row("What the Claim contains is marked with something that nobody knows.")
def modifier_on_what_is_contained(bundle: Json) -> None:
    marked = {"resourceType": "Organization", "id": "o", "modifierExtension": [_UNKNOWN]}
    claim(bundle)["contained"] = [marked]


@TABLE.row("The item is cancelled.")
def item_marked_as_cancelled(bundle: Json) -> None:
    item(bundle)["modifierExtension"] = [{"url": INFO_CANCELLED, "valueBoolean": True}]


@TABLE.row("The order is cancelled.", fits=with_order)
def order_marked_as_cancelled(bundle: Json) -> None:
    order(bundle)["modifierExtension"] = [{"url": INFO_CANCELLED, "valueBoolean": True}]


@TABLE.row("The answers are cancelled.")
def answers_marked_as_cancelled(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse")["modifierExtension"] = [{"url": INFO_CANCELLED, "valueBoolean": True}]


@TABLE.row("The supporting information is cancelled.", fits=lambda b: "supportingInfo" in claim(b))
def supporting_information_marked_as_cancelled(bundle: Json) -> None:
    claim(bundle)["supportingInfo"][0]["modifierExtension"] = [{"url": INFO_CANCELLED, "valueBoolean": True}]


@TABLE.row("The diagnosis is cancelled.")
def diagnosis_marked_as_cancelled(bundle: Json) -> None:
    claim(bundle)["diagnosis"][0]["modifierExtension"] = [{"url": INFO_CANCELLED, "valueBoolean": True}]


@TABLE.row("The Claim is cancelled.")
def claim_marked_as_cancelled(bundle: Json) -> None:
    claim(bundle)["modifierExtension"] = [{"url": INFO_CANCELLED, "valueBoolean": True}]


def _twice(raw: bytes) -> bytes:
    return raw.replace(b'"spoiled":true', b'"status":"draft"')


@TABLE.row("The order says both `active` and `draft`.", raw=_twice, fits=with_order)
def status_twice_in_the_order(bundle: Json) -> None:
    order(bundle)["spoiled"] = True


def _with_rules(bundle: Json, kind: str) -> None:
    found = {"order": order}.get(kind, lambda b: first(b, kind))(bundle)
    found["implicitRules"] = "http://example.org/rules-that-turn-it-round"


TABLE.rows_of(
    [
        (f"rules that nobody knows on the {kind}", kind)
        for kind in ("Claim", "order", "QuestionnaireResponse", "Patient")
    ],
    "It was written by rules that nobody here knows.",
    _with_rules,
    fits=with_order,
)


@TABLE.row("The Bundle was written by rules that nobody here knows.")
def rules_that_nobody_knows_on_the_bundle(bundle: Json) -> None:
    bundle["implicitRules"] = "http://example.org/rules"


@TABLE.row("The entry is to be deleted, not acted upon.", fits=with_order)
def order_that_the_bundle_deletes(bundle: Json) -> None:
    bundle["type"] = "transaction"
    for entry in bundle["entry"]:
        entry["request"] = {"method": "DELETE", "url": "MedicationRequest/1"}


@TABLE.row("This is a search result, no request.")
def bundle_that_is_a_search_result(bundle: Json) -> None:
    bundle["type"] = "searchset"
