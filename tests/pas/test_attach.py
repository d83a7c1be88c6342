"""Documents for a request that waits for them join its record, and it is judged again (pas P-93 to P-95)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from server.auth.caller import LOOPBACK, Caller, CallerKind
from server.errors import InvalidRequest
from server.fhir.version import Version
from server.pas.attach import attach, read_attachment
from server.policy.model import State
from server.store.sql import SqlStore, open_store
from server.world import World
from tests.requests.bundle import STRANGER, a_bundle, answers
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
