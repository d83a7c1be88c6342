"""Claim/$submit that changes an earlier request: what is touched is judged again (pas P-80 to P-86)."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from server.answer.change import change_of
from server.auth.caller import LOOPBACK
from server.decision.ruling import Role, Verdict
from server.fhir.codes import PAS
from server.fhir.version import Version
from server.pas.inquire import inquire
from server.pas.read_update import is_update, read_update
from server.pas.request.bundle import INFO_CANCELLED
from server.pas.update import update
from server.policy.model import State
from server.store.sql import SqlStore, open_store
from server.world import World
from tests.requests.bundle import SERVICE_DAY, a_bundle, an_item, claim_of, item_changed, resources
from tests.requests.cases import ruled
from tests.requests.later import an_update
from tests.requests.world import APART, SayingEngine, a_world, an_inquiry, claim_response, submitted

Json = dict[str, Any]
Spoil = Callable[[Json], object]

NURSE: dict[int, dict[str, State]] = {1: {"DOSE": State.REVIEW}}
UNKNOWN: dict[int, dict[str, State]] = {1: {"DOSE": State.UNKNOWN}}
CANCEL = {
    "url": f"{PAS}extension-certificationType",
    "valueCodeableConcept": {"coding": [{"system": "https://codesystem.x12.org/005010/1322", "code": "3"}]},
}

both_versions = pytest.mark.parametrize("version", list(Version))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    yield opened
    opened.close()


def sent(world: World, body: Json, version: Version = Version.V2_2) -> bytes:
    raw = orjson.dumps(body)
    assert is_update(body)
    found = read_update(raw, body, version, world.policies)
    return update(found, raw, LOOPBACK, world)


def action(item: Json) -> str:
    (review,) = item["adjudication"][0]["extension"]
    found = next(e for e in review["extension"] if e["url"].endswith("reviewActionCode"))
    return str(found["valueCodeableConcept"]["coding"][0]["code"])


def number(item: Json) -> str | None:
    (review,) = item["adjudication"][0]["extension"]
    return next((e["valueString"] for e in review["extension"] if e["url"] == "number"), None)


def actions(answer: bytes) -> dict[int, str]:
    return {i["itemSequence"]: action(i) for i in claim_response(answer)["item"]}


def numbers(answer: bytes) -> dict[int, str | None]:
    return {i["itemSequence"]: number(i) for i in claim_response(answer)["item"]}


def marked(item: Json) -> Json:
    return {**item, "modifierExtension": [{"url": INFO_CANCELLED, "valueBoolean": True}]}


@both_versions
def test_what_is_not_touched_stays(store: SqlStore, version: Version) -> None:
    """An item is added: it is judged, and what was approved keeps its number, its days and its case."""
    engine = SayingEngine()
    world = a_world(store, engine)
    first = a_bundle(an_item(), an_item(2), drug=APART)
    before = submitted(world, first, version=version)
    engine.states = {1: {"DOSE": State.UNMET}, 2: {"DOSE": State.UNMET}}
    after = sent(world, an_update(first, an_item(), an_item(2), an_item(3), drug=APART), version)
    assert claim_response(after)["id"] == claim_response(before)["id"]
    assert actions(after) == {1: "A1", 2: "A1", 3: "A1"}
    assert {n: numbers(after)[n] for n in (1, 2)} == numbers(before)
    assert len({*numbers(after).values()}) == 3


@both_versions
def test_what_is_changed_is_judged_again(store: SqlStore, version: Version) -> None:
    """More of what is approved is approved no more until it is judged; approved again, it keeps its number."""
    engine = SayingEngine()
    world = a_world(store, engine)
    first = a_bundle()
    before = submitted(world, first, version=version)
    second = an_update(item_changed(deepcopy(first), quantity={"value": 2}))
    second["entry"][-1] = first["entry"][0]
    assert numbers(sent(world, second, version)) == numbers(before)
    engine.states = NURSE
    third = an_update(second)
    resources(third, "MedicationRequest")[0]["dosageInstruction"] = [{"text": "twice as much"}]
    after = sent(world, third, version)
    assert (actions(after), numbers(after)) == ({1: "A4"}, {1: None})
    assert store.active_authorization(("M-1",), world.policies.policies[0].id, SERVICE_DAY) is None


@both_versions
def test_what_is_pended_is_judged_by_what_came(store: SqlStore, version: Version) -> None:
    """What was not known is sent: the request is certified, and its reference finds it still."""
    engine = SayingEngine(UNKNOWN)
    world = a_world(store, engine)
    first = a_bundle()
    before = claim_response(submitted(world, first, version=version))
    engine.states = {}
    after = claim_response(sent(world, an_update(first), version))
    assert (before["id"], action(before["item"][0]), action(after["item"][0])) == (after["id"], "A4", "A1")
    asked = inquire(an_inquiry(version=Version.V2_2), LOOPBACK, world)
    (found,) = orjson.loads(asked)["parameter"]
    assert action(found["resource"]["entry"][0]["resource"]["item"][0]) == "A1"


@pytest.mark.parametrize("state", [State.UNMET, State.REVIEW])
def test_who_says_otherwise_is_asked_by_a_person(store: SqlStore, state: State) -> None:
    """What was said first spoke against an approval, and now it speaks for one: a person looks."""
    engine = SayingEngine({1: {"DOSE": state}})
    world = a_world(store, engine)
    first = a_bundle()
    submitted(world, first)
    engine.states = {}
    second = an_update(first)
    assert actions(sent(world, second)) == {1: "A4"}
    assert actions(sent(world, an_update(second))) == {1: "A4"}


@both_versions
@pytest.mark.parametrize("whole", [True, False])
def test_what_is_cancelled_authorizes_nothing(store: SqlStore, *, whole: bool, version: Version) -> None:
    """A cancelled item is answered so, its number stands for nothing, and it does not come back."""
    world = a_world(store)
    first = a_bundle()
    before = submitted(world, first, version=version)
    cancel = an_update(first)
    if whole:
        claim_of(cancel)["extension"] = [CANCEL]
        del claim_of(cancel)["item"]
    else:
        claim_of(cancel)["item"] = [marked(claim_of(cancel)["item"][0])]
    after = sent(world, cancel, version)
    assert (actions(after), numbers(after)) == ({1: "C"}, {1: None})
    assert store.active_authorization(("M-1",), world.policies.policies[0].id, SERVICE_DAY) is None
    assert claim_response(after)["id"] == claim_response(before)["id"]
    back = claim_response(sent(world, an_update(first), version))
    assert back["outcome"] == "error"


def test_the_same_update_again_changes_nothing(store: SqlStore) -> None:
    """Sent again, at either base, an update is answered by its case, and judged no more."""
    engine = SayingEngine()
    world = a_world(store, engine)
    first = a_bundle()
    submitted(world, first)
    body = an_update(item_changed(deepcopy(first), quantity={"value": 2}))
    answer = sent(world, body)
    judged = engine.evaluations
    assert sent(world, body) == answer
    assert engine.evaluations == judged


def test_an_update_that_loses_to_a_ruling_is_judged_on_it(store: SqlStore) -> None:
    """A person denies while the update is judged: the denial stands, and the update is refused, not lost."""
    engine = SayingEngine(NURSE)
    world = a_world(store, engine)
    first = a_bundle()
    case_id = claim_response(submitted(world, first))["id"]

    class Racing(SayingEngine):
        def run_each(self, *arguments: Any, **named: Any) -> list[dict[str, Any]]:
            case = store.case(case_id)
            if case and case.facts == 2:
                store.append(change_of(case, [ruled(verdict=Verdict.DENY)], world.base_url))
            return super().run_each(*arguments, **named)

    answer = claim_response(sent(replace(world, engine=Racing()), an_update(first)))
    assert answer["outcome"] == "error"
    case = store.case(case_id)
    assert case is not None
    assert (case.facts, case.items[0].status) == (3, "denied")


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.MODIFY, Verdict.FORWARD])
def test_what_a_person_decided_is_for_a_person(store: SqlStore, verdict: Verdict) -> None:
    """A person decided an item, and its sender changes it: the machine does not approve the change."""
    engine = SayingEngine(NURSE)
    world = a_world(store, engine)
    first = a_bundle()
    case = store.case(claim_response(submitted(world, first))["id"])
    assert case is not None
    role = Role.PHYSICIAN if verdict is Verdict.FORWARD else Role.MEDICAL_DIRECTOR
    store.append(change_of(case, [ruled(verdict=verdict, role=role)], world.base_url))
    engine.states = {}
    if verdict is not Verdict.FORWARD:
        same = sent(world, an_update(first))
        assert actions(same) == {1: "A1" if verdict is Verdict.APPROVE else "A6"}
    assert actions(sent(world, an_update(item_changed(deepcopy(first), quantity={"value": 9})))) == {1: "A4"}


def other_patient(body: Json) -> None:
    resources(body, "Coverage")[0]["identifier"][0]["value"] = "M-77"
    resources(body, "Patient")[0]["identifier"][0]["value"] = "M-77"


REFUSED: dict[str, Spoil] = {
    "unknown": lambda b: claim_of(b).update(related=[{"claim": {"reference": "Claim/nobody"}}]) or b["entry"].pop(),
    "itself": lambda b: claim_of(b).update(related=[{"claim": {"reference": b["entry"][0]["fullUrl"]}}]),
    "foreign": lambda b: (
        b["entry"].pop(),
        [r.update(identifier=[{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1777777773"}])
         for r in resources(b, "Organization")[:1]],
    ),
    "another patient": other_patient,
    "another birth date": lambda b: resources(b, "Patient")[0].update(birthDate="2011-01-01"),
    "item not there": lambda b: claim_of(b)["item"].append(marked(an_item(7))),
    "cancelled elsewhere": lambda b: claim_of(b)["careTeam"][0].update(
        modifierExtension=[{"url": INFO_CANCELLED, "valueBoolean": True}]
    ),
}  # fmt: skip


@both_versions
@pytest.mark.parametrize("name", REFUSED)
def test_an_update_that_fits_nothing_changes_nothing(store: SqlStore, name: str, version: Version) -> None:
    """It is answered with an X12 error, and the case keeps its facts."""
    world = a_world(store)
    first = a_bundle()
    case_id = claim_response(submitted(world, first, version=version))["id"]
    body = an_update(first)
    REFUSED[name](body)
    raw = orjson.dumps(body)
    answer = claim_response(update(read_update(raw, body, version, world.policies), raw, LOOPBACK, world))
    assert (answer["outcome"], answer["error"][0]["code"]["coding"][0]["code"]) == ("error", "33")
    case = store.case(case_id)
    assert case is not None
    assert case.facts == 2
    assert "item" not in answer


@both_versions
def test_a_prior_claim_that_was_never_sent_is_a_baseline(store: SqlStore, version: Version) -> None:
    """An update brings a Claim that nobody sent: what it asks for is decided as a new request (pas T-5)."""
    world = a_world(store)
    first = a_bundle(an_item(), an_item(2), drug=APART)
    body = an_update(first)
    claim_of(body)["item"][1] = marked(claim_of(body)["item"][1])
    answer = sent(world, body, version)
    assert actions(answer) == {1: "A1", 2: "C"}
    assert sent(world, body, version) == answer


def test_a_second_item_beside_an_approved_one_is_for_a_nurse(store: SqlStore) -> None:
    """The approved item is left out of the update, and the same is asked for once more: a nurse looks at both."""
    world = a_world(store)
    first = a_bundle()
    submitted(world, first)
    assert actions(sent(world, an_update(first, an_item(2)))) == {1: "A1", 2: "A4"}


def test_an_item_may_be_replaced(store: SqlStore) -> None:
    """Cancelled and added in one update, the new item is judged alone and gets a number of its own (pas P-86)."""
    world = a_world(store)
    first = a_bundle()
    before = numbers(submitted(world, first))[1]
    after = sent(world, an_update(first, marked(an_item()), an_item(2)))
    assert actions(after) == {1: "C", 2: "A1"}
    assert numbers(after)[2] not in (None, before)


@both_versions
def test_what_an_enclosed_claim_cancelled_is_no_news(store: SqlStore, version: Version) -> None:
    """The second update encloses the first, in which an item was cancelled; it is read, and the item stays so."""
    world = a_world(store, SayingEngine())
    first = a_bundle(an_item(), an_item(2), drug=APART)
    submitted(world, first, version=version)
    second = an_update(first, an_item(), marked(an_item(2)), drug=APART)
    assert actions(sent(world, second, version)) == {1: "A1", 2: "C"}
    third = an_update(second)
    claim_of(third)["extension"] = [CANCEL]
    assert actions(sent(world, third, version)) == {1: "C", 2: "C"}


@pytest.mark.parametrize("by", ["identifier", "number"])
def test_the_prior_request_is_found_without_its_address(store: SqlStore, by: str) -> None:
    """By the prior Claim's identifier, or by the authorization number that the update carries (pas T-33)."""
    world = a_world(store)
    first = a_bundle()
    before = submitted(world, first)
    body = an_update(first, enclosed=False)
    if by == "identifier":
        claim_of(body)["related"] = [{"claim": {"identifier": claim_of(first)["identifier"][0]}}]
    else:
        claim_of(body)["related"] = [{"relationship": {"text": "prior"}}]
        number_of = {"url": f"{PAS}extension-authorizationNumber", "valueString": numbers(before)[1]}
        claim_of(body)["extension"] = [number_of]
    after = sent(world, body)
    assert claim_response(after)["id"] == claim_response(before)["id"]


@pytest.mark.parametrize("state", [State.UNMET, State.REVIEW])
@pytest.mark.parametrize("way", ["in one update", "in a new item later", "in a new request"])
def test_cancelling_is_no_way_past_a_person(store: SqlStore, state: State, way: str) -> None:
    """What a person has to decide is cancelled, and asked for anew with other answers: a person looks at it still."""
    engine = SayingEngine({1: {"DOSE": state}})
    world = a_world(store, engine)
    first = a_bundle()
    submitted(world, first)
    engine.states = {}
    if way == "in one update":
        assert actions(sent(world, an_update(first, marked(an_item()), an_item(2)))) == {1: "C", 2: "A4"}
        return
    cancel = an_update(first, marked(an_item()))
    sent(world, cancel)
    if way == "in a new request":
        again = item_changed(a_bundle(serial="again"), quantity={"value": 1})
        assert actions(submitted(world, again)) == {1: "A4"}
    else:
        assert "item" not in claim_response(sent(world, an_update(cancel, marked(an_item()), an_item(2))))


def test_a_form_that_an_update_is_asked_for_has_a_context(store: SqlStore) -> None:
    """What is asked for after an update can be fetched by the trace number that it names, as after a first request."""
    engine = SayingEngine()
    world = a_world(store, engine)
    first = a_bundle()
    case_id = claim_response(submitted(world, first))["id"]
    engine.states = UNKNOWN
    sent(world, an_update(item_changed(deepcopy(first), quantity={"value": 2})))
    case = store.case(case_id)
    assert case is not None
    assert case.items[0].document is not None
    assert store.assertion(case.items[0].document.context["value"]) is not None
