"""Made-up submissions for tests of the store. No person, provider or policy in them is real."""

import itertools
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from server.fhir.version import Version
from server.store.ports import Assertion, ItemRecord, Submission, Transaction

RECEIVED = datetime(2026, 3, 1, 9, 30, 15, 250, tzinfo=UTC)
YEAR = (date(2026, 1, 1), date(2026, 12, 31))
MEMBER, NPI, POLICY = "M-1", "1888888884", "example-123"

_serial = itertools.count(1)


def an_item(sequence: int = 1, **changes: Any) -> ItemRecord:
    """An approved item with a number of its own."""
    item = ItemRecord(
        sequence=sequence,
        policy_id=POLICY,
        policy_uri="https://payer.example/policy/123",
        edition="2024-01-18",
        outcome="approve",
        action="A1",
        reason=None,
        number=f"AUTH-{uuid.uuid4()}",
        reference=None,
        period=YEAR,
        service=(date(2026, 3, 2), date(2026, 3, 30)),
        codes=("http://example.org/codes|drug",),
        previous_numbers=(),
        findings='[{"criterion": "DX-1", "state": "met"}]',
        engine="test 1.0",
    )
    return replace(item, **changes)


def a_submission(*items: ItemRecord, **changes: Any) -> Submission:
    """A submission of its own transaction; by default one approved item of MEMBER, asked for by NPI."""
    made = Submission(
        id=str(uuid.uuid4()),
        transaction=Transaction("clinic", f"urn:example|B{next(_serial)}", uuid.uuid4().hex),
        received=RECEIVED,
        version=Version.V2_2,
        member_ids=(MEMBER,),
        payer_ids=("PAYER",),
        requester_npis=(NPI,),
        npis=(NPI,),
        claim_url="urn:uuid:00000000-0000-4000-8000-000000000001",
        items=items or (an_item(),),
        request=b'{"resourceType":"Bundle"}',
        renderings={
            (version, kind): f"{kind} {version}".encode() for version in Version for kind in ("submit", "inquiry")
        },
    )
    return replace(made, **changes)


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
