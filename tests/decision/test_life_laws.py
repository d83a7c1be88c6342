"""Laws of a whole life: whoever does what in whatever order, the facts explain where a case stands."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.apply import apply, apply_all
from server.decision.case import Attached, Case, DecidedByMachine, Fact, Ruled, Updated
from server.decision.deadline import Alarm, deadline_of
from server.decision.fact_json import fact_from, fact_json, kind_of
from server.decision.model import Outcome
from server.decision.review_action import ACTION
from server.decision.ruling import Role, Status, Verdict
from server.errors import DecisionRefused
from server.policy.desk import ClockRules
from server.store.sql import open_store
from tests.requests.cases import RECEIVED, following, judged, opening, ruled

OUTCOMES = st.tuples(*[st.sampled_from(Outcome)] * 3)
ITEMS = st.sets(st.integers(1, 3), max_size=3).map(lambda found: tuple(sorted(found)))


def judged_again(case: Case, outcomes: tuple[Outcome, ...]) -> DecidedByMachine:
    """What the machine makes of the items that wait for it; what it may not approve waits for a nurse."""
    made = []
    for sequence, outcome in zip(case.judging, outcomes, strict=False):
        item = case.item(sequence)
        kept = item is not None and item.authorization.kept_for_a_person
        found = judged(sequence, Outcome.PEND_NURSE if kept and outcome is Outcome.APPROVE else outcome).made
        if item and item.own_number and found.number:
            found = replace(found, number=item.own_number)
        made.append(found)
    return DecidedByMachine(case.answered, tuple(made))


def ruled_again(case: Case, fact: Ruled) -> Ruled:
    """The same, but what was authorized before gets its own number again, as the desk does."""
    own = {i.sequence: i.own_number for i in case.items}
    return replace(
        fact, rulings=tuple(replace(r, number=r.number and (own.get(r.sequence) or r.number)) for r in fact.rulings)
    )


Step = tuple[str, tuple[int, ...], tuple[int, ...], Verdict, Role, tuple[Outcome, ...]]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    kind = draw(st.sampled_from(["update", "attach", "rule"]))
    return kind, draw(ITEMS), draw(ITEMS), draw(st.sampled_from(Verdict)), draw(st.sampled_from(Role)), draw(OUTCOMES)


LIVES = st.lists(steps(), max_size=7)


def lived(
    outcomes: tuple[Outcome, ...], tried: list[Step], *, persons: bool = True
) -> list[tuple[tuple[Fact, ...], Case]]:
    """The facts that came at once, with the case after them: of a first request, and of every step that may be."""
    opened = opening(*(judged(n, o) for n, o in enumerate(outcomes, 1)))
    case, found = opened.case, [(opened.facts, opened.case)]
    for n, (kind, items, others, verdict, role, again) in enumerate(tried, 1):
        at = RECEIVED + timedelta(hours=n)
        try:
            if kind == "rule":
                made = ruled(*items, verdict=verdict, role=role, at=at)
                facts: tuple[Fact, ...] = (ruled_again(case, made),) if persons else ()
            else:
                changed = (
                    Attached(at, "loopback", case.request, items)
                    if kind == "attach"
                    else Updated(at, "loopback", case.request, items, tuple(o for o in others if o not in items))
                )
                facts = (changed, judged_again(apply(case, changed), again)) if items else (changed,)
            after = case
            for fact in facts:
                after = apply(after, fact)
        except DecisionRefused:
            continue
        if facts:
            case = after
            found.append((facts, case))
    return found


@given(outcomes=OUTCOMES, tried=LIVES)
def test_no_machine_refuses_care(outcomes: tuple[Outcome, ...], tried: list[Step]) -> None:
    """Without a person nothing is ever denied or modified, whatever is updated, attached and judged."""
    for _, case in lived(outcomes, tried, persons=False):
        assert {ACTION[i.status][0] for i in case.items} <= {"A1", "A4", "C"}


@given(outcomes=OUTCOMES, tried=LIVES)
def test_the_facts_explain_the_case(outcomes: tuple[Outcome, ...], tried: list[Step]) -> None:
    """Written down and read again, the facts come to the same case; a refused step leaves none."""
    found = lived(outcomes, tried)
    facts = [fact for some, _ in found for fact in some]
    case = found[-1][1]
    assert apply_all(fact_from(kind_of(f), fact_json(f)) for f in facts) == case
    assert case.facts == len(facts)


@given(outcomes=OUTCOMES, tried=LIVES)
def test_what_is_decided_stays_unless_it_is_touched(outcomes: tuple[Outcome, ...], tried: list[Step]) -> None:
    """Denied and cancelled stay so for good; an authorization ends only by its sender; a number is one item's alone."""
    found = lived(outcomes, tried)
    seen: dict[str, int] = {}
    for n, (facts, case) in enumerate(found):
        for item in case.items:
            if item.own_number:
                assert seen.setdefault(item.own_number, item.sequence) == item.sequence
            assert (item.number is not None) is (item.status in (Status.APPROVED, Status.MODIFIED))
        if not n:
            continue
        said = [f for f in facts if isinstance(f, Updated | Attached)]
        touched = {s for f in said for s in (*f.touched, *getattr(f, "cancelled", ()))}
        persons = {r.sequence for f in facts if isinstance(f, Ruled) for r in f.rulings}
        for was, now in zip(found[n - 1][1].items, case.items, strict=True):
            if was.status in (Status.DENIED, Status.CANCELLED) or was.sequence not in touched | persons:
                assert (now.status, now.number, now.reference) == (was.status, was.number, was.reference)
            assert now.own_number == (was.own_number or now.own_number)
            if was.status in (Status.APPROVED, Status.MODIFIED) and now.number != was.number:
                assert now.sequence in touched


@given(outcomes=OUTCOMES, tried=LIVES, hours=st.lists(st.integers(0, 2_000), max_size=4), paused=st.booleans())
def test_a_clock_decides_nothing(
    outcomes: tuple[Outcome, ...],
    tried: list[Step],
    hours: list[int],
    paused: bool,  # noqa: FBT001
) -> None:
    """Whenever it is looked at, it warns ever more until somebody acts; rest only moves the end away, and no item."""
    facts: tuple[Fact, ...] = ()
    rules = ClockRules(paused_while_asking=paused)
    for more, case in lived(outcomes, tried):
        facts += more
        clock = deadline_of(facts, rules)
        assert clock.due >= case.received + clock.allowed
        assert (clock.paused_since is not None) <= paused
        said = [list(Alarm).index(clock.alarm(RECEIVED + timedelta(hours=n))) for n in sorted(hours)]
        assert said == sorted(said)
        assert apply_all(facts) == case


@pytest.mark.parametrize("serial", range(3))
def test_the_record_comes_to_the_same_case(tmp_path: Path, serial: int) -> None:
    """A whole life in the record: the case is what its facts come to, and the answer is the last one given out."""
    store = open_store(f"sqlite:///{tmp_path}/record.db")
    outcomes = (Outcome.APPROVE, Outcome.PEND_NURSE, Outcome.MORE_INFO_NEEDED)
    lives: list[list[Step]] = [
        [
            ("rule", (2,), (), Verdict.APPROVE, Role.NURSE, outcomes),
            ("update", (1,), (3,), Verdict.ASK, Role.NURSE, outcomes),
        ],
        [("update", (), (1, 2, 3), Verdict.ASK, Role.NURSE, outcomes)],
        [
            ("attach", (2, 3), (), Verdict.ASK, Role.NURSE, outcomes[1:]),
            ("rule", (2,), (), Verdict.DENY, Role.PHYSICIAN, outcomes),
        ],
    ]
    first, *later = lived(outcomes, lives[serial])
    assert len(later) == len(lives[serial])
    opened = opening(*(judged(n, o) for n, o in enumerate(outcomes, 1)))
    opened = replace(opened, facts=first[0], case=first[1])
    store.append(opened)
    case = opened.case
    for n, (facts, after) in enumerate(later):
        change = following(case, *facts)
        change = replace(change, renderings={w: b"%d " % n + body for w, body in change.renderings.items()})
        assert store.append(change) == case.id
        assert store.append(change) is None
        case = after
        assert store.case(case.id) == case
        assert {w: store.rendering(case.id, *w) for w in change.renderings} == change.renderings
    store.close()
