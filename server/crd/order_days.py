"""The days on which an order is to be carried out, and its instructions without them."""

from collections.abc import Iterator
from typing import Any

from server.fhir.read import Resource, dicts


def without_days(instructions: Any) -> list[Resource] | None:
    """The instructions without the days on which they hold, which are compared with the period; None for no list."""
    if not isinstance(instructions or [], list) or len(dicts(instructions or [])) != len(instructions or []):
        return None
    return [_timeless(i) for i in instructions or []]


def _timeless(instruction: Resource) -> Resource:
    timing = instruction.get("timing")
    if not isinstance(timing, dict):
        return instruction
    kept = {k: v for k, v in timing.items() if k != "event"}
    if isinstance(kept.get("repeat"), dict):
        kept["repeat"] = {k: v for k, v in kept["repeat"].items() if k != "boundsPeriod"}
    return {**instruction, "timing": kept}


def days_of(order: Resource) -> Iterator[Any]:
    """Every day on which the order is to be carried out, as sent."""
    periods = [order.get("occurrencePeriod"), part_of(order, "dispenseRequest").get("validityPeriod")]
    if "occurrenceDateTime" in order:
        yield order["occurrenceDateTime"]
    for instruction in dicts(order.get("dosageInstruction")):
        timing = part_of(instruction, "timing")
        periods.append(part_of(timing, "repeat").get("boundsPeriod"))
        event = timing.get("event")
        yield from event if isinstance(event, list) else ()
    for period in (p for p in periods if p is not None):
        yield from period.values() if isinstance(period, dict) and period.keys() <= {"start", "end"} else (None,)


def part_of(element: Resource, key: str) -> Resource:
    """An element that is an object; an empty one where it is none."""
    found = element.get(key)
    return found if isinstance(found, dict) else {}
