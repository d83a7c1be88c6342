"""Laws of the whole decision, over every chart of every policy, with the real engine."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.auth.caller import LOOPBACK
from server.cql.engine import CqlEngine
from server.decision.judge import CqlInput, judge
from server.decision.model import Decision, Outcome
from server.fhir.version import Version
from server.form.model import form_items
from server.pas.cql_input import cql_input_of
from server.pas.match import MatchedRequest, read_and_match
from server.pas.patient_record import patient_record
from server.pas.submit import submit
from server.policy.library import PolicyLibrary
from server.policy.model import Edition, State
from server.services import Services, open_engine
from server.settings import ROOT, Settings
from server.world import World
from tests.serving import opened, sqlite_url
from tests.shared_material import KINERET_CASES

Json = dict[str, Any]

CHARTS = sorted((ROOT / "cql").glob("*/charts/*.json")) + sorted(KINERET_CASES.glob("*/pas-submit.json"))
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@cache
def policies() -> PolicyLibrary:
    return PolicyLibrary.load(ROOT / "cql", ROOT / "questionnaires")


@pytest.fixture(scope="module")
def engine() -> Iterator[CqlEngine]:
    engine = open_engine(Settings(isolates=1), policies())
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    found = opened(sqlite_url(tmp_path_factory.mktemp("laws")))
    yield found
    found.close()


def world_of(services: Services) -> World:
    return services.world


def matched(bundle: Json) -> MatchedRequest:
    raw = orjson.dumps(bundle)
    return read_and_match(raw, orjson.loads(raw), Version.V2_2, policies())


def prepared(bundle: Json) -> tuple[Edition, CqlInput]:
    """The edition that judges the first item, and what CQL sees of the request, received on the day of its Claim."""
    found = matched(bundle)
    edition = found.items[0].edition
    assert edition is not None
    return edition, cql_input_of(found, patient_record(found.request), found.request.created)


def judged(edition: Edition, given: CqlInput, engine: CqlEngine) -> Decision:
    return judge(edition, given, given.items[:1], engine)[0]


def decided(bundle: Json, engine: CqlEngine) -> Decision:
    return judged(*prepared(bundle), engine)


def states(decision: Decision) -> dict[str, State]:
    return {f.criterion: f.state for f in decision.findings}


def chart(data: st.DataObject) -> Json:
    found: Json = json.loads(data.draw(st.sampled_from(CHARTS), label="chart").read_bytes())
    return found


def answered_items(bundle: Json) -> list[tuple[list[Json], Json]]:
    """Every answered item of the form, with the list that holds it."""

    def walk(items: list[Json]) -> Iterator[tuple[list[Json], Json]]:
        for item in items:
            if "answer" in item:
                yield items, item
            yield from walk(item.get("item", []))

    return [
        found
        for e in bundle["entry"]
        if e["resource"]["resourceType"] == "QuestionnaireResponse"
        for found in walk(e["resource"].get("item", []))
    ]


def silenced(bundle: Json, data: st.DataObject) -> Json:
    """The chart with some answers missing; groups left empty go too."""
    found = answered_items(bundle)
    for n in sorted(data.draw(st.sets(st.integers(0, len(found) - 1), min_size=1), label="unanswered")):
        holder, item = found[n]
        holder.remove(item)

    def prune(node: Json) -> None:
        kept = []
        for item in node.get("item", []):
            prune(item)
            if "answer" in item or item.get("item"):
                kept.append(item)
        node.pop("item", None)
        if kept:
            node["item"] = kept

    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "QuestionnaireResponse":
            prune(entry["resource"])
    return bundle


@SETTINGS
@given(st.data())
def test_silence_never_denies(engine: CqlEngine, data: st.DataObject) -> None:
    """Leaving questions unanswered never makes a criterion unmet that the full answers did not."""
    bundle = chart(data)
    before = {c for c, s in states(decided(bundle, engine)).items() if s is State.UNMET}
    after = {c for c, s in states(decided(silenced(bundle, data), engine)).items() if s is State.UNMET}
    assert after <= before


@SETTINGS
@given(st.data())
def test_silence_never_approves_what_was_not(engine: CqlEngine, data: st.DataObject) -> None:
    """A request that is not approved does not become so by leaving single answers of its form out."""
    bundle = chart(data)
    if decided(bundle, engine).outcome is not Outcome.APPROVE:
        assert decided(silenced(bundle, data), engine).outcome is not Outcome.APPROVE


def with_unsure(bundle: Json, data: st.DataObject) -> Json:
    """The chart with one question answered "unknown" or "unsure", as its form allows."""
    response = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "QuestionnaireResponse")
    found = policies().by_form(response["questionnaire"])
    assert found is not None
    open_to_doubt = [
        (parents, item, option["valueCoding"])
        for parents, item in form_items(found[1].form.questionnaire)
        for option in item.get("answerOption", ())
        if option.get("valueCoding", {}).get("code") in {"unknown", "unsure"}
    ]
    parents, item, coding = data.draw(st.sampled_from(open_to_doubt), label="unsure")
    holder = response
    for parent in parents:
        group = next((i for i in holder.get("item", []) if i["linkId"] == parent["linkId"]), None)
        if group is None:
            group = {"linkId": parent["linkId"]}
            holder.setdefault("item", []).append(group)
        holder = group
    holder["item"] = [i for i in holder.get("item", []) if i["linkId"] != item["linkId"]]
    holder["item"].append({"linkId": item["linkId"], "answer": [{"valueCoding": coding}]})
    return bundle


@SETTINGS
@given(st.data())
def test_an_unknown_answer_never_approves(engine: CqlEngine, data: st.DataObject) -> None:
    """Answering a question with "unknown" or "unsure" never turns another outcome into an approval."""
    bundle = chart(data)
    if decided(bundle, engine).outcome is not Outcome.APPROVE:
        assert decided(with_unsure(bundle, data), engine).outcome is not Outcome.APPROVE


@SETTINGS
@given(st.data())
def test_order_does_not_matter(engine: CqlEngine, data: st.DataObject) -> None:
    """Entries, questions and answers in any order give the same findings and the same outcome."""
    bundle = chart(data)
    before = decided(bundle, engine)
    claim, *others = bundle["entry"]
    bundle["entry"] = [claim, *data.draw(st.permutations(others), label="entries")]

    def shuffle(node: Json) -> None:
        for key in ("item", "answer"):
            if key in node:
                node[key] = data.draw(st.permutations(node[key]), label=key)
                for child in node[key]:
                    shuffle(child)

    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "QuestionnaireResponse":
            shuffle(entry["resource"])
    after = decided(bundle, engine)
    assert states(after) == states(before)
    assert (after.outcome, after.period) == (before.outcome, before.period)


@SETTINGS
@given(st.data())
def test_what_is_met_is_shown(engine: CqlEngine, data: st.DataObject) -> None:
    """Every met finding refers to something that was sent, and every other one says what would settle it."""
    edition, given = prepared(silenced(chart(data), data))
    for finding in judged(edition, given, engine).findings:
        if finding.state is State.MET:
            assert finding.evidence
            assert {e.ref.split("#")[0] for e in finding.evidence} <= set(given.urls)
        else:
            assert finding.remedy


@settings(SETTINGS, max_examples=25)
@given(st.data())
def test_the_same_request_again_is_answered_with_the_same_bytes(services: Services, data: st.DataObject) -> None:
    """However its JSON is written and its entries ordered, under either version: one answer, one authorization."""
    bundle = chart(data)
    bundle["identifier"]["value"] = data.draw(st.uuids(), label="transaction").hex
    world = world_of(services)
    version = data.draw(st.sampled_from(Version), label="version")

    def answered(sent: Json, raw: bytes) -> bytes:
        return submit(read_and_match(raw, sent, version, world.policies), raw, LOOPBACK, world)

    first = answered(bundle, orjson.dumps(bundle))
    again = {k: bundle[k] for k in data.draw(st.permutations(sorted(bundle)), label="keys")}
    claim, *others = bundle["entry"]
    again["entry"] = [claim, *data.draw(st.permutations(others), label="entries")]
    assert answered(again, json.dumps(again, indent=2).encode()) == first


def test_a_failing_engine_neither_approves_nor_denies() -> None:
    """An evaluation that gets no time goes to a nurse."""
    hurried = CqlEngine(
        Settings().engine_script.read_text(encoding="utf-8"),
        policies().libraries.values(),
        policies().value_sets.values(),
        isolates=1,
        timeout_seconds=0.0001,
        memory_mb=512,
    )
    try:
        decision = decided(json.loads(CHARTS[0].read_bytes()), hurried)
    finally:
        hurried.close()
    assert decision.outcome is Outcome.PEND_NURSE
    assert decision.period is None


def test_a_plan_that_keeps_approvals_for_nurses_approves_nothing_itself(engine: CqlEngine) -> None:
    """With approved_by = nurse no chart is approved by the machine (policy reading A-24)."""
    for file in CHARTS:
        edition, given = prepared(json.loads(file.read_bytes()))
        decision = judged(replace(edition, approved_by="nurse"), given, engine)
        assert decision.outcome is not Outcome.APPROVE
