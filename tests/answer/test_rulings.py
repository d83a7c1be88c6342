"""Promises about a person's decision in an answer: what it may follow, and how the answer tells it."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.answer.disposition import disposition
from server.answer.process_note import notes_of
from server.decision.case import CaseItem
from server.decision.model import Outcome
from server.decision.review_action import ACTION
from server.decision.ruling import Person, PersonDecision, Role, Status, Verdict, by_machine, rule
from server.errors import DecisionRefused
from tests.requests.cases import DENIAL, judged

PERIOD = (date(2027, 1, 15), date(2027, 7, 13))
VERDICTS = [Verdict.APPROVE, Verdict.MODIFY, Verdict.DENY]


def ruled(outcome: Outcome, verdict: Verdict | None, role: Role = Role.MEDICAL_DIRECTOR, **changes: Any) -> CaseItem:
    """An item as it stands after a person's decision, or without one. changes: of the PersonDecision."""
    item = judged(outcome=outcome)
    authorization = by_machine(outcome)
    if verdict is not None:
        instead = {"quantity": {"value": 1}} if verdict is Verdict.MODIFY else None
        more = {**(DENIAL if verdict is Verdict.DENY else {}), **changes}
        person = Person(role, "1999999984", "207R00000X", "Dana Example, MD")
        ruling = PersonDecision(person, verdict, ("Because.",), instead=instead, **more)
        authorization = rule(authorization, ruling)
    return CaseItem(item.requested, item.made.decision, authorization, item.made.number, item.made.reference, None)


@given(outcome=st.sampled_from(Outcome), verdict=st.sampled_from([None, *VERDICTS]), role=st.sampled_from(Role))
def test_only_a_physicians_decision_is_more_than_certified_or_pended(
    outcome: Outcome, verdict: Verdict | None, role: Role
) -> None:
    """An item whose action is neither A1 nor A4 was pended, and decided by a physician or the director."""
    try:
        item = ruled(outcome, verdict, role)
    except DecisionRefused:
        return
    code, _ = ACTION[item.status]
    if code not in ("A1", "A4"):
        assert outcome is not Outcome.APPROVE
        assert item.ruling is not None
        assert item.ruling.person.role is not Role.NURSE


def test_a_person_cannot_take_back_what_the_machine_approved() -> None:
    """A ruling on an approval is refused, so that no such answer can be rendered."""
    with pytest.raises(DecisionRefused):
        ruled(Outcome.APPROVE, Verdict.DENY)


@pytest.mark.parametrize(
    ("verdict", "status", "said"),
    [
        (Verdict.APPROVE, Status.APPROVED, "Certified from 2027-01-15 to 2027-07-13"),
        (Verdict.MODIFY, Status.MODIFIED, "Certified otherwise than requested from 2027-01-15"),
        (Verdict.DENY, Status.DENIED, "Not certified."),
    ],
)
def test_the_disposition_tells_who_decided(verdict: Verdict, status: Status, said: str) -> None:
    """One sentence says what was decided and by whom; the reasons are the notes of the item."""
    item = ruled(Outcome.PEND_PHYSICIAN, verdict, period=None if verdict is Verdict.DENY else PERIOD)
    assert item.status is status
    text = disposition([item])
    assert text.startswith(said)
    assert "Decided by a medical director." in text
    assert notes_of(item) == ["Because."]


def test_decided_and_pended_side_by_side() -> None:
    """Where a person decided one of two items, the disposition tells both."""
    text = disposition([ruled(Outcome.PEND_PHYSICIAN, Verdict.DENY), ruled(Outcome.PEND_NURSE, None)])
    assert "Not certified." in text
    assert "Pended. A nurse reviews the request." in text
