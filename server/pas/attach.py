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
from server.decision.request import AuthorizationRequest, Transaction
from server.decision.ruling import Status
from server.errors import DatabaseGone, InvalidRequest, Problem
from server.fhir.codes import PAS
from server.fhir.coverage import member_id
from server.fhir.read import Resource, dicts, extension_value, extensions
from server.form.response import form_canonicals
from server.outcomes import operation_outcome
from server.pas.beside import with_other
from server.pas.judge_again import Touch, judge_again, told_against
from server.pas.machine_decision import log_decided
from server.pas.match import MatchedRequest, read_and_match
from server.store.conflicts import AskedBefore, AuthorizationStands
from server.store.message_port import Unmatched
from server.store.ports import Inquiry
from server.world import World

_TRIES = 20
_DOCUMENT_INFORMATION = f"{PAS}extension-documentInformation"
_NO_DOCUMENT = frozenset(
    {"Bundle", "Claim", "ClaimResponse", "Coverage", "Organization", "Parameters", "Patient", "Practitioner"}
)
"""Types that say who is who, or that are requests themselves: no document of a patient's care."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A `$submit-attachment` body, read.

    tracking: the control number of what was asked for. reference: the administrative reference number of a pended item,
    if it is told. member: as `member_id` folds it. final: no more follows.
    """

    tracking: str
    member: str
    providers: tuple[str, ...]
    documents: tuple[Resource, ...]
    final: bool
    content: str
    reference: str | None = None


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
    answers = [
        c for d in documents if d and d["resourceType"] == "QuestionnaireResponse" for c in form_canonicals(d)[:1]
    ]
    if len({c.partition("|")[0] for c in answers}) < len(answers):
        text = "Two sets of answers to one form: nobody knows which holds; send the one that does."
        problems.append(Problem("value", text, "Parameters.Attachment"))
    if not attached:
        problems.append(Problem("required", "Send at least one Attachment.", "Parameters.Attachment"))
    if problems:
        raise InvalidRequest(problems)
    content = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    final = next((p.get("valueBoolean") for p in sent if p["name"] == "Final"), True) is not False
    tracking, member = str(values["TrackingId"][0]), member_id(str(values["MemberId"][0]))
    known_by = next(iter(values.get("AdminRefNumber", [])), None)
    return Attachment(tracking, member, providers, tuple(d for d in documents if d), final, content, known_by)


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
        case = world.store.case(case_id) if case_id else _announced(sent, world)
        if case is None or not sees_case(caller, case.id, world.store):
            return _unmatched(sent, raw, caller, world)
        if not fits(sent, case.request):
            text = "The request with this tracking id is of another member or provider; nothing was kept."
            raise InvalidRequest([Problem("business-rule", text, "Parameters.TrackingId")])
        if world.store.messages.find(transaction_of(sent, case.request)) or _appended(sent, case, raw, caller, world):
            return _said("The attachment is accepted, and the request is looked at again. Claim/$inquire answers.")
    raise DatabaseGone


def _unmatched(sent: Attachment, raw: bytes, caller: Caller, world: World) -> bytes:
    kept = Unmatched(world.clock(), caller.name, sent.content, sent.tracking, sent.member)
    world.store.messages.keep(kept, raw)
    return _said("No request is known by this tracking id; the attachment is kept, and belongs to none yet.")


def _said(text: str) -> bytes:
    return orjson.dumps(operation_outcome([Problem("informational", text, severity="information")]))


def fits(sent: Attachment, request: AuthorizationRequest) -> bool:
    """Whether an attachment is of the member of a request, and of one of its providers."""
    providers = {*request.npis, *request.requester_npis}
    return sent.member in request.member_ids and not providers.isdisjoint(sent.providers)


def announced_by(request: AuthorizationRequest) -> tuple[str, ...]:
    """The tracking ids by which a sender's documents belong to a request that did not ask for them (pas P-96).

    Those of the Claim's identifiers, and the control numbers of the documents that it says will come.
    """
    told = (e for info in dicts(request.claim.get("supportingInfo")) for e in extensions(info, _DOCUMENT_INFORMATION))
    controls = [extension_value(e, "controlNumber") for e in told]
    values = [v.get("value") if isinstance(v, dict) else v for v in (*request.identifiers, *controls)]
    return tuple(dict.fromkeys(v.strip() for v in values if isinstance(v, str) and v.strip()))


def _announced(sent: Attachment, world: World) -> Case | None:
    """The newest case of the member and provider with the reference number, else with the tracking id, else None."""
    asked = Inquiry((sent.member,), sent.providers, numbers=(sent.reference,) if sent.reference else ())
    found = [case for i in world.store.inquire(asked) if (case := world.store.case(i)) and fits(sent, case.request)]
    named = (c for c in found if sent.reference and sent.reference in {i.reference for i in c.items})
    return next(named, next((c for c in found if sent.tracking in announced_by(c.request)), None))


def transaction_of(sent: Attachment, request: AuthorizationRequest) -> Transaction:
    return Transaction(request.transaction.client, f"attachment|{sent.tracking}", sent.content)


def _appended(sent: Attachment, case: Case, raw: bytes, caller: Caller, world: World) -> bool:
    """Whether the case has the documents now; False where somebody else changed it first."""
    matched = joined(sent, case.request, world)
    request = matched.request
    there = {i.item.sequence for i in matched.items}
    waiting = {i.sequence for i in case.items if i.status is Status.PENDED and i.sequence in there}
    touched = tuple(sorted(waiting | told_against(matched, case, world))) if sent.final else ()
    facts: tuple[Fact, ...] = (Attached(world.clock(), caller.name, request, touched),)
    if touched:
        facts = (*facts, judge_again(matched, case, Touch(touched), world))
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


def joined(sent: Attachment, request: AuthorizationRequest, world: World) -> MatchedRequest:
    """The request with the documents among its entries. Answers to a form replace the earlier answers to it.

    Raises InvalidRequest for documents that cannot be read as part of it.
    """
    bundle: Resource = orjson.loads(orjson.dumps(request.bundle))
    entries: list[Any] = bundle["entry"]
    for document in sent.documents:
        earlier = [e for e in entries if _same_form(e.get("resource"), document)]
        if earlier:
            for entry in earlier:
                entry["resource"] = document
        else:
            entries.append({"fullUrl": f"urn:uuid:{world.new_id()}", "resource": document})
    found = read_and_match(orjson.dumps(bundle), bundle, request.version, world.policies)
    return replace(found, request=replace(found.request, transaction=transaction_of(sent, request)))


def _same_form(resource: Any, document: Resource) -> bool:
    if not isinstance(resource, dict) or resource.get("resourceType") != "QuestionnaireResponse":
        return False
    forms = [{c.partition("|")[0] for c in form_canonicals(r)[:1]} for r in (resource, document)]
    return document["resourceType"] == "QuestionnaireResponse" and not forms[0].isdisjoint(forms[1])
