"""The record's side of authentication: the same promises on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from server.store.client_port import RefusalRow, TokenRow
from server.store.clients import KEPT
from server.store.sql import SqlStore, open_store
from tests.store.stored_rows import rows_of

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def token(name: str, client: str = "a", ends: timedelta = 5 * MINUTE) -> TokenRow:
    return TokenRow(name, client, "system/Claim.c system/Claim.r", NOW + ends)


def test_a_client_is_added_replaced_and_removed(store: SqlStore) -> None:
    """By its id; others stay. What was never there cannot be removed."""
    store.clients.put("b", {"id": "b", "npis": ["1888888884"]}, NOW)
    store.clients.put("a", {"id": "a", "name": "old"}, NOW)
    store.clients.put("a", {"id": "a", "name": "n\u00e9w"}, NOW)
    assert list(store.clients.added()) == [{"id": "a", "name": "n\u00e9w"}, {"id": "b", "npis": ["1888888884"]}]
    assert store.clients.remove("a")
    assert not store.clients.remove("a")
    assert [table["id"] for table in store.clients.added()] == ["b"]


def test_a_token_is_found_until_it_is_forgotten(store: SqlStore, database_url: str) -> None:
    """By its digest alone; those that have ended go when the next is kept."""
    store.clients.keep(token("one"), NOW)
    assert store.clients.token("one") == token("one")
    assert store.clients.token("two") is None
    assert store.clients.token("on\0e") is None
    store.clients.keep(token("two"), NOW + 6 * MINUTE)
    assert store.clients.token("one") is None
    assert [row["token"] for row in rows_of(database_url, "access_token")] == ["two"]


def test_the_tokens_of_a_client_that_changes_end(store: SqlStore) -> None:
    """Replaced or removed; another's stay."""
    for change in (lambda: store.clients.put("a", {"id": "a"}, NOW), lambda: store.clients.remove("a")):
        store.clients.put("a", {"id": "a"}, NOW)
        store.clients.keep(token(f"a-{id(change)}"), NOW)
        store.clients.keep(token(f"b-{id(change)}", "b"), NOW)
        change()
        assert store.clients.token(f"a-{id(change)}") is None
        assert store.clients.token(f"b-{id(change)}") is not None


def test_the_newest_refusals_of_each_client_are_kept(store: SqlStore, database_url: str) -> None:
    """However many there are of another, and of nobody known."""
    first = RefusalRow("b", NOW, "/auth/token", "expired")
    store.clients.refused(first)
    for n in range(3 * KEPT):
        store.clients.refused(RefusalRow("a", NOW + n * MINUTE, "/cds-services/{id}", "audience"))
        store.clients.refused(RefusalRow("", NOW + n * MINUTE, "/auth/token", "issuer"))
    newest = [row.at for row in store.clients.refusals("a")]
    assert newest == [NOW + n * MINUTE for n in reversed(range(2 * KEPT, 3 * KEPT))]
    assert list(store.clients.refusals("b")) == [first]
    assert len(store.clients.refusals("")) == KEPT
    assert len(rows_of(database_url, "refused_token")) == 2 * KEPT + 1
