"""ClaimResponse/{id} and ClaimResponse/{id}/$explain: an answer and its reasons, replayed from the record."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from server.answer.claim_response import SUBMIT
from server.auth.caller import Caller
from server.auth.seen import sees_case
from server.errors import DatabaseGone, NotFound
from server.fhir.parameters import parameters, part, value
from server.fhir.version import Version
from server.log import log
from server.store.ports import ItemRecord, Store

_UNKNOWN_ID = "No ClaimResponse has this id. Ids stand in ClaimResponse.id of the answer to Claim/$submit."


def read_claim_response(response_id: str, version: Version, caller: Caller, store: Store) -> bytes:
    """The ClaimResponse as it was answered, in this version's shape. Raises NotFound."""
    _must_be_seen(response_id, caller, store)
    body = store.rendering(response_id, version, SUBMIT)
    if body is None:
        raise NotFound(_UNKNOWN_ID)
    leave_trace(store, [response_id], "read", caller)
    return orjson.dumps(orjson.loads(body)["entry"][0]["resource"])


def explain(response_id: str, caller: Caller, store: Store) -> bytes:
    """Why each item was decided so, as Parameters. Raises NotFound.

    One item: `policy`, `edition`, `outcome` and one `finding` per criterion. Several: one `item` each, with its
    `sequence` and the same parts. An item that no policy judged has no `policy` and no `edition`; one that a person
    decided has `decided-by` with role, NPI and each reason.
    """
    _must_be_seen(response_id, caller, store)
    explanation = store.explanation(response_id)
    if explanation is None:
        raise NotFound(_UNKNOWN_ID)
    leave_trace(store, [response_id], "explain", caller)
    items = explanation.items
    if len(items) == 1:
        return orjson.dumps(parameters(*_reasons(items[0])))
    return orjson.dumps(
        parameters(*(part("item", value("sequence", "positiveInt", i.sequence), *_reasons(i)) for i in items))
    )


def leave_trace(store: Store, case_ids: Sequence[str], by: str, caller: Caller) -> None:
    """An audit row for each answer that is given out. A full disk keeps nobody from reading, but is told in the log."""
    try:
        store.audit("read", case_ids, {"by": by, "caller": caller.name})
    except DatabaseGone as error:
        log.error("audit not written", reason=by, error=type(error).__name__)


def _must_be_seen(response_id: str, caller: Caller, store: Store) -> None:
    """Raises NotFound for an answer that is not the caller's, as for one that does not exist."""
    if not sees_case(caller, response_id, store):
        raise NotFound(_UNKNOWN_ID)


def _reasons(item: ItemRecord) -> Iterator[dict[str, Any]]:
    if item.policy_uri:
        yield value("policy", "uri", item.policy_uri)
    if item.edition:
        yield value("edition", "string", item.edition)
    yield value("outcome", "code", item.outcome)
    if item.decided_by:
        person = orjson.loads(item.decided_by)
        reasons = (value("reason", "string", reason) for reason in person["reasons"])
        yield part("decided-by", value("role", "code", person["role"]), value("npi", "string", person["npi"]), *reasons)
    for finding in orjson.loads(item.findings):
        yield part("finding", *_finding(finding))


def _finding(finding: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield value("criterion", "code", finding["criterion"])
    yield value("state", "code", finding["state"])
    for name in ("sentence", "citation"):
        yield value(name, "string", finding[name])
    for evidence in finding["evidence"]:
        yield _evidence(evidence["ref"], evidence["said"])
    for name in ("why", "remedy"):
        if finding[name]:  # FHIR has no empty strings
            yield value(name, "string", finding[name])


def _evidence(ref: str, said: str) -> dict[str, Any]:
    """A resource by Reference; an answer of the form by its linkId and what it says."""
    place, _, link_id = ref.partition("#")
    if link_id:
        return value("evidence", "string", f"{link_id}: {said}" if said else link_id)
    return value("evidence", "Reference", {"reference": place} | ({"display": said} if said else {}))
