"""Point 10: answers that their own words, an extension, or the order they are tied to unsay."""

from collections.abc import Iterator
from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import RXNORM, add, an_order, answered, concept, first, treats, with_order

TABLE = Table(10)

_UNKNOWN = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}


def _items(items: list[Json]) -> Iterator[Json]:
    for one in items:
        yield one
        yield from _items(one.get("item", []))
        for given in one.get("answer", ()):
            yield from _items(given.get("item", []))


def _question(bundle: Json, link: str) -> Json:
    return next(i for i in _items(first(bundle, "QuestionnaireResponse")["item"]) if i["linkId"] == link)


def _worded(bundle: Json, more: tuple[str, str]) -> None:
    link, text = more
    _question(bundle, link)["text"] = text


TABLE.rows_of(
    [
        ("attestation asked the other way round", ("attest", "These answers are not true.")),
        ("other medicines asked the other way round", ("concurrent-any", "Will Kineret be the only biologic?")),
    ],
    "The form that was answered asks something else.",
    _worded,
)


@TABLE.row("The answer is coded RA and says another disease.", fits=treats("RA"))
def answer_whose_display_is_another(bundle: Json) -> None:
    _question(bundle, "indication")["answer"][0]["valueCoding"]["display"] = "Ankylosing spondylitis"


def _absent(bundle: Json, key: str) -> None:
    given: dict[str, Any] = _question(bundle, "concurrent-any")["answer"][0]
    if key == "value":
        given["_valueBoolean"] = {"extension": [_UNKNOWN]}
    else:
        given["extension"] = [*given.get("extension", ()), _UNKNOWN]


TABLE.rows_of(
    [("answer whose value is not known", "value"), ("answer that is marked as not known", "answer")],
    "They say that they do not know.",
    _absent,
    fits=lambda b: answered(b, "concurrent-any") is not None,
)


def _tied(bundle: Json, reference: str) -> None:
    one = first(bundle, "QuestionnaireResponse")
    url = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/qr-context"
    kept = [e for e in one.get("extension", ()) if e["url"] != url]
    one["extension"] = [*kept, {"url": url, "valueReference": {"reference": reference}}]


@TABLE.row("The answers are for the order of methotrexate.", fits=with_order)
def answers_for_another_order(bundle: Json) -> None:
    _tied(bundle, add(bundle, an_order(bundle, concept(RXNORM, "105585", "methotrexate 2.5 MG Oral Tablet"))))


@TABLE.row("The answers are for an order that did not come along.", fits=with_order)
def answers_for_an_order_that_did_not_come_along(bundle: Json) -> None:
    _tied(bundle, "https://clinic.example.com/fhir/MedicationRequest/gone")


@TABLE.row("Nobody knows whether the answers are finished.")
def answers_of_unknown_status(bundle: Json) -> None:
    one = first(bundle, "QuestionnaireResponse")
    one.pop("status")
    one["_status"] = {"extension": [_UNKNOWN]}
