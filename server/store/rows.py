"""From a Submission to the rows of one transaction, and from rows back to items and assertions."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from sqlalchemy import RowMapping, Table

from server.fhir.version import Version
from server.store import schema
from server.store.ports import Assertion, ItemRecord, QuestionnaireErrors, Submission, Transaction

Row = dict[str, Any]

_LONGEST_KEY = 200  # characters; PostgreSQL refuses index entries beyond about 2,700 bytes


def key(value: str) -> str:
    """A sender's value as it stands in an index: itself, or its hash when it is too long for one."""
    return value if len(value) <= _LONGEST_KEY else "sha256:" + hashlib.sha256(value.encode()).hexdigest()


def transaction_key(transaction: Transaction) -> str:
    """One short value for (client, identifier, content); JSON keeps the three apart."""
    return hashlib.sha256(orjson.dumps([transaction.client, transaction.identifier, transaction.content])).hexdigest()


def submission_row(submission: Submission) -> Row:
    return {
        "id": submission.id,
        "transaction_key": transaction_key(submission.transaction),
        "client": submission.transaction.client,
        "identifier": submission.transaction.identifier,
        "received": submission.received,
        "version": submission.version,
        "parties": _json(
            {
                "members": submission.member_ids,
                "payers": submission.payer_ids,
                "requesters": submission.requester_npis,
                "providers": submission.npis,
            }
        ),
        "claim_url": submission.claim_url,
        "request": submission.request,
    }


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one table; each still lacks its submission's `seq`."""

    table: Table
    rows: list[Row]


def parts(submission: Submission) -> Iterator[Part]:
    """Everything that hangs on a submission, in an order that the foreign keys accept; no part is empty."""
    yield from (
        part
        for part in (
            Part(schema.item, [item_row(i) for i in submission.items]),
            Part(schema.visible, _visible(submission)),
            Part(schema.item_key, item_keys(submission.items)),
            Part(schema.approval, list(approvals(submission.items, map(key, submission.member_ids)))),
            Part(schema.rendering, renderings(submission.renderings)),
        )
        if part.rows
    )


def item_row(item: ItemRecord) -> Row:
    period_start, period_end = item.period or (None, None)
    service_start, service_end = item.service or (None, None)
    return {
        "sequence": item.sequence,
        "policy_id": item.policy_id,
        "policy_uri": item.policy_uri,
        "edition": item.edition,
        "outcome": item.outcome,
        "action": item.action,
        "reason": item.reason,
        "number": item.number,
        "reference": item.reference,
        "period_start": period_start,
        "period_end": period_end,
        "service_start": service_start,
        "service_end": service_end,
        "codes": _json(item.codes),
        "previous_numbers": _json(item.previous_numbers),
        "findings": item.findings,
        "engine": item.engine,
        "decided_by": item.decided_by,
    }


def _visible(submission: Submission) -> list[Row]:
    members = {key(m) for m in submission.member_ids}
    npis = {key(n) for n in (*submission.npis, *submission.requester_npis)}
    return [{"member": m, "npi": n} for m in members for n in npis]


def item_keys(items: Iterable[ItemRecord]) -> list[Row]:
    keys = {
        (kind, key(value), item.sequence)
        for item in items
        for kind, values in (
            ("number", (item.number, item.reference, *item.previous_numbers)),
            ("code", item.codes),
        )
        for value in values
        if value
    }
    return [{"kind": kind, "value": value, "sequence": sequence} for kind, value, sequence in keys]


def renderings(bodies: Mapping[tuple[Version, str], bytes]) -> list[Row]:
    return [{"version": version, "kind": kind, "body": body} for (version, kind), body in bodies.items()]


def approvals(items: Iterable[ItemRecord], members: Iterable[str]) -> Iterator[Row]:
    """One row for each approved item and member. members: as `key` makes them."""
    members = tuple(dict.fromkeys(members))
    for item in items:
        if item.number and item.policy_id and item.period:
            for member in members:
                yield {
                    "number": item.number,
                    "member": member,
                    "policy_id": item.policy_id,
                    "period_start": item.period[0],
                    "period_end": item.period[1],
                }


def item_record(row: RowMapping) -> ItemRecord:
    return ItemRecord(
        sequence=row["sequence"],
        policy_id=row["policy_id"],
        policy_uri=row["policy_uri"],
        edition=row["edition"],
        outcome=row["outcome"],
        action=row["action"],
        reason=row["reason"],
        number=row["number"],
        reference=row["reference"],
        period=_span(row["period_start"], row["period_end"]),
        service=_span(row["service_start"], row["service_end"]),
        codes=tuple(orjson.loads(row["codes"])),
        previous_numbers=tuple(orjson.loads(row["previous_numbers"])),
        findings=row["findings"],
        engine=row["engine"],
        decided_by=row["decided_by"],
    )


def assertion_row(assertion: Assertion) -> Row:
    return {
        "id": assertion.id,
        "created": assertion.created,
        "hook": assertion.hook,
        "version": assertion.version,
        "member_ids": _json(assertion.member_ids),
        "policy_id": assertion.policy_id,
        "edition": assertion.edition,
        "form": assertion.form,
        "order": assertion.order,
        "coverage": assertion.coverage,
    }


def assertion_of(row: RowMapping) -> Assertion:
    return Assertion(
        **{
            **row,
            "version": Version(row["version"]),
            "member_ids": tuple(orjson.loads(row["member_ids"])),
        }
    )


def questionnaire_error_row(errors: QuestionnaireErrors) -> Row:
    return {
        "received": errors.received,
        "version": errors.version,
        "questionnaires": _json(errors.questionnaires),
        "outcomes": errors.outcomes,
    }


def questionnaire_errors(row: RowMapping) -> QuestionnaireErrors:
    questionnaires = tuple(orjson.loads(row["questionnaires"]))
    return QuestionnaireErrors(row["received"], Version(row["version"]), questionnaires, row["outcomes"])


def _span(start: date | None, end: date | None) -> tuple[date, date] | None:
    return (start, end) if start is not None and end is not None else None


def _json(value: Iterable[Any]) -> str:
    return orjson.dumps(value).decode()
