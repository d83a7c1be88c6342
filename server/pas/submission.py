"""A decided request as the store keeps it, and the form contexts that its answer names."""

from collections.abc import Iterator

import orjson

from server.decision.authorization import PersonDecision
from server.pas.response.claim_response import Answer, render
from server.pas.response.review_action import ACTION, DecidedItem
from server.store.ports import Assertion, ItemRecord, Submission


def submission_of(answer: Answer, raw: bytes) -> Submission:
    """Everything about a decided request that one database transaction writes. raw: the request's bytes."""
    request = answer.request
    return Submission(
        id=answer.id,
        transaction=request.transaction,
        received=answer.received,
        version=request.version,
        member_ids=request.member_ids,
        payer_ids=request.payer_ids,
        requester_npis=request.requester_npis,
        npis=request.npis,
        claim_url=request.claim_url,
        items=tuple(_item_record(d) for d in answer.items),
        request=raw,
        renderings=render(answer),
        assertions=tuple(_contexts(answer)),
    )


def _contexts(answer: Answer) -> Iterator[Assertion]:
    """For each requested form, what `$questionnaire-package` with its `context` needs to answer alike (pas P-90)."""
    request = answer.request
    for d in answer.items:
        edition = d.item.edition
        if d.document is None or edition is None:
            continue
        yield Assertion(
            id=d.document.context["value"],
            created=answer.received,
            hook="claim-submit",
            version=request.version,
            member_ids=request.member_ids,
            policy_id=edition.policy_id,
            edition=edition.version,
            form=edition.form.canonical,
            order=orjson.dumps(d.item.order or {}).decode(),
            coverage=orjson.dumps(request.coverage).decode(),
        )


def _item_record(decided: DecidedItem) -> ItemRecord:
    reason = decided.reason
    return ItemRecord(
        sequence=decided.item.sequence,
        policy_id=decided.policy_id,
        policy_uri=decided.policy_uri,
        edition=decided.edition,
        outcome=decided.ruling.verdict if decided.ruling else decided.outcome,
        action=ACTION[decided.status][0],
        reason=reason[0] if reason else None,
        number=decided.number,
        reference=decided.reference,
        period=decided.period,
        service=decided.item.service,
        codes=tuple(c.token for c in decided.item.codes),
        previous_numbers=decided.item.previous_numbers,
        findings=orjson.dumps(decided.findings).decode(),
        engine=decided.engine,
        decided_by=_person(decided.ruling) if decided.ruling else None,
    )


def _person(ruling: PersonDecision) -> str:
    """Who decided and why, as JSON."""
    return orjson.dumps(
        {"role": ruling.person.role, "npi": ruling.person.npi, "verdict": ruling.verdict, "reasons": ruling.reasons}
    ).decode()
