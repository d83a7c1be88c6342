"""The law of the spoilings: spoil one thing that an approval rests on, and the machine no longer approves.

Each numbered point of "No wrong approval" has its spoilings in tests/spoilings, tried under both guide versions.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.answer.change import change_of
from server.auth.caller import LOOPBACK
from server.cql.engine import CqlEngine
from server.decision.model import Outcome
from server.decision.ruling import Verdict
from server.errors import InvalidRequest
from server.fhir.version import Version
from server.pas.machine_decision import judge_items
from server.pas.match import read_and_match
from server.pas.rejections import rejections_of
from server.pas.submit import submit
from server.policy.plan import Plan
from server.policy.plan_file import load_plan
from server.services import Services, open_engine
from server.settings import Settings
from server.world import World
from tests.journey import Answer, read_answer
from tests.requests.cases import ruled
from tests.serving import opened
from tests.spoilings import SPOILINGS
from tests.spoilings.asked_again import AGAIN, Again
from tests.spoilings.model import Json, Spoiling
from tests.spoilings.request import Base, answer, bases, dosage, first, order, policies

REFUSED = "refused"
POINTS = {
    1: "evidence the engine cannot see",
    2: "gates on undecoded bytes",
    3: "items blind to each other",
    4: "what cannot be read counts as agreement",
    5: "another patient or another server",
    6: "a medicine that is not recognised",
    7: "the sender chooses today",
    8: "trials and diagnoses that contradict",
    9: "orders and coverage not in force",
    10: "empty proof",
}
"""The eleventh, the same request again, has tests over a record of its own below."""
WAITING = frozenset((Path(__file__).parent / "spoilings/waiting.txt").read_text(encoding="utf-8").split("\n")) - {""}
"""Names of the spoilings that two audits found approved and that are not mended yet: wrong approvals that are known."""


@cache
def plan() -> Plan:
    return load_plan(Settings().plan)


@pytest.fixture(scope="module")
def judge() -> "Iterator[Judge]":
    engine = open_engine(Settings(isolates=1), policies())
    yield Judge(engine)
    engine.close()


class Judge:
    """What becomes of a request. Read under both versions, it is judged once: judging knows no version."""

    def __init__(self, engine: CqlEngine) -> None:
        self._engine = engine
        self._judged: dict[bytes, list[str]] = {}

    def outcomes(self, raw: bytes, received: date, version: Version) -> list[str]:
        """Of each item; one `refused` where the request is not taken."""
        try:
            matched = read_and_match(raw, orjson.loads(raw), version, policies())
        except InvalidRequest:
            return [REFUSED]
        if rejections_of(matched.request, plan()):
            return [REFUSED]
        if raw not in self._judged:
            judged = judge_items(matched, self._engine, received)
            places = range(len(matched.items))
            self._judged[raw] = [judged[n].outcome.value if n in judged else "no policy" for n in places]
        return self._judged[raw]

    def approves(self, spoiling: Spoiling, base: Base, version: Version) -> bool:
        return Outcome.APPROVE in self.outcomes(spoiled(base, spoiling), received(base), version)


def received(base: Base) -> date:
    """The day on which a request comes: that of its Claim, before that is spoiled."""
    return date.fromisoformat(base.copy()["entry"][0]["resource"]["created"][:10])


def spoiled(base: Base, spoiling: Spoiling) -> bytes:
    body = base.copy()
    spoiling.spoil(body)
    raw = orjson.dumps(body)
    return spoiling.raw(raw) if spoiling.raw else raw


@cache
def fitting(spoiling: Spoiling) -> Base:
    """A request whose approval rests on what is spoiled: each spoiling begins to look at another chart or example."""
    start = SPOILINGS.index(spoiling)
    known = bases()
    sent = [b for b in known if not b.name.startswith("K")]
    rotated = (*sent[start % len(sent) :], *sent[: start % len(sent)], *known[len(sent) :])
    return next(b for b in rotated if spoiling.fits(b.copy()))


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point}-{POINTS[point]}")
def test_a_spoiled_request_is_not_approved(judge: Judge, point: int, version: Version) -> None:
    """It is refused, or it waits for a person or for more information."""
    rows = [s for s in SPOILINGS if s.point == point and s.name not in WAITING]
    assert {s.name: s.nurse for s in rows if judge.approves(s, fitting(s), version)} == {}


def test_what_waits_to_be_mended_is_still_approved(judge: Judge) -> None:
    """The list of what an audit found shrinks as soon as a row of it is approved no longer, and never grows."""
    waiting = [s for s in SPOILINGS if s.name in WAITING]
    assert {s.name for s in waiting if any(judge.approves(s, fitting(s), v) for v in Version)} == WAITING


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_spoiling_helps_any_approvable_request(judge: Judge, data: st.DataObject) -> None:
    """Drawn from the whole table, and from every worked case that is approved."""
    spoiling = data.draw(st.sampled_from([s for s in SPOILINGS if s.name not in WAITING]), label="spoiling")
    base = data.draw(st.sampled_from(bases()), label="request")
    version = data.draw(st.sampled_from(Version), label="version")
    if spoiling.fits(base.copy()):
        assert not judge.approves(spoiling, base, version), spoiling.nurse


@pytest.mark.parametrize("version", list(Version))
def test_the_requests_are_approved_as_they_stand(judge: Judge, version: Version) -> None:
    """Every request that a spoiling is tried on is approved without it: none can pass for another reason."""
    for base in sorted({fitting(s) for s in SPOILINGS}, key=lambda b: b.name):
        assert judge.outcomes(base.raw, received(base), version) == [Outcome.APPROVE], base.name


def test_each_spoiling_changes_the_request() -> None:
    """What is sent is another JSON; where the JSON itself is spoiled, its content is another too."""
    for spoiling in SPOILINGS:
        base = fitting(spoiling)
        assert spoiled(base, spoiling) != base.raw, spoiling.name
        assert orjson.loads(spoiled(base, replace(spoiling, raw=None))) != base.copy(), spoiling.name


def test_the_table_holds_every_point() -> None:
    """Three hundred spoilings at least, and some of each numbered point."""
    assert len({s.name for s in SPOILINGS}) == len(SPOILINGS) >= 300
    assert {s.point for s in SPOILINGS} == set(POINTS)


# -- the same request again ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(new_database: Callable[[str], str], request: pytest.FixtureRequest) -> Iterator[World]:
    """Over a real record, on the day on which the chart is sent."""
    services: Services = opened(new_database(request.param))
    try:
        yield replace(services.world, clock=lambda: datetime.combine(received(CHART), time(12), UTC))
    finally:
        services.close()


both_databases = pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)
both_versions = pytest.mark.parametrize("version", list(Version))
CHART = next(b for b in bases() if b.name == "ra-initial")


def of_member(name: str) -> Json:
    """The chart, of a member of its own, so that one record holds many."""
    body = CHART.copy()
    number = first(body, "Patient")["identifier"][0]["value"]
    found: Json = orjson.loads(orjson.dumps(body).replace(number.encode(), f"W-{name.upper()}".encode()))
    found["identifier"]["value"] = name
    return found


def sent(body: Json, version: Version, world: World) -> Answer:
    raw = orjson.dumps(body)
    return read_answer(submit(read_and_match(raw, orjson.loads(raw), version, policies()), raw, LOOPBACK, world))


@both_databases
@both_versions
@pytest.mark.parametrize("again", AGAIN, ids=lambda again: again.name)
def test_11_the_same_request_again_gets_no_second_number(world: World, version: Version, again: Again) -> None:
    """It is answered with the authorization there is, or it is pended for a nurse."""
    body = of_member(f"{again.name.replace(' ', '-')}-{version.value}")
    known = sent(body, version, world)
    assert known.action == "A1"
    again.change(body)
    answer = sent(body, version, world)
    if again.same or answer.action == "A1":
        assert (answer.action, answer.number) == ("A1", known.number), again.nurse
    else:
        assert (answer.action, answer.number, answer.period) == ("A4", None, None), again.nurse


@both_databases
@both_versions
def test_11_in_parallel_too(world: World, version: Version) -> None:
    """Eight senders of one clinical request under eight bundle identifiers: one number."""
    bodies = [of_member(f"in-parallel-{version.value}") for _ in range(8)]
    for n, body in enumerate(bodies):
        body["identifier"]["value"] += f"-{n}"
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda body: sent(body, version, world), bodies))
    assert {a.action for a in answers} == {"A1"}
    assert len({a.number for a in answers}) == 1


@both_databases
@both_versions
def test_11_in_parallel_by_another_provider(world: World, version: Version) -> None:
    """Of two providers who ask at once, one is answered with a number and the other waits for a nurse."""
    own, other = (of_member(f"by-two-{version.value}") for _ in range(2))
    next(a for a in AGAIN if a.name == "by another provider").change(other)
    with ThreadPoolExecutor(2) as senders:
        answers = list(senders.map(lambda body: sent(body, version, world), (own, other)))
    assert sorted(a.action for a in answers) == ["A1", "A4"]


def _double(body: Json) -> None:
    answer(body, {"dose-mg-per-day": 200})
    order(body)["dosageInstruction"] = [dosage(200)]


def _double_and_open(body: Json) -> None:
    _double(body)
    answer(body, {"attest": []})


def _answering(**answers: Any) -> Callable[[Json], None]:
    return lambda body: answer(body, {link.replace("_", "-"): value for link, value in answers.items()})


TURNED = {
    "another biologic": _answering(concurrent_any=True),
    "double the dose": _double,
    "no trial": _answering(prior_therapy_any=False, trial=[]),
    "a doubt beside what is missing": _double_and_open,
}


def asked_twice(name: str, change: Callable[[Json], None], version: Version, world: World) -> tuple[Answer, Answer]:
    """The answers to the chart changed, which is pended, and then to the chart as it stands."""
    number = f"{name.replace(' ', '-')}-{version.value}"
    first_time, again = of_member(number), of_member(number)
    change(first_time)
    again["identifier"]["value"] += "-again"
    before = sent(first_time, version, world)
    assert before.action == "A4"
    return before, sent(again, version, world)


@both_databases
@both_versions
@pytest.mark.parametrize("name", TURNED)
def test_11_what_spoke_against_it_is_not_answered_away(world: World, version: Version, name: str) -> None:
    """Whoever asks again with other answers waits for the person who has the first request, and it is named."""
    before, now = asked_twice(name, TURNED[name], version, world)
    assert (now.action, now.number) == ("A4", None)
    first_time, again = (world.store.explanation(a.id) for a in (before, now))
    assert first_time
    assert again
    assert str(first_time.items[0].reference) in again.items[0].findings


@both_databases
@both_versions
def test_11_what_was_missing_may_be_sent(world: World, version: Version) -> None:
    """A request that waited for an answer alone does not stand in the way of the one that has it."""
    assert asked_twice("an open question", _answering(attest=[]), version, world)[1].action == "A1"


@both_databases
@both_versions
def test_11_what_a_person_denied_is_not_asked_of_the_machine(world: World, version: Version) -> None:
    """The same request again, without a word of difference, waits for a person too."""
    number = f"denied-{version.value}"
    body = of_member(number)
    answer(body, {"concurrent-any": True})
    before = sent(body, version, world)
    case = world.store.case(before.id)
    assert case
    world.store.append(change_of(case, [ruled(1, verdict=Verdict.DENY)], world.base_url))
    again = of_member(number)
    again["identifier"]["value"] += "-again"
    now = sent(again, version, world)
    assert now.action == "A4"
    told = world.store.explanation(now.id)
    assert told
    assert "was denied by a person" in told.items[0].findings
