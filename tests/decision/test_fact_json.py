"""Facts as JSON and back, without loss: what the record keeps is the request that was read, and what became of it."""

import json
from dataclasses import replace
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.answer.claim_response import render
from server.decision.apply import apply_all
from server.decision.case import (
    Attached,
    Case,
    DecidedByMachine,
    Fact,
    MachineDecision,
    Received,
    RequestedDocument,
    Ruled,
    Ruling,
    Updated,
)
from server.decision.fact_json import fact_from, fact_json, kind_of
from server.decision.model import Decision, Evidence, Finding, Outcome
from server.decision.request import AuthorizationRequest
from server.decision.ruling import NOT_RECORDED, Person, PersonDecision, Role, Verdict
from server.fhir.codes import PAS
from server.fhir.version import Version
from server.policy.model import State
from server.settings import ROOT
from tests.requests.bundle import EHR, a_bundle, an_item, answers, claim_of, resources
from tests.requests.cases import RECEIVED, YEAR, judged, opening, ruled
from tests.requests.world import BASE_URL, a_request
from tests.shared_material import KINERET_CASES, SHARED

Json = dict[str, Any]

OF_SCHEMA_0004 = Path(__file__).parent / "facts_of_schema_0004.json"
WORKED = [*(ROOT / "cql").glob("*/charts/*.json"), *KINERET_CASES.glob("*/pas-submit.json")]
WORKED += (SHARED / "examples" / "pas").glob("v2*_submit.json")

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
days = st.dates(date(1800, 1, 1), date(2200, 12, 31))
spans = st.none() | st.tuples(days, days)
moments = st.datetimes(timezones=st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m))))
plain = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    plain | words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
)
identifiers = st.fixed_dictionaries({"system": words, "value": words})
findings = st.builds(
    Finding,
    *[words, st.sampled_from(State), words, words],
    st.lists(st.builds(Evidence, words, words), max_size=2).map(tuple),
    *[words, words, words],
)
machine_decisions = st.builds(
    MachineDecision,
    st.integers(1, 2**31),
    st.builds(
        Decision,
        st.sampled_from(Outcome),
        st.lists(findings, max_size=3).map(tuple),
        *[st.none() | words, st.none() | words, st.none() | words, spans, words],
    ),
    st.none() | words,
    st.none() | words,
    st.none() | st.builds(RequestedDocument, words, identifiers, identifiers, words),
)


@st.composite
def rulings(draw: st.DrawFn) -> Ruling:
    """Any decision that a person may make, with all that its verdict needs."""
    verdict, role = draw(st.sampled_from(Verdict)), draw(st.sampled_from([Role.PHYSICIAN, Role.MEDICAL_DIRECTOR]))
    authorizes = verdict in (Verdict.APPROVE, Verdict.MODIFY)
    forwards, denies = verdict is Verdict.FORWARD, verdict is Verdict.DENY
    said = words.filter(str.strip)
    decision = PersonDecision(
        Person(
            Role.PHYSICIAN if forwards else role, "1999999984", draw(said if denies else st.none() | words), draw(said)
        ),
        verdict,
        tuple(draw(st.lists(words.filter(str.strip), min_size=1, max_size=3))),
        draw(said if denies else st.none() | words),
        draw(spans) if authorizes else None,
        draw(st.dictionaries(words, json_values, min_size=1, max_size=3)) if verdict is Verdict.MODIFY else None,
        Role.MEDICAL_DIRECTOR if forwards else None,
        tuple(draw(st.lists(said, min_size=1, max_size=3))) if denies else (),
    )
    return Ruling(draw(st.integers(1, 2**31)), decision, draw(st.none() | words))


def back(fact: Fact) -> Fact:
    return fact_from(kind_of(fact), fact_json(fact))


@given(
    st.builds(DecidedByMachine, moments, st.lists(machine_decisions, max_size=3).map(tuple), words)
    | st.builds(Ruled, moments, st.lists(rulings(), max_size=3).map(tuple))
)
def test_every_decision_comes_back_equal(fact: Fact) -> None:
    """Whatever a machine or a person decided, and in whatever words, the record gives back the same fact."""
    found = back(fact)
    assert found == fact
    assert fact_json(found) == fact_json(fact)


def decided(request: AuthorizationRequest, *, approved: bool) -> tuple[Fact, ...]:
    """A decision of each item that has something to say in every part of an answer; with a document where pended."""
    number = {"system": "urn:trnorg:EXAMPLE", "value": "1"}
    document = RequestedDocument("00000000-0000-4000-8000-000000000001", number, number, "http://payer.example/form|1")
    unknown = replace(judged().made.decision.findings[0], state=State.UNKNOWN, remedy="Send it.")
    outcome = Outcome.APPROVE if approved else Outcome.MORE_INFO_NEEDED
    made = [
        judged(
            i.sequence, outcome, findings=() if approved else (unknown,), document=None if approved else document
        ).made
        for i in request.items
    ]
    return Received(RECEIVED, "case-1", "loopback", request), DecidedByMachine(RECEIVED, tuple(made), "A remark.")


def assert_same_case(request: AuthorizationRequest) -> None:
    """A case whose request is read back is the same one, says the same in every rendering, and is written the same."""
    for approved in (True, False):
        facts = decided(request, approved=approved)
        case, again = apply_all(facts), apply_all(map(back, facts))
        assert again == case
        assert render(again, BASE_URL) == render(case, BASE_URL)
        assert [fact_json(back(fact)) for fact in facts] == [fact_json(fact) for fact in facts]
        assert_in_place(again)


def assert_in_place(case: Case) -> None:
    """Every resource that was read stands in the Bundle itself, so that what leads to it still does."""
    request = case.request
    assert request.index.full_url(request.patient)
    assert request.index.full_url(request.insurer)
    inside = {id(node) for node in _nodes(request.bundle)}
    assert {id(i.raw) for i in request.items} <= inside
    assert {id(i.order) for i in request.items if i.order is not None} <= inside
    assert {id(r.resource) for r in request.responses} <= inside
    sent = {id(r) for r in request.responses}
    assert all(id(r) in sent for i in request.items for r in i.responses)


def _nodes(node: Any) -> list[Any]:
    if isinstance(node, list):
        return [n for child in node for n in _nodes(child)]
    return [node, *(n for child in node.values() for n in _nodes(child))] if isinstance(node, dict) else []


@pytest.mark.parametrize("path", sorted(WORKED), ids=lambda p: p.parent.name if p.stem == "pas-submit" else p.stem)
def test_every_worked_case_comes_back_the_same(path: Path) -> None:
    """Charts of the policies, cases of the reference and the test kit's presets: read, kept and read back."""
    assert_same_case(a_request(orjson.loads(path.read_bytes())))


def contained_order(bundle: Json) -> None:
    """The first order stands in the Claim, not beside it."""
    order = resources(bundle, "MedicationRequest")[0] | {"id": "inside"}
    claim = claim_of(bundle)
    claim["contained"] = [{"resourceType": "Basic", "id": "first", "code": {"text": "x"}}, order]
    item = claim["item"][0]
    item["extension"] = [e for e in item["extension"] if "valueReference" not in e]
    item["extension"].append({"url": f"{PAS}extension-requestedService", "valueReference": {"reference": "#inside"}})


def dtr_bundle(bundle: Json) -> None:
    """Two responses in a DTR Bundle that is one entry, before one that stands by itself."""
    inner = [answers("a", order=1, authored="2026-11-22T00:00:00Z"), answers("b", order=None)]
    entries = [{"fullUrl": f"{EHR}/QuestionnaireResponse/{r['id']}", "resource": r} for r in inner]
    dtr = {"resourceType": "Bundle", "id": "dtr", "type": "collection", "entry": entries}
    bundle["entry"].insert(3, {"fullUrl": f"{EHR}/Bundle/dtr", "resource": dtr})


def role_asks(bundle: Json) -> None:
    """The requester is a role whose organization it contains."""
    role = resources(bundle, "PractitionerRole")[0]
    role["contained"] = [resources(bundle, "Organization")[0] | {"id": "own"}]
    role["organization"] = {"reference": "#own"}
    claim_of(bundle)["provider"] = {"reference": "PractitionerRole/prescriber-role"}


def no_organization(bundle: Json) -> None:
    """The requester is a person alone."""
    claim_of(bundle)["provider"] = {"reference": "Practitioner/surgeon"}


def no_order(bundle: Json) -> None:
    """The first item refers to no order."""
    item = claim_of(bundle)["item"][0]
    item["extension"] = [e for e in item["extension"] if "valueReference" not in e]


WAYS = [contained_order, dtr_bundle, role_asks, no_organization, no_order]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_request_that_is_laid_out_otherwise_comes_back_the_same(way: Any) -> None:
    """Wherever an order, an organization or the answers stand, they are found there again."""
    bundle = a_bundle(an_item(), an_item(2), extra=(answers("c", order=2), answers("d", order=1)))
    way(bundle)
    assert_same_case(a_request(bundle))


@settings(deadline=None)
@given(
    ways=st.sets(st.sampled_from(WAYS)),
    sequences=st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=3, unique=True),
    version=st.sampled_from(Version),
    anything=json_values,
    said=words.filter(str.strip),
)
def test_every_request_comes_back_the_same(
    ways: set[Any], sequences: list[int], version: Version, anything: Any, said: str
) -> None:
    """However it is laid out, numbered and worded, and whatever stands in elements that nobody knows."""
    bundle = a_bundle(*map(an_item, sequences), extra=(answers(order=sequences[-1]),), claim={"ours": anything})
    resources(bundle, "Patient")[0]["name"] = [{"family": said}]
    for way in sorted(ways, key=WAYS.index):
        way(bundle)
    assert_same_case(a_request(bundle, version=version))


def test_a_request_is_kept_as_it_was_read() -> None:
    """A later reader changes no old case: codes, days, numbers and who may see it come back as they were worked out."""
    item = judged(1, codes=(), service=YEAR, previous_numbers=("A",))
    made = opening(item, member_ids=("X",), npis=("Y",), requester_npis=("Z",), created=date(1999, 1, 1))
    found = back(made.facts[0])
    assert isinstance(found, Received)
    request = found.request
    assert (request.member_ids, request.npis, request.requester_npis) == (("X",), ("Y",), ("Z",))
    assert (request.created, request.transaction) == (date(1999, 1, 1), made.case.request.transaction)
    (read,) = request.items
    assert (read.codes, read.service, read.previous_numbers) == ((), YEAR, ("A",))


def test_each_kind_of_fact_has_its_word() -> None:
    """The words stand in records that exist, so they never change."""
    facts = opening(judged(outcome=Outcome.PEND_NURSE), facts=[ruled()]).facts
    assert [kind_of(fact) for fact in facts] == ["received", "decided-by-machine", "ruled"]


def assert_holds(now: Any, before: Any) -> None:
    """What is written now says all that was written before, and may say more."""
    if isinstance(before, dict):
        for key, value in before.items():
            assert_holds(now[key], value)
    elif isinstance(before, list):
        assert len(now) == len(before)
        for one, other in zip(now, before, strict=True):
            assert_holds(one, other)
    else:
        assert now == before


def test_facts_that_were_written_before_are_still_read() -> None:
    """The facts of a case as schema 0004 first wrote them come to the same case, and still say all of it."""
    kept = json.loads(OF_SCHEMA_0004.read_bytes())
    bodies = [orjson.dumps(fact["body"]) for fact in kept]
    facts = [fact_from(fact["kind"], body) for fact, body in zip(kept, bodies, strict=True)]
    for fact, body in zip(facts, bodies, strict=True):
        assert_holds(orjson.loads(fact_json(fact)), orjson.loads(body))
    case = apply_all(facts)
    assert (case.id, case.caller, case.facts) == ("case-1", "loopback", 3)
    assert [(i.sequence, i.outcome, i.number, i.reference) for i in case.items] == [
        (1, "approve", "VA1", None),
        (2, "modify", "VA2", "VP2"),
    ]
    assert case.request.claim["id"] == "claim"
    assert [i.order["id"] for i in case.request.items if i.order] == ["order-1", "order-2"]
    assert b"Certified otherwise than requested" in render(case, BASE_URL)[Version.V2_2, "submit"]


def test_what_was_not_written_here_is_refused() -> None:
    """A kind that is none, and a body that no fact has, raise instead of becoming half a case."""
    with pytest.raises(KeyError):
        fact_from("earlier", b"{}")
    for body in (b"", b"[]", b"{}", b'{"at":"2026-03-01T00:00:00Z"}'):
        with pytest.raises(ValueError, match="validation error"):
            fact_from("ruled", body)
    denied = fact_json(opening().facts[1]).replace(b'"outcome":"approve"', b'"outcome":"deny"')
    with pytest.raises(ValueError, match="outcome"):
        fact_from("decided-by-machine", denied)
    by_nurse = fact_json(ruled(verdict=Verdict.DENY)).replace(b'"role":"medical-director"', b'"role":"nurse"')
    with pytest.raises(Exception, match="Only a physician"):
        fact_from("ruled", by_nurse)


def test_a_denial_of_before_is_still_read() -> None:
    """A denial that was made before its reviewer's name and its criteria were asked for says so."""
    body = orjson.loads(fact_json(ruled(verdict=Verdict.DENY)))
    decision = body["rulings"][0]["decision"]
    del decision["criteria"], decision["person"]["name"]
    decision["reason_code"] = None
    found = fact_from("ruled", orjson.dumps(body))
    assert isinstance(found, Ruled)
    made = found.rulings[0].decision
    assert (made.person.name, made.reason_code, made.criteria) == (NOT_RECORDED, NOT_RECORDED, (NOT_RECORDED,))
    assert made.person.specialty == "207R00000X"


@pytest.mark.parametrize("cancelled", [(), (1,)])
def test_an_update_and_an_attachment_come_back_equal(cancelled: tuple[int, ...]) -> None:
    """What the sender said later is kept as the request itself is."""
    request = a_request(a_bundle(an_item(), an_item(2), extra=(answers(),)))
    for fact in (
        Updated(RECEIVED, "loopback", request, (2,), cancelled),
        Attached(RECEIVED, "loopback", request, (2,)),
    ):
        found = back(fact)
        assert found == fact
        assert fact_json(found) == fact_json(fact)
