"""Laws of the record: whatever is updated, attached, ruled and resent, by whom and when, the history explains it."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.answer.change import change_of
from server.answer.claim_response import INQUIRY, SUBMIT, render
from server.auth.caller import LOOPBACK
from server.decision.apply import apply_all
from server.decision.case import Case, Ruled
from server.decision.ruling import Role, Verdict
from server.errors import DecisionRefused
from server.fhir.version import Version
from server.pas.attach import attach, read_attachment
from server.pas.inquire import inquire
from server.pas.read_update import read_update
from server.pas.request.bundle import INFO_CANCELLED
from server.pas.update import update
from server.policy.model import State
from server.store.sql import SqlStore, open_store
from server.world import World
from tests.policies import DRUG
from tests.requests.bundle import a_bundle, an_item, answers, resources
from tests.requests.cases import ruled
from tests.requests.later import DOCUMENT, an_attachment, an_update
from tests.requests.world import APART, BASE_URL, NOW, SayingEngine, a_world, an_inquiry, claim_response, submitted

Json = dict[str, Any]
SEEN = st.sampled_from([State.UNKNOWN, State.MET, State.REVIEW, State.MET, State.UNMET])
STEP = st.tuples(
    st.sampled_from(["update", "cancel", "attach", "rule", "old page", "again"]),
    st.integers(1, 2),
    st.sampled_from(Verdict),
    st.sampled_from(Role),
    st.tuples(SEEN, SEEN),
    st.integers(0, 200),
)
_member, _ids = itertools.count(1), itertools.count(1)


@dataclass
class Life:
    """One request through the operations themselves. pages: every state that a reviewer's page has shown."""

    world: World
    engine: SayingEngine
    store: SqlStore
    hours: list[int]
    member: str = ""
    case_id: str = ""
    body: Json = field(default_factory=dict)
    last: Json = field(default_factory=dict)
    pages: list[Case] = field(default_factory=list)
    given: set[str] = field(default_factory=set)

    def begins(self, states: tuple[State, State]) -> None:
        self.member = f"M-LIFE-{next(_member)}"
        self.body = a_bundle(an_item(), an_item(2), drug=(DRUG, *APART), serial=self.member, extra=(answers(),))
        for name in ("Patient", "Coverage"):
            resources(self.body, name)[0]["identifier"][0]["value"] = self.member
        self.finds(states)
        self.last = self.body
        self.case_id = claim_response(submitted(self.world, self.body))["id"]

    def finds(self, states: tuple[State, State]) -> None:
        self.engine.states = {n: {"DOSE": state} for n, state in enumerate(states, 1)}

    @property
    def case(self) -> Case:
        found = self.store.case(self.case_id)
        assert found is not None
        return found

    def does(self, step: Any) -> None:
        """One step. What is refused is refused with an answer, and changes nothing."""
        kind, n, verdict, role, states, hours = step
        self.hours[0] += hours
        self.finds(states)
        before = self.case
        self.pages.append(before)
        try:
            if kind in ("update", "cancel"):
                self.updates(n, cancelled=kind == "cancel")
            elif kind == "attach":
                self.attaches(n)
            elif kind == "again":
                self.sends(self.last)
            else:
                self.rules(before if kind == "rule" else self.pages[0], n, verdict, role)
        except DecisionRefused:
            assert self.case == before

    def updates(self, n: int, *, cancelled: bool) -> None:
        gone = {"modifierExtension": [{"url": INFO_CANCELLED, "valueBoolean": True}]}
        self.last = an_update(self.body)
        changed = self.last["entry"][0]["resource"]["item"][n - 1]
        changed.update(gone if cancelled else {"quantity": {"value": self.hours[0] + 1}})
        self.sends(self.last)

    def sends(self, body: Json) -> None:
        raw = orjson.dumps(body)
        if body is self.body:
            submitted(self.world, body)
            return
        update(read_update(raw, deepcopy(body), Version.V2_2, self.world.policies), raw, LOOPBACK, self.world)

    def attaches(self, n: int) -> None:
        asked = [i.document.control["value"] for i in self.case.items if i.document]
        tracking = asked[n % len(asked)] if asked else f"NOBODY-{self.member}"
        sent = an_attachment(tracking, {**DOCUMENT, "id": f"letter-{self.hours[0]}"}, MemberId=self.member)
        attach(read_attachment(sent), orjson.dumps(sent), LOOPBACK, self.world)

    def rules(self, page: Case, n: int, verdict: Verdict, role: Role) -> None:
        """By the road of the desk: what an old page decides comes too late."""
        fact = ruled(n, verdict=verdict, role=role, at=self.world.clock())
        own = getattr(page.item(n), "own_number", None)
        fact = Ruled(fact.at, tuple(replace(r, number=r.number and (own or r.number)) for r in fact.rulings))
        change = change_of(page, (fact,), BASE_URL)
        before = self.case
        written = self.store.append(change)
        assert (written is None) is (page.facts != before.facts)
        assert self.case == (before if written is None else change.case)


@contextmanager
def a_life(store: SqlStore, states: tuple[State, State]) -> Iterator[Life]:
    hours, engine = [0], SayingEngine()
    serial = itertools.count(1)
    life = Life(a_world(store, engine), engine, store, hours)
    life.world = a_world(
        store,
        engine,
        clock=lambda: NOW + timedelta(hours=hours[0]),
        new_id=lambda: f"00000000-0000-4000-8000-{next(_ids):012}",
        new_number=lambda prefix: f"{prefix}-{life.member}-{next(serial)}",
    )
    life.begins(states)
    yield life


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('lives')}/record.db")
    yield opened
    opened.close()


def explained_by_its_history(life: Life) -> None:
    """The case is what its facts come to, and every answer in the record is the one that this case gives."""
    history = life.store.desk.history(life.case_id)
    case = apply_all(history)
    assert case == life.case
    assert case.facts == len(history)
    for which, body in render(case, BASE_URL).items():
        assert life.store.rendering(life.case_id, *which) == body


def told_the_same(life: Life) -> None:
    """An inquiry gives the answer that stands, and it says of each item what the last answer said."""
    asked = a_bundle(serial="inquiry")
    del asked["entry"][0]["resource"]["item"]
    for name in ("Patient", "Coverage"):
        resources(asked, name)[0]["identifier"][0]["value"] = life.member
    for version in Version:
        answer = orjson.loads(inquire(an_inquiry(asked, version=version), LOOPBACK, life.world))
        bundle = answer["parameter"][0]["resource"] if version is Version.V2_2 else answer
        kept = [life.store.rendering(life.case_id, version, kind) for kind in (INQUIRY, SUBMIT)]
        assert bundle == orjson.loads(kept[0] or b"")
        inquired, submitted_ = (claim_response(body or b"") for body in kept)
        for name in ("item", "addItem", "outcome", "preAuthRef", "preAuthPeriod", "processNote"):
            assert inquired.get(name) == submitted_.get(name), name


@settings(derandomize=True, max_examples=30, database=None)
@given(states=st.tuples(SEEN, SEEN), steps=st.lists(STEP, max_size=6))
def test_whatever_happens_the_history_explains_it(
    store: SqlStore, states: tuple[State, State], steps: list[Any]
) -> None:
    """After every step of every life: history, case, answers and inquiry agree, and a number is one item's for good."""
    with a_life(store, states) as life:
        numbers: dict[int, str] = {}
        for step in [None, *steps]:
            if step is not None:
                life.does(step)
            explained_by_its_history(life)
            told_the_same(life)
            for item in life.case.items:
                if item.own_number:
                    assert numbers.setdefault(item.sequence, item.own_number) == item.own_number
        assert len(set(numbers.values())) == len(numbers)
