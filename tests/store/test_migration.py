"""A record that schema 0003 wrote opens after the migration, says what it said, and takes what is new."""

from collections.abc import Iterator

import orjson
import pytest
from sqlalchemy import create_engine, text

from server.auth.caller import LOOPBACK
from server.decision.model import Outcome
from server.decision.request import Transaction
from server.errors import UnusableDatabase
from server.fhir.version import Version
from server.pas.explain import explain
from server.store.chain import problems
from server.store.ports import Inquiry
from server.store.sql import SqlStore, open_store
from tests.requests.bundle import CLINIC, PRESCRIBER
from tests.requests.cases import following, judged, opening, ruled
from tests.requests.world import SayingEngine, a_world, submitted
from tests.store import record_0003 as old
from tests.store.record_0003 import APPROVED, CASES, DENIED, KINDS, MIXED, POLICY, RECEIVED, REVISED, YEAR
from tests.store.stored_rows import rows_of

EVERYTHING = Inquiry(("M-1",), (CLINIC,))


@pytest.fixture(scope="module")
def store(module_database_url: str) -> Iterator[SqlStore]:
    """The old record, opened by the server of today; these tests only read it."""
    old.write(module_database_url, *CASES)
    opened = open_store(module_database_url)
    yield opened
    opened.close()


def test_it_answers_as_before(store: SqlStore) -> None:
    """Renderings, explanations, providers and transactions of every old case are what they were."""
    for case in CASES:
        assert store.find_transaction(Transaction(*case.transaction)) == case.id
        assert {which: store.rendering(case.id, *which) for which in KINDS} == {k: case.body(*k) for k in KINDS}
        found = store.explanation(case.id)
        assert found is not None
        assert (found.received, found.items) == (RECEIVED, case.now)
        assert sorted(store.providers(case.id)) == sorted((CLINIC, PRESCRIBER))
    assert store.assertion("context") == old.ASSERTION
    assert list(store.reported(2)) == [old.ERRORS]


def test_it_is_searched_as_before(store: SqlStore) -> None:
    """By member and provider, by numbers of then and of later, by code, action and day; and by nobody else."""
    newest_first = [case.id for case in reversed(CASES)]
    assert store.inquire(EVERYTHING) == newest_first
    assert store.inquire(Inquiry(("M-1b",), (PRESCRIBER,))) == [APPROVED.id]
    assert store.inquire(Inquiry(("M-1",), ("1777777773",))) == []
    for number, case in {"VA1": APPROVED, "OLD-1": MIXED, "VP2": MIXED, "VP3": REVISED, "VA3": REVISED}.items():
        assert store.inquire(Inquiry(("M-1",), (CLINIC,), numbers=(number,))) == [case.id]
    assert store.inquire(Inquiry(("M-1",), (CLINIC,), actions=("A3",))) == [DENIED.id]
    assert store.inquire(Inquiry(("M-1",), (CLINIC,), codes=("http://example.org/codes|drug",))) == newest_first
    outside = (YEAR[1].replace(year=2030), YEAR[1].replace(year=2030))
    assert store.inquire(Inquiry(("M-1",), (CLINIC,), service=outside)) == []


def test_what_was_authorized_still_is(store: SqlStore) -> None:
    """An approval, also one that a person gave later, is found by each id of the member, on its first and last day."""
    for day in YEAR:
        active = store.active_authorization(["M-1"], POLICY, day)
        assert active is not None
        assert (active.number, active.case_id, active.period) == ("VA3", REVISED.id, YEAR)
    other = store.active_authorization(["M-1b"], POLICY, YEAR[0])
    assert other is not None
    assert (other.number, other.case_id) == ("VA1", APPROVED.id)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.usefixtures("store")
def test_its_history_is_kept_as_facts(module_database_url: str, case: old.OldCase) -> None:
    """A receipt, the machine's decision and each later one, with the time of each and the items as it left them."""
    (row,) = [row for row in rows_of(module_database_url, "submission") if row["id"] == case.id]
    facts = [fact for fact in rows_of(module_database_url, "fact") if fact["submission"] == row["seq"]]
    facts.sort(key=lambda fact: fact["number"])
    assert row["facts"] == len(facts) == len(case.left) + 1
    assert row["caller"] is None
    assert [fact["number"] for fact in facts] == list(range(1, len(facts) + 1))
    assert {fact["kind"] for fact in facts} == {"earlier"}
    assert [fact["at"] for fact in facts] == [RECEIVED, *(case.at(n) for n in range(len(case.left)))]
    assert facts[0]["body"] is None
    for fact, left in zip(facts[1:], case.left, strict=True):
        kept = orjson.loads(fact["body"])
        assert [(i["sequence"], i["outcome"], i["number"], i["reference"], i["decided_by"]) for i in kept] == [
            (i.sequence, i.outcome, i.number, i.reference, i.decided_by) for i in left
        ]
        assert [(i["period_start"], i["service_start"], i["findings"]) for i in kept] == [
            (i.period[0].isoformat() if i.period else None, str(i.service and i.service[0]), i.findings) for i in left
        ]


@pytest.mark.usefixtures("store")
def test_former_answers_are_kept(module_database_url: str) -> None:
    """Each stands by how many facts the case had when it was the answer: two after the machine, then one more each."""
    seqs = {row["seq"]: row["id"] for row in rows_of(module_database_url, "submission")}
    former = {
        (seqs[r["submission"]], r["facts"], r["version"], r["kind"]): r["body"]
        for r in rows_of(module_database_url, "former_rendering")
    }
    assert former == {
        (case.id, n + 2, *which): case.body(*which, n)
        for case in CASES
        for n in range(len(case.left) - 1)
        for which in KINDS
    }


def test_the_audit_is_chained(store: SqlStore) -> None:
    """The rows of then stand as they were, in one chain that is whole, and the last row says that it began now."""
    with store.trail() as (heads, found):
        rows = list(found)
    assert list(problems(rows, heads)) == []
    *old_rows, last = rows
    assert len(old_rows) == sum(len(case.left) for case in CASES)
    assert {row.event for row in old_rows} == {"decision"}
    assert old_rows[0].detail == '{"items":{"1":"approve"}}'
    assert (last.event, last.detail) == ("chained", f'{{"caller":"machine","rows":{len(old_rows)}}}')


def test_an_old_request_is_no_case(store: SqlStore) -> None:
    """What was read then was not kept, so no fact can follow; it is answered from what was rendered."""
    for case in CASES:
        assert store.case(case.id) is None


@pytest.mark.usefixtures("store")
def test_it_is_migrated_once(module_database_url: str) -> None:
    """A second start finds the record current, and the facts as the first one left them."""
    before = rows_of(module_database_url, "fact")
    again = open_store(module_database_url)
    assert again.ready()
    assert rows_of(module_database_url, "fact") == before
    again.close()


def test_its_requests_are_answered_with_their_bytes(store: SqlStore) -> None:
    """Sent again, a request of then gets its answer of then, and is not judged again."""
    engine = SayingEngine()
    world = a_world(store, engine)
    for version in Version:
        assert submitted(world, version=version) == APPROVED.body(version, "submit")
    assert engine.evaluations == 0


def test_what_is_new_stands_beside_it(database_url: str) -> None:
    """New cases are opened, found with the old ones and changed; a transaction of then stays that of its case."""
    old.write(database_url, *CASES)
    store = open_store(database_url)
    new = opening(judged(), member_ids=("M-1",), npis=(CLINIC,))
    assert store.append(new) == new.case.id
    assert store.inquire(EVERYTHING)[:2] == [new.case.id, DENIED.id]
    assert store.append(opening(transaction=Transaction(*MIXED.transaction))) == MIXED.id
    pended = opening(judged(outcome=Outcome.PEND_NURSE))
    store.append(pended)
    change = following(pended.case, ruled())
    assert store.append(change) == pended.case.id
    assert store.case(pended.case.id) == change.case
    assert b"physician" in explain(DENIED.id, LOOPBACK, store)
    store.close()


def test_a_failure_on_the_way_leaves_it_as_it_was(database_url: str) -> None:
    """What cannot be migrated is not half migrated: the version of then still opens it."""
    old.write(database_url, *CASES)
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE submission ADD COLUMN caller TEXT"))  # stands in the way
        before = connection.execute(text("SELECT count(*) FROM revision")).scalar()
    with pytest.raises(UnusableDatabase):
        open_store(database_url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0003"
        assert connection.execute(text("SELECT count(*) FROM revision")).scalar() == before
        assert not connection.dialect.has_table(connection, "fact")
        connection.execute(text("ALTER TABLE submission DROP COLUMN caller"))
    engine.dispose()
    opened = open_store(database_url)
    assert opened.inquire(EVERYTHING)
    opened.close()


def test_what_it_is_for_stays(database_url: str) -> None:
    """The record of a sandbox stays a sandbox's."""
    old.write(database_url, APPROVED, sandbox=True)
    opened = open_store(database_url)
    opened.dedicate(sandbox=True)
    with pytest.raises(UnusableDatabase, match="is a sandbox's"):
        opened.dedicate(sandbox=False)
    opened.close()


def test_an_empty_record_opens(database_url: str) -> None:
    """A database that was made and never used is as good as a new one."""
    old.write(database_url)
    opened = open_store(database_url)
    assert opened.append(opening())
    opened.close()
