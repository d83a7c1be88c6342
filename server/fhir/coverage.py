"""Reads a Coverage: the member id, which is the one number that the plan knows a person by, and its period."""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from server.fhir.codes import IDENTIFIER_TYPE, MEMBER_NUMBER
from server.fhir.read import MAX_IDENTIFIERS, codings, dicts, reference, type_and_id
from server.fhir.x12 import SELF, X12_RELATIONSHIP

_IS_SUBSCRIBER = {
    "http://terminology.hl7.org/CodeSystem/subscriber-relationship|self",
    f"{X12_RELATIONSHIP}|{SELF}",
}


def member_ids(coverage: Any, patient: Any) -> tuple[str, ...]:
    """The member id as a tuple: one, or none where no identifier is marked as one.

    The first source that has it: Coverage.identifier of type MB, Patient.identifier of type MB, Coverage.subscriberId.
    Blanks and small letters make no other member: the id is given as `member_id` folds it.
    A family shares its subscriberId, so that counts only for the subscriber, and as `subscriberId/dependent` for a
    dependent who has a number. No other identifier is ever read as a member id: the record number of one hospital may
    be somebody else's in another. Of each party the first 20 identifiers are read.
    """
    for resource in (coverage, patient):
        for _, value in _member_numbers(resource):
            return (member_id(value),)
    return tuple(member_id(i) for i in _by_subscriber(coverage)) if isinstance(coverage, dict) else ()


def member_id(written: str) -> str:
    """A member id as it is compared and kept, however a sender or a file writes it."""
    return "".join(written.split()).upper()


def numbers_disagree(coverage: Any, patient: Any) -> bool:
    """True when Coverage and Patient have different member numbers of one system, so that they are of two people."""
    first = next(_member_numbers(coverage), None)
    if first is None or not first[0]:
        return False
    same_system = {member_id(value) for system, value in _member_numbers(patient) if system == first[0]}
    return bool(same_system) and member_id(first[1]) not in same_system


def in_force(coverage: Any, first: date, last: date) -> bool:
    """Whether the period of a Coverage reaches into the days from first to last, both counting.

    A partial date means all of its days; a missing date means no limit.
    """
    period = coverage.get("period")
    start, end = (period.get("start"), period.get("end")) if isinstance(period, dict) else (None, None)
    started = not isinstance(start, str) or start[:10] <= last.isoformat()[: len(start)]
    ended = isinstance(end, str) and end[:10] < first.isoformat()[: len(end)]
    return started and not ended


def _member_numbers(resource: Any) -> Iterator[tuple[str, str]]:
    """System and value of each identifier of type MB that has a value."""
    found = resource.get("identifier") if isinstance(resource, dict) else None
    for i in islice(dicts(found), MAX_IDENTIFIERS):
        value = i.get("value")
        typed = any(c.system == IDENTIFIER_TYPE and c.code == MEMBER_NUMBER for c in codings(i.get("type")))
        if typed and isinstance(value, str) and value.strip():
            yield str(i.get("system") or ""), value


def _by_subscriber(coverage: dict[str, Any]) -> tuple[str, ...]:
    subscriber_id, dependent = coverage.get("subscriberId"), coverage.get("dependent")
    if not isinstance(subscriber_id, str) or not subscriber_id.strip():
        return ()
    subscriber, beneficiary = (_person(coverage.get(key)) for key in ("subscriber", "beneficiary"))
    same = subscriber is not None and subscriber == beneficiary
    if same or any(c.token in _IS_SUBSCRIBER for c in codings(coverage.get("relationship"))):
        return (subscriber_id,)
    if isinstance(dependent, str) and dependent:
        return (f"{subscriber_id}/{dependent}",)
    unsaid = not coverage.get("relationship") and (subscriber is None or beneficiary is None)
    return (subscriber_id,) if unsaid else ()


def _person(element: Any) -> str | None:
    literal = reference(element)
    return type_and_id(literal) or literal
