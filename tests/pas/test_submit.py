"""Claim/$submit over a real store: decided once, recorded once, and answered with the same bytes ever after."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.answer.claim_response import INQUIRY, SUBMIT, render
from server.auth.caller import LOOPBACK
from server.clock import new_id, new_number
from server.decision.apply import apply_all
from server.decision.case import Fact, Received
from server.decision.fact_json import fact_from, fact_json, kind_of
from server.decision.judge import ENGINE_CRITERION
from server.errors import EngineError, InvalidRequest
from server.fhir.codes import HCPCS
from server.fhir.version import Version
from server.pas.claim_error import render_rejections
from server.pas.machine_decision import NO_POLICY, decide_by_machine
from server.pas.match import read_and_match
from server.pas.rejections import rejections_of
from server.pas.submit import submit
from server.policy.model import State
from server.policy.plan import CatalogueEntry, MemberStatus
from server.store.ports import Change, Inquiry, Store
from server.store.sql import open_store
from tests.requests.bundle import CLINIC, MEMBER, NO_POLICYS_DRUG, SERVICE_DAY, a_bundle, an_item, answers
from tests.requests.world import (
    APART,
    BASE_URL,
    EDITION,
    LIBRARY,
    NOW,
    PLAN,
    SayingEngine,
    a_plan,
    a_world,
    claim_response,
    submitted,
)

EVERYTHING = Inquiry(member_ids=(MEMBER,), npis=(CLINIC,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    yield opened
    opened.close()


def test_same_transaction_same_bytes(store: Store) -> None:
    """Sent again, a request is answered from the record: same bytes, no second judgement, one authorization."""
    engine = SayingEngine()
    world = a_world(store, engine)
    first = submitted(world)
    assert submitted(world) == first
    assert engine.evaluations == 1
    assert len(store.inquire(EVERYTHING)) == 1


def test_other_content_is_another_request(store: Store) -> None:
    """The same Bundle.identifier with other content is decided anew, not mistaken for a repeat (pas T-3)."""
    world = a_world(store)
    first, second = (submitted(world, a_bundle(an_item(servicedDate=day))) for day in ("2027-01-15", "2027-01-16"))
    assert claim_response(first)["id"] != claim_response(second)["id"]
    assert len(store.inquire(EVERYTHING)) == 2


def test_other_version_same_decision(store: Store) -> None:
    """Repeated at the other base, the same decision comes back in that guide's shape."""
    world = a_world(store)
    first = claim_response(submitted(world, version=Version.V2_2))
    again = claim_response(submitted(world, version=Version.V2_0))
    assert again["id"] == first["id"]
    assert again["preAuthRef"] == first["preAuthRef"]
    assert "extension" in first
    assert "extension" not in again


def test_parallel_twins_get_one_answer(database_url: str) -> None:
    """The same request from many threads at once: one authorization, and everybody reads the same bytes."""
    store = open_store(database_url)
    twins = 8
    at_once = threading.Barrier(twins)
    world = a_world(store, new_id=new_id, new_number=new_number)

    def send(_: int) -> bytes:
        at_once.wait()
        return submitted(world)

    with ThreadPoolExecutor(twins) as threads:
        given = set(threads.map(send, range(twins)))
    assert len(given) == 1
    assert len(store.inquire(EVERYTHING)) == 1
    store.close()


def test_twin_that_loses_the_race_reads_the_winners_answer(store: Store) -> None:
    """Even when both looked before either had committed, the one that comes second drops its own decision."""
    world = a_world(store)

    class Racing(SayingEngine):
        def run_each(self, *arguments: Any, **named: Any) -> list[dict[str, Any]]:
            self.winner = submitted(world)
            return super().run_each(*arguments, **named)

    engine = Racing()
    assert submitted(replace(world, engine=engine)) == engine.winner
    assert len(store.inquire(EVERYTHING)) == 1


def test_rejected_request_stores_nothing(store: Store) -> None:
    """A business error is answered, and neither judged nor kept."""
    engine = SayingEngine()
    answer = submitted(a_world(store, engine, plan=a_plan(M_1=MemberStatus.UNKNOWN)))
    assert claim_response(answer)["outcome"] == "error"
    assert engine.evaluations == 0
    assert not store.inquire(EVERYTHING)
    assert store.explanation(claim_response(answer)["id"]) is None


def test_items_are_decided_each_on_its_own(store: Store) -> None:
    """One claim, four items, four outcomes; each is recorded with its own number or reference."""
    engine = SayingEngine(
        {2: {"DOSE": State.UNKNOWN}, 3: {"DOSE": State.REVIEW}, 4: {"PLACE": State.UNMET}},
    )
    bundle = a_bundle(*(an_item(n) for n in (1, 2, 3, 4)), drug=APART)
    answer = claim_response(submitted(a_world(store, engine), bundle))
    explained = store.explanation(answer["id"])
    assert explained is not None
    assert [(i.sequence, i.outcome, i.action, i.reason) for i in explained.items] == [
        (1, "approve", "A1", None),
        (2, "more-info-needed", "A4", "0U"),
        (3, "pend-nurse", "A4", "0W"),
        (4, "pend-medical-director", "A4", "0V"),
    ]
    assert [bool(i.number) for i in explained.items] == [True, False, False, False]
    assert [bool(i.reference) for i in explained.items] == [False, True, True, True]
    assert [i.edition for i in explained.items] == [EDITION.version] * 4


def test_approval_is_found_as_active(store: Store) -> None:
    """What was certified is what a later order is answered with."""
    answer = claim_response(submitted(a_world(store)))
    active = store.active_authorization([MEMBER], EDITION.policy_id, SERVICE_DAY)
    assert active is not None
    assert (active.number, active.case_id) == (answer["preAuthRef"], answer["id"])


def test_pended_request_is_no_authorization(store: Store) -> None:
    """A pended request authorizes nothing, however it is looked up."""
    submitted(a_world(store, SayingEngine({1: {"DOSE": State.UNKNOWN}})))
    assert store.active_authorization([MEMBER], EDITION.policy_id, SERVICE_DAY) is None


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (None, "Neither a policy nor the plan's catalogue names its codes."),
        (
            CatalogueEntry(
                frozenset({f"{HCPCS}|J3590"}), "Example service", "covered", "no-auth", "No review is needed."
            ),
            "The plan's catalogue says of Example service: No review is needed.",
        ),
    ],
)
def test_no_policy_is_for_a_nurse(store: Store, entry: CatalogueEntry | None, why: str) -> None:
    """Without a policy nothing is guessed: pended for a nurse, with what the catalogue says of the service."""
    plan = replace(PLAN, catalogue=(entry,) if entry else ())
    answer = claim_response(submitted(a_world(store, plan=plan), a_bundle(drug=NO_POLICYS_DRUG)))
    explained = store.explanation(answer["id"])
    assert explained is not None
    (item,) = explained.items
    assert (item.outcome, item.action, item.reason, item.edition) == ("pend-nurse", "A4", "0W", None)
    (finding,) = orjson.loads(item.findings)
    assert (finding["criterion"], finding["why"]) == (NO_POLICY, why)
    assert why in answer["processNote"][1]["text"]


def test_a_policy_that_was_not_in_force_is_for_a_nurse(store: Store) -> None:
    """A service before the policy's first edition is judged by none of it; the record still names the policy."""
    answer = claim_response(submitted(a_world(store), a_bundle(an_item(servicedDate="2023-12-31"))))
    explained = store.explanation(answer["id"])
    assert explained is not None
    (item,) = explained.items
    assert (item.outcome, item.policy_id, item.edition) == ("pend-nurse", EDITION.policy_id, None)
    (finding,) = orjson.loads(item.findings)
    assert finding["why"] == "The policy for it was not in force on the service date."


def test_engine_error_is_for_a_person(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """When the rules cannot be run the request is pended for a nurse and the log says so, by ids alone."""

    class Broken(SayingEngine):
        def run_each(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
            raise EngineError("timed out")

    answer = claim_response(submitted(a_world(store, Broken())))
    explained = store.explanation(answer["id"])
    assert explained is not None
    (item,) = explained.items
    assert (item.outcome, item.number) == ("pend-nurse", None)
    assert orjson.loads(item.findings)[0]["criterion"] == ENGINE_CRITERION
    logged = capsys.readouterr()
    assert "not-evaluated" in logged.out + logged.err
    assert answer["id"] in logged.out + logged.err
    assert MEMBER not in logged.out + logged.err


def test_context_of_the_form_is_remembered(store: Store) -> None:
    """The trace number that comes with a requested form leads DTR to the form of the same edition (pas P-90)."""
    engine = SayingEngine({1: {"DOSE": State.UNKNOWN}})
    answer = claim_response(submitted(a_world(store, engine)))
    context = answer["item"][0]["extension"][1]["valueIdentifier"]["value"]
    assertion = store.assertion(context)
    assert assertion is not None
    assert (assertion.form, assertion.edition) == (EDITION.form.canonical, EDITION.version)
    assert assertion.member_ids == (MEMBER,)
    assert orjson.loads(assertion.order)["id"] == "order-1"


@pytest.mark.parametrize("version", list(Version))
def test_both_kinds_of_both_versions_are_kept(store: Store, version: Version) -> None:
    """Every rendering is made at submit time, so that nothing has to be decided or rendered later."""
    answer = claim_response(submitted(a_world(store), version=version))
    for other in Version:
        body = store.rendering(answer["id"], other, INQUIRY)
        assert body is not None
        assert (
            claim_response(body)["item"]
            == claim_response(store.rendering(answer["id"], other, "submit") or b"")["item"]
        )


def test_request_bytes_are_kept(store: Store) -> None:
    """What was received is kept as received, with the time it came and who sent it (pas P-25)."""
    kept: list[Change] = []

    class Watching:
        def append(self, change: Change) -> str | None:
            kept.append(change)
            return store.append(change)

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

    world = a_world(Watching())
    raw = orjson.dumps(a_bundle(), option=orjson.OPT_INDENT_2)
    submit(read_and_match(raw, orjson.loads(raw), Version.V2_2, LIBRARY), raw, LOOPBACK, world)
    (change,) = kept
    assert (change.raw, change.case.received, change.case.caller) == (raw, NOW, "loopback")


def test_what_was_decided_is_the_case_of_the_record(store: Store) -> None:
    """The case that is read back renders the answer that was given, without the request's bytes or its policies."""
    answer = submitted(a_world(store, SayingEngine({1: {"DOSE": State.UNKNOWN}})), a_bundle(extra=(answers(),)))
    case = store.case(claim_response(answer)["id"])
    assert case is not None
    assert render(case, BASE_URL)[Version.V2_2, SUBMIT] == answer


JUNK: st.SearchStrategy[Any] = st.sampled_from([None, True, 7, "x", [], {}, [{}], {"reference": "#x"}, "2026-99-99"])


@given(data=st.data(), version=st.sampled_from(Version))
def test_what_can_be_read_can_be_answered(data: st.DataObject, version: Version) -> None:
    """One element anywhere removed, replaced or doubled: the request is refused, or it gets a whole answer.

    What the record keeps of it gives the same answer again.
    """
    bundle = a_bundle(an_item(informationSequence=[1, 2]), an_item(2), extra=(answers(),))
    node: Any = bundle
    while True:
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
        if isinstance(node[key], (dict, list)) and data.draw(st.integers(0, 3)):
            node = node[key]
            continue
        change = data.draw(st.sampled_from(["remove", "replace"] + ["double"] * isinstance(node, list)))
        if change == "remove":
            del node[key]
        elif change == "replace":
            node[key] = data.draw(JUNK)
        else:
            node.append(node[key])
        break
    raw = orjson.dumps(bundle)
    try:
        found = read_and_match(raw, orjson.loads(raw), version, LIBRARY)
    except InvalidRequest:
        return
    request = found.request
    rejections = rejections_of(request, PLAN)
    if rejections:
        answer = claim_response(render_rejections(request, rejections, kind=SUBMIT, response_id="1", created=NOW))
        assert len(answer["error"]) == len(rejections)
    else:
        facts: list[Fact] = [Received(NOW, "1", "loopback", request), decide_by_machine(found, a_world())]
        renderings = render(apply_all(facts), BASE_URL)
        answer = claim_response(renderings[version, SUBMIT])
        assert [i["itemSequence"] for i in answer["item"]] == [i.sequence for i in request.items]
        again = apply_all(fact_from(kind_of(fact), fact_json(fact)) for fact in facts)
        assert render(again, BASE_URL) == renderings
