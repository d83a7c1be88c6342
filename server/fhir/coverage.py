"""Reads a Coverage: the member id, which is the one number that the plan knows a person by, and its period."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from server.fhir.codes import IDENTIFIER_TYPE, MEMBER_NUMBER
from server.fhir.read import MAX_IDENTIFIERS, Resource, codings, dicts, reference, type_and_id
from server.fhir.x12 import SELF, X12_RELATIONSHIP

_IS_SUBSCRIBER = {
    "http://terminology.hl7.org/CodeSystem/subscriber-relationship|self",
    f"{X12_RELATIONSHIP}|{SELF}",
}

_RELATIONSHIPS = ("http://terminology.hl7.org/CodeSystem/subscriber-relationship|", f"{X12_RELATIONSHIP}|")


def member_ids(coverage: Any, patient: Any) -> tuple[str, ...]:
    """The member id as a tuple: one, or none where no identifier is marked as one.

    The first source that has it: Coverage.identifier of type MB, Patient.identifier of type MB, Coverage.subscriberId.
    How it is written makes no other member: the id is given as `member_id` folds it. One that has letters beyond ASCII
    then is none, since such letters only look like others; nor is one that is out of use.
    A family shares its subscriberId, so that counts only for the subscriber, and as `subscriberId/dependent` for a
    dependent who has a number. No other identifier is ever read as a member id: the record number of one hospital may
    be somebody else's in another. Of each party the first 20 identifiers are read.
    """
    sent = [number for resource in (coverage, patient) for number in _member_numbers(resource)]
    found = [value for in_use, value in sent if in_use][:1]
    if not sent and isinstance(coverage, dict):
        found = list(_by_subscriber(coverage))
    return tuple(folded for i in found if (folded := member_id(i)).isascii() and folded)


def member_id(written: str) -> str:
    """A member id as it is compared and kept, however a sender or a file writes it.

    Blanks, small letters, wide letters and digits, what is not seen, and which hyphen it is make no other id.
    """
    if not written.isascii():
        kinds = ((c, unicodedata.category(c)) for c in unicodedata.normalize("NFKC", written))
        written = "".join("-" if kind == "Pd" else c for c, kind in kinds if kind != "Cf")
    return "".join(written.split()).upper()


def numbers_disagree(coverage: Any, patient: Any) -> bool:
    """True when Coverage and Patient have two member numbers that are in use, so that they may be of two people.

    The subscriber's own subscriberId may be the number of a contract, as in HL7's own examples; but where it is made
    like the member number, letter for letter and digit for digit, it is one too.
    """
    numbers = {member_id(value) for r in (coverage, patient) for in_use, value in _member_numbers(r) if in_use}
    if len(numbers) != 1:
        return len(numbers) > 1
    own = {member_id(i) for i in _by_subscriber(coverage)} if isinstance(coverage, dict) else set()
    return bool(own - numbers) and {_made_like(i) for i in own} == {_made_like(i) for i in numbers}


def subscriber_is_told_otherwise(coverage: Resource, subscriber: Resource | None, patient: Resource) -> bool:
    """Whether the subscriber is said to be the patient and is another entry, or is the patient and said not to be."""
    said = {c.token for c in codings(coverage.get("relationship")) if c.token.startswith(_RELATIONSHIPS)}
    if subscriber is None or not said:
        return False
    return (subscriber is patient) is said.isdisjoint(_IS_SUBSCRIBER)


def in_force(coverage: Any, first: date, last: date) -> bool:
    """Whether the period of a Coverage reaches into the days from first to last, both counting.

    A partial date means all of its days; a missing date means no limit.
    """
    period = coverage.get("period")
    start, end = (period.get("start"), period.get("end")) if isinstance(period, dict) else (None, None)
    started = not isinstance(start, str) or start[:10] <= last.isoformat()[: len(start)]
    ended = isinstance(end, str) and end[:10] < first.isoformat()[: len(end)]
    return started and not ended


def _member_numbers(resource: Any) -> Iterator[tuple[bool, str]]:
    """Whether it is in use, and the value of each identifier of type MB that has one."""
    found = resource.get("identifier") if isinstance(resource, dict) else None
    for i in islice(dicts(found), MAX_IDENTIFIERS):
        value = i.get("value")
        typed = any(c.system == IDENTIFIER_TYPE and c.code == MEMBER_NUMBER for c in codings(i.get("type")))
        if typed and isinstance(value, str) and value.strip():
            yield i.get("use") != "old", value


def _made_like(number: str) -> str:
    return re.sub("[A-Z]", "A", re.sub("[0-9]", "0", number))


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
