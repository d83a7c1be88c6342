"""What every database behind the Store port keeps: the same promises on SQLite and on PostgreSQL."""

import multiprocessing
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.exc import IntegrityError

from server.fhir.version import Version
from server.store import schema
from server.store.ports import Inquiry, QuestionnaireErrors, Store, Submission, Transaction
from server.store.sql import SqlStore, open_store
from tests.conftest import DATABASES
from tests.submissions import NPI, POLICY, RECEIVED, YEAR, a_submission, an_assertion, an_item

DAY = timedelta(days=1)
IN_FORCE = YEAR[0] + 100 * DAY


@pytest.fixture(scope="module", params=DATABASES)
def shared_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    return new_database(request.param)


@pytest.fixture(scope="module")
def store(shared_url: str) -> Iterator[SqlStore]:
    """One store for the module: tests keep apart by member, as patients do."""
    opened = open_store(shared_url, clock=lambda: RECEIVED)
    yield opened
    opened.close()


@pytest.fixture
def member() -> str:
    return f"M-{uuid.uuid4()}"


def rows_of(url: str, table: str) -> list[dict[str, Any]]:
    """What stands in a table, read past the store."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = connection.execute(select(schema.metadata.tables[table])).mappings().all()
    engine.dispose()
    return [dict(row) for row in found]


def record_once(url: str, submission: Submission) -> str:
    """In a process of its own."""
    opened = open_store(url)
    stored = opened.record(submission)
    opened.close()
    return stored


class TestRecord:
    def test_returns_the_id_of_what_it_stored(self, store: Store) -> None:
        """A recorded submission is found by its transaction and by nothing else."""
        made = a_submission()
        assert store.find_transaction(made.transaction) is None
        assert store.record(made) == made.id
        assert store.find_transaction(made.transaction) == made.id

    @pytest.mark.parametrize("changed", ["client", "identifier", "content"])
    def test_a_transaction_is_all_three_of_its_parts(self, store: Store, changed: str) -> None:
        """Another client, identifier or content is another request."""
        made = a_submission()
        store.record(made)
        other = a_submission(transaction=replace(made.transaction, **{changed: "other"}))
        assert store.find_transaction(other.transaction) is None
        assert store.record(other) == other.id

    def test_the_parts_of_a_transaction_do_not_run_together(self, store: Store) -> None:
        """("ab", "c") and ("a", "bc") are different requests."""
        content = uuid.uuid4().hex
        store.record(a_submission(transaction=Transaction("ab", "c", content)))
        assert store.find_transaction(Transaction("a", "bc", content)) is None

    def test_the_same_transaction_again_writes_nothing(self, store: Store, shared_url: str, member: str) -> None:
        """The second record of a transaction returns the first id and leaves no row of its own."""
        first = a_submission(member_ids=(member,))
        again = replace(a_submission(member_ids=(member,)), transaction=first.transaction)
        store.record(first)
        assert store.record(again) == first.id
        assert store.explanation(again.id) is None
        assert store.inquire(Inquiry((member,), (NPI,))) == [first.id]
        assert not [row for row in rows_of(shared_url, "audit") if row["subject"] == again.id]

    def test_the_same_transaction_in_parallel_is_one_submission(self, store: Store, member: str) -> None:
        """However many callers record a transaction at once, one submission results and all get its id."""
        transaction = a_submission().transaction
        many = [replace(a_submission(member_ids=(member,)), transaction=transaction) for _ in range(16)]
        with ThreadPoolExecutor(8) as threads:
            ids = set(threads.map(store.record, many))
        assert len(ids) == 1
        assert store.inquire(Inquiry((member,), (NPI,))) == list(ids)

    def test_the_same_transaction_from_several_processes_is_one_submission(
        self, store: Store, shared_url: str, member: str
    ) -> None:
        """Processes that share a database agree on one submission, as threads do."""
        transaction = a_submission().transaction
        many = [replace(a_submission(member_ids=(member,)), transaction=transaction) for _ in range(12)]
        with ProcessPoolExecutor(4, multiprocessing.get_context("forkserver")) as processes:
            ids = set(processes.map(record_once, [shared_url] * len(many), many))
        assert list(ids) == store.inquire(Inquiry((member,), (NPI,)))

    def test_different_transactions_in_parallel_all_stand(self, store: Store, member: str) -> None:
        """Parallel submissions do not get lost or fail for being parallel."""
        many = [a_submission(member_ids=(member,)) for _ in range(40)]
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(store.record, many)) == [m.id for m in many]
        assert set(store.inquire(Inquiry((member,), (NPI,)))) == {m.id for m in many}

    @pytest.mark.parametrize("field", ["number", "reference"])
    def test_a_failure_leaves_nothing(self, store: Store, shared_url: str, member: str, field: str) -> None:
        """A number that is taken fails the whole record: no submission, key, rendering or audit row remains."""
        unique: dict[str, Any] = {field: f"T-{uuid.uuid4()}"}
        taken = an_item(**unique)
        store.record(a_submission(taken))
        failing = a_submission(an_item(1), an_item(2, **unique), member_ids=(member,))
        before = {table: len(rows_of(shared_url, table)) for table in schema.metadata.tables}
        with pytest.raises(IntegrityError):
            store.record(failing)
        assert {table: len(rows_of(shared_url, table)) for table in schema.metadata.tables} == before
        assert store.find_transaction(failing.transaction) is None
        assert store.record(replace(failing, items=(an_item(),))) == failing.id

    def test_a_failure_names_no_patient(self, store: Store, member: str) -> None:
        """The text of an error, which may be logged, holds neither member nor request."""
        made = a_submission(member_ids=(member,), claim_url=f"urn:{member}")
        store.record(made)
        with pytest.raises(IntegrityError) as caught:
            store.record(replace(a_submission(member_ids=(member,), claim_url=f"urn:{member}"), id=made.id))
        assert member not in str(caught.value)

    def test_audits_the_decision_in_the_same_transaction(self, store: Store, shared_url: str) -> None:
        """Every recorded submission has one audit row, dated as it was received, with outcomes and no patient data."""
        made = a_submission(an_item(1), an_item(2, outcome="pend-nurse", action="A4", number=None, period=None))
        store.record(made)
        (row,) = [row for row in rows_of(shared_url, "audit") if row["subject"] == made.id]
        assert (row["at"], row["event"]) == (RECEIVED, "decision")
        assert row["detail"] == '{"items":{"1":"approve","2":"pend-nurse"}}'

    def test_the_assertions_of_an_answer_are_stored_with_it(self, store: Store) -> None:
        """What an answer refers to as context is there when the answer is, and not when the record failed."""
        said, unsaid = an_assertion(), an_assertion()
        taken = an_item()
        store.record(a_submission(taken, assertions=(said,)))
        assert store.assertion(said.id) == said
        with pytest.raises(IntegrityError):
            store.record(a_submission(taken, assertions=(unsaid,)))
        assert store.assertion(unsaid.id) is None

    def test_a_submission_without_items_or_renderings_is_stored(self, store: Store) -> None:
        """The store has no opinion on how much a submission holds."""
        made = replace(a_submission(), items=(), renderings={}, member_ids=(), npis=(), requester_npis=())
        assert store.record(made) == made.id
        assert store.find_transaction(made.transaction) == made.id


class TestRendering:
    def test_returns_the_bytes_that_were_stored(self, store: Store) -> None:
        """Each version and kind gives back exactly its bytes, whatever they are."""
        bodies = {
            (Version.V2_2, "submit"): bytes(range(256)) * 300,
            (Version.V2_0, "submit"): b"",
            (Version.V2_0, "inquiry"): "Größe \N{SNOWMAN}".encode(),
        }
        made = a_submission(renderings=bodies)
        store.record(made)
        assert {key: store.rendering(made.id, *key) for key in bodies} == bodies

    def test_is_none_for_what_is_not_there(self, store: Store) -> None:
        """A version, kind or id that was not stored has no rendering; a strange id misses and does not fail."""
        made = a_submission(renderings={(Version.V2_2, "submit"): b"x"})
        store.record(made)
        assert store.rendering(made.id, Version.V2_0, "submit") is None
        assert store.rendering(made.id, Version.V2_2, "inquiry") is None
        for strange in ("", "\0", "x" * 10_000, "'; --", "\N{SNOWMAN}"):
            assert store.rendering(strange, Version.V2_2, "submit") is None

    def test_keeps_the_request_as_received(self, store: Store, shared_url: str) -> None:
        """The request's bytes stand in the record unchanged."""
        made = a_submission(request=b'{ "resourceType" : "Bundle" }\r\n\x00\xff')
        store.record(made)
        (row,) = [row for row in rows_of(shared_url, "submission") if row["id"] == made.id]
        assert row["request"] == made.request


class TestInquire:
    """Filters of `$inquire` (pas T-35, P-78)."""

    @pytest.mark.parametrize(
        ("member_ids", "npis", "found"),
        [
            (["{member}"], [NPI], True),
            (["other", "{member}"], ["0", NPI], True),
            (["{member}"], ["1999999999"], True),
            (["{member}"], ["0000000000"], False),
            (["other"], [NPI], False),
            ([], [NPI], False),
            (["{member}"], [], False),
            ([""], [""], False),
        ],
    )
    def test_member_and_provider_must_both_match(
        self, store: Store, member: str, member_ids: list[str], npis: list[str], *, found: bool
    ) -> None:
        """A submission is seen by who knows its member and is one of its providers or its requester; else by nobody."""
        made = a_submission(member_ids=(member,), npis=(NPI,), requester_npis=("1999999999",))
        store.record(made)
        asked = Inquiry(tuple(m.format(member=member) for m in member_ids), tuple(npis))
        assert list(store.inquire(asked)) == ([made.id] if found else [])

    def test_newest_first_and_at_most_the_limit(self, store: Store, member: str) -> None:
        """The latest recorded comes first, each once, and `limit` cuts the oldest."""
        made = [a_submission(member_ids=(member, f"{member}-b"), npis=(NPI, "2")) for _ in range(5)]
        for submission in made:
            store.record(submission)
        newest_first = [m.id for m in reversed(made)]
        everything = Inquiry((member, f"{member}-b"), (NPI, "2"))
        assert list(store.inquire(everything)) == newest_first
        assert list(store.inquire(replace(everything, limit=3))) == newest_first[:3]

    def test_a_number_that_matches_is_all_that_is_asked(self, store: Store, member: str) -> None:
        """A matching number returns only its own submission; the soft filters then count for nothing."""
        by_kind = {
            "number": an_item(number=f"N-{member}"),
            "reference": an_item(number=None, period=None, reference=f"R-{member}", action="A4"),
            "previous": an_item(previous_numbers=(f"P-{member}",)),
            "none": an_item(),
        }
        ids = {kind: store.record(a_submission(item, member_ids=(member,))) for kind, item in by_kind.items()}
        for kind, number in (("number", f"N-{member}"), ("reference", f"R-{member}"), ("previous", f"P-{member}")):
            asked = Inquiry((member,), (NPI,), numbers=("unknown", number), codes=("none|such",), actions=("A6",))
            assert list(store.inquire(asked)) == [ids[kind]]

    def test_a_number_that_matches_nothing_is_ignored(self, store: Store, member: str) -> None:
        """With numbers nobody knows, the other filters decide."""
        made = a_submission(member_ids=(member,))
        store.record(made)
        asked = Inquiry((member,), (NPI,), numbers=("unknown",))
        assert list(store.inquire(asked)) == [made.id]
        assert list(store.inquire(replace(asked, codes=("none|such",)))) == []

    def test_a_number_opens_nobody_elses_record(self, store: Store, member: str) -> None:
        """Knowing a number is no substitute for member and provider."""
        number = f"N-{member}"
        store.record(a_submission(an_item(number=number), member_ids=(member,)))
        assert list(store.inquire(Inquiry((member,), ("other",), numbers=(number,)))) == []
        assert list(store.inquire(Inquiry(("other",), (NPI,), numbers=(number,)))) == []

    MARCH = (date(2026, 3, 1), date(2026, 3, 31))

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({}, True),
            ({"codes": ("a|1",)}, True),
            ({"codes": ("a|2",)}, True),
            ({"codes": ("a|9", "a|1")}, True),
            ({"codes": ("a|9",)}, False),
            ({"actions": ("A4",)}, True),
            ({"actions": ("A1", "A4")}, True),
            ({"actions": ("A3",)}, False),
            ({"codes": ("a|1",), "actions": ("A1",)}, True),
            ({"codes": ("a|1",), "actions": ("A4",)}, False),
            ({"service": (date(2026, 3, 31), date(2026, 4, 30))}, True),
            ({"service": (date(2026, 2, 1), date(2026, 3, 1))}, True),
            ({"service": (date(2026, 4, 1), date(2026, 4, 30))}, False),
            ({"service": (date(2026, 2, 1), date(2026, 2, 28))}, False),
            ({"service": (date(2026, 6, 1), date(2026, 6, 30))}, True),
            ({"service": (date(2026, 6, 1), date(2026, 6, 30)), "actions": ("A4",)}, False),
        ],
    )
    def test_soft_filters_hold_for_one_item(
        self, store: Store, member: str, asked: dict[str, Any], *, found: bool
    ) -> None:
        """Codes, actions and dates narrow; all given ones must fit the same item, by its service or certified days."""
        made = a_submission(
            an_item(1, codes=("a|1",), service=self.MARCH, period=(date(2026, 6, 15), date(2026, 7, 1))),
            an_item(2, codes=("a|2",), service=self.MARCH, number=None, period=None, action="A4"),
            member_ids=(member,),
        )
        store.record(made)
        assert list(store.inquire(Inquiry((member,), (NPI,), **asked))) == ([made.id] if found else [])

    def test_what_another_submission_holds_does_not_count(self, store: Store, member: str) -> None:
        """The code, number or action of another patient's item, or of another item, opens nothing of this one."""
        other = an_item(codes=(f"c|{member}",), number=f"N-{member}", action="A6")
        store.record(a_submission(other, member_ids=(f"{member}-other",)))
        mine = store.record(a_submission(an_item(), member_ids=(member,)))
        asked = Inquiry((member,), (NPI,))
        assert list(store.inquire(asked)) == [mine]
        assert list(store.inquire(replace(asked, codes=(f"c|{member}",)))) == []
        assert list(store.inquire(replace(asked, actions=("A6",)))) == []
        assert list(store.inquire(replace(asked, numbers=(f"N-{member}",)))) == [mine]

    def test_an_item_without_dates_is_not_ruled_out_by_dates(self, store: Store, member: str) -> None:
        """Silence about service dates is no reason to hide an authorization."""
        made = a_submission(an_item(service=None, period=None, number=None), member_ids=(member,))
        store.record(made)
        assert list(store.inquire(Inquiry((member,), (NPI,), service=self.MARCH))) == [made.id]

    def test_values_of_any_length_and_script_can_be_searched(self, store: Store, member: str) -> None:
        """A member id or number of 50,000 characters, or with NUL in it, is stored and found like any other."""
        long = "".join(str(uuid.uuid4()) for _ in range(1_500))  # no compression makes this fit an index
        for odd in (long, "nul\0nul", "ä\N{SNOWMAN}"):
            made = a_submission(an_item(previous_numbers=(odd,), codes=(odd,)), member_ids=(member + odd,))
            store.record(made)
            asked = Inquiry((member + odd,), (NPI,), codes=(odd,))
            assert list(store.inquire(asked)) == [made.id]
            assert list(store.inquire(replace(asked, numbers=(odd,)))) == [made.id]


class TestActiveAuthorization:
    @pytest.mark.parametrize(
        ("on", "active"),
        [
            (YEAR[0] - DAY, False),
            (YEAR[0], True),
            (IN_FORCE, True),
            (YEAR[1], True),
            (YEAR[1] + DAY, False),
        ],
    )
    def test_first_and_last_day_count(self, store: Store, member: str, on: date, *, active: bool) -> None:
        """An approval is in force from its first to its last day, both included."""
        made = a_submission(member_ids=("other", member))
        store.record(made)
        found = store.active_authorization([member], POLICY, on)
        assert (found is not None) is active
        if found:
            assert (found.number, found.period) == (made.items[0].number, YEAR)
            assert (found.submission_id, found.policy_id) == (made.id, POLICY)

    @pytest.mark.parametrize(
        ("members", "policy"), [((), POLICY), (("nobody",), POLICY), (("{member}",), "other-policy")]
    )
    def test_of_this_member_under_this_policy_only(
        self, store: Store, member: str, members: tuple[str, ...], policy: str
    ) -> None:
        """Another member's approval, or one under another policy, satisfies nothing."""
        store.record(a_submission(member_ids=(member,)))
        asked = [m.format(member=member) for m in members]
        assert store.active_authorization(asked, policy, IN_FORCE) is None

    def test_pended_items_are_no_authorization(self, store: Store, member: str) -> None:
        """Without a number and a period there is nothing in force."""
        store.record(a_submission(an_item(number=None, action="A4", outcome="pend-nurse"), member_ids=(member,)))
        store.record(a_submission(an_item(period=None), member_ids=(member,)))
        assert store.active_authorization([member], POLICY, IN_FORCE) is None

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        spans=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted), min_size=1, max_size=4),
        day=st.integers(-1, 41),
    )
    def test_the_latest_end_among_those_that_hold_the_day(self, store: Store, spans: list[list[int]], day: int) -> None:
        """For any set of periods: none when no period holds the day, else the one of the latest end."""
        member, start = f"M-{uuid.uuid4()}", date(2026, 1, 1)
        for first, last in spans:
            store.record(a_submission(an_item(period=(start + first * DAY, start + last * DAY)), member_ids=(member,)))
        found = store.active_authorization(["nobody", member], POLICY, start + day * DAY)
        holding = [last for first, last in spans if first <= day <= last]
        assert (found and found.period[1]) == (start + max(holding) * DAY if holding else None)


class TestExplanation:
    def test_returns_the_items_as_recorded_in_order_of_sequence(self, store: Store) -> None:
        """Every field of every item comes back as it was recorded, by item sequence."""
        first = an_item(1, previous_numbers=("A", "B"), codes=("x|1", "y|2"))
        second = an_item(2, number=None, reference=f"R-{uuid.uuid4()}", period=None, service=None, reason="0U")
        third = an_item(7, policy_id=None, policy_uri=None, edition=None, findings="[]")
        made = a_submission(third, first, second)
        store.record(made)
        found = store.explanation(made.id)
        assert found is not None
        assert (found.submission_id, found.received, found.items) == (made.id, RECEIVED, (first, second, third))

    def test_is_none_for_an_unknown_submission(self, store: Store) -> None:
        """An id nobody was given explains nothing; a strange one misses and does not fail."""
        assert store.explanation("nothing") is None
        assert store.explanation("a\0b") is None

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        received=st.datetimes(
            min_value=datetime(1971, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
            timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
        ).filter(lambda moment: moment.year < 9999)
    )
    def test_moments_come_back_as_the_same_instant_in_utc(self, store: Store, received: datetime) -> None:
        """Whatever zone a moment came in, the store gives the same instant, in UTC, to the microsecond."""
        made = a_submission(received=received)
        store.record(made)
        found = store.explanation(made.id)
        assert found is not None
        assert found.received == received
        assert found.received.tzinfo is UTC

    def test_a_moment_without_zone_is_refused(self, store: Store) -> None:
        """A naive time cannot get into the record."""
        made = a_submission(received=RECEIVED.replace(tzinfo=None))
        with pytest.raises(Exception, match="without a zone"):
            store.record(made)
        assert store.find_transaction(made.transaction) is None


class TestAssertions:
    def test_come_back_as_remembered(self, store: Store) -> None:
        """What order-sign said about an order is found by its id, field by field."""
        full = an_assertion()
        bare = an_assertion(policy_id=None, edition=None, form=None, member_ids=(), version=Version.V2_2)
        store.remember([full, bare])
        assert store.assertion(full.id) == full
        assert store.assertion(bare.id) == bare

    @pytest.mark.parametrize("unknown", ["", "nothing", "\0", "x" * 10_000])
    def test_an_unknown_id_has_none(self, store: Store, unknown: str) -> None:
        """An assertion nobody made is not found, whatever its id looks like."""
        assert store.assertion(unknown) is None

    def test_remembering_nothing_is_fine(self, store: Store, shared_url: str) -> None:
        """No orders, no rows."""
        before = len(rows_of(shared_url, "assertion"))
        store.remember([])
        assert len(rows_of(shared_url, "assertion")) == before

    def test_all_or_none_are_remembered(self, store: Store) -> None:
        """One assertion that cannot be stored takes its siblings back with it."""
        known, fresh = an_assertion(), an_assertion()
        store.remember([known])
        with pytest.raises(IntegrityError):
            store.remember([fresh, known])
        assert store.assertion(fresh.id) is None


def test_audit_writes_one_dated_row_a_subject(store: Store, shared_url: str) -> None:
    """An audit entry says when, what happened, to which id, and the given details."""
    subject = str(uuid.uuid4())
    store.audit("read", [subject], {"version": Version.V2_2, "count": 2})
    (row,) = [row for row in rows_of(shared_url, "audit") if row["subject"] == subject]
    assert (row["at"], row["event"], row["detail"]) == (RECEIVED, "read", '{"version":"2.2","count":2}')


def test_ready_while_the_schema_is_current(store: Store) -> None:
    """A store that was opened is ready."""
    assert store.ready()


def test_reports_about_forms_come_back_newest_first(store: Store) -> None:
    """What DTR apps reported stands as received; at most as many reports are read as were asked for."""
    forms = [f"https://payer.example/Questionnaire/{uuid.uuid4()}|1" for _ in range(3)]
    made = [
        QuestionnaireErrors(RECEIVED + n * DAY, version, (form, "other"), '[{"resourceType":"OperationOutcome"}]')
        for n, (form, version) in enumerate(zip(forms, [Version.V2_0, Version.V2_2, Version.V2_0], strict=True))
    ]
    for report in made:
        store.report(report)
    assert list(store.reported(2)) == [made[2], made[1]]
