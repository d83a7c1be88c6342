"""Hash chains: any one row changed, removed, inserted or moved is found, and nothing is found in whole ones."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.chain import BEGINNING, CHAINS, AuditRow, Head, heads_from, heads_text, problems, row_hash

AT = datetime(2026, 3, 1, 9, 30, 15, 250, tzinfo=UTC)
EMPTY = tuple(Head(n, 0, BEGINNING) for n in range(CHAINS))


def chained(*contents: tuple[str, str, str], chain: int = 0) -> tuple[list[AuditRow], tuple[Head, ...]]:
    """A whole chain of rows with (event, subject, detail), and the heads of all chains."""
    rows, digest = [], BEGINNING
    for number, content in enumerate(contents, 1):
        row = AuditRow(chain, number, AT + timedelta(seconds=number), *content)
        digest = row_hash(digest, row)
        rows.append(replace(row, hash=digest))
    return rows, tuple(Head(chain, len(rows), digest) if h.chain == chain else h for h in EMPTY)


def some(count: int) -> tuple[list[AuditRow], tuple[Head, ...]]:
    return chained(*(("read", f"case-{n}", f'{{"caller":"c-{n}"}}') for n in range(count)))


def test_the_bytes_that_are_hashed_are_those_of_the_docstring() -> None:
    """Another verifier, written from the module's text with other tools, gets the same hash."""
    at = AT.astimezone(timezone(timedelta(hours=2)))
    row = AuditRow(3, 7, at, "read", 'a "case" of Zoë\t', '{"by":"explain","caller":"clinic\\n"}')
    content = ["f" * 64, 3, 7, "2026-03-01T09:30:15.000250Z", row.event, row.subject, row.detail]
    written = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    assert row_hash("f" * 64, row) == hashlib.sha256(written).hexdigest()


@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9), st.text(max_size=9)), max_size=8))
def test_a_whole_chain_has_no_problem(contents: list[tuple[str, str, str]]) -> None:
    """Whatever the rows say, also with any head of it that was kept."""
    rows, heads = chained(*contents)
    assert list(problems(rows, heads)) == []
    for row in rows:
        assert list(problems(rows, heads, [Head(0, row.number, row.hash)])) == []


@given(st.data())
def test_any_change_of_one_row_is_found_and_named(data: st.DataObject) -> None:
    """Whichever column, whichever row: the first problem names that row; hash and neighbours cannot hide it."""
    rows, heads = some(data.draw(st.integers(1, 7)))
    at = data.draw(st.integers(0, len(rows) - 1))
    column, value = data.draw(
        st.sampled_from(
            [
                ("at", AT - timedelta(microseconds=1)),
                ("event", "write"),
                ("subject", "case-x"),
                ("detail", "{}"),
                ("hash", "0" * 63 + "1"),
            ]
        )
    )
    changed = list(rows)
    changed[at] = replace(rows[at], **{column: value})  # type: ignore[arg-type]
    found = list(problems(changed, heads))
    assert found
    assert found[0].startswith(f"Chain 0, row {at + 1} ")


@given(st.data())
def test_a_change_with_a_new_hash_is_found_at_the_next_row(data: st.DataObject) -> None:
    """Who computes the row's hash anew has to write every row after it anew, and the head."""
    rows, heads = some(data.draw(st.integers(1, 7)))
    at = data.draw(st.integers(0, len(rows) - 1))
    forged = replace(rows[at], subject="case-x")
    before = rows[at - 1].hash if at else BEGINNING
    changed = [*rows[:at], replace(forged, hash=row_hash(before, forged)), *rows[at + 1 :]]
    (found,) = problems(changed, heads)
    if at + 1 < len(rows):
        assert found.startswith(f"Chain 0, row {at + 2} ")
        assert "or the row before it was" in found
    else:
        assert found == f"Chain 0: its head does not fit row {at + 1}; one of the two was changed."


@given(st.data())
def test_a_missing_row_is_found_and_named(data: st.DataObject) -> None:
    """One or several, at the start, in between or at the end; and no row that stands is called wrong."""
    rows, heads = some(data.draw(st.integers(1, 7)))
    first = data.draw(st.integers(0, len(rows) - 1))
    last = data.draw(st.integers(first, len(rows) - 1))
    (found,) = problems([*rows[:first], *rows[last + 1 :]], heads)
    if last + 1 == len(rows):
        assert found == f"Chain 0: its end is cut off; it has {first} rows, and its head says {len(rows)}."
    elif first == last:
        assert found == f"Chain 0: row {first + 1} is missing."
    else:
        assert found == f"Chain 0: rows {first + 1} to {last + 1} are missing."


@given(st.data())
def test_a_removed_row_whose_followers_move_up_is_found(data: st.DataObject) -> None:
    """Numbers without a gap do not help who takes a row out."""
    rows, heads = some(data.draw(st.integers(2, 7)))
    at = data.draw(st.integers(0, len(rows) - 1))
    moved = [replace(row, number=n) for n, row in enumerate([*rows[:at], *rows[at + 1 :]], 1)]
    assert list(problems(moved, heads))


@given(st.data())
def test_an_inserted_row_is_found(data: st.DataObject) -> None:
    """Between rows, with a hash that fits the one before it; its followers move down, or it stands beside one."""
    rows, heads = some(data.draw(st.integers(1, 7)))
    at = data.draw(st.integers(0, len(rows)))
    new = AuditRow(0, at + 1, AT, "read", "case-x", "{}")
    new = replace(new, hash=row_hash(rows[at - 1].hash if at else BEGINNING, new))
    down = [replace(row, number=row.number + 1) for row in rows[at:]]
    assert list(problems([*rows[:at], new, *down], heads))
    beside = sorted([*rows, new], key=lambda row: row.number)
    assert list(problems(beside, heads))


@given(st.data())
def test_two_rows_that_change_places_are_found(data: st.DataObject) -> None:
    """With their hashes or without."""
    rows, heads = some(data.draw(st.integers(2, 7)))
    one, other = sorted(data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=2, max_size=2)))
    for takes_hash in (True, False):
        swapped = list(rows)
        for here, there in ((one, other), (other, one)):
            digest = rows[there if takes_hash else here].hash
            swapped[here] = replace(rows[there], number=here + 1, hash=digest)
        assert next(problems(swapped, heads)).startswith(f"Chain 0, row {one + 1} ")


def test_a_row_that_moves_to_another_chain_is_found() -> None:
    """The chain is hashed, so that a row fits no other one."""
    rows, heads = some(2)
    moved = [rows[0], replace(rows[1], chain=5, number=1)]
    assert list(problems(moved, heads)) != []


def test_a_lost_head_is_found() -> None:
    """Also that of a chain without rows: whoever drops it with its rows cannot pass for never having had one."""
    rows, heads = some(2)
    assert list(problems(rows, heads[1:])) == ["Chain 0: its head is missing."]
    assert list(problems([], heads[:-1])) == [
        "Chain 0: its end is cut off; it has 0 rows, and its head says 2.",
        f"Chain {CHAINS - 1}: its head is missing.",
    ]


def test_only_a_kept_head_finds_a_chain_that_was_written_anew() -> None:
    """Rows and head that agree look whole; a head kept elsewhere shows what was exchanged or cut off."""
    rows, heads = some(4)
    kept = heads_from(heads_text(heads))
    anew, new_heads = chained(*((r.event, "case-x" if r.number == 2 else r.subject, r.detail) for r in rows))
    assert list(problems(anew, new_heads)) == []
    (found,) = problems(anew, new_heads, kept)
    assert "row 4" in found
    assert "written anew" in found
    short, short_heads = some(3)
    assert list(problems(short, short_heads)) == []
    (found,) = problems(short, short_heads, kept)
    assert found == "Chain 0: row 4, of which a head was kept, is missing."


def test_heads_are_one_word() -> None:
    """What is printed can be given back; chains without rows are left out."""
    digest = "ab" * 32
    heads = [Head(0, 12, digest), Head(1, 0, BEGINNING), Head(2, 3, digest)]
    assert heads_text(heads) == f"0:12:{digest},2:3:{digest}"
    assert heads_from(f" 0:12:{digest}, 2:3:{digest}\n") == (heads[0], heads[2])


@pytest.mark.parametrize("text", ["", "12", "0:1", "0:1:abc", f"0:x:{'ab' * 32}", f"0:1:{'xy' * 32}", "0:1:2:3"])
def test_what_is_no_head_is_refused(text: str) -> None:
    """Also a part of one."""
    with pytest.raises(ValueError):  # noqa: PT011 - any; the command says what is wrong
        heads_from(text)
