"""Every remedy, followed to the letter, moves the criterion as its words say: in every state of every criterion."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import orjson
import pytest

from server.authoring.chart import changed
from server.authoring.worked_cases_file import read_worked_cases, worked_case_files
from server.cql.engine import CqlEngine
from server.decision.model import Finding
from server.fhir.version import Version
from server.pas.machine_decision import judge_items
from server.pas.match import read_and_match
from server.policy.model import Criterion, Reviewer, State
from server.services import open_engine
from server.settings import ROOT, Settings
from tests.remedies import REMEDIES
from tests.remedies.model import Part, Remedy
from tests.spoilings.model import Json
from tests.spoilings.request import POLICY, claim, policies, policy

CRITERIA = {c.id: c for c in policy().editions[0].criteria}
STATES = [(c, s) for c in CRITERIA.values() for s in c.states if s is not State.MET]
WHO_DECIDES = {
    "A nurse ": (State.REVIEW, None),
    "A physician ": (State.UNMET, Reviewer.PHYSICIAN),
    "The Medical Director ": (State.UNMET, Reviewer.MEDICAL_DIRECTOR),
}
MISSING = (
    "does not say",
    "No form came along",
    "No code of Kineret",
    "No ICD-10-CM code",
    "No date of birth",
    "No first day of service",
    "is missing",
    "not known",
    "not stated",
    "not named",
    "not complete",
    "without a course of it",
    "can be no dose",
    "answered with no",
    "answered: unsure",
    "answered: pending",
)
"""Words of a reason that name what is missing, or the answer that leaves it open."""


@dataclass(frozen=True, slots=True)
class Case:
    """A worked case: its request, and what was found in it, by criterion."""

    id: str
    raw: bytes
    found: dict[str, Finding]

    def copy(self) -> Json:
        body: Json = orjson.loads(self.raw)
        return body


class Judge:
    """Judges requests on the day on which the worked case was sent."""

    def __init__(self, engine: CqlEngine) -> None:
        self._engine = engine
        self.cases = tuple(self._worked_cases())

    def found(self, body: Json, received: date | None = None) -> dict[str, Finding]:
        matched = read_and_match(orjson.dumps(body), body, Version.V2_2, policies())
        decision = judge_items(matched, self._engine, received or matched.request.created)[0]
        return {f.criterion: f for f in decision.findings}

    def in_state(self, criterion: Criterion, state: State) -> list[Case]:
        """The clearest first: those with little else that is open."""
        cases = [c for c in self.cases if criterion.id in c.found and c.found[criterion.id].state is state]
        return sorted(cases, key=lambda c: sum(f.state is not State.MET for f in c.found.values()))

    def followed(
        self, case: Case, part: Part, criterion: Criterion, *, anywhere: bool = False
    ) -> tuple[Finding, Finding] | None:
        """The finding before and after the words are followed; None where the case is not what they are about.

        anywhere: also where it is not.
        """
        body = case.copy()
        received = date.fromisoformat(claim(body)["created"][:10])
        before: Finding | None = case.found[criterion.id]
        if part.made is not None:
            part.made(body)
            before = self.found(body, received).get(criterion.id)
        if before is None or part.send is None or not (anywhere or part.where in before.why):
            return None
        part.send(body)
        after = self.found(body, received).get(criterion.id)
        assert after is not None, (case.id, part.words)
        return before, after

    def _worked_cases(self) -> Iterator[Case]:
        folder = ROOT / "cql" / POLICY
        charts = {f.stem: f.read_bytes() for f in (folder / "charts").glob("*.json")}
        for file in worked_case_files(folder):
            for case in read_worked_cases(file, []) or ():
                chart = orjson.loads(charts[case.chart])
                body = changed(chart, case, policy(), None, policies().value_sets)
                yield Case(case.id, orjson.dumps(body), self.found(body))


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    engine = open_engine(Settings(isolates=1), policies())
    try:
        yield Judge(engine)
    finally:
        engine.close()


def remedy_of(criterion: Criterion, state: State) -> Remedy:
    (found,) = [r for r in REMEDIES if r.is_of(criterion) and r.state is state]
    return found


def test_the_table_holds_every_word_of_every_remedy() -> None:
    """A new criterion, a new state or another word in a remedy wants its row looked at again."""
    said = {(c.id, s): c.remedies[s] for c, s in STATES}
    assert said == {(c.id, s): remedy_of(c, s).words for c, s in STATES}
    assert all(any(r.is_of(c) and r.state is s for c, s in STATES) for r in REMEDIES)


def test_words_that_nobody_can_follow_name_who_decides() -> None:
    """They open the remedy of a state that a person looks at, and it is that person; what is open is never theirs."""
    for criterion, state in STATES:
        for n, part in enumerate(remedy_of(criterion, state).parts):
            if part.send is None:
                who = next(w for w in WHO_DECIDES if part.words.startswith(w))
                wanted, reviewer = WHO_DECIDES[who]
                assert n == 0, part.words
                assert state is wanted, part.words
                assert reviewer in (None, criterion.when_unmet), part.words
                assert "settle" not in part.words


@pytest.mark.parametrize(("criterion", "state"), STATES, ids=lambda v: getattr(v, "id", v))
def test_a_remedy_followed_moves_its_criterion(judge: Judge, criterion: Criterion, state: State) -> None:
    """Each piece of its words, on the clearest worked case that they are about. What is said to settle it does."""
    cases = judge.in_state(criterion, state)
    assert cases
    for part in remedy_of(criterion, state).parts:
        if part.send is None:
            continue
        tried = next((t for c in cases if (t := judge.followed(c, part, criterion)) is not None), None)
        if tried is None:
            assert shown_by_another(judge, criterion, state, part), part.words
            continue
        before, after = tried
        assert after.state is part.becomes, (part.words, after.why)
        assert part.becomes is State.MET or "settle" not in part.words
        if state is State.UNKNOWN:
            assert after.why != before.why


def shown_by_another(judge: Judge, criterion: Criterion, state: State, part: Part) -> bool:
    """Whether words that several criteria share are followed for another of them."""
    return any(
        judge.followed(case, part, other) is not None
        for other in CRITERIA.values()
        if other.define == criterion.define and other is not criterion and state in other.states
        for case in judge.in_state(other, state)
    )


def test_whatever_is_open_can_be_answered(judge: Judge) -> None:
    """In each worked case that leaves a criterion unknown, a piece of the remedy leaves it unknown no longer."""
    stuck = []
    for criterion in CRITERIA.values():
        if State.UNKNOWN not in criterion.states:
            continue
        parts = [p for p in remedy_of(criterion, State.UNKNOWN).parts if p.made is None]
        for case in judge.in_state(criterion, State.UNKNOWN):
            tried = (judge.followed(case, part, criterion, anywhere=True) for part in parts)
            if not any(t is not None and t[1].state is not State.UNKNOWN for t in tried):
                stuck.append((criterion.id, case.id, case.found[criterion.id].why))
    assert stuck == []


def test_what_is_unknown_names_what_is_missing(judge: Judge) -> None:
    """In its reason: where it was looked for, or the answer that leaves it open."""
    open_ = {f"{f.criterion}: {f.why}" for c in judge.cases for f in c.found.values() if f.state is State.UNKNOWN}
    assert {why for why in open_ if not any(words in why for words in MISSING)} == set()
    assert len(open_) > len(CRITERIA)
