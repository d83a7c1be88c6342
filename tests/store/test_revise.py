"""A later decision on a stored submission, and what a record is for, on every database behind the port."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import create_engine, select

from server.errors import UnusableDatabase
from server.fhir.version import Version
from server.store import schema
from server.store.ports import Inquiry, Revision, Submission
from server.store.sql import SqlStore, open_store
from tests.submissions import MEMBER, NPI, POLICY, RECEIVED, YEAR, a_submission, an_item

KINDS = [(version, kind) for version in Version for kind in ("submit", "inquiry")]


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    opened = open_store(database_url, clock=lambda: RECEIVED)
    yield opened
    opened.close()


def pended() -> Submission:
    item = an_item(outcome="pend-nurse", action="A4", number=None, period=None, reference=f"VP-{uuid.uuid4()}")
    return a_submission(item)


def approved(submission: Submission, number: int = 1) -> Revision:
    """The same items, approved by a nurse an hour later."""
    changes = {"outcome": "approve", "action": "A1", "number": f"VA-{uuid.uuid4()}", "period": YEAR}
    items = tuple(replace(i, **changes, decided_by='{"role":"nurse"}') for i in submission.items)  # type: ignore[arg-type]
    bodies = {(version, kind): f"revised {kind} {version}".encode() for version, kind in KINDS}
    return Revision(submission.id, number, RECEIVED + timedelta(hours=1), items, bodies)


def rows_of(url: str, table: str) -> list[dict[str, object]]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = connection.execute(select(schema.metadata.tables[table])).mappings().all()
    engine.dispose()
    return [dict(row) for row in found]


def test_a_revision_is_what_is_answered_from_then_on(store: SqlStore) -> None:
    """Items, renderings, the active authorization and the search by number are those of the revision."""
    first = pended()
    store.record(first)
    revision = approved(first)
    assert store.revise(revision)
    for version, kind in KINDS:
        assert store.rendering(first.id, version, kind) == f"revised {kind} {version}".encode()
    explanation = store.explanation(first.id)
    assert explanation is not None
    assert explanation.items == revision.items
    active = store.active_authorization([MEMBER], POLICY, YEAR[0])
    assert active is not None
    assert active.number == revision.items[0].number
    for number in (first.items[0].reference, revision.items[0].number):
        assert store.inquire(Inquiry((MEMBER,), (NPI,), numbers=(str(number),))) == [first.id]


def test_what_stood_there_is_kept(store: SqlStore, database_url: str) -> None:
    """The former items and every former rendering stay in the record, byte for byte, and the audit tells both."""
    first = pended()
    store.record(first)
    store.revise(approved(first))
    (kept,) = rows_of(database_url, "revision")
    assert [(i["outcome"], i["reference"]) for i in orjson.loads(str(kept["items"]))] == [
        ("pend-nurse", first.items[0].reference)
    ]
    former = {(r["version"], r["kind"]): r["body"] for r in rows_of(database_url, "former_rendering")}
    assert former == first.renderings
    assert [r["event"] for r in rows_of(database_url, "audit")] == ["decision", "decision"]


def test_the_same_revision_is_made_once(store: SqlStore) -> None:
    """Of parallel revisions with one number exactly one is written; the next number is free."""
    first = pended()
    store.record(first)
    made = [approved(first) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        written = list(threads.map(store.revise, made))
    assert sum(written) == 1
    kept = store.submitted(first.id)
    assert kept is not None
    assert (kept.revisions, kept.request, kept.version, kept.received) == (1, first.request, first.version, RECEIVED)
    assert store.revise(approved(first, number=2))


def test_a_revision_needs_its_submission(store: SqlStore) -> None:
    """Nothing can be revised that was never recorded."""
    assert store.submitted("nothing") is None
    with pytest.raises(LookupError):
        store.revise(approved(pended()))


def test_an_empty_record_can_become_a_sandbox(store: SqlStore, database_url: str) -> None:
    """A dedicated record serves its sandbox again and again, with what it decided, and nothing else."""
    store.dedicate(sandbox=True)
    store.record(a_submission())
    store.dedicate(sandbox=True)
    with pytest.raises(UnusableDatabase, match="is a sandbox's"):
        store.dedicate(sandbox=False)
    assert [r["name"] for r in rows_of(database_url, "mark")] == ["sandbox"]


def test_processes_of_one_sandbox_may_start_at_once(store: SqlStore, database_url: str) -> None:
    """Parallel starts on an empty record mark it once, and none of them fails."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: store.dedicate(sandbox=True), range(4)))
    assert len(rows_of(database_url, "mark")) == 1


def test_a_record_of_requests_is_no_sandbox(store: SqlStore) -> None:
    """A record that holds one decision refuses a sandbox, and goes on serving without one."""
    store.dedicate(sandbox=False)
    store.record(a_submission())
    with pytest.raises(UnusableDatabase, match="no sandbox made"):
        store.dedicate(sandbox=True)
    store.dedicate(sandbox=False)
