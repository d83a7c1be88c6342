"""CDex `$submit-attachment`: the documents of a request that waits for them (pas P-93 to P-95).

They join the record of their case, whose pended items are then judged again. Where no request is known by the tracking
id they are kept as they came.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import orjson

from server.answer.change import change_of
from server.auth.caller import Caller
from server.auth.seen import sees_case
from server.decision.case import Attached, Case, DecidedByMachine, Fact
from server.decision.request import Transaction
from server.decision.ruling import Status
from server.errors import DatabaseGone, InvalidRequest, Problem
from server.fhir.read import Resource, dicts
from server.form.response import form_canonicals
from server.outcomes import operation_outcome
from server.pas.beside import with_other
from server.pas.judge_again import Touch, judge_again
from server.pas.machine_decision import log_decided
from server.pas.match import MatchedRequest, read_and_match
from server.store.conflicts import AskedBefore, AuthorizationStands
from server.store.message_port import Unmatched
from server.world import World

_TRIES = 20
_NO_DOCUMENT = frozenset(
    {"Bundle", "Claim", "ClaimResponse", "Coverage", "Organization", "Parameters", "Patient", "Practitioner"}
)
"""Types that say who is who, or that are requests themselves: no document of a patient's care."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A `$submit-attachment` body, read. tracking: the control number of what was asked for. final: no more follows."""

    tracking: str
    member: str
    providers: tuple[str, ...]
    documents: tuple[Resource, ...]
    final: bool
    content: str


def read_attachment(body: Resource) -> Attachment:
    """Raises InvalidRequest with every problem."""
    if body.get("resourceType") != "Parameters":
        text = "The body is no Parameters resource; send TrackingId, AttachTo, MemberId, ProviderId and Attachment."
        raise InvalidRequest([Problem("structure", text, "Parameters")])
    problems: list[Problem] = []
    sent = [p for p in dicts(body.get("parameter")) if isinstance(p.get("name"), str)]
    values = {name: [_value(p) for p in sent if p["name"] == name] for name in {p["name"] for p in sent}}
    problems += [
        Problem("required", f"`{name}` must stand once, with a value.", f"Parameters.{name}")
        for name in ("TrackingId", "AttachTo", "MemberId")
        if len(values.get(name, [])) != 1 or not values[name][0]
    ]
    if values.get("AttachTo", ["preauthorization"])[0] != "preauthorization":
        problems.append(Problem("value", "Only `preauthorization` takes attachments here.", "Parameters.AttachTo"))
    providers = tuple(v for name in ("ProviderId", "OrganizationId") for v in values.get(name, []) if v)
    if not providers:
        problems.append(Problem("required", "Send ProviderId or OrganizationId.", "Parameters.ProviderId"))
    attached = [p for p in sent if p["name"] == "Attachment"]
    documents = [_document(p, n, problems) for n, p in enumerate(attached)]
    if not attached:
        problems.append(Problem("required", "Send at least one Attachment.", "Parameters.Attachment"))
    if problems:
        raise InvalidRequest(problems)
    content = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    final = next((p.get("valueBoolean") for p in sent if p["name"] == "Final"), True) is not False
    tracking, member = str(values["TrackingId"][0]), str(values["MemberId"][0])
    return Attachment(tracking, member, providers, tuple(d for d in documents if d), final, content)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _value(parameter: Resource) -> str | None:
    """The text of a string, code or Identifier."""
    found = next((v for k, v in parameter.items() if k.startswith("value")), None)
    found = found.get("value") if isinstance(found, dict) else found
    return found.strip() or None if isinstance(found, str) else None


def _document(parameter: Resource, n: int, problems: list[Problem]) -> Resource | None:
    """The resource of an Attachment; a problem where it is none that can be attached."""
    place = f"Parameters.Attachment[{n}]"
    contents = [p.get("resource") for p in dicts(parameter.get("part")) if p.get("name") == "Content"]
    if len(contents) != 1 or not isinstance(contents[0], dict) or not _is_text(contents[0].get("resourceType")):
        problems.append(Problem("required", "An Attachment has one Content, a resource.", place))
        return None
    found: Resource = contents[0]
    if found["resourceType"] in _NO_DOCUMENT:
        text = "This is no document of the patient's care; send a DocumentReference, a QuestionnaireResponse or data."
        problems.append(Problem("value", text, f"{place}.Content"))
    return found


def attach(sent: Attachment, raw: bytes, caller: Caller, world: World) -> bytes:
    """An OperationOutcome that says what became of the attachment; it is on disk before this returns.

    The same attachment again changes nothing. Raises InvalidRequest, having kept nothing, for the tracking id of
    another member's or provider's request, and for documents that cannot be read as part of the request.
    """
    for _ in range(_TRIES):
        case_id = world.store.messages.asked_by(sent.tracking)
        case = world.store.case(case_id) if case_id else None
        if case is None or not sees_case(caller, case.id, world.store):
            return _unmatched(sent, raw, caller, world)
        _must_fit(sent, case)
        if world.store.messages.find(_transaction(sent, case)) or _appended(sent, case, raw, caller, world):
            return _said("The attachment is accepted, and the request is looked at again. Claim/$inquire answers.")
    raise DatabaseGone


def _unmatched(sent: Attachment, raw: bytes, caller: Caller, world: World) -> bytes:
    kept = Unmatched(world.clock(), caller.name, sent.content, sent.tracking, sent.member)
    world.store.messages.keep(kept, raw)
    return _said("No request is known by this tracking id; the attachment is kept, and belongs to none yet.")


def _said(text: str) -> bytes:
    return orjson.dumps(operation_outcome([Problem("informational", text, severity="information")]))


def _must_fit(sent: Attachment, case: Case) -> None:
    providers = {*case.request.npis, *case.request.requester_npis}
    if sent.member not in case.request.member_ids or providers.isdisjoint(sent.providers):
        text = "The request with this tracking id is of another member or provider; nothing was kept."
        raise InvalidRequest([Problem("business-rule", text, "Parameters.TrackingId")])


def _transaction(sent: Attachment, case: Case) -> Transaction:
    return Transaction(case.request.transaction.client, f"attachment|{sent.tracking}", sent.content)


def _appended(sent: Attachment, case: Case, raw: bytes, caller: Caller, world: World) -> bool:
    """Whether the case has the documents now; False where somebody else changed it first."""
    matched = _joined(sent, case, world)
    request = replace(matched.request, transaction=_transaction(sent, case))
    there = {i.item.sequence for i in matched.items}
    waiting = (i.sequence for i in case.items if i.status is Status.PENDED and i.sequence in there)
    touched = tuple(waiting) if sent.final else ()
    facts: tuple[Fact, ...] = (Attached(world.clock(), caller.name, request, touched),)
    if touched:
        facts = (*facts, judge_again(replace(matched, request=request), case, Touch(touched), world))
    while True:
        change = replace(change_of(case, facts, world.base_url, raw=raw), single=True)
        try:
            written = world.store.append(change)
        except (AskedBefore, AuthorizationStands) as other:
            facts = tuple(with_other(f, other, caller, world) for f in facts)
            continue
        for fact in change.facts if written else ():
            if isinstance(fact, DecidedByMachine):
                log_decided(case.id, fact)
        return written is not None


def _joined(sent: Attachment, case: Case, world: World) -> MatchedRequest:
    """The request with the documents among its entries. Answers to a form replace the earlier answers to it."""
    bundle: Resource = orjson.loads(orjson.dumps(case.request.bundle))
    entries: list[Any] = bundle["entry"]
    for document in sent.documents:
        earlier = [e for e in entries if _same_form(e.get("resource"), document)]
        if earlier:
            for entry in earlier:
                entry["resource"] = document
        else:
            entries.append({"fullUrl": f"urn:uuid:{world.new_id()}", "resource": document})
    return read_and_match(orjson.dumps(bundle), bundle, case.request.version, world.policies)


def _same_form(resource: Any, document: Resource) -> bool:
    if not isinstance(resource, dict) or resource.get("resourceType") != "QuestionnaireResponse":
        return False
    forms = [{c.partition("|")[0] for c in form_canonicals(r)[:1]} for r in (resource, document)]
    return document["resourceType"] == "QuestionnaireResponse" and not forms[0].isdisjoint(forms[1])
