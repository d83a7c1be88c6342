"""The parts of an order-sign call for a refill, and how a row of the tables changes them."""

import copy
from collections.abc import Callable
from typing import Any

from tests.spoilings.model import Json

UNKNOWN = [{"url": "http://ehr.example/only-if", "valueBoolean": True}]


def order(call: Json) -> Json:
    found: Json = call["context"]["draftOrders"]["entry"][0]["resource"]
    return found


def patient(call: Json) -> Json:
    found: Json = call["prefetch"]["patient"]
    return found


def coverage(call: Json) -> Json:
    found: Json = call["prefetch"]["coverage"]["entry"][0]["resource"]
    return found


def dosage(call: Json) -> Json:
    found: Json = order(call)["dosageInstruction"][0]
    return found


def dose(call: Json) -> Json:
    found: Json = dosage(call)["doseAndRate"][0]["doseQuantity"]
    return found


def product(call: Json) -> Json:
    found: Json = order(call)["medicationCodeableConcept"]
    return found


def has_reason(call: Json) -> bool:
    return bool(order(call).get("reasonCode"))


def has_codings(call: Json) -> bool:
    return bool(product(call).get("coding"))


def set_in(place: Callable[[Json], Json]) -> Callable[[Json, Any], None]:
    """Sets elements where `place` leads to."""

    def spoil(call: Json, value: Any) -> None:
        place(call).update(copy.deepcopy(value))

    return spoil


def without(place: Callable[[Json], Json]) -> Callable[[Json, Any], None]:
    def spoil(call: Json, key: Any) -> None:
        del place(call)[key]

    return spoil
