"""What senders say after a request, on every database behind the port."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from server.decision.case import Attached, Case, DecidedByMachine, RequestedDocument, Updated
from server.decision.model import Outcome
from server.fhir.read import BundleIndex, Resource
from server.store.message_port import Joined, Unmatched
from server.store.ports import Change
from server.store.sql import SqlStore, open_store
from tests.requests.cases import RECEIVED, a_number, a_transaction, following, judged, opening


@pytest.fixture(scope="module")
def store(module_database_url: str) -> Iterator[SqlStore]:
    opened = open_store(module_database_url)
    yield opened
    opened.close()


def under(bundle: Resource, claim_url: str) -> dict[str, Any]:
    """The same request under another fullUrl of its Claim."""
    head, *rest = bundle["entry"]
    moved = {**bundle, "entry": [{**head, "fullUrl": claim_url}, *rest]}
    return {"bundle": moved, "index": BundleIndex(moved)}


def updated(case: Case, claim_url: str) -> Change:
    """The sender sends a pended request anew, under another Claim."""
    request = replace(case.request, transaction=a_transaction(), **under(case.request.bundle, claim_url))
    again = judged(outcome=Outcome.PEND_NURSE).made
    facts = (Updated(RECEIVED, "loopback", request, (1,)), DecidedByMachine(RECEIVED, (again,)))
    return replace(following(case, *facts), raw=b'{"resourceType":"Bundle","id":"later"}')


def test_a_case_is_found_by_each_of_its_claims(store: SqlStore) -> None:
    """By the fullUrl that opened it and by that of an update, the newest case first; by its own client alone."""
    first, second = a_number("urn:claim"), a_number("urn:claim")
    bundle = opening().case.request.bundle
    made = [opening(judged(outcome=Outcome.PEND_NURSE), **under(bundle, first)) for _ in range(2)]
    for opened in made:
        store.append(opened)
    old, new = (opened.case for opened in made)
    store.append(updated(old, second))
    client = old.request.transaction.client
    assert store.messages.claims(client, first) == [new.id, old.id]
    assert store.messages.claims(client, second) == [old.id]
    assert store.messages.claims("somebody else", first) == []


def test_an_update_is_known_again(store: SqlStore) -> None:
    """By its transaction, as long as it is the very same; a request is no update of itself."""
    opened = opening(judged(outcome=Outcome.PEND_NURSE))
    store.append(opened)
    change = updated(opened.case, a_number("urn:claim"))
    transaction = change.case.request.transaction
    assert store.messages.find(transaction) is None
    store.append(change)
    assert store.messages.find(transaction) == opened.case.id
    assert store.messages.find(replace(transaction, content="other")) is None
    assert store.messages.find(opened.case.request.transaction) is None


def test_a_case_is_found_by_what_it_asked_for(store: SqlStore) -> None:
    """By the control number of a document that it asked for, and by no other kind of number."""
    control = a_number("VC")
    document = RequestedDocument("asked", {"value": control}, {"value": "context"}, "https://payer.example/form|1")
    item = judged(outcome=Outcome.MORE_INFO_NEEDED, document=document)
    opened = opening(item)
    store.append(opened)
    assert store.messages.asked_by(control) == opened.case.id
    assert item.made.reference is not None
    assert store.messages.asked_by(item.made.reference) is None
    assert store.messages.asked_by("VC-unknown") is None


def test_what_belongs_to_no_case_is_kept_once(store: SqlStore) -> None:
    """The newest first, without its body; as it came for who asks for the one; a long number by its hash."""
    long = "9" * 5_000
    kept = [
        Unmatched(RECEIVED + timedelta(hours=n), "loopback", a_number("hash"), number, "M-1")
        for n, number in enumerate(("VC-1", long))
    ]
    for n, attachment in enumerate([*kept, kept[0]]):
        store.messages.keep(attachment, b"body %d" % n)
    newest, before = store.messages.unmatched(10)
    assert before == kept[0]
    assert newest == replace(kept[1], tracking=newest.tracking)
    assert newest.tracking.startswith("sha256:")
    assert store.messages.unmatched(1) == [newest]
    assert store.messages.unmatched_one(kept[0].content) == (kept[0], b"body 0")
    assert store.messages.unmatched_one("none") is None


def test_an_attachment_is_one_cases(store: SqlStore) -> None:
    """A case that is opened with it takes it; another that would take it too opens nothing, and says so."""
    tracking, content = a_number("tracking"), a_number("content")
    store.messages.keep(Unmatched(RECEIVED, "loopback", content, tracking, "M-1"), b"as it came")
    assert store.messages.kept_for(["other", tracking], ["M-1"]) == [("loopback", content, b"as it came")]
    assert store.messages.kept_for([tracking], ["M-2"]) == []
    mine, other = (joining(content) for _ in range(2))
    assert store.append(mine) == mine.case.id
    with pytest.raises(Joined):
        store.append(other)
    assert store.case(other.case.id) is None
    assert store.messages.kept_for([tracking], ["M-1"]) == []
    assert store.messages.find(mine.case.request.transaction) == mine.case.id
    assert store.case(mine.case.id) == mine.case


def joining(content: str) -> Change:
    """Opens a case with an attachment that was kept by this hash."""
    request = replace(opening(judged()).case.request, transaction=a_transaction())
    made = opening(facts=(Attached(RECEIVED, "loopback", request, ()),))
    return replace(made, joined=(content,))
