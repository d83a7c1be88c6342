"""From a case to its row of the work-list."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import RowMapping

from server.decision.case import Case
from server.decision.deadline import Alarm, Deadline
from server.decision.model import Outcome
from server.fhir.read import Resource, codings, dicts
from server.store.desk_port import DeskCase

_MOST_SENIOR_FIRST = (
    Outcome.PEND_MEDICAL_DIRECTOR,
    Outcome.PEND_PHYSICIAN,
    Outcome.PEND_NURSE,
    Outcome.MORE_INFO_NEEDED,
)
_LONGEST = 200  # characters of a name or a service: a list shows no more


def desk_row(case: Case, deadline: Deadline) -> dict[str, Any]:
    """All but `submission`. What waits for several people is shown to the most senior of them."""
    waiting = [item for item in case.items if item.waits_for is not None]
    waits_for = next((o for o in _MOST_SENIOR_FIRST if any(i.waits_for is o for i in waiting)), None)
    needs = max((i.authorization.needs for i in waiting), key=lambda role: role.rank, default=None)
    named = [i for i in case.items if i.decision.policy_id]
    return {
        "waits_for": waits_for,
        "needs": needs,
        "policy_id": named[0].decision.policy_id if named else None,
        "patient": name_of(case.request.patient),
        "patient_key": name_key(_name_words(case.request.patient)),
        "member": (case.request.member_ids or ("",))[0],
        "service": _services(case),
        "started": deadline.started,
        "half": deadline.crossing(Alarm.HALF),
        "most": deadline.crossing(Alarm.MOST),
        "due": deadline.due,
        "expedited": deadline.expedited,
        "paused_since": deadline.paused_since,
        "next_crossing": deadline.next_crossing(case.answered) if waits_for else None,
    }


def desk_case_of(row: RowMapping) -> DeskCase:
    return DeskCase(**{field: row[field] for field in DeskCase.__dataclass_fields__})


def name_of(person: Resource) -> str:
    """The name of a Patient or Practitioner as people write it, the given names first."""
    for name in dicts(person.get("name")):
        parts = [*_texts(name.get("given")), *_texts([name.get("family")])]
        if parts:
            return " ".join(parts)[:_LONGEST]
        if isinstance(name.get("text"), str):
            return str(name["text"])[:_LONGEST]
    return "No name was sent"


def name_key(words: Iterable[str]) -> bytes:
    """What a name is searched by: its words, the family name first, without regard to case."""
    return " ".join(" ".join(words).replace(",", " ").casefold().split())[:_LONGEST].encode()


def _name_words(person: Resource) -> list[str]:
    for name in dicts(person.get("name")):
        words = [*_texts([name.get("family")]), *_texts(name.get("given"))]
        if words:
            return words
    return [name_of(person)]


def _services(case: Case) -> str:
    first = case.items[0] if case.items else None
    if first is None:
        return "Nothing is decided yet"
    more = len(case.items) - 1
    return service_of(first.requested.order, first.requested.raw)[:_LONGEST] + (f" and {more} more" if more else "")


def service_of(order: Resource | None, raw: Resource) -> str:
    """What is asked for, in the sender's words: of the order, else of the item, else its code."""
    concepts = [(order or {}).get("medicationCodeableConcept"), (order or {}).get("code"), raw.get("productOrService")]
    for concept in concepts:
        if isinstance(concept, dict) and isinstance(concept.get("text"), str):
            return str(concept["text"])
        for coding in codings(concept):
            if coding.display:
                return coding.display
    found = [c for concept in concepts for c in codings(concept)]
    return found[0].code if found else "No code was sent"


def _texts(values: Any) -> list[str]:
    return [v for v in values if isinstance(v, str)] if isinstance(values, list) else []
