"""The registered clients are known, also while the record is away; refusals are told, and kept in bounds."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from server.auth.refusal import Refusal, Refusals, Refused, Throttled, TooLittle, Why
from server.auth.registry import EVERY, Registry, all_clients
from server.errors import DatabaseGone
from server.policy.client import Client
from server.store.client_port import RefusalRow
from tests.clients import rsa_key

PLAN = Client("plan", "P", frozenset({"1888888884"}), "https://plan.example")


def table(id_: str, **more: Any) -> dict[str, Any]:
    key = rsa_key("k-1").jwk()
    return {"id": id_, "name": "A", "npis": ["1888888884"], "key": [key], "hooks": True, **more}


class Record:
    """The record's side, with a clock: what was added, or None while it is away; how often it was asked."""

    def __init__(self, *tables: dict[str, Any]) -> None:
        self.tables: list[dict[str, Any]] | None = list(tables)
        self.asked = 0
        self.now = 100.0
        self.rows: list[RefusalRow] = []

    def added(self) -> Sequence[Mapping[str, Any]]:
        self.asked += 1
        if self.tables is None:
            raise DatabaseGone
        return self.tables

    def refused(self, row: RefusalRow) -> None:
        if self.tables is None:
            raise DatabaseGone
        self.rows.append(row)


def registry(record: Any) -> Registry:
    return Registry([PLAN], record, lambda: record.now)


def find(registry: Registry, *ids: str) -> list[str | None]:
    async def go() -> list[str | None]:
        return [found.id if (found := await registry.of_id(i)) else None for i in ids]

    return asyncio.run(go())


def test_the_record_is_looked_at_now_and_then() -> None:
    """Once in ten seconds; a client that was added or removed is known to be so from then on."""
    record = Record(table("added"))
    known = registry(record)
    assert find(known, "plan", "added", "later") == ["plan", "added", None]
    record.tables = [table("later")]
    assert find(known, "added", "later") == ["added", None]
    assert record.asked == 1
    record.now += EVERY
    assert find(known, "plan", "added", "later") == ["plan", None, "later"]


def test_the_first_requests_wait_for_the_record() -> None:
    """However many come at once: none is refused because the record was still being read."""
    record = Record(table("added"))
    known = registry(record)

    async def go() -> list[Client | None]:
        return await asyncio.gather(*(known.of_issuer("added") for _ in range(20)))

    assert all(asyncio.run(go()))
    assert record.asked == 1


def test_a_record_that_is_away_keeps_nobody_out_who_was_known() -> None:
    """It is asked again a second later; the plan's clients need none."""
    record = Record()
    record.tables = None
    known = registry(record)
    with capture_logs() as said:
        assert find(known, "plan", "added", "plan") == ["plan", None, "plan"]
    assert (record.asked, [line["event"] for line in said], known.complete) == (1, ["clients not read"], False)
    record.tables = [table("added")]
    record.now += 1
    assert (find(known, "added"), known.complete) == (["added"], True)
    record.tables = None
    record.now += EVERY
    assert find(known, "added") == ["added"]


def test_one_bad_entry_keeps_nobody_else_out() -> None:
    """An entry of another version, or one that would be taken for a client of the plan."""
    record: Any = Record(
        {"id": "odd"},
        table("plan"),
        table("thief", issuer="https://plan.example"),
        table("good", issuer="https://x.example"),
    )
    with capture_logs() as said:
        assert [c.id for c in all_clients([PLAN], record)] == ["plan", "good"]
    assert [(line["event"], line["caller"]) for line in said] == [("client not read", "odd")]


def test_refusals_are_kept_in_bounds() -> None:
    """A flood is told line by line, and kept once in a while for each client and reason; what is no token, never."""
    record: Any = Record()
    refusals = Refusals(record, lambda: datetime(2026, 11, 24, tzinfo=UTC), lambda: record.now)
    many: list[Refusal] = [
        Refused(Why.EXPIRED, "a"),
        Refused(Why.NO_TOKEN),
        Throttled("a", 3),
        TooLittle("b", "system/Claim.c"),
    ]

    async def go() -> None:
        for _ in range(50):
            for refusal in many:
                await refusals.tell(refusal, "/auth/token")

    with capture_logs() as said:
        asyncio.run(go())
        record.now += Refusals.EVERY
        asyncio.run(refusals.tell(Refused(Why.EXPIRED, "a"), "/auth/token"))
    assert len(said) == 201
    assert [(r.client, r.reason) for r in record.rows] == [
        ("a", "expired"),
        ("a", "throttled"),
        ("b", "scope"),
        ("a", "expired"),
    ]


def test_a_refusal_that_cannot_be_kept_is_a_refusal() -> None:
    """The caller is told what it would be told."""
    record: Any = Record()
    record.tables = None
    refusals = Refusals(record, lambda: datetime(2026, 11, 24, tzinfo=UTC))
    with capture_logs() as said:
        asyncio.run(refusals.tell(Refused(Why.EXPIRED, "a"), "/auth/token"))
    assert [line["event"] for line in said] == ["refused", "refusal not kept"]


@pytest.mark.parametrize("why", list(Why))
def test_each_reason_has_words(why: Why) -> None:
    """One sentence or two for who runs the client, with what mends it."""
    assert why.text.endswith(".")
    assert len(why.text) > 20
