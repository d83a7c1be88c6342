"""What every database behind the Store port keeps: the same promises on SQLite and on PostgreSQL."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from server.decision.apply import apply
from server.decision.case import Updated
from server.decision.model import Outcome
from server.decision.request import Transaction
from server.decision.ruling import Role, Verdict
from server.fhir.read import Coding
from server.fhir.version import Version
from server.store import schema
from server.store.ports import Change, Inquiry, ItemRecord, QuestionnaireErrors, Store
from server.store.sql import SqlStore, open_store
from tests.conftest import DATABASES
from tests.policies import POLICY_URI
from tests.requests.cases import (
    NPI,
    POLICY,
    RECEIVED,
    SERVICE,
    YEAR,
    Judged,
    a_transaction,
    an_assertion,
    following,
    judged,
    opening,
    ruled,
)
from tests.store.processes import append_all
from tests.store.stored_rows import rows_of

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


def counts(url: str) -> dict[str, int]:
    """How many rows each table has."""
    return {table: len(rows_of(url, table)) for table in schema.metadata.tables}


class TestOpening:
    """The first change of a case."""

    def test_returns_the_id_of_what_it_stored(self, store: Store) -> None:
        """A case that was opened is found by its transaction and by nothing else."""
        made = opening()
        transaction = made.case.request.transaction
        assert store.find_transaction(transaction) is None
        assert store.append(made) == made.case.id
        assert store.find_transaction(transaction) == made.case.id

    @pytest.mark.parametrize("changed", ["client", "identifier", "content"])
    def test_a_transaction_is_all_three_of_its_parts(self, store: Store, changed: str) -> None:
        """Another client, identifier or content is another request."""
        made = opening()
        store.append(made)
        other = opening(transaction=replace(made.case.request.transaction, **{changed: "other"}))
        assert store.find_transaction(other.case.request.transaction) is None
        assert store.append(other) == other.case.id

    def test_the_parts_of_a_transaction_do_not_run_together(self, store: Store) -> None:
        """("ab", "c") and ("a", "bc") are different requests."""
        content = uuid.uuid4().hex
        store.append(opening(transaction=Transaction("ab", "c", content)))
        assert store.find_transaction(Transaction("a", "bc", content)) is None

    def test_the_same_transaction_again_writes_nothing(self, store: Store, shared_url: str, member: str) -> None:
        """The second case of a transaction is given the first id and leaves no row of its own."""
        first = opening(member_ids=(member,))
        again = opening(member_ids=(member,), transaction=first.case.request.transaction)
        store.append(first)
        before = counts(shared_url)
        assert store.append(again) == first.case.id
        assert counts(shared_url) == before
        assert store.explanation(again.case.id) is None
        assert store.case(again.case.id) is None
        assert store.inquire(Inquiry((member,), (NPI,))) == [first.case.id]
        assert not [row for row in rows_of(shared_url, "audit") if row["subject"] == again.case.id]

    def test_the_same_transaction_in_parallel_is_one_case(self, store: Store, member: str) -> None:
        """However many callers open a case of one transaction at once, one case results and all get its id."""
        transaction = a_transaction()
        many = [opening(member_ids=(member,), transaction=transaction) for _ in range(16)]
        with ThreadPoolExecutor(8) as threads:
            ids = set(threads.map(store.append, many))
        assert len(ids) == 1
        assert store.inquire(Inquiry((member,), (NPI,))) == list(ids)

    def test_the_same_transaction_from_several_processes_is_one_case(
        self, store: Store, shared_url: str, member: str
    ) -> None:
        """Processes that share a database agree on one case, as threads do."""
        transaction = a_transaction()
        many = [opening(member_ids=(member,), transaction=transaction) for _ in range(12)]
        ids = set(append_all(shared_url, many))
        assert list(ids) == store.inquire(Inquiry((member,), (NPI,)))

    def test_different_transactions_in_parallel_all_stand(self, store: Store, member: str) -> None:
        """Parallel requests do not get lost or fail for being parallel."""
        many = [opening(member_ids=(member,)) for _ in range(40)]
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(store.append, many)) == [m.case.id for m in many]
        assert set(store.inquire(Inquiry((member,), (NPI,)))) == {m.case.id for m in many}

    @pytest.mark.parametrize("outcome", [Outcome.APPROVE, Outcome.PEND_NURSE])
    def test_a_failure_leaves_nothing(self, store: Store, shared_url: str, member: str, outcome: Outcome) -> None:
        """A number or reference that is taken fails the whole change: no case, fact, key, rendering or audit row."""
        taken = judged(outcome=outcome)
        store.append(opening(taken))
        again = judged(2, outcome, number=taken.made.number, reference=taken.made.reference)
        failing = opening(judged(1), again, member_ids=(member,))
        before = counts(shared_url)
        with pytest.raises(IntegrityError):
            store.append(failing)
        assert counts(shared_url) == before
        transaction = failing.case.request.transaction
        assert store.find_transaction(transaction) is None
        assert store.append(opening(case_id=failing.case.id, transaction=transaction)) == failing.case.id

    def test_a_number_is_never_given_again(self, store: Store, member: str) -> None:
        """Cancelled, an authorization keeps its number: another case that would get it is refused whole."""
        made = opening(member_ids=(member,))
        number = made.case.items[0].number
        store.append(made)
        request = replace(made.case.request, items=(), transaction=a_transaction())
        gone = following(made.case, Updated(RECEIVED, "loopback", request, (), (1,)))
        assert store.append(gone) == made.case.id
        with pytest.raises(IntegrityError):
            store.append(opening(judged(number=number), member_ids=(member,)))
        assert store.inquire(Inquiry((member,), (NPI,))) == [made.case.id]

    def test_a_failure_names_no_patient(self, store: Store, member: str) -> None:
        """The text of an error, which may be logged, holds neither member nor request."""
        made = replace(opening(member_ids=(member,)), raw=member.encode())
        store.append(made)
        with pytest.raises(IntegrityError) as caught:
            store.append(replace(opening(case_id=made.case.id, member_ids=(member,)), raw=member.encode()))
        assert member not in str(caught.value)

    def test_audits_the_decision_in_the_same_transaction(self, store: Store, shared_url: str) -> None:
        """Every case that is opened has one audit row, dated as it was decided, with outcomes and no patient data."""
        made = opening(judged(1), judged(2, Outcome.PEND_NURSE))
        store.append(made)
        (row,) = [row for row in rows_of(shared_url, "audit") if row["subject"] == made.case.id]
        assert (row["at"], row["event"]) == (RECEIVED, "decision")
        assert row["detail"] == '{"facts":2,"items":{"1":"approve","2":"pend-nurse"},"caller":"loopback"}'

    def test_the_assertions_of_an_answer_are_stored_with_it(self, store: Store) -> None:
        """What an answer refers to as context is there when the answer is, and not when the change failed."""
        said, unsaid = an_assertion(), an_assertion()
        taken = judged()
        store.append(replace(opening(taken), assertions=(said,)))
        assert store.assertion(said.id) == said
        with pytest.raises(IntegrityError):
            store.append(replace(opening(taken), assertions=(unsaid,)))
        assert store.assertion(unsaid.id) is None

    def test_a_case_without_items_or_renderings_is_stored(self, store: Store) -> None:
        """The store has no opinion on how much a change holds: a request that is only received is a case."""
        made = opening(member_ids=(), npis=(), requester_npis=())
        received = made.facts[0]
        bare = Change(apply(None, received), 0, (received,), {})
        assert store.append(bare) == made.case.id
        assert store.find_transaction(made.case.request.transaction) == made.case.id
        assert store.case(made.case.id) == bare.case


class TestCase:
    """What the facts come to, read back."""

    @pytest.mark.parametrize("verdicts", [(), (Verdict.APPROVE,), (Verdict.FORWARD, Verdict.MODIFY)])
    def test_is_the_very_case_that_was_stored(self, store: Store, verdicts: tuple[Verdict, ...]) -> None:
        """Request, items, rulings, numbers and times come back without loss, however many facts there are."""
        roles = (Role.PHYSICIAN if v is Verdict.FORWARD else Role.MEDICAL_DIRECTOR for v in verdicts)
        made = opening(
            judged(1, previous_numbers=("A", "B"), service=None),
            judged(2, Outcome.PEND_PHYSICIAN, findings=()),
            facts=[ruled(2, verdict=v, role=r) for v, r in zip(verdicts, roles, strict=True)],
        )
        store.append(made)
        found = store.case(made.case.id)
        assert found == made.case
        assert found is not None
        assert found.facts == 2 + len(verdicts)

    def test_comes_back_with_its_parts_in_place(self, store: Store) -> None:
        """A resource that is read back is the one that stands in the Bundle, so that references lead to it."""
        made = opening(judged(1), judged(2))
        store.append(made)
        found = store.case(made.case.id)
        assert found is not None
        request = found.request
        entries = {id(resource) for _, _, resource in request.index.entries}
        named = (request.patient, request.coverage, request.insurer, request.requester, request.organization)
        assert {id(resource) for resource in named} <= entries
        assert request.organization is request.requester
        assert [item.requested.raw for item in found.items] == request.claim["item"]
        for item, requested in zip(found.items, request.items, strict=True):
            assert item.requested is requested
            assert id(requested.order) in entries

    @pytest.mark.parametrize("unknown", ["", "nothing", "a\0b", "x" * 10_000])
    def test_is_none_for_an_unknown_id(self, store: Store, unknown: str) -> None:
        """An id nobody was given has no case and no providers; a strange one misses and does not fail."""
        assert store.case(unknown) is None
        assert list(store.providers(unknown)) == []

    def test_belongs_to_its_providers(self, store: Store) -> None:
        """Who asked, who ordered and who treats are told once each, whatever the number of member ids."""
        made = opening(member_ids=("M-1", "M-2"), npis=(NPI, "1000000012"), requester_npis=("1999999999", NPI))
        store.append(made)
        assert sorted(store.providers(made.case.id)) == sorted((NPI, "1000000012", "1999999999"))


class TestRendering:
    def test_returns_the_bytes_that_were_stored(self, store: Store) -> None:
        """Each version and kind gives back exactly its bytes, whatever they are."""
        bodies = {
            (Version.V2_2, "submit"): bytes(range(256)) * 300,
            (Version.V2_0, "submit"): b"",
            (Version.V2_0, "inquiry"): "Größe \N{SNOWMAN}".encode(),
        }
        made = replace(opening(), renderings=bodies)
        store.append(made)
        assert {key: store.rendering(made.case.id, *key) for key in bodies} == bodies

    def test_is_none_for_what_is_not_there(self, store: Store) -> None:
        """A version, kind or id that was not stored has no rendering; a strange id misses and does not fail."""
        made = replace(opening(), renderings={(Version.V2_2, "submit"): b"x"})
        store.append(made)
        assert store.rendering(made.case.id, Version.V2_0, "submit") is None
        assert store.rendering(made.case.id, Version.V2_2, "inquiry") is None
        for strange in ("", "\0", "x" * 10_000, "'; --", "\N{SNOWMAN}"):
            assert store.rendering(strange, Version.V2_2, "submit") is None

    def test_keeps_the_request_as_received(self, store: Store, shared_url: str) -> None:
        """The request's bytes stand in the record unchanged."""
        made = replace(opening(), raw=b'{ "resourceType" : "Bundle" }\r\n\x00\xff')
        store.append(made)
        (row,) = [row for row in rows_of(shared_url, "submission") if row["id"] == made.case.id]
        assert row["request"] == made.raw


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
        """A case is seen by who knows its member and is one of its providers or its requester; else by nobody."""
        made = opening(member_ids=(member,), npis=(NPI,), requester_npis=("1999999999",))
        store.append(made)
        asked = Inquiry(tuple(m.format(member=member) for m in member_ids), tuple(npis))
        assert list(store.inquire(asked)) == ([made.case.id] if found else [])

    def test_newest_first_and_at_most_the_limit(self, store: Store, member: str) -> None:
        """The latest recorded comes first, each once, and `limit` cuts the oldest."""
        made = [opening(member_ids=(member, f"{member}-b"), npis=(NPI, "2")) for _ in range(5)]
        for change in made:
            store.append(change)
        newest_first = [m.case.id for m in reversed(made)]
        everything = Inquiry((member, f"{member}-b"), (NPI, "2"))
        assert list(store.inquire(everything)) == newest_first
        assert list(store.inquire(replace(everything, limit=3))) == newest_first[:3]

    def test_a_number_that_matches_is_all_that_is_asked(self, store: Store, member: str) -> None:
        """A matching number returns only its own case; the soft filters then count for nothing."""
        by_kind = {
            "number": judged(number=f"N-{member}"),
            "reference": judged(outcome=Outcome.PEND_NURSE, reference=f"R-{member}"),
            "previous": judged(previous_numbers=(f"P-{member}",)),
            "none": judged(),
        }
        ids = {kind: store.append(opening(item, member_ids=(member,))) for kind, item in by_kind.items()}
        for kind, number in (("number", f"N-{member}"), ("reference", f"R-{member}"), ("previous", f"P-{member}")):
            asked = Inquiry((member,), (NPI,), numbers=("unknown", number), codes=("none|such",), actions=("A6",))
            assert list(store.inquire(asked)) == [ids[kind]]

    def test_a_number_that_matches_nothing_is_ignored(self, store: Store, member: str) -> None:
        """With numbers nobody knows, the other filters decide."""
        made = opening(member_ids=(member,))
        store.append(made)
        asked = Inquiry((member,), (NPI,), numbers=("unknown",))
        assert list(store.inquire(asked)) == [made.case.id]
        assert list(store.inquire(replace(asked, codes=("none|such",)))) == []

    def test_a_number_opens_nobody_elses_record(self, store: Store, member: str) -> None:
        """Knowing a number is no substitute for member and provider."""
        number = f"N-{member}"
        store.append(opening(judged(number=number), member_ids=(member,)))
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
        made = opening(
            judged(1, codes=(Coding("a", "1"),), service=self.MARCH, period=(date(2026, 6, 15), date(2026, 7, 1))),
            judged(2, Outcome.PEND_NURSE, codes=(Coding("a", "2"),), service=self.MARCH),
            member_ids=(member,),
        )
        store.append(made)
        assert list(store.inquire(Inquiry((member,), (NPI,), **asked))) == ([made.case.id] if found else [])

    def test_what_another_case_holds_does_not_count(self, store: Store, member: str) -> None:
        """The code, number or action of another patient's item, or of another item, opens nothing of this one."""
        other = judged(1, Outcome.PEND_NURSE, codes=(Coding("c", member),), reference=f"N-{member}")
        modified = ruled(1, verdict=Verdict.MODIFY)
        store.append(opening(other, facts=[modified], member_ids=(f"{member}-other",)))
        mine = store.append(opening(member_ids=(member,)))
        asked = Inquiry((member,), (NPI,))
        assert list(store.inquire(asked)) == [mine]
        assert list(store.inquire(replace(asked, codes=(f"c|{member}",)))) == []
        assert list(store.inquire(replace(asked, actions=("A6",)))) == []
        assert list(store.inquire(replace(asked, numbers=(f"N-{member}",)))) == [mine]

    def test_an_item_without_dates_is_not_ruled_out_by_dates(self, store: Store, member: str) -> None:
        """Silence about service dates is no reason to hide an authorization."""
        made = opening(judged(outcome=Outcome.PEND_NURSE, service=None), member_ids=(member,))
        store.append(made)
        assert list(store.inquire(Inquiry((member,), (NPI,), service=self.MARCH))) == [made.case.id]

    def test_values_of_any_length_and_script_can_be_searched(self, store: Store, member: str) -> None:
        """A member id or number of 50,000 characters, or with NUL in it, is stored and found like any other."""
        long = "".join(str(uuid.uuid4()) for _ in range(1_500))  # no compression makes this fit an index
        for odd in (long, "nul\0nul", "ä\N{SNOWMAN}"):
            item = judged(previous_numbers=(odd,), codes=(Coding("", odd),))
            made = opening(item, member_ids=(member + odd,))
            store.append(made)
            asked = Inquiry((member + odd,), (NPI,), codes=(f"|{odd}",))
            assert list(store.inquire(asked)) == [made.case.id]
            assert list(store.inquire(replace(asked, numbers=(odd,)))) == [made.case.id]


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
        made = opening(member_ids=("other", member))
        store.append(made)
        found = store.active_authorization([member], POLICY, on)
        assert (found is not None) is active
        if found:
            assert (found.number, found.period) == (made.case.items[0].number, YEAR)
            assert (found.case_id, found.policy_id) == (made.case.id, POLICY)

    @pytest.mark.parametrize(
        ("members", "policy"), [((), POLICY), (("nobody",), POLICY), (("{member}",), "other-policy")]
    )
    def test_of_this_member_under_this_policy_only(
        self, store: Store, member: str, members: tuple[str, ...], policy: str
    ) -> None:
        """Another member's approval, or one under another policy, satisfies nothing."""
        store.append(opening(member_ids=(member,)))
        asked = [m.format(member=member) for m in members]
        assert store.active_authorization(asked, policy, IN_FORCE) is None

    def test_pended_items_are_no_authorization(self, store: Store, member: str) -> None:
        """Without a number and a period there is nothing in force."""
        store.append(opening(judged(outcome=Outcome.PEND_NURSE), member_ids=(member,)))
        store.append(opening(judged(period=None), member_ids=(member,)))
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
            store.append(opening(judged(period=(start + first * DAY, start + last * DAY)), member_ids=(member,)))
        found = store.active_authorization(["nobody", member], POLICY, start + day * DAY)
        holding = [last for first, last in spans if first <= day <= last]
        assert (found and found.period[1]) == (start + max(holding) * DAY if holding else None)


def recorded(item: Judged, **otherwise: Any) -> ItemRecord:
    """The record of an approved item of `judged`, with what is otherwise."""
    common = ItemRecord(
        sequence=item.requested.sequence,
        policy_id=POLICY,
        policy_uri=POLICY_URI,
        edition="2024-01-18",
        outcome="approve",
        action="A1",
        reason=None,
        number=item.made.number,
        reference=item.made.reference,
        period=YEAR,
        service=SERVICE,
        codes=("http://example.org/codes|drug",),
        previous_numbers=(),
        findings=orjson.dumps(item.made.decision.findings).decode(),
        engine="test 1.0",
    )
    return replace(common, **otherwise)


class TestExplanation:
    def test_returns_the_items_as_recorded_in_order_of_sequence(self, store: Store) -> None:
        """Every field of every item comes back as it was recorded, by item sequence."""
        first = judged(1, previous_numbers=("A", "B"), codes=(Coding("x", "1"), Coding("y", "2")))
        second = judged(2, Outcome.MORE_INFO_NEEDED, service=None)
        third = judged(7, policy_id=None, policy_uri=None, edition=None, findings=())
        made = opening(third, first, second)
        store.append(made)
        found = store.explanation(made.case.id)
        assert found is not None
        assert (found.case_id, found.received) == (made.case.id, RECEIVED)
        assert found.items == (
            recorded(first, codes=("x|1", "y|2"), previous_numbers=("A", "B")),
            recorded(second, outcome="more-info-needed", action="A4", reason="0U", period=None, service=None),
            recorded(third, policy_id=None, policy_uri=None, edition=None, findings="[]"),
        )

    def test_tells_who_decided(self, store: Store) -> None:
        """What a person ruled stands in the place of the machine's outcome, with role, NPI, verdict and reasons."""
        made = opening(judged(outcome=Outcome.PEND_PHYSICIAN), facts=[ruled(1, verdict=Verdict.DENY)])
        store.append(made)
        found = store.explanation(made.case.id)
        assert found is not None
        (item,) = found.items
        assert (item.outcome, item.action, item.number, item.period) == ("deny", "A3", None, None)
        assert orjson.loads(item.decided_by or "") == {
            "role": "medical-director",
            "npi": "1999999984",
            "verdict": "deny",
            "reasons": ["Because."],
        }

    def test_is_none_for_an_unknown_case(self, store: Store) -> None:
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
        made = opening(received=received)
        store.append(made)
        found = store.explanation(made.case.id)
        assert found is not None
        assert found.received == received
        assert found.received.tzinfo is UTC

    def test_a_moment_without_zone_is_refused(self, store: Store) -> None:
        """A naive time cannot get into the record."""
        made = opening(received=RECEIVED.replace(tzinfo=None))
        with pytest.raises(Exception, match="without a zone"):
            store.append(made)
        assert store.find_transaction(made.case.request.transaction) is None


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
