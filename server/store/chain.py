"""The audit rows as hash chains: each row's hash covers the row before it, so that none is changed unnoticed. Pure.

There are several chains, so that writers of a database with many do not wait for each other's commits: a transaction
takes a chain that nobody holds, adds its rows and moves the chain's head. A row is (chain, number); numbers count from
1 without a gap. The hash of a row is the SHA-256, in lower-case hexadecimal, of the UTF-8 bytes of a JSON array without
white space,

    [previous, chain, number, at, event, subject, detail]

previous: the hash of the row before, 64 zeros before the first. chain, number: integers. at: text, in UTC, with
microseconds, like 2026-03-01T09:30:15.000250Z. event, subject, detail: text as stored, `detail` being the JSON text
itself; characters beyond ASCII are not escaped, and those below U+0020 as JSON asks, in the short form if there is one.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

CHAINS = 16
"""More than write at one time; one who finds all of them taken waits for the first."""

BEGINNING = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What happened (`event`) to which id (`subject`), when; detail: JSON text, with who did it."""

    chain: int
    number: int
    at: datetime
    event: str
    subject: str
    detail: str
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of a chain. As text: `chain:number:hash`."""

    chain: int
    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.chain}:{self.number}:{self.hash}"


def row_hash(previous: str, row: AuditRow) -> str:
    """The hash of a row that follows the one of hash `previous`; the module says of which bytes."""
    start = f'["{previous}",{row.chain},{row.number},'
    return hashlib.sha256(start.encode() + row_content(row)).hexdigest()


def row_content(row: AuditRow) -> bytes:
    """The hashed bytes from `at` on: what does not depend on the place of the row."""
    at = row.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return orjson.dumps([at, row.event, row.subject, row.detail])[1:]


def heads_text(heads: Iterable[Head]) -> str:
    """One word to keep elsewhere: the heads of the chains that have rows, with commas between."""
    return ",".join(str(head) for head in heads if head.number)


def heads_from(text: str) -> tuple[Head, ...]:
    """The reverse of `heads_text`. Raises ValueError for a text that is none."""
    heads = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        chain, number, digest = part.split(":")
        if len(digest) != len(BEGINNING) or set(digest) - set("0123456789abcdef"):
            raise ValueError("no SHA-256")
        heads.append(Head(int(chain), int(number), digest))
    if not heads:
        raise ValueError("no head")
    return tuple(heads)


def problems(rows: Iterable[AuditRow], heads: Sequence[Head], kept: Sequence[Head] = ()) -> Iterator[str]:
    """What is wrong with the chains, in words; nothing when they are whole.

    rows: all of them, by chain and number. heads: as the record has them. kept: heads of an earlier time.
    """
    known = {(head.chain, head.number): head.hash for head in kept}
    last: dict[int, Head] = {}
    for row in rows:
        before = last.get(row.chain, Head(row.chain, 0, BEGINNING))
        yield from _row_problems(row, before, known)
        last[row.chain] = Head(row.chain, row.number, row.hash)
    yield from _head_problems(last, {head.chain: head for head in heads})
    for chain, number in known:  # those that no row answered to
        yield f"Chain {chain}: row {number}, of which a head was kept, is missing."


def _row_problems(row: AuditRow, before: Head, known: dict[tuple[int, int], str]) -> Iterator[str]:
    where = f"Chain {row.chain}, row {row.number} ({row.event} of {row.subject}, {row.at:%Y-%m-%dT%H:%M:%SZ})"
    if row.number > before.number + 1:  # what is missing is named; whether this row follows it cannot be known
        first, last = before.number + 1, row.number - 1
        yield f"Chain {row.chain}: " + (
            f"row {first} is missing." if first == last else f"rows {first} to {last} are missing."
        )
    elif row.number <= before.number:
        yield f"{where} was inserted: there is no room for its number."
    elif row.hash != row_hash(before.hash, row):
        yield f"{where} was changed, inserted or moved, or the row before it was."
    kept = known.pop((row.chain, row.number), None)
    if kept is not None and kept != row.hash:
        yield f"{where} is not the row of which the head was kept: rows up to it were written anew."


def _head_problems(last: Mapping[int, Head], heads: Mapping[int, Head]) -> Iterator[str]:
    for chain in sorted(last.keys() | heads.keys() | set(range(CHAINS))):
        end, head = last.get(chain, Head(chain, 0, BEGINNING)), heads.get(chain)
        if head is None:
            yield f"Chain {chain}: its head is missing."
        elif end.number < head.number:
            yield f"Chain {chain}: its end is cut off; it has {end.number} rows, and its head says {head.number}."
        elif end.number > head.number:
            yield f"Chain {chain}: rows after {head.number} were inserted; its head does not know them."
        elif end.hash != head.hash:
            yield f"Chain {chain}: its head does not fit row {end.number}; one of the two was changed."
