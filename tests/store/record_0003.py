"""A record as schema 0003 held it: written row by row with SQL, as the code of then did. Nobody in it is real."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, create_engine, insert

from server.fhir.version import Version
from server.settings import ROOT
from server.store.ports import Assertion, ItemRecord, QuestionnaireErrors
from tests.requests.bundle import CLINIC, PRESCRIBER
from tests.requests.world import a_request

RECEIVED = datetime(2026, 3, 1, 9, 30, 15, 250, tzinfo=UTC)
YEAR = (date(2026, 1, 1), date(2026, 12, 31))
POLICY = "example-123"
KINDS = [(version, kind) for version in Version for kind in ("submit", "inquiry")]

FINDING = {
    "criterion": "DX-1",
    "state": "met",
    "sentence": "A diagnosis code fits the indication.",
    "citation": "Section 1.A",
    "evidence": [{"ref": "Claim/claim", "said": "the claim says so"}],
    "why": "the claim says so",
    "remedy": "",
    "when_unmet": "physician",
}


def an_item(sequence: int, **changes: Any) -> ItemRecord:
    item = {
        "sequence": sequence,
        "policy_id": POLICY,
        "policy_uri": "https://payer.example/policy/123",
        "edition": "2024-01-18",
        "outcome": "approve",
        "action": "A1",
        "reason": None,
        "number": None,
        "reference": None,
        "period": None,
        "service": (date(2026, 3, 2), date(2026, 3, 30)),
        "codes": ("http://example.org/codes|drug",),
        "previous_numbers": (),
        "findings": orjson.dumps([FINDING]).decode(),
        "engine": "test 1.0",
    }
    return ItemRecord(**{**item, **changes})


def approved(sequence: int, number: str, **changes: Any) -> ItemRecord:
    return an_item(sequence, number=number, period=YEAR, **changes)


def pended(sequence: int, reference: str, outcome: str = "pend-nurse", reason: str = "0W") -> ItemRecord:
    return an_item(sequence, outcome=outcome, action="A4", reason=reason, reference=reference)


def person(role: str, verdict: str) -> str:
    return orjson.dumps({"role": role, "npi": "1999999984", "verdict": verdict, "reasons": ["Because."]}).decode()


@dataclass(frozen=True)
class OldCase:
    """A submission, and the items as the machine and then each revision left them; the last is how they stand."""

    id: str
    transaction: tuple[str, str, str]
    """Client, identifier and content."""
    left: list[tuple[ItemRecord, ...]]
    member_ids: tuple[str, ...] = ("M-1",)

    @property
    def now(self) -> tuple[ItemRecord, ...]:
        return self.left[-1]

    def body(self, version: Version, kind: str, revision: int = -1) -> bytes:
        """What was answered after so many revisions; as it stands when none is named."""
        return f"{self.id} {range(len(self.left))[revision]} {kind} {version}".encode()

    def at(self, revision: int) -> datetime:
        return RECEIVED + timedelta(hours=revision)


_SENT = a_request().transaction
APPROVED = OldCase(
    "approved", (_SENT.client, _SENT.identifier, _SENT.content), [(approved(1, "VA1"),)], ("M-1", "M-1b")
)
MIXED = OldCase(
    "mixed",
    (CLINIC, "urn:example|2", "b" * 64),
    [(approved(1, "VA2", previous_numbers=("OLD-1",)), pended(2, "VP2", "more-info-needed", "0U"))],
)
REVISED = OldCase(
    "revised",
    (CLINIC, "urn:example|3", "c" * 64),
    [
        (pended(1, "VP3"),),
        (approved(1, "VA3", outcome="approve", reference="VP3", decided_by=person("nurse", "approve")),),
    ],
)
DENIED = OldCase(
    "denied",
    (CLINIC, "urn:example|4", "d" * 64),
    [
        (pended(1, "VP4"),),
        (
            an_item(
                1,
                outcome="forward",
                action="A4",
                reason="0V",
                reference="VP4",
                decided_by=person("nurse", "forward"),
            ),
        ),
        (an_item(1, outcome="deny", action="A3", reference="VP4", decided_by=person("physician", "deny")),),
    ],
)
CASES = (APPROVED, MIXED, REVISED, DENIED)
ASSERTION = Assertion(
    id="context",
    created=RECEIVED,
    hook="claim-submit",
    version=Version.V2_2,
    member_ids=("M-1",),
    policy_id=POLICY,
    edition="2024-01-18",
    form="https://payer.example/Questionnaire/form|1.0.0",
    order="{}",
    coverage="{}",
)
ERRORS = QuestionnaireErrors(RECEIVED, Version.V2_0, ("https://payer.example/Questionnaire/form|1",), "[]")


def write(url: str, *cases: OldCase, sandbox: bool = False) -> None:
    """Makes the schema of 0003 in an empty database, and a record of these cases in it."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(ROOT / "server/store/migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        record = _Record(connection)
        for case in cases:
            record.write(case)
        if sandbox:
            record.insert("mark", name="sandbox", at=RECEIVED)
        record.insert("assertion", **_assertion())
        record.insert("questionnaire_error", **_errors())
    engine.dispose()


class _Record:
    """The tables of 0003, as they are found in the database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = MetaData()
        self._tables.reflect(connection)

    def insert(self, table: str, **row: Any) -> None:
        self._connection.execute(insert(self._tables.tables[table]), row)

    def write(self, case: OldCase) -> None:
        client, identifier, content = case.transaction
        key = hashlib.sha256(orjson.dumps([client, identifier, content])).hexdigest()
        seq = self._connection.execute(
            insert(self._tables.tables["submission"]).returning(self._tables.tables["submission"].c.seq),
            {
                "id": case.id,
                "transaction_key": key,
                "client": client,
                "identifier": identifier,
                "received": RECEIVED,
                "version": "2.2",
                "parties": "{}",
                "claim_url": "urn:uuid:00000000-0000-4000-8000-000000000001",
                "request": b"{}",
            },
        ).scalar_one()
        for item in case.now:
            self.insert("item", submission=seq, **_item(item))
        for member in case.member_ids:
            for npi in (CLINIC, PRESCRIBER):
                self.insert("visible", submission=seq, member=member, npi=npi)
        for kind, value, sequence in {key for left in case.left for key in _keys(left)}:
            self.insert("item_key", submission=seq, kind=kind, value=value, sequence=sequence)
        for item in case.now:
            for member in case.member_ids if item.period else ():
                self.insert("approval", submission=seq, member=member, **_approval(item))
        for version, kind in KINDS:
            self._answers(case, seq, version, kind)
        for revision in range(len(case.left)):
            self._revision(case, seq, revision)

    def _answers(self, case: OldCase, seq: int, version: Version, kind: str) -> None:
        *former, now = [case.body(version, kind, n) for n in range(len(case.left))]
        self.insert("rendering", submission=seq, version=version, kind=kind, body=now)
        for n, body in enumerate(former, 1):
            self.insert("former_rendering", submission=seq, number=n, version=version, kind=kind, body=body)

    def _revision(self, case: OldCase, seq: int, revision: int) -> None:
        """The audit row of what was decided, and what stood there before, where something did."""
        said: dict[str, Any] = {"revision": revision} if revision else {}
        said["items"] = {str(i.sequence): i.outcome for i in case.left[revision]}
        detail = orjson.dumps(said).decode()
        self.insert("audit", at=case.at(revision), event="decision", subject=case.id, detail=detail)
        if revision:
            kept = [{"submission": seq, **_item(item)} for item in case.left[revision - 1]]
            at, items = case.at(revision), orjson.dumps(kept).decode()
            self.insert("revision", submission=seq, number=revision, at=at, items=items)


def _item(item: ItemRecord) -> dict[str, Any]:
    row = asdict(item)
    row["period_start"], row["period_end"] = row.pop("period") or (None, None)
    row["service_start"], row["service_end"] = row.pop("service") or (None, None)
    return row | {name: orjson.dumps(row[name]).decode() for name in ("codes", "previous_numbers")}


def _keys(items: tuple[ItemRecord, ...]) -> Iterator[tuple[str, str, int]]:
    for item in items:
        for number in (item.number, item.reference, *item.previous_numbers):
            if number:
                yield "number", number, item.sequence
        for code in item.codes:
            yield "code", code, item.sequence


def _approval(item: ItemRecord) -> dict[str, Any]:
    start, end = item.period or (None, None)
    return {"number": item.number, "policy_id": item.policy_id, "period_start": start, "period_end": end}


def _assertion() -> dict[str, Any]:
    return asdict(ASSERTION) | {"member_ids": orjson.dumps(ASSERTION.member_ids).decode()}


def _errors() -> dict[str, Any]:
    return asdict(ERRORS) | {"questionnaires": orjson.dumps(ERRORS.questionnaires).decode()}
