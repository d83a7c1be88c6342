"""From a Change to the rows of one transaction, and from rows back to items and assertions."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from sqlalchemy import RowMapping, Table

from server.decision.case import CaseItem, Fact, Received
from server.decision.fact_json import fact_from, fact_json, kind_of
from server.decision.request import AuthorizationRequest, Transaction
from server.decision.review_action import ACTION, reason_of
from server.decision.ruling import PersonDecision
from server.fhir.version import Version
from server.store import schema
from server.store.ports import Assertion, Change, ItemRecord, QuestionnaireErrors

Row = dict[str, Any]

_LONGEST_KEY = 200  # characters; PostgreSQL refuses index entries beyond about 2,700 bytes


def key(value: str) -> str:
    """The form of a sender's value in an index: the value, or its hash when it is too long for an index."""
    return value if len(value) <= _LONGEST_KEY else "sha256:" + hashlib.sha256(value.encode()).hexdigest()


def transaction_key(transaction: Transaction) -> str:
    """One short value for (client, identifier, content); JSON keeps the three apart."""
    return hashlib.sha256(orjson.dumps([transaction.client, transaction.identifier, transaction.content])).hexdigest()


def submission_row(change: Change) -> Row:
    case, request = change.case, change.case.request
    sent = next((f.request for f in change.facts if isinstance(f, Received)), request)
    return {
        "id": case.id,
        "transaction_key": transaction_key(sent.transaction),
        "client": sent.transaction.client,
        "identifier": sent.transaction.identifier,
        "received": case.received,
        "version": request.version,
        "caller": case.caller,
        "parties": _json(
            {
                "members": request.member_ids,
                "payers": request.payer_ids,
                "requesters": request.requester_npis,
                "providers": request.npis,
            }
        ),
        "claim_url": request.claim_url,
        "request": change.raw,
        "facts": case.facts,
    }


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one table, before `seq`, the submission's number, is added to each."""

    table: Table
    rows: list[Row]


def parts(change: Change) -> Iterator[Part]:
    """The rows that belong to a new case, in an order that the foreign keys accept; empty parts are left out."""
    case = change.case
    yield from (
        part
        for part in (
            Part(schema.fact, fact_rows(change)),
            Part(schema.item, [item_row(i) for i in case.items]),
            Part(schema.visible, visible_to(case.request)),
            Part(schema.item_key, item_keys(case.items)),
            Part(schema.approval, list(approvals(case.items, map(key, case.request.member_ids)))),
            Part(schema.rendering, renderings(change.renderings)),
        )
        if part.rows
    )


def fact_rows(change: Change) -> list[Row]:
    return [
        {"number": n, "at": fact.at, "kind": kind_of(fact), "body": fact_json(fact)}
        for n, fact in enumerate(change.facts, change.expected + 1)
    ]


def facts_from(found: Iterable[Any]) -> list[Fact]:
    """The facts of rows with `kind` and `body`; none where some are older than the keeping of facts."""
    kept = list(found)
    return [] if any(row.kind == schema.EARLIER for row in kept) else [fact_from(row.kind, row.body) for row in kept]


def item_row(item: CaseItem) -> Row:
    decision, requested = item.decision, item.requested
    reason = reason_of(item)
    period_start, period_end = item.period or (None, None)
    service_start, service_end = requested.service or (None, None)
    return {
        "sequence": item.sequence,
        "policy_id": decision.policy_id,
        "policy_uri": decision.policy_uri,
        "edition": decision.edition,
        "outcome": item.outcome,
        "action": ACTION[item.status][0],
        "reason": reason[0] if reason else None,
        "number": item.own_number,
        "reference": item.reference,
        "period_start": period_start,
        "period_end": period_end,
        "service_start": service_start,
        "service_end": service_end,
        "codes": _json(c.token for c in requested.codes),
        "previous_numbers": _json(requested.previous_numbers),
        "findings": _json(decision.findings),
        "engine": decision.engine,
        "decided_by": _person(item.ruling) if item.ruling else None,
    }


def visible_to(request: AuthorizationRequest) -> list[Row]:
    """A row for each member id with each provider of a request."""
    members = {key(m) for m in request.member_ids}
    npis = {key(n) for n in (*request.npis, *request.requester_npis)}
    return [{"member": m, "npi": n} for m in members for n in npis]


def _person(ruling: PersonDecision) -> str:
    """Who decided and why, as JSON."""
    person = ruling.person
    return orjson.dumps(
        {"role": person.role, "npi": person.npi, "verdict": ruling.verdict, "reasons": ruling.reasons}
    ).decode()


def item_keys(items: Iterable[CaseItem]) -> list[Row]:
    keys = {
        (kind, key(value), item.sequence)
        for item in items
        for kind, values in (
            ("number", (item.number, item.reference, *item.requested.previous_numbers)),
            ("code", [c.token for c in item.requested.codes]),
            ("control", [item.document.control["value"]] if item.document else ()),
        )
        for value in values
        if value
    }
    return [{"kind": kind, "value": value, "sequence": sequence} for kind, value, sequence in keys]


def renderings(bodies: Mapping[tuple[Version, str], bytes]) -> list[Row]:
    return [{"version": version, "kind": kind, "body": body} for (version, kind), body in bodies.items()]


def approvals(items: Iterable[CaseItem], members: Iterable[str]) -> Iterator[Row]:
    """One row for each approved item and member. members: as `key` makes them."""
    members = tuple(dict.fromkeys(members))
    for item in items:
        if item.number and item.decision.policy_id and item.period:
            for member in members:
                yield {
                    "number": item.number,
                    "member": member,
                    "policy_id": item.decision.policy_id,
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
        "sees": None if assertion.sees is None else _json(assertion.sees),
    }


def assertion_of(row: RowMapping) -> Assertion:
    return Assertion(
        **{
            **row,
            "version": Version(row["version"]),
            "member_ids": tuple(orjson.loads(row["member_ids"])),
            "sees": None if row["sees"] is None else tuple(orjson.loads(row["sees"])),
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
    return orjson.dumps(value if isinstance(value, dict | tuple | list) else list(value)).decode()
