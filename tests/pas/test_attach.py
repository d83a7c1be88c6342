"""Documents for a request that waits for them join its record, and it is judged again (pas P-93 to P-95)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from server.auth.caller import LOOPBACK, Caller, CallerKind
from server.decision.fact_json import kind_of
from server.errors import InvalidRequest
from server.fhir.codes import PAS
from server.fhir.version import Version
from server.pas.attach import attach, read_attachment
from server.policy.model import State
from server.store.sql import SqlStore, open_store
from server.world import World
from tests.requests.bundle import NO_POLICYS_DRUG, STRANGER, a_bundle, answers
from tests.requests.later import DOCUMENT, an_attachment
from tests.requests.world import SayingEngine, a_world, claim_response, submitted
from tests.store.stored_rows import rows_of

Json = dict[str, Any]
UNKNOWN = {1: {"DOSE": State.UNKNOWN}}
both_versions = pytest.mark.parametrize("version", list(Version))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'record.db'}"


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    opened = open_store(url)
    yield opened
    opened.close()


def waiting(store: SqlStore, version: Version = Version.V2_2) -> tuple[World, SayingEngine, str, str]:
    """A request that waits for the payer's form; with its id and the control number."""
    engine = SayingEngine(UNKNOWN)
    world = a_world(store, engine)
    answer = submitted(world, a_bundle(extra=(answers(),)), version=version)
    asked = next(
        e["resource"] for e in orjson.loads(answer)["entry"] if e["resource"]["resourceType"] == "CommunicationRequest"
    )
    return world, engine, claim_response(answer)["id"], asked["identifier"][0]["value"]


def sent(world: World, body: Json) -> str:
    answer = orjson.loads(attach(read_attachment(body), orjson.dumps(body), LOOPBACK, world))
    return str(answer["issue"][0]["details"]["text"])


def outcome(store: SqlStore, case_id: str) -> tuple[int, str]:
    case = store.case(case_id)
    assert case is not None
    return case.facts, case.items[0].status


@both_versions
@pytest.mark.parametrize("document", [DOCUMENT, answers("later")], ids=["document", "form"])
def test_what_was_asked_for_may_certify(store: SqlStore, url: str, document: Json, version: Version) -> None:
    """The form or the document comes in: it is kept as it came, and the request is certified by itself."""
    world, engine, case_id, control = waiting(store, version)
    engine.states = {}
    assert "accepted" in sent(world, an_attachment(control, document))
    assert outcome(store, case_id) == (4, "approved")
    (kept,) = rows_of(url, "message")
    assert orjson.loads(kept["body"]) == an_attachment(control, document)
    body = store.rendering(case_id, version, "submit")
    assert body is not None
    assert claim_response(body)["outcome"] == "complete"


def test_the_same_attachment_again_changes_nothing(store: SqlStore) -> None:
    """Resent, it is accepted, and neither judged nor kept twice."""
    world, engine, case_id, control = waiting(store)
    sent(world, an_attachment(control))
    judged = engine.evaluations
    sent(world, an_attachment(control))
    assert (outcome(store, case_id)[0], engine.evaluations) == (4, judged)


def test_a_member_id_is_the_same_however_it_is_written(store: SqlStore) -> None:
    """Small letters and blanks make no other member, here as in the request."""
    world, engine, case_id, control = waiting(store)
    engine.states = {}
    assert "accepted" in sent(world, an_attachment(control, MemberId=" m-1"))
    assert outcome(store, case_id) == (4, "approved")


def test_more_may_follow(store: SqlStore) -> None:
    """What is not the last is kept with the request; the last one has it judged."""
    world, engine, case_id, control = waiting(store)
    engine.states = {}
    body = an_attachment(control)
    body["parameter"].append({"name": "Final", "valueBoolean": False})
    sent(world, body)
    assert outcome(store, case_id) == (3, "pended")
    sent(world, an_attachment(control))
    assert outcome(store, case_id) == (5, "approved")


def test_what_is_about_another_patient_is_for_a_person(store: SqlStore) -> None:
    """A document that is not shown to be the patient's is not judged, and a nurse reads it."""
    world, engine, case_id, control = waiting(store)
    engine.states = {}
    sent(world, an_attachment(control, {**DOCUMENT, "subject": {"reference": "Patient/somebody"}}))
    case = store.case(case_id)
    assert case is not None
    assert case.items[0].waits_for == "pend-nurse"


def test_an_attachment_of_no_request_is_kept(store: SqlStore, url: str) -> None:
    """Nothing is lost because its request is not known: it is kept once, and the sender is told."""
    world = a_world(store)
    for _ in range(2):
        assert "kept" in sent(world, an_attachment("NOBODY"))
    (kept,) = rows_of(url, "unmatched")
    assert orjson.loads(kept["body"]) == an_attachment("NOBODY")


def test_another_client_learns_nothing_of_a_request(store: SqlStore, url: str) -> None:
    """Whoever may not see the request is answered as if nobody had sent one; the documents wait at the desk."""
    world, engine, case_id, control = waiting(store)
    engine.states = {}
    body = an_attachment(control)
    stranger = Caller(CallerKind.CLIENT, frozenset({STRANGER}), "stranger")
    answer = orjson.loads(attach(read_attachment(body), orjson.dumps(body), stranger, world))
    assert "No request is known" in answer["issue"][0]["details"]["text"]
    assert outcome(store, case_id) == (2, "pended")
    assert len(rows_of(url, "unmatched")) == 1


def announcing(**changes: Any) -> Json:
    """A request that announces documents under the control number LETTER-1; its Claim's identifier is claim-1."""
    parts = [{"url": "controlNumber", "valueString": "LETTER-1"}]
    information = {"url": f"{PAS}extension-documentInformation", "extension": parts}
    category = {"coding": [{"code": "additionalInformation"}]}
    info = {"sequence": 1, "extension": [information], "category": category}
    return a_bundle(claim={"supportingInfo": [info]}, **changes)


@both_versions
@pytest.mark.parametrize("tracking", ["claim-1", "LETTER-1"])
def test_what_came_first_is_judged_with_its_request(store: SqlStore, url: str, tracking: str, version: Version) -> None:
    """It joins the claim that carries its number, is moved to the messages of the case, and the same again is known."""
    world = a_world(store)
    body = an_attachment(tracking)
    sent(world, body)
    case_id = claim_response(submitted(world, announcing(), version=version))["id"]
    assert rows_of(url, "unmatched") == []
    (kept,) = rows_of(url, "message")
    assert (orjson.loads(kept["body"]), kept["facts"]) == (body, 2)
    kinds = [kind_of(f) for f in store.desk.history(case_id)]
    assert kinds == ["received", "attached", "decided-by-machine"]
    case = store.case(case_id)
    assert case is not None
    assert any(r.get("id") == "letter" for _, _, r in case.request.index.entries)
    assert "accepted" in sent(world, body)
    assert outcome(store, case_id)[0] == 3
    again = submitted(world, announcing(), version=version)
    assert claim_response(again)["id"] == case_id


def test_its_form_decides(store: SqlStore) -> None:
    """Answers that came first count: the engine is given the request with them."""
    world = a_world(store)
    sent(world, an_attachment("claim-1", answers("early", authored="2026-11-22")))
    case = store.case(claim_response(submitted(world, a_bundle(extra=(answers(),))))["id"])
    assert case is not None
    assert [r.resource["id"] for r in case.request.responses] == ["early"]


def test_the_reference_number_tells_it_too(store: SqlStore, url: str) -> None:
    """With a tracking id of the sender's own; another provider's reference number opens nothing."""
    world = a_world(store, SayingEngine({1: {"DOSE": State.REVIEW}}))
    case_id = claim_response(submitted(world, a_bundle()))["id"]
    case = store.case(case_id)
    assert case is not None
    body = an_attachment("MY-OWN")
    body["parameter"].append({"name": "AdminRefNumber", "valueString": case.items[0].reference})
    assert "accepted" in sent(world, body)
    assert outcome(store, case_id)[0] == 4
    strangers = an_attachment("MY-OWN-2", ProviderId=STRANGER)
    strangers["parameter"].append({"name": "AdminRefNumber", "valueString": case.items[0].reference})
    assert "belongs to none yet" in sent(world, strangers)
    assert len(rows_of(url, "unmatched")) == 1


@pytest.mark.parametrize("tracking", ["claim-1", "LETTER-1"])
def test_it_may_come_just_after_its_request(store: SqlStore, url: str, tracking: str) -> None:
    """Nobody asked for it, and the claim's own number tells where it belongs."""
    world = a_world(store, SayingEngine({1: {"DOSE": State.REVIEW}}))
    case_id = claim_response(submitted(world, announcing()))["id"]
    assert "accepted" in sent(world, an_attachment(tracking))
    assert outcome(store, case_id) == (4, "pended")
    assert rows_of(url, "unmatched") == []


@pytest.mark.parametrize(
    ("changes", "document"),
    [
        ({"MemberId": "M-2"}, DOCUMENT),
        ({"ProviderId": STRANGER}, DOCUMENT),
        ({}, answers("early", questionnaire="http://nobody.example/form|1")),
    ],
    ids=["another member", "another provider", "nobody's form"],
)
def test_what_does_not_fit_waits_on(store: SqlStore, url: str, changes: dict[str, str], document: Json) -> None:
    """A claim of another member or provider with that number takes nothing, nor one that it cannot be read with."""
    world = a_world(store)
    sent(world, an_attachment("claim-1", document, **changes))
    case_id = claim_response(submitted(world, a_bundle()))["id"]
    assert outcome(store, case_id)[0] == 2
    assert len(rows_of(url, "unmatched")) == 1
    assert rows_of(url, "message") == []


def test_it_comes_in_with_an_audit_row(store: SqlStore, url: str) -> None:
    """One for the attachment, however often it is sent; none says whose it is."""
    world = a_world(store)
    for _ in range(2):
        sent(world, an_attachment("claim-1"))
    (kept,) = rows_of(url, "unmatched")
    (row,) = rows_of(url, "audit")
    assert (row["event"], row["subject"]) == ("attachment", kept["content"])
    assert orjson.loads(row["detail"]) == {"caller": "loopback"}


def test_two_claims_of_one_number_share_nothing(store: SqlStore, url: str) -> None:
    """The first takes it; a second that looked at the same moment is judged without it."""
    world = a_world(store)
    sent(world, an_attachment("claim-1"))
    late = store.messages.kept_for

    def looked_before(trackings: Any, members: Any) -> Any:
        found = late(trackings, members)
        store.messages.kept_for = late  # type: ignore[method-assign]
        submitted(world, a_bundle(serial="2", claim={"identifier": a_bundle()["entry"][0]["resource"]["identifier"]}))
        return found

    store.messages.kept_for = looked_before  # type: ignore[method-assign]
    second = store.case(claim_response(submitted(world, a_bundle(drug=NO_POLICYS_DRUG)))["id"])
    assert second is not None
    assert second.facts == 2
    assert len(rows_of(url, "message")) == 1


ANOTHERS: dict[str, Callable[[str], Json]] = {
    "another member": lambda control: an_attachment(control, MemberId="M-2"),
    "another provider": lambda control: an_attachment(control, ProviderId=STRANGER),
    "another's form": lambda control: an_attachment(
        control, answers("later", subject={"reference": "Patient/somebody"})
    ),
    "a patient": lambda control: an_attachment(control, {"resourceType": "Patient", "id": "other"}),
    "a claim": lambda control: an_attachment(control, {"resourceType": "Claim", "id": "other"}),
    "no member": lambda control: an_attachment(control, MemberId=""),
    "for a claim": lambda control: an_attachment(control, AttachTo="claim"),
    "no document": lambda control: {**an_attachment(control), "parameter": an_attachment(control)["parameter"][:-1]},
    "no parameters": lambda _: {"resourceType": "Bundle"},
}


@pytest.mark.parametrize("name", ANOTHERS)
def test_an_attachment_that_does_not_fit_changes_nothing(store: SqlStore, url: str, name: str) -> None:
    """It is refused with what is wrong, and nothing is kept or judged."""
    world, engine, case_id, control = waiting(store)
    engine.states = {}
    with pytest.raises(InvalidRequest):
        sent(world, ANOTHERS[name](control))
    assert outcome(store, case_id) == (2, "pended")
    assert not rows_of(url, "message") + rows_of(url, "unmatched")
