"""Changes of made-up cases, for tests of the record: real facts of a request that was really read, varied in values."""

import itertools
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from server.decision.apply import apply, apply_all
from server.decision.case import Case, DecidedByMachine, Fact, MachineDecision, Received, Ruled, Ruling
from server.decision.model import Decision, Evidence, Finding, Outcome
from server.decision.request import AuthorizationRequest, RequestedItem, Transaction
from server.decision.ruling import Person, PersonDecision, Role, Verdict
from server.fhir.read import Coding
from server.fhir.version import Version
from server.policy.model import State
from server.store.ports import Assertion, Change
from tests.policies import POLICY_ID, POLICY_URI
from tests.requests.bundle import CLINIC, MEMBER, a_bundle, an_item
from tests.requests.world import a_request

RECEIVED = datetime(2026, 3, 1, 9, 30, 15, 250, tzinfo=UTC)
YEAR = (date(2026, 1, 1), date(2026, 12, 31))
NPI, POLICY = CLINIC, POLICY_ID
SERVICE = (date(2026, 3, 2), date(2026, 3, 30))
RENDERINGS: Mapping[tuple[Version, str], bytes] = {
    (version, kind): f"{kind} {version}".encode() for version in Version for kind in ("submit", "inquiry")
}
LATER_RENDERINGS: Mapping[tuple[Version, str], bytes] = {which: b"later " + body for which, body in RENDERINGS.items()}

_FINDING = Finding(
    criterion="DX-1",
    state=State.MET,
    sentence="A diagnosis code fits the indication.",
    citation="Section 1.A",
    evidence=(Evidence("Claim/claim", "the claim says so"),),
    why="the claim says so",
    remedy="",
)
DENIAL: dict[str, Any] = {"reason_code": "0F", "criteria": ("DX-1",)}
"""What a denial says beside its reasons."""

_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Judged:
    """One item of a made-up case: what was asked for, and what the machine decided."""

    requested: RequestedItem
    made: MachineDecision


def judged(sequence: int = 1, outcome: Outcome = Outcome.APPROVE, **changes: Any) -> Judged:
    """An item of a number of its own. changes: any field of RequestedItem, Decision or MachineDecision."""
    (requested,) = _read(sequence).items
    approved = outcome is Outcome.APPROVE
    made = MachineDecision(
        sequence,
        Decision(outcome, (_FINDING,), POLICY_ID, POLICY_URI, "2024-01-18", YEAR if approved else None, "test 1.0"),
        number=a_number("VA") if approved else None,
        reference=None if approved else a_number("VP"),
    )
    requested = replace(requested, service=SERVICE, codes=(Coding("http://example.org/codes", "drug"),))
    requested = replace(requested, **_of(RequestedItem, changes))
    made = replace(made, decision=replace(made.decision, **_of(Decision, changes)), **_of(MachineDecision, changes))
    assert not changes, f"no item has {', '.join(changes)}"
    return Judged(requested, made)


def opening(
    *items: Judged,
    case_id: str | None = None,
    received: datetime = RECEIVED,
    facts: Iterable[Fact] = (),
    **request: Any,
) -> Change:
    """Opens a case of its own transaction; by default one approved item of MEMBER, asked for by NPI.

    facts: what follows in the same transaction. request: changes of the AuthorizationRequest.
    """
    items = items or (judged(),)
    read = _read(*(i.requested.sequence for i in items))
    asked = (replace(i.requested, raw=r.raw, order=r.order) for i, r in zip(items, read.items, strict=True))
    found = replace(read, items=tuple(asked), transaction=a_transaction(), npis=(NPI,))
    found = replace(found, **request)
    first = Received(received, case_id or str(uuid.uuid4()), "loopback", found)
    all_facts = (first, DecidedByMachine(received, tuple(i.made for i in items)), *facts)
    return Change(apply_all(all_facts), 0, all_facts, RENDERINGS, raw=b'{"resourceType":"Bundle"}')


def following(case: Case, *facts: Fact, renderings: Mapping[tuple[Version, str], bytes] = LATER_RENDERINGS) -> Change:
    """What these facts make of a case."""
    now = case
    for fact in facts:
        now = apply(now, fact)
    return Change(now, case.facts, facts, renderings)


def ruled(
    *sequences: int,
    verdict: Verdict = Verdict.APPROVE,
    role: Role = Role.MEDICAL_DIRECTOR,
    at: datetime = RECEIVED,
    period: tuple[date, date] | None = YEAR,
) -> Ruled:
    """A person decides these items, or the first; what is authorized gets a number of its own."""
    authorizes = verdict in (Verdict.APPROVE, Verdict.MODIFY)
    decision = PersonDecision(
        Person(role, "1999999984", "207R00000X", "Dana Example, MD"),
        verdict,
        ("Because.",),
        period=period if authorizes else None,
        instead={"quantity": {"value": 1}} if verdict is Verdict.MODIFY else None,
        forward_to=Role.MEDICAL_DIRECTOR if verdict is Verdict.FORWARD else None,
        **DENIAL if verdict is Verdict.DENY else {},
    )
    numbers = (a_number("VA") if authorizes else None for _ in itertools.count())
    return Ruled(at, tuple(Ruling(s, decision, number) for s, number in zip(sequences or (1,), numbers, strict=False)))


def a_transaction(**changes: Any) -> Transaction:
    made = Transaction("clinic", f"urn:example|B{next(_serial)}", uuid.uuid4().hex)
    return replace(made, **changes)


def a_number(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4()}"


def an_assertion(**changes: Any) -> Assertion:
    made = Assertion(
        id=str(uuid.uuid4()),
        created=RECEIVED,
        hook="order-sign",
        version=Version.V2_0,
        member_ids=(MEMBER, "M-2"),
        policy_id=POLICY,
        edition="2024-01-18",
        form="https://payer.example/Questionnaire/form|1.0.0",
        order='{"resourceType":"MedicationRequest"}',
        coverage='{"resourceType":"Coverage"}',
    )
    return replace(made, **changes)


@cache
def _read(*sequences: int) -> AuthorizationRequest:
    """Read once for all tests; what differs between them is replaced."""
    return a_request(a_bundle(*map(an_item, sequences)))


def _of(kind: type[Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The changes of fields that this dataclass has, taken out."""
    return {name: changes.pop(name) for name in [*changes] if name in kind.__dataclass_fields__}
