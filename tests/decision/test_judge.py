"""From CQL results to findings: every shape the engine can give, and none that fails the request."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cql.engine import Asked, Run
from server.cql.model import CqlLibrary
from server.decision.judge import ENGINE_CRITERION, CqlInput, CqlItem, Engine, judge
from server.decision.model import Decision, Outcome
from server.errors import EngineError
from server.fhir.read import Resource
from server.policy.model import Criterion, Edition, Form, Reviewer, State, Validity

ITEM = CqlItem(1, ({"resourceType": "Claim"},), date(2027, 1, 15))
GIVEN = CqlInput({"resourceType": "Bundle"}, (ITEM,), {}, date(2026, 11, 23), date(2026, 11, 24))
SAID = [{"ref": "Claim/1", "said": "the claim says so"}]


class FixedEngine:
    """Gives the results it was made with, or fails."""

    name = "fixed"

    def __init__(self, results: Mapping[str, Any] | None) -> None:
        self.results = results
        self.parameters: Mapping[str, Any] = {}

    def evaluate(self, library: str, bundle: Resource, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        raise NotImplementedError

    def run_each(
        self, library: str, shared: Resource, runs: Sequence[Run], asked: Sequence[Asked]
    ) -> list[Mapping[str, Any] | EngineError]:
        assert library == "Rules|1"
        assert shared is GIVEN.shared
        assert tuple(a for a in asked if a.define != "Start") == (Asked("Short"), Asked("Long"), Asked("C", "Applies"))
        self.parameters = runs[0].parameters
        if self.results is None:
            raise EngineError("out of time")
        defines = {d for a in asked for d in (a.define, a.where) if d}
        return [{d: found for d, found in self.results.items() if d in defines} for _ in runs]


def judged(edition: Edition, engine: Engine, *items: CqlItem) -> Decision:
    return judge(edition, GIVEN, items or (ITEM,), engine)[0]


def edition(**changes: Any) -> Edition:
    rules = CqlLibrary("Rules", "1", "", "{}", "Rules.cql")
    criterion = Criterion(
        id="C-1",
        define="C",
        applies="Applies",
        sentence="It holds.",
        citation="Section 1",
        when_unmet=Reviewer.PHYSICIAN,
        states=tuple(State),
        remedies={State.UNMET: "ask", State.UNKNOWN: "send", State.REVIEW: "look"},
    )
    given_ = {
        "policy_id": "p",
        "policy_uri": "http://p",
        "version": "2024",
        "effective": date(2024, 1, 1),
        "library": rules,
        "libraries": (rules,),
        "value_sets": (),
        "form": Form("http://f", "1", {}),
        "validity": (Validity("Short", 30), Validity("Long", 365)),
        "criteria": (criterion,),
        "parameters": {"Switch": True},
    }
    return Edition(**{**given_, **changes})


def results(**changes: Any) -> dict[str, Any]:
    return {"C": said("met"), "Applies": True, "Short": False, "Long": True} | changes


def said(state: Any, evidence: Any = SAID) -> dict[str, Any]:
    return {"state": state, "evidence": evidence}


def test_all_met_approves_for_the_days_of_the_first_validity_that_holds() -> None:
    """The period starts on the service date and counts both ends."""
    decision = judged(edition(), FixedEngine(results()))
    assert decision.outcome is Outcome.APPROVE
    assert decision.period == (date(2027, 1, 15), date(2028, 1, 14))
    assert [e.ref for e in decision.findings[0].evidence] == ["Claim/1"]


@pytest.mark.parametrize(
    ("given_", "state", "remedy"),
    [
        (said("met"), State.MET, ""),
        (said("unmet"), State.UNMET, "ask"),
        (said("unmet", None), State.UNMET, "ask"),
        (said("unknown", []), State.UNKNOWN, "send"),
        (said("review"), State.REVIEW, "look"),
        ({"state": "review"}, State.REVIEW, "look"),
        (None, State.UNKNOWN, "send"),
        (False, State.UNMET, "ask"),
    ],
)
def test_a_define_gives_a_state(given_: Any, state: State, remedy: str) -> None:
    """One of four, by name; null is unknown and false unmet; only what is not met has a remedy."""
    found = judged(edition(), FixedEngine(results(C=given_))).findings[0]
    assert (found.state, found.remedy) == (state, remedy)
    assert found.why


@pytest.mark.parametrize(
    ("day", "first"),
    [("2027-02-01", date(2027, 2, 1)), (None, date(2027, 1, 15)), ("2027-02", date(2027, 1, 15))],
)
def test_an_approval_starts_on_the_day_that_the_policy_finds(day: str | None, first: date) -> None:
    """By the define of `starts`; where it gives no whole day, on the service date."""
    decision = judged(edition(starts="Start"), FixedEngine(results(Start=day)))
    assert decision.period is not None
    assert decision.period[0] == first


@pytest.mark.parametrize("broken", [{"Start": True}, {}])
def test_a_start_that_is_no_day_is_looked_at_by_a_person(broken: dict[str, Any]) -> None:
    assert judged(edition(starts="Start"), FixedEngine(results(**broken))).outcome is Outcome.PEND_NURSE


@pytest.mark.parametrize("applies", [False, None])
def test_a_criterion_that_does_not_apply_is_not_listed(*, applies: bool | None) -> None:
    """Without a criterion nothing is known, so a person looks; it is no approval."""
    decision = judged(edition(), FixedEngine(results(Applies=applies)))
    assert decision.findings == ()
    assert decision.outcome is Outcome.PEND_NURSE


@pytest.mark.parametrize(
    "broken",
    [
        None,
        results(C="yes"),
        results(C="met"),  # a state is no judgement
        results(C=said("yes")),
        results(C=said("Met")),
        results(C=said(None)),
        results(C=said(1)),
        results(C=said(["met"])),
        results(C={"evidence": SAID}),
        results(C={}),
        results(C=[said("met")]),
        results(C=said("met", "text")),
        results(C=said("met", [])),  # met without evidence
        results(C=said("met", [{"said": "by nothing"}])),
        results(C=True),  # nor has a Boolean any
        results(Applies="yes"),
        results(Short=None, Long=None),  # an approval without an end
        {"Applies": True},
    ],
)
def test_an_engine_that_errs_pends_for_a_person(broken: dict[str, Any] | None) -> None:
    """A failure, a wrong shape, or an approval nobody can date: a nurse looks, and nothing is approved or denied."""
    decision = judged(edition(), FixedEngine(broken))
    assert decision.outcome is Outcome.PEND_NURSE
    assert [f.criterion for f in decision.findings] == [ENGINE_CRITERION]
    assert decision.period is None
    assert decision.engine.startswith("failed: ")


def test_an_approval_beyond_the_calendar_is_not_made() -> None:
    """Where its last day has no date, a nurse looks."""
    decision = judged(edition(), FixedEngine(results()), replace(ITEM, service_date=date(9999, 6, 1)))
    assert (decision.outcome, decision.period) == (Outcome.PEND_NURSE, None)


def test_the_engine_gets_the_switches_and_the_dates() -> None:
    """The policy's parameters travel with the four that the server offers."""
    engine = FixedEngine(results())
    judged(edition(), engine)
    assert engine.parameters == {
        "Switch": True,
        "Service Date": date(2027, 1, 15),
        "Request Date": date(2026, 11, 23),
        "Received Date": date(2026, 11, 24),
        "Item Sequence": 1,
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.sampled_from(("met", "unmet", "x", 1)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("state", "evidence", "ref")), inner),
    max_leaves=6,
)
JUDGEMENT = st.fixed_dictionaries({"state": st.sampled_from(("met", "unmet", "review")) | JSON, "evidence": JSON})


@given(
    st.just(said("met")) | JUDGEMENT | JSON,
    st.fixed_dictionaries({k: st.none() | st.booleans() for k in ("Applies", "Short", "Long")}),
)
def test_met_is_always_shown(c: Any, values: dict[str, bool | None]) -> None:
    """Whatever CQL says, a met finding names its evidence, and an approval has a period."""
    decision = judged(edition(), FixedEngine({**values, "C": c}))
    assert all(f.evidence for f in decision.findings if f.state is State.MET)
    assert (decision.outcome is Outcome.APPROVE) == (decision.period is not None)
    assert decision.outcome is not Outcome.APPROVE or c["state"] == "met"


def test_what_fails_in_one_run_is_that_items_alone() -> None:
    """The items that could be judged are; the one that could not goes to a nurse."""

    class Half(FixedEngine):
        def run_each(self, *arguments: Any) -> list[Any]:
            first, *_ = super().run_each(*arguments)
            return [first, EngineError("a node failed")]

    decisions = judge(edition(), GIVEN, (ITEM, replace(ITEM, sequence=2)), Half(results()))
    assert [d.outcome for d in decisions] == [Outcome.APPROVE, Outcome.PEND_NURSE]
    assert [f.criterion for f in decisions[1].findings] == [ENGINE_CRITERION]
