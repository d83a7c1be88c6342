"""The life of a request: which fact may follow which, who may bring it about, and what stays as it was."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.apply import apply, apply_all
from server.decision.case import Attached, Case, CaseItem, DecidedByMachine, Fact, Ruled, Ruling, Updated
from server.decision.model import Outcome
from server.decision.review_action import ACTION
from server.decision.ruling import Role, Status, Verdict
from server.errors import DecisionRefused
from server.policy.model import State
from tests.requests.cases import RECEIVED, YEAR, a_number, judged, opening, ruled

NURSE, PHYSICIAN, DIRECTOR = Role.NURSE, Role.PHYSICIAN, Role.MEDICAL_DIRECTOR
FINAL = (Status.APPROVED, Status.MODIFIED, Status.DENIED)


def opened(*outcomes: Outcome) -> tuple[Fact, ...]:
    """What the machine makes of a request with one item for each outcome."""
    return opening(*(judged(n, outcome) for n, outcome in enumerate(outcomes, 1))).facts


def changed(*touched: int, cancelled: tuple[int, ...] = ()) -> Updated:
    """The sender sends the request of one item again."""
    return Updated(RECEIVED, "loopback", RECEIPT.request, touched, cancelled)  # type: ignore[union-attr]


def by(role: Role, verdict: Verdict) -> Ruled:
    return ruled(role=role, verdict=verdict)


RECEIPT, MACHINE = opened(Outcome.PEND_NURSE)
FACTS: dict[str, Fact] = {
    "received": RECEIPT,
    "decided": MACHINE,
    "nurse approves": by(NURSE, Verdict.APPROVE),
    "nurse asks": by(NURSE, Verdict.ASK),
    "nurse forwards": by(NURSE, Verdict.FORWARD),
    "physician approves": by(PHYSICIAN, Verdict.APPROVE),
    "physician modifies": by(PHYSICIAN, Verdict.MODIFY),
    "physician denies": by(PHYSICIAN, Verdict.DENY),
    "director approves": by(DIRECTOR, Verdict.APPROVE),
    "director denies": by(DIRECTOR, Verdict.DENY),
    "sender changes": changed(1),
    "sender changes nothing": changed(),
    "sender cancels": changed(cancelled=(1,)),
    "documents come": Attached(RECEIVED, "loopback", RECEIPT.request, (1,)),  # type: ignore[union-attr]
}
SENDERS = {"sender changes", "sender changes nothing", "sender cancels", "documents come"}
DIRECTORS = SENDERS | {"nurse asks", "nurse forwards", "director approves", "director denies"}
PHYSICIANS = DIRECTORS | {"physician approves", "physician modifies", "physician denies"}
NURSES = PHYSICIANS | {"nurse approves"}
STATES: dict[str, tuple[tuple[Fact, ...], set[str]]] = {
    "nothing": ((), {"received"}),
    "received": ((RECEIPT,), {"decided"} | SENDERS),
    "changed": ((RECEIPT, MACHINE, FACTS["sender changes"]), {"decided"} | SENDERS),
    "documents came": ((RECEIPT, MACHINE, FACTS["documents come"]), {"decided"} | SENDERS),
    "cancelled": ((RECEIPT, MACHINE, FACTS["sender cancels"]), {"sender changes nothing"}),
    "changed and pended": ((RECEIPT, MACHINE, FACTS["sender changes"], MACHINE), NURSES),
    "waits for more": (opened(Outcome.MORE_INFO_NEEDED), NURSES),
    "waits for a nurse": (opened(Outcome.PEND_NURSE), NURSES),
    "waits for a physician": (opened(Outcome.PEND_PHYSICIAN), PHYSICIANS),
    "waits for the director": (opened(Outcome.PEND_MEDICAL_DIRECTOR), DIRECTORS),
    "asked": ((*opened(Outcome.PEND_NURSE), FACTS["nurse asks"]), NURSES),
    "asked, for a physician": ((*opened(Outcome.PEND_PHYSICIAN), FACTS["nurse asks"]), PHYSICIANS),
    "asked, for the director": ((*opened(Outcome.PEND_MEDICAL_DIRECTOR), FACTS["nurse asks"]), DIRECTORS),
    "forwarded": ((*opened(Outcome.PEND_NURSE), FACTS["nurse forwards"]), DIRECTORS),
    "approved by the machine": (opened(Outcome.APPROVE), SENDERS),
    "approved by a person": ((RECEIPT, MACHINE, FACTS["nurse approves"]), SENDERS),
    "modified": ((RECEIPT, MACHINE, FACTS["physician modifies"]), SENDERS),
    "denied": ((RECEIPT, MACHINE, FACTS["director denies"]), {"sender changes nothing"}),
}
"""What has happened, and which facts may follow."""


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("state", STATES)
def test_which_fact_may_follow_which(state: str, fact: str) -> None:
    """A request is received once, then decided by the machine once; a person decides what waits for one, once."""
    happened, allowed = STATES[state]
    case = apply_all(happened) if happened else None
    if fact in allowed:
        after = apply(case, FACTS[fact])
        assert after.facts == len(happened) + 1
        assert after.answered == FACTS[fact].at
    else:
        with pytest.raises(DecisionRefused):
            apply(case, FACTS[fact])


def test_no_facts_are_no_case() -> None:
    """A case begins with the request that was received; without it there is none."""
    for facts in ((), (MACHINE,), (FACTS["nurse approves"],)):
        with pytest.raises(DecisionRefused, match="begins with"):
            apply_all(facts)


def test_what_is_received_says_who_and_when() -> None:
    """Until the machine has decided, a case has no items and was answered at no other time than it came."""
    case = apply(None, RECEIPT)
    assert (case.received, case.answered, case.caller, case.facts, case.items) == (
        RECEIVED,
        RECEIVED,
        "loopback",
        1,
        (),
    )


@given(st.lists(st.sampled_from(Outcome), min_size=1, max_size=4))
def test_a_machine_never_denies(outcomes: list[Outcome]) -> None:
    """Whatever it concludes of several items, each is certified or pended, and no person stands behind it."""
    case = apply_all(opened(*outcomes))
    assert {ACTION[item.status][0] for item in case.items} <= {"A1", "A4"}
    for item, outcome in zip(case.items, outcomes, strict=True):
        assert item.approved is (outcome is Outcome.APPROVE)
        assert item.waits_for is (None if item.approved else outcome)
        assert (item.ruling, item.outcome) == (None, outcome)


@pytest.mark.parametrize("word", ["deny", "denied", "A3", "modify", ""])
def test_a_machine_has_no_word_for_a_denial(word: Any) -> None:
    """A fact that says the machine denied cannot become a case, whoever wrote it."""
    (made,) = MACHINE.items if isinstance(MACHINE, DecidedByMachine) else ()
    denial = replace(made, decision=replace(made.decision, outcome=word))
    with pytest.raises(ValueError, match="is not a valid Outcome"):
        apply_all([RECEIPT, DecidedByMachine(RECEIVED, (denial,))])


@pytest.mark.parametrize("verdict", [Verdict.DENY, Verdict.MODIFY])
def test_a_nurse_cannot_refuse_care(verdict: Verdict) -> None:
    """There is no ruling of a nurse that denies or modifies, so no case can hold one."""
    with pytest.raises(DecisionRefused, match="Only a physician"):
        by(NURSE, verdict)


@pytest.mark.parametrize(
    ("outcome", "number", "reference"),
    [
        (Outcome.APPROVE, None, None),
        (Outcome.APPROVE, None, "VP1"),
        (Outcome.APPROVE, "VA1", "VP1"),
        (Outcome.PEND_NURSE, None, None),
        (Outcome.PEND_NURSE, "VA1", None),
        (Outcome.PEND_NURSE, "VA1", "VP1"),
        (Outcome.PEND_NURSE, None, ""),
    ],
)
def test_numbers_stand_where_they_must(outcome: Outcome, number: str | None, reference: str | None) -> None:
    """What the machine approves has an authorization number alone, what it pends a reference alone (pas P-98, T-8)."""
    with pytest.raises(DecisionRefused, match="number"):
        opening(judged(outcome=outcome, number=number, reference=reference))


@pytest.mark.parametrize("verdict", Verdict)
def test_an_authorization_and_no_other_ruling_has_a_number(verdict: Verdict) -> None:
    """What a person authorizes, in whole or in part, has a number; what is asked, forwarded or denied has none."""
    role = PHYSICIAN if verdict is Verdict.FORWARD else DIRECTOR
    case, fact = apply_all(opened(Outcome.PEND_NURSE)), by(role, verdict)
    (ruling,) = fact.rulings
    wrong = replace(ruling, number=None if ruling.number else a_number("VA"))
    assert (ruling.number is not None) is (verdict in (Verdict.APPROVE, Verdict.MODIFY))
    with pytest.raises(DecisionRefused, match="has an authorization number"):
        apply(case, replace(fact, rulings=(wrong,)))
    assert apply(case, fact).items[0].number == ruling.number


def test_what_was_authorized_keeps_its_number() -> None:
    """Changed, pended and authorized again, by a person or by the machine, an item has the number of the first time."""
    first = opening(judged(outcome=Outcome.APPROVE)).case
    changed = apply(first, Updated(RECEIVED, "loopback", first.request, (1,)))
    pended_ = apply(changed, DecidedByMachine(RECEIVED, (judged(outcome=Outcome.PEND_NURSE).made,)))
    assert (pended_.items[0].number, pended_.items[0].own_number) == (None, first.items[0].number)
    for case, fact in ((changed, made_of(1)), (pended_, ruled())):
        with pytest.raises(DecisionRefused, match="stays so"):
            apply(case, fact)
    (ruling,) = ruled().rulings
    again = apply(pended_, Ruled(RECEIVED, (replace(ruling, number=first.items[0].number),)))
    assert again.items[0].number == first.items[0].number


def made_of(*sequences: int) -> DecidedByMachine:
    return DecidedByMachine(RECEIVED, tuple(judged(n).made for n in sequences))


@pytest.mark.parametrize("sequences", [(), (1,), (2, 1), (1, 1), (1, 2, 2), (1, 2, 3), (1, 3)])
def test_the_machine_decides_every_item_once(sequences: tuple[int, ...]) -> None:
    """A decision that leaves out an item, doubles or invents one, or turns them round is none."""
    received = opened(Outcome.APPROVE, Outcome.APPROVE)[0]
    with pytest.raises(DecisionRefused, match="every item"):
        apply_all([received, made_of(*sequences)])
    assert len(apply_all([received, made_of(1, 2)]).items) == 2


@pytest.mark.parametrize("sequences", [(), (3,), (1, 3), (1, 1)])
def test_a_ruling_names_items_of_the_case(sequences: tuple[int, ...]) -> None:
    """A ruling on nothing, on an item that is not there, or twice on one is refused whole."""
    case = apply_all(opened(Outcome.PEND_NURSE, Outcome.PEND_NURSE))
    fact = Ruled(RECEIVED, tuple(ruling for n in sequences for ruling in ruled(n).rulings))
    with pytest.raises(DecisionRefused, match="names items"):
        apply(case, fact)


def test_one_item_that_may_not_be_decided_refuses_all() -> None:
    """A ruling on two items, one of which the machine has approved, decides neither."""
    case = apply_all(opened(Outcome.PEND_NURSE, Outcome.APPROVE))
    with pytest.raises(DecisionRefused, match="already"):
        apply(case, ruled(1, 2))


def test_a_ruling_changes_the_items_it_names() -> None:
    """The other items of the case stay the very same, and so does everything that was asked for."""
    case = apply_all(opened(Outcome.PEND_NURSE, Outcome.PEND_PHYSICIAN, Outcome.APPROVE))
    after = apply(case, ruled(2, verdict=Verdict.DENY))
    assert (after.items[0], after.items[2]) == (case.items[0], case.items[2])
    assert after.items[1].requested is case.items[1].requested
    assert (after.items[1].outcome, after.items[1].status, after.items[1].period) == ("deny", Status.DENIED, None)
    assert after.items[1].decision == case.items[1].decision


def test_a_persons_period_goes_before_the_machines() -> None:
    """What a person authorizes lasts as that person said; what the machine pended lasts not at all."""
    case = apply_all(opened(Outcome.PEND_NURSE))
    assert case.items[0].period is None
    assert apply(case, ruled()).items[0].period == YEAR
    assert apply(case, ruled(period=None)).items[0].period is None
    assert apply_all(opened(Outcome.APPROVE)).items[0].period == YEAR


def test_what_is_missing_stays_known() -> None:
    """The criteria of which nothing is known are told whatever the outcome."""
    (finding,) = judged().made.decision.findings
    unknown = replace(finding, criterion="DOSE", state=State.UNKNOWN)
    case = opening(judged(outcome=Outcome.PEND_PHYSICIAN, findings=(finding, unknown))).case
    assert case.items[0].missing == (unknown,)


@st.composite
def a_ruling(draw: st.DrawFn) -> Ruling | None:
    """Any ruling on one of three items that somebody may try to make; None where it cannot even be written down."""
    verdict, role = draw(st.sampled_from(Verdict)), draw(st.sampled_from(Role))
    try:
        (made,) = ruled(draw(st.integers(1, 3)), verdict=verdict, role=role).rulings
    except DecisionRefused:
        return None
    return replace(made, number=draw(st.sampled_from([None, made.number, a_number("VA")])))


LIVES = st.lists(st.lists(a_ruling(), min_size=1, max_size=3), max_size=6)


def lived(outcomes: Iterable[Outcome], tried: list[list[Ruling | None]]) -> Iterable[tuple[Case, Case]]:
    """Each case that follows another when all these rulings are tried, one hour apart; what is refused changes none."""
    case = apply_all(opened(*outcomes))
    for n, rulings in enumerate(tried, 1):
        fact = Ruled(RECEIVED + timedelta(hours=n), tuple(r for r in rulings if r is not None))
        try:
            after = apply(case, fact)
        except DecisionRefused:
            continue
        assert (after.facts, after.answered) == (case.facts + 1, fact.at)
        yield case, after
        case = after


def authorized(item: CaseItem) -> bool:
    return item.status in (Status.APPROVED, Status.MODIFIED)


@given(outcomes=st.tuples(*[st.sampled_from(Outcome)] * 3), tried=LIVES)
def test_laws_of_a_life(outcomes: tuple[Outcome, ...], tried: list[list[Ruling | None]]) -> None:
    """However a case is decided, by whomever and in whatever order, what is decided stays decided.

    Care is refused by a physician or the director alone, with reasons; a number stands where something is authorized
    and nowhere else; a reference stays for good; what was asked for never changes.
    """
    for before, after in lived(outcomes, tried):
        assert (after.id, after.received, after.request) == (before.id, before.received, before.request)
        for was, now in zip(before.items, after.items, strict=True):
            if was.status in FINAL:
                assert now == was
            if now.status in (Status.DENIED, Status.MODIFIED):
                assert now.ruling is not None
                assert now.ruling.person.role in (PHYSICIAN, DIRECTOR)
                assert now.ruling.reasons
            assert (now.number is not None) is authorized(now)
            assert (now.period is None) or authorized(now)
            assert (now.waits_for is not None) is (now.status is Status.PENDED)
            assert (now.requested, now.decision, now.reference) == (was.requested, was.decision, was.reference)


@given(outcomes=st.tuples(*[st.sampled_from(Outcome)] * 3), tried=LIVES)
def test_what_needs_a_senior_reviewer_is_decided_by_one(
    outcomes: tuple[Outcome, ...], tried: list[list[Ruling | None]]
) -> None:
    """Neither by asking nor by forwarding does what waits for a physician or the director come to a lesser decision."""
    needed = {Outcome.PEND_PHYSICIAN: PHYSICIAN, Outcome.PEND_MEDICAL_DIRECTOR: DIRECTOR}
    for _, after in lived(outcomes, tried):
        for item in after.items:
            if item.ruling is not None and item.status in FINAL:
                least = needed.get(item.decision.outcome, NURSE)
                assert item.ruling.person.role.rank >= least.rank


@given(outcome=st.sampled_from(Outcome), role=st.sampled_from(Role), verdict=st.sampled_from(Verdict))
def test_the_machine_never_approves_what_a_person_decided(outcome: Outcome, role: Role, verdict: Verdict) -> None:
    """Whatever its sender changes, what a person decided or passed on is approved by persons alone from then on."""
    case = apply_all(opened(outcome))
    try:
        case = apply(case, by(role, verdict))
        case = apply(case, changed(1))
    except DecisionRefused:
        return
    approval = DecidedByMachine(RECEIVED, (judged().made,))
    if verdict is Verdict.ASK and outcome in (Outcome.MORE_INFO_NEEDED, Outcome.PEND_NURSE):
        assert apply(case, approval).items[0].approved
        return
    with pytest.raises(DecisionRefused, match="does not approve"):
        apply(case, approval)
    again = apply(apply(case, DecidedByMachine(RECEIVED, (judged(outcome=Outcome.PEND_NURSE).made,))), changed(1))
    with pytest.raises(DecisionRefused, match="does not approve"):
        apply(again, approval)
