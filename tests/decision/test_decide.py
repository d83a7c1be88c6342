"""The order of outcomes, and the laws that no order of data may break."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.decide import decide
from server.decision.model import Evidence, Finding, Outcome
from server.policy.model import State

DIRECTOR = "medical-director"


def finding(state: State, when_unmet: str = "physician", criterion: str = "X-1") -> Finding:
    evidence = (Evidence("Claim/1", "said"),) if state is State.MET else ()
    return Finding(criterion, state, "sentence", "citation", evidence, "why", "remedy", when_unmet)


FINDINGS = st.lists(
    st.builds(finding, st.sampled_from(State), st.sampled_from(["physician", DIRECTOR]), st.text("AB", max_size=3)),
    max_size=12,
)


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ([State.MET, State.MET], Outcome.APPROVE),
        ([State.MET, State.REVIEW], Outcome.PEND_NURSE),
        ([State.REVIEW, State.UNKNOWN], Outcome.MORE_INFO_NEEDED),
        ([State.UNKNOWN, State.UNMET], Outcome.PEND_PHYSICIAN),
        ([State.UNMET, State.REVIEW, State.MET], Outcome.PEND_PHYSICIAN),
        ([], Outcome.PEND_NURSE),
    ],
)
def test_the_order_of_outcomes(states: list[State], outcome: Outcome) -> None:
    """Unmet outranks unknown, unknown outranks review, and only all-met approves."""
    assert decide(finding(s) for s in states) is outcome


def test_what_belongs_to_the_medical_director_goes_there_first() -> None:
    """An unmet criterion of the medical director outranks every other."""
    findings = [finding(State.UNMET), finding(State.UNMET, DIRECTOR), finding(State.UNKNOWN)]
    assert decide(findings) is Outcome.PEND_MEDICAL_DIRECTOR


def test_a_plan_may_keep_approvals_for_a_nurse() -> None:
    """With approved_by = nurse, what would be approved waits for one (policy reading A-24)."""
    assert decide([finding(State.MET)], approved_by="nurse") is Outcome.PEND_NURSE


def test_there_is_no_word_for_denial() -> None:
    """The outcomes a machine can reach hold no denial."""
    assert {o.value for o in Outcome} == {
        "approve",
        "more-info-needed",
        "pend-nurse",
        "pend-physician",
        "pend-medical-director",
    }


@given(FINDINGS)
def test_only_all_met_approves(findings: list[Finding]) -> None:
    """An approval means that there is at least one finding and every one is met."""
    approved = decide(findings) is Outcome.APPROVE
    assert approved == (bool(findings) and all(f.state is State.MET for f in findings))


@given(FINDINGS.flatmap(lambda f: st.tuples(st.just(f), st.permutations(f))))
def test_the_order_of_criteria_does_not_matter(pair: tuple[list[Finding], list[Finding]]) -> None:
    """Any order of the same findings gives the same outcome."""
    assert decide(pair[0]) is decide(pair[1])


@given(FINDINGS)
def test_another_unknown_never_approves(findings: list[Finding]) -> None:
    """Adding an unknown finding never leads to an approval, and silence alone only asks."""
    assert decide([*findings, finding(State.UNKNOWN)]) is not Outcome.APPROVE
    if findings and all(f.state is State.UNKNOWN for f in findings):
        assert decide(findings) is Outcome.MORE_INFO_NEEDED
