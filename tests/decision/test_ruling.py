"""Promises about who may decide what: a machine never denies, and a person only as their role allows."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.model import Outcome
from server.decision.ruling import (
    Authorization,
    Person,
    PersonDecision,
    Role,
    Status,
    Verdict,
    by_machine,
    rule,
)
from server.errors import DecisionRefused
from tests.requests.cases import DENIAL

NPI = "1999999984"
PENDS = [o for o in Outcome if o is not Outcome.APPROVE]
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


def a_person(role: Role) -> Person:
    return Person(role, NPI, "207R00000X", "Dana Example, MD")


def ruling(role: Role, verdict: Verdict, **changes: Any) -> PersonDecision:
    """A decision with all that its verdict needs."""
    needed: dict[str, Any] = {}
    if verdict is Verdict.MODIFY:
        needed["instead"] = {"quantity": {"value": 1}}
    if verdict is Verdict.FORWARD:
        needed["forward_to"] = Role.MEDICAL_DIRECTOR
    if verdict is Verdict.DENY:
        needed |= DENIAL
    return PersonDecision(a_person(role), verdict, **{"reasons": ("Because.",), **needed, **changes})


@st.composite
def rulings(draw: st.DrawFn) -> PersonDecision | None:
    """Any decision that somebody may try to make; None where it cannot even be written down."""
    try:
        return PersonDecision(
            a_person(draw(st.sampled_from(Role))),
            draw(st.sampled_from(Verdict)),
            draw(st.sampled_from([(), ("Because.",)])),
            instead=draw(st.sampled_from([None, {"quantity": {"value": 1}}])),
            forward_to=draw(st.sampled_from([None, *Role])),
            period=draw(st.sampled_from([None, YEAR])),
            **draw(st.sampled_from([{}, DENIAL])),
        )
    except DecisionRefused:
        return None


@given(outcome=st.sampled_from(Outcome))
def test_a_machine_approves_or_pends(outcome: Outcome) -> None:
    """Whatever a machine concludes, the item is approved or waits for somebody, and no person stands behind it."""
    made = by_machine(outcome)
    assert made.status is (Status.APPROVED if outcome is Outcome.APPROVE else Status.PENDED)
    assert made.decided_by is None


@given(outcome=st.sampled_from(Outcome), tried=st.lists(rulings(), max_size=4))
def test_nothing_is_refused_without_a_physician(outcome: Outcome, tried: list[PersonDecision | None]) -> None:
    """After any sequence of decisions, an item that is denied or modified was so by a physician or the director."""
    item = by_machine(outcome)
    for decision in tried:
        if decision is None:
            continue
        before = item
        try:
            item = rule(item, decision)
        except DecisionRefused:
            assert item is before
            continue
        assert before.status is Status.PENDED
        assert item.decided_by is decision
    if item.status in (Status.DENIED, Status.MODIFIED):
        assert item.decided_by is not None
        assert item.decided_by.person.role in (Role.PHYSICIAN, Role.MEDICAL_DIRECTOR)
        assert item.decided_by.reasons


@pytest.mark.parametrize("outcome", PENDS)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.DENY, Verdict.MODIFY])
def test_who_decides_what_waits(outcome: Outcome, role: Role, verdict: Verdict) -> None:
    """A pended item is decided by the role it waits for or a more senior one; refusing needs a physician at least."""
    waits_for = {Outcome.PEND_PHYSICIAN: Role.PHYSICIAN, Outcome.PEND_MEDICAL_DIRECTOR: Role.MEDICAL_DIRECTOR}
    allowed = role.rank >= waits_for.get(outcome, Role.NURSE).rank
    if verdict is not Verdict.APPROVE:
        allowed = allowed and role is not Role.NURSE
    if allowed:
        assert rule(by_machine(outcome), ruling(role, verdict)).status is not Status.PENDED
    else:
        with pytest.raises(DecisionRefused):
            rule(by_machine(outcome), ruling(role, verdict))


@pytest.mark.parametrize("outcome", PENDS)
def test_every_reviewer_may_ask_and_forward(outcome: Outcome) -> None:
    """A nurse who asks leaves the item with the provider; who forwards it, with whom it was forwarded to."""
    assert rule(by_machine(outcome), ruling(Role.NURSE, Verdict.ASK)).waits_for is Outcome.MORE_INFO_NEEDED
    forwarded = rule(by_machine(outcome), ruling(Role.NURSE, Verdict.FORWARD))
    assert forwarded.waits_for is Outcome.PEND_MEDICAL_DIRECTOR


@pytest.mark.parametrize("outcome", [Outcome.PEND_PHYSICIAN, Outcome.PEND_MEDICAL_DIRECTOR])
def test_a_question_and_a_forward_never_lower_who_must_decide(outcome: Outcome) -> None:
    """What needs a senior reviewer needs one still after the provider was asked, or a lesser one was forwarded to."""
    asked = rule(by_machine(outcome), ruling(Role.NURSE, Verdict.ASK))
    forwarded = rule(by_machine(outcome), ruling(Role.NURSE, Verdict.FORWARD, forward_to=Role.PHYSICIAN))
    assert forwarded.waits_for is outcome
    lesser = Role.NURSE if outcome is Outcome.PEND_PHYSICIAN else Role.PHYSICIAN
    for item in (asked, forwarded):
        with pytest.raises(DecisionRefused, match="waits for the decision"):
            rule(item, ruling(lesser, Verdict.APPROVE))


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.DENY, Verdict.MODIFY])
def test_what_is_decided_stays_decided(verdict: Verdict) -> None:
    """Neither an approval by the machine nor a decision by a person is changed by a further one."""
    director = ruling(Role.MEDICAL_DIRECTOR, verdict)
    for item in (by_machine(Outcome.APPROVE), rule(by_machine(Outcome.PEND_NURSE), director)):
        with pytest.raises(DecisionRefused, match="already"):
            rule(item, ruling(Role.MEDICAL_DIRECTOR, Verdict.DENY))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reasons": ()}, "reasons"),
        ({"reasons": (" ",)}, "reasons"),
        ({"instead": {"quantity": {}}}, "modify"),
        ({"forward_to": Role.MEDICAL_DIRECTOR}, "forward"),
        ({"verdict": Verdict.FORWARD, "forward_to": Role.NURSE}, "senior"),
        ({"verdict": Verdict.MODIFY}, "modify"),
        ({"verdict": Verdict.DENY, "period": YEAR}, "period"),
    ],
)
def test_a_decision_says_all_it_must_and_no_more(changes: dict[str, Any], said: str) -> None:
    """A person's decision without reasons, or with what belongs to another verdict, cannot be made."""
    parts = {"verdict": Verdict.APPROVE, "reasons": ("Because.",), **changes}
    with pytest.raises(DecisionRefused, match=said):
        PersonDecision(Person(Role.PHYSICIAN, NPI), **parts)


@pytest.mark.parametrize("npi", ["", "123", "12345678901", "123456789x", "\u0661234567890"])
def test_a_reviewer_has_an_npi(npi: str) -> None:
    """A reviewer without ten digits of an NPI is nobody."""
    with pytest.raises(DecisionRefused, match="NPI"):
        Person(Role.NURSE, npi)


@pytest.mark.parametrize("status", [Status.DENIED, Status.MODIFIED])
def test_a_denial_cannot_be_built_without_a_person(status: Status) -> None:
    """There is no way to write down a denied or modified item that no person decided, or that one approved."""
    for decided_by in (None, ruling(Role.PHYSICIAN, Verdict.APPROVE)):
        with pytest.raises(DecisionRefused):
            Authorization(status, None, decided_by)


def test_what_is_pended_waits_for_somebody() -> None:
    """A pended item without a reviewer, and a decided one with one, cannot be written down."""
    for status, waits_for in ((Status.PENDED, None), (Status.PENDED, Outcome.APPROVE), (Status.APPROVED, PENDS[0])):
        with pytest.raises(DecisionRefused):
            Authorization(status, waits_for)
