"""Claim/$submit: decide each item, record once, render once, answer with what is on disk."""

from dataclasses import dataclass, replace

from server.answer.change import change_of
from server.answer.claim_response import SUBMIT, render
from server.auth.caller import Caller
from server.auth.seen import sees_case
from server.decision.case import Case, DecidedByMachine, Received
from server.decision.request import AuthorizationRequest
from server.pas.beside import with_authorization_beside, with_request_before
from server.pas.claim_error import render_rejections
from server.pas.kept import Kept, with_kept
from server.pas.machine_decision import decide_by_machine, log_decided
from server.pas.match import MatchedRequest
from server.pas.rejections import rejections_of
from server.pas.request.transaction import asks_the_same
from server.store.conflicts import AskedBefore, AuthorizationStands
from server.store.message_port import Joined
from server.store.ports import Change
from server.world import World


def submit(matched: MatchedRequest, raw: bytes, caller: Caller, world: World) -> bytes:
    """The response Bundle under the request's version; what it decides is committed before this returns.

    The same transaction again, also in parallel, gives the bytes of its first answer and one authorization
    (pas P-51, T-3). Attachments that came before it are judged with it. A request with rejections is answered with
    ClaimResponse.error and stores nothing (P-49).
    """
    request = matched.request
    known = world.store.find_transaction(request.transaction)
    if known is not None:
        return stored_answer(known, request, world)
    rejections = rejections_of(request, world.plan)
    if rejections:
        return render_rejections(request, rejections, kind=SUBMIT, response_id=world.new_id(), created=world.clock())
    received = Received(world.clock(), world.new_id(), caller.name, request)
    kept = with_kept(matched, received.at, caller, world)
    try:
        answer, written = _open(_Opening(received, kept, raw, caller), decide_by_machine(kept.matched, world), world)
    except Joined:
        return submit(matched, raw, caller, world)
    if written is not None:
        log_decided(received.case_id, written)
    return answer


@dataclass(frozen=True, slots=True)
class _Opening:
    """What opens a case: the request as it came, and the documents that waited for it."""

    received: Received
    kept: Kept
    raw: bytes
    caller: Caller


def _open(opening: _Opening, decided: DecidedByMachine, world: World) -> tuple[bytes, DecidedByMachine | None]:
    """The answer, and the decision that was written; None where the same request came first.

    An approval that would stand beside another in the same days, or overtake a request that a person has denied or is
    to decide, is pended instead: each time round, one item more.
    Where the very same is asked for again under another number, the authorization that stands is the answer (pas P-51).
    """
    received, kept = opening.received, opening.kept
    while True:
        opened = change_of(None, (received, *kept.facts, decided), world.base_url, raw=opening.raw)
        opened = replace(opened, single=True, joined=kept.contents)
        try:
            answer, first = answer_of(opened, world)
        except AskedBefore as before:
            mine = sees_case(opening.caller, before.case_id, world.store)
            decided = with_request_before(decided, before, world, named=mine)
        except AuthorizationStands as stands:
            standing = world.store.case(stands.case_id)
            if standing is not None and asks_the_same(standing.request.bundle, received.request.bundle):
                return render(_told_to(standing, received.request), world.base_url)[
                    received.request.version, SUBMIT
                ], None
            decided = with_authorization_beside(decided, stands, world)
        else:
            return answer, decided if first else None


def _told_to(case: Case, request: AuthorizationRequest) -> Case:
    """The case as it stands, told to a request that asks the same: its own transaction, trace numbers and Claim."""
    pairs = zip(case.items, request.items, strict=True)
    return replace(case, request=request, items=tuple(replace(item, requested=asked) for item, asked in pairs))


def answer_of(opened: Change, world: World) -> tuple[bytes, bool]:
    """The answer of a case that is opened, and whether this opened it: the same request may have come first."""
    request = opened.case.request
    case_id = world.store.append(opened)
    if case_id == opened.case.id:
        return opened.renderings[request.version, SUBMIT], True
    if case_id is None:
        raise LookupError(f"case {opened.case.id} was opened twice")
    return stored_answer(case_id, request, world), False


def stored_answer(case_id: str, request: AuthorizationRequest, world: World) -> bytes:
    """The response Bundle of a stored case, in the shape of the version that this request speaks."""
    body = world.store.rendering(case_id, request.version, SUBMIT)
    if body is None:
        raise LookupError(f"case {case_id} lacks its rendering")
    return body
