"""Promises of the sandbox: each scripted answer, what the record says of it, and that nothing else changes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from server.answer.change import change_of
from server.answer.claim_response import render
from server.auth.caller import LOOPBACK
from server.clock import new_id, new_number
from server.decision.model import Outcome
from server.decision.ruling import Role, Verdict
from server.demo.requests import Chart
from server.fhir.codes import PAS
from server.fhir.version import Version
from server.pas.explain import explain
from server.pas.inquire import inquire
from server.pas.match import read_and_match
from server.pas.read_update import read_update
from server.pas.request.inquiry import read_inquiry
from server.pas.sandbox.sandbox_file import SCRIPTED, load_sandbox
from server.pas.sandbox.scripted import Sandbox
from server.pas.update import update
from server.policy.plan_file import load_plan
from server.settings import ROOT, Settings
from server.store.sql import SqlStore, open_store
from tests.conformance.inferno import pas_everything
from tests.conformance.inferno.pas_updates import updates
from tests.policies import a_library
from tests.requests.cases import ruled
from tests.requests.world import BASE_URL, NOW, SayingEngine, a_world

Json = dict[str, Any]

FILE = ROOT / "cql/plans/vitruvian-demo-sandbox.toml"
CHART = ROOT / "cql/kineret-201603/charts/ra-initial.json"
versions = pytest.mark.parametrize("version", Version)


@dataclass
class Played:
    """The sandbox over a real record, with a clock that a test sets and an engine that must not be asked."""

    store: SqlStore
    sandbox: Sandbox
    engine: SayingEngine
    now: datetime = NOW

    def submit(self, bundle: Json, version: Version = Version.V2_2) -> Json:
        raw = orjson.dumps(bundle)
        matched = read_and_match(raw, orjson.loads(raw), version, self.sandbox.world.policies)
        answer: Json = orjson.loads(self.sandbox.submit(matched, raw, LOOPBACK))
        return answer

    def update(self, bundle: Json, version: Version = Version.V2_2) -> Json:
        raw = orjson.dumps(bundle)
        assert not self.sandbox.answers(bundle, raw, version)
        sent = self.sandbox.plays(read_update(raw, orjson.loads(raw), version, self.sandbox.world.policies))
        answer: Json = orjson.loads(update(sent, raw, LOOPBACK, self.sandbox.world))
        return answer

    def inquire(self, bundle: Json, version: Version = Version.V2_2) -> list[Json]:
        raw = orjson.dumps(bundle)
        request = read_inquiry(raw, orjson.loads(raw), version)
        self.sandbox.settle(request)
        found = orjson.loads(inquire(request, LOOPBACK, self.sandbox.world))
        bundles = [p["resource"] for p in found.get("parameter", ())] if version is Version.V2_2 else [found]
        return [b["entry"][0]["resource"] for b in bundles]


@contextmanager
def playing(database_url: str) -> Iterator[Played]:
    store = open_store(database_url, clock=lambda: NOW)
    engine = SayingEngine()
    world = a_world(
        store,
        engine,
        policies=a_library(),
        plan=load_plan(Settings().plan),
        clock=lambda: made.now,
        new_id=new_id,
        new_number=new_number,
    )
    made: Played = Played(store, Sandbox(load_sandbox(FILE), world), engine)
    yield made
    store.close()


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    with playing(f"sqlite:///{tmp_path / 'record.db'}") as found:
        yield found


def request(member: str) -> Json:
    """The chart's request, without the answers to a form that this library does not know, for a scripted member."""
    text = CHART.read_text(encoding="utf-8").replace("V200001", f"SANDBOX-{member}")
    bundle: Json = json.loads(text)
    bundle["identifier"]["value"] = member
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "QuestionnaireResponse"]
    claim = bundle["entry"][0]["resource"]
    claim["supportingInfo"] = [s for s in claim["supportingInfo"] if s["sequence"] != 1]
    claim["item"][0]["informationSequence"] = [2]
    return bundle


def inquiry(member: str) -> Json:
    bundle = request(member)
    del bundle["entry"][0]["resource"]["item"], bundle["entry"][0]["resource"]["supportingInfo"]
    return bundle


def response(bundle: Json) -> Json:
    found: Json = bundle["entry"][0]["resource"]
    assert found["resourceType"] == "ClaimResponse"
    return found


def action(element: Json) -> str:
    """The X12 306 code of an item."""
    (review,) = element["adjudication"][0]["extension"]
    code = next(e for e in review["extension"] if e["url"] == f"{PAS}extension-reviewActionCode")
    return str(code["valueCodeableConcept"]["coding"][0]["code"])


def reviewer(answer: Json) -> dict[str, Any]:
    """The parts of claimResponseReviewer, by url."""
    (found,) = (e for e in answer["extension"] if e["url"].endswith("claimResponseReviewer"))
    return {p["url"]: next(v for k, v in p.items() if k.startswith("value")) for p in found["extension"]}


@versions
@pytest.mark.parametrize(
    ("member", "code", "by_person"),
    [
        ("APPROVED", "A1", False),
        ("DENIED", "A3", True),
        ("MODIFIED", "A6", True),
        ("PENDED", "A4", False),
        ("PENDED-APPROVED", "A4", False),
        ("PENDED-DENIED", "A4", False),
        ("EVERYTHING", "A1", True),
    ],
)
def test_each_member_gets_the_scripted_answer(
    played: Played, version: Version, member: str, code: str, *, by_person: bool
) -> None:
    """The action is the script's, no policy is asked, and 2.2 says truly whether a person decided."""
    answer = response(played.submit(request(member), version))
    assert action(answer["item"][0]) == code
    assert played.engine.evaluations == 0
    assert "Scripted by the sandbox vitruvian-demo" in answer["disposition"]
    if version is Version.V2_2:
        assert reviewer(answer)["wasHumanReviewedFlag"] is by_person


@pytest.mark.parametrize("member", ["APPROVED", "DENIED", "MODIFIED", "PENDED"])
def test_the_record_says_that_it_is_scripted(played: Played, member: str) -> None:
    """Engine, findings and `$explain` name the script; a person's decision is recorded with role, NPI and reasons."""
    answer = response(played.submit(request(member)))
    stored = played.store.explanation(answer["id"])
    assert stored is not None
    (item,) = stored.items
    assert item.engine == "sandbox script vitruvian-demo"
    assert [f["criterion"] for f in orjson.loads(item.findings)] == [SCRIPTED]
    assert b"This decision is scripted" in explain(answer["id"], LOOPBACK, played.store)
    if item.action in ("A3", "A6"):
        person = orjson.loads(item.decided_by or "{}")
        assert person["role"] in ("physician", "medical-director")
        assert person["npi"]
        assert person["reasons"]
    else:
        assert item.decided_by is None


def test_a_denial_names_who_and_why(played: Played) -> None:
    """Answer and `$explain` carry the reviewer's NPI and the reasons, as notes of the item; there is no number."""
    answer = response(played.submit(request("DENIED")))
    explained = orjson.loads(explain(answer["id"], LOOPBACK, played.store))["parameter"]
    (person,) = (p["part"] for p in explained if p["name"] == "decided-by")
    assert [p["name"] for p in person] == ["role", "npi", "reason"]
    assert person[1]["valueString"] == "1999999984"
    assert reviewer(answer)["reviewerNPI"]["value"] == "1999999984"
    notes = {n["number"]: n["text"] for n in answer["processNote"]}
    assert [notes[n] for n in answer["item"][0]["noteNumber"]] == [
        "The sandbox's medical director found that the request does not meet the policy. An appeal is open to you."
    ]
    assert "preAuthRef" not in answer
    assert '"number"' not in json.dumps(answer["item"])


@versions
def test_a_modified_item_has_its_partner(played: Played, version: Version) -> None:
    """What is authorized instead stands in addItem with the same sequence, A1 and the number (pas P-39)."""
    answer = response(played.submit(request("MODIFIED"), version))
    (added,) = answer["addItem"]
    assert added["itemSequence"] == [answer["item"][0]["itemSequence"]]
    assert action(added) == "A1"
    assert added["quantity"]["value"] == 1
    assert ("extension" in added) is (version is Version.V2_2)


@pytest.fixture
def played_anywhere(database_url: str) -> Iterator[Played]:
    """On both databases."""
    with playing(database_url) as found:
        yield found


def test_pended_then_approved(played_anywhere: Played) -> None:
    """Before its time an inquiry finds it pended; then it is approved once, under the number it was pended by."""
    played = played_anywhere
    bundle = request("PENDED-APPROVED")
    first = response(played.submit(bundle))
    played.now = NOW + timedelta(seconds=19)
    assert [action(a["item"][0]) for a in played.inquire(inquiry("PENDED-APPROVED"))] == ["A4"]
    played.now = NOW + timedelta(seconds=20)
    (later,) = played.inquire(inquiry("PENDED-APPROVED"))
    assert (action(later["item"][0]), later["id"]) == ("A1", first["id"])
    assert reviewer(later)["reviewerNPI"]["value"] == "1999999943"
    played.now = NOW + timedelta(days=1)
    assert played.inquire(inquiry("PENDED-APPROVED")) == [later]
    again = response(played.submit(bundle))
    assert again["preAuthRef"] == later["preAuthRef"]
    stored = played.store.explanation(first["id"])
    assert stored is not None
    assert stored.items[0].reference


@pytest.mark.parametrize("member", ["DENIED", "MODIFIED", "PENDED-APPROVED"])
def test_a_scripted_case_is_a_case_like_any_other(played: Played, member: str) -> None:
    """What the record holds of it renders the answer again, before and after the reviewer decided."""
    bundle = request(member)
    for _ in range(2):
        answer = played.submit(bundle)
        case = played.store.case(response(answer)["id"])
        assert case is not None
        assert case.request.member_ids == (f"SANDBOX-{member}",)
        assert orjson.loads(render(case, BASE_URL)[Version.V2_2, "submit"]) == answer
        played.now = NOW + timedelta(minutes=1)


def test_the_same_transaction_settles_as_well(played: Played) -> None:
    """Who sends the request again when the reviewer has decided gets the decision, not the first answer."""
    bundle = request("PENDED-APPROVED")
    assert action(response(played.submit(bundle))["item"][0]) == "A4"
    played.now = NOW + timedelta(minutes=1)
    assert action(response(played.submit(bundle))["item"][0]) == "A1"


def test_a_ruling_takes_effect_though_nobody_asks(played_anywhere: Played) -> None:
    """In its time and once: a case that nobody asked about is decided, and every other waits on."""
    played = played_anywhere
    (first, other) = (response(played.submit(request(m)))["id"] for m in ("PENDED-APPROVED", "PENDED"))
    decided = []
    for seconds in (19, 20, 21, 86_400):
        played.now = NOW + timedelta(seconds=seconds)
        decided.append(played.sandbox.settle_due())
    assert decided == [0, 1, 0, 0]
    stored = played.store.rendering(first, Version.V2_2, "submit")
    assert action(response(orjson.loads(stored or b""))["item"][0]) == "A1"
    waiting = played.store.case(other)
    assert waiting is not None
    assert waiting.facts == 2


def test_what_a_person_has_taken_up_is_left_to_that_person(played: Played) -> None:
    """A reviewer of the plan asked for more: the script's nurse does not come after."""
    case_id = response(played.submit(request("PENDED-APPROVED")))["id"]
    case = played.store.case(case_id)
    assert case is not None
    played.store.append(change_of(case, [ruled(1, verdict=Verdict.ASK, at=NOW)], BASE_URL))
    played.now = NOW + timedelta(days=1)
    assert played.sandbox.settle_due() == 0


def test_no_timer_approves_what_is_only_pended(played: Played) -> None:
    """A member without a ruling stays pended, however long one waits."""
    bundle = request("PENDED")
    played.submit(bundle)
    played.now = NOW + timedelta(days=400)
    assert action(response(played.submit(bundle))["item"][0]) == "A4"
    assert [action(a["item"][0]) for a in played.inquire(inquiry("PENDED"))] == ["A4"]


def test_any_other_member_is_decided_as_ever(played: Played) -> None:
    """A member without a script gets no scripted answer."""
    answer = response(played.submit(request("NOBODY")))
    assert "Scripted" not in answer["disposition"]
    assert reviewer(answer) == {"wasHumanReviewedFlag": False}


def actions(answer: Json) -> dict[int, str]:
    return {i["itemSequence"]: action(i) for i in response(answer)["item"]}


@versions
@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("APPROVED", [{1: "A1"}, {1: "A1", 2: "A1"}, {1: "A1", 2: "C"}, {1: "C", 2: "C"}]),
        ("PENDED", [{1: "A4"}, {1: "A4", 2: "A4"}, {1: "A4", 2: "C"}, {1: "C", 2: "C"}]),
        ("MODIFIED", [{1: "A6"}, {1: "A6", 2: "A4"}, {1: "A4", 2: "C"}, {1: "C", 2: "C"}]),
    ],
)
def test_updates_are_played(played: Played, version: Version, member: str, expected: list[dict[int, str]]) -> None:
    """An item added, one changed and one cancelled, all cancelled: by the script, in one case, no policy asked."""
    first, *later = updates(Chart(request(member)))
    answers = [played.submit(first, version), *(played.update(body, version) for body in later)]
    assert [actions(answer) for answer in answers] == expected
    assert len({response(answer)["id"] for answer in answers}) == 1
    assert played.engine.evaluations == 0
    assert "Scripted by the sandbox" in response(answers[2])["disposition"]


def test_what_an_update_touches_is_ruled_on_as_the_rest(played: Played) -> None:
    """The reviewer comes so long after the update, or the next moment where the script names no time."""
    for member, seconds, code in (("PENDED-APPROVED", 20, "A1"), ("MODIFIED", 0, "A6")):
        first, more, *_ = updates(Chart(request(member)))
        played.submit(first)
        played.now += timedelta(seconds=10)
        assert actions(played.update(more))[2] == "A4"
        played.now += timedelta(seconds=seconds)
        assert played.sandbox.settle_due() == 1
        assert actions(played.update(more)) == {1: code, 2: code}


def test_a_denial_is_not_updated(played: Played) -> None:
    """It is the business error that it is for all."""
    first, more, *_ = updates(Chart(request("DENIED")))
    played.submit(first)
    assert "item" not in response(played.update(more))


def test_the_machine_does_not_approve_what_a_person_had_to_decide(played: Played) -> None:
    """The script's approval is a pend where a reviewer has passed the item on."""
    script = played.sandbox.file.scripts["SANDBOX-PENDED"]
    first, _, changed, _ = updates(Chart(request("PENDED")))
    case = played.store.case(response(played.submit(first))["id"])
    assert case is not None
    played.store.append(change_of(case, [ruled(1, verdict=Verdict.FORWARD, role=Role.NURSE, at=NOW)], BASE_URL))
    approving = replace(script, outcome=Outcome.APPROVE)
    played.sandbox = Sandbox(replace(played.sandbox.file, scripts={script.member: approving}), played.sandbox.world)
    changed["entry"][0]["resource"]["item"].pop()
    changed["entry"][0]["resource"]["related"][0]["claim"]["reference"] = first["entry"][0]["fullUrl"]
    assert actions(played.update(changed)) == {1: "A4"}


def test_an_update_of_everything_is_answered_as_a_first_request(played: Played) -> None:
    """The member that shows every element shows it in the answer to an update that names nothing known."""
    body = pas_everything.submit_bundle("SANDBOX-EVERYTHING", Version.V2_2)
    assert played.sandbox.answers(body, orjson.dumps(body), Version.V2_2)
    shown = played.submit(body)
    assert {e["resource"]["resourceType"] for e in shown["entry"]} >= {"Task", "CommunicationRequest"}
    assert response(shown)["error"]


@versions
def test_everything_resolves(played: Played, version: Version) -> None:
    """Every reference of the full answer but those to the Claim is an entry, and each entry stands once."""
    bundle = played.submit(pas_everything.submit_bundle("SANDBOX-EVERYTHING", version), version)
    urls = [e["fullUrl"] for e in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    text = json.dumps(bundle)
    assert "${" not in text
    named = {part.split('"')[0] for part in text.split('"reference": "')[1:]}
    assert {n for n in named if "/Claim/" not in n} <= set(urls)


def test_the_file_may_be_anywhere(tmp_path: Path) -> None:
    """A file of another folder is read, its templates beside it."""
    (tmp_path / "more.json").write_text('{"response": {}}', encoding="utf-8")
    file = tmp_path / "sandbox.toml"
    file.write_text(
        'name = "x"\n[[member]]\nid = "A"\ntitle = "t"\noutcome = "approve"\nelements_2_2 = "more.json"\n',
        encoding="utf-8",
    )
    assert load_sandbox(file).scripts["A"].elements == {Version.V2_2: '{"response": {}}'}


def test_a_denial_after_a_while_is_a_persons(played: Played) -> None:
    """Pended first; in its time the director's denial, with all that a denial needs."""
    first = response(played.submit(request("PENDED-DENIED")))
    assert action(first["item"][0]) == "A4"
    played.now = NOW + timedelta(seconds=20)
    assert played.sandbox.settle_due() == 1
    (later,) = played.inquire(inquiry("PENDED-DENIED"))
    assert (action(later["item"][0]), later["id"]) == ("A3", first["id"])
    assert reviewer(later)["wasHumanReviewedFlag"] is True
    assert reviewer(later)["reviewerNPI"]["value"] == "1999999984"
