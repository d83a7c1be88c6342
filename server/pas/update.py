"""Claim/$submit that changes an earlier request: items added, changed and cancelled, or the whole (pas P-80 to P-86).

What is touched is judged again by the whole record; what is not stays as it stands.
"""

from collections.abc import Iterator
from dataclasses import replace

from server.answer.change import change_of
from server.answer.claim_response import SUBMIT
from server.auth.caller import Caller
from server.decision.case import Case, DecidedByMachine, Fact, Received, Updated
from server.decision.ruling import CLOSED, Status
from server.errors import DatabaseGone
from server.fhir.x12 import INPUT_ERRORS, NO_RESUBMISSION
from server.pas.beside import with_other
from server.pas.claim_error import render_rejections
from server.pas.judge_again import Touch, asks_for, judge_again, told_against
from server.pas.machine_decision import log_decided
from server.pas.read_update import Update
from server.pas.rejections import Rejection, rejections_of
from server.pas.request.bundle import CLAIM
from server.pas.submit import stored_answer
from server.store.conflicts import AskedBefore, AuthorizationStands
from server.store.ports import Change, Inquiry
from server.world import World

_TRIES = 20
"""How often an update is tried while others change the same case."""

_RELATED = f"{CLAIM}.related[0]"
_NEW = "Send a new request."


class _Refused(Exception):
    """An update that changes nothing, and why."""

    def __init__(self, text: str, expression: str = _RELATED) -> None:
        self.rejection = Rejection(INPUT_ERRORS, text, expression, NO_RESUBMISSION)
        super().__init__(text)


def update(sent: Update, raw: bytes, caller: Caller, world: World) -> bytes:
    """The response Bundle with all items of the case; what it changes is committed before this returns.

    The same update again gives the answer of its case, and changes nothing. One that comes while somebody else changes
    the case is judged on what the case is then. An update of a request that was never sent here, but whose prior Claim
    came along, is decided as a new request (pas T-5). Refused with ClaimResponse.error, having changed nothing: see
    `_prior` and `_facts` (pas P-85, T-25).
    """
    request = sent.matched.request
    for _ in range(_TRIES):
        known = world.store.find_transaction(request.transaction) or world.store.messages.find(request.transaction)
        if known is not None:
            return stored_answer(known, request, world)
        try:
            if rejections := rejections_of(request, world.plan, update=True):
                return _refused(sent, rejections, world)
            case = _prior(sent, world)
            answer = _written(sent, case, raw, caller, world)
        except _Refused as refused:
            return _refused(sent, (refused.rejection,), world)
        if answer is not None:
            return answer
    raise DatabaseGone


def _refused(sent: Update, rejections: tuple[Rejection, ...], world: World) -> bytes:
    return render_rejections(
        sent.matched.request, rejections, kind=SUBMIT, response_id=world.new_id(), created=world.clock()
    )


def _prior(sent: Update, world: World) -> Case | None:
    """The case that an update means, of the sender's own; None where it brings a Claim that was never sent here.

    Raises _Refused for one that is not there or not the sender's (the two are not told apart), that is of another
    patient, or that is the update itself.
    """
    request = sent.matched.request
    if request.claim_url in sent.prior:
        raise _Refused("A Claim does not change itself; name the earlier Claim.")
    found = list(_candidates(sent, world))
    if not found:
        if sent.enclosed and not sent.whole and sent.matched.items:
            return None
        raise _Refused(f"No request of this sender is known by that. {_NEW}")
    own = [case for case in found if case.request.member_ids == request.member_ids]
    if not own:
        raise _Refused(f"The earlier request is of another patient. {_NEW}", f"{CLAIM}.patient")
    case = own[0]
    for name in ("birthDate", "gender"):
        if case.request.patient.get(name) != request.patient.get(name):
            place = f"{request.index.place(request.patient)}.{name}"
            raise _Refused(f"The patient is described otherwise than in the earlier request. {_NEW}", place)
    return case


def _candidates(sent: Update, world: World) -> Iterator[Case]:
    """The sender's own cases, by the prior Claim's fullUrl, else its identifier, else a number (pas T-33)."""
    request, store = sent.matched.request, world.store
    client = request.transaction.client
    if not client:
        return
    found = [case for url in sent.prior for i in store.messages.claims(client, url) if (case := store.case(i))]
    asked = Inquiry(request.member_ids, request.requester_npis)
    if not found and sent.identifiers:
        cases = [case for i in store.inquire(asked) if (case := store.case(i))]
        wanted = set(sent.identifiers)
        found = [c for c in cases if wanted & {(i.get("system"), i.get("value")) for i in c.request.identifiers}]
    if not found and sent.numbers:
        known = set(store.inquire(replace(asked, numbers=sent.numbers)))
        found = [c for i in known if (c := store.case(i)) and _has_number(c, sent.numbers)]
    yield from (case for case in found if case.request.transaction.client == client)


def _has_number(case: Case, numbers: tuple[str, ...]) -> bool:
    """Whether one of the numbers is of this case; an inquiry falls back to other cases where none is."""
    return any(n in numbers for i in case.items for n in (i.own_number, i.reference))


def _written(sent: Update, case: Case | None, raw: bytes, caller: Caller, world: World) -> bytes | None:
    """The answer after the update is on disk; None where somebody else changed the case first."""
    facts = _facts(sent, case, caller, world) if case else _adopted(sent, caller, world)
    while True:
        change = replace(change_of(case, facts, world.base_url, raw=raw), single=True)
        try:
            written = world.store.append(change)
        except (AskedBefore, AuthorizationStands) as other:
            facts = tuple(with_other(f, other, caller, world) for f in facts)
        else:
            return _answer(change, written, world, sent) if written else None


def _answer(change: Change, written: str, world: World, sent: Update) -> bytes:
    request = sent.matched.request
    if written != change.case.id:
        return stored_answer(written, request, world)
    for fact in change.facts:
        if isinstance(fact, DecidedByMachine):
            log_decided(change.case.id, fact)
    return change.renderings[request.version, SUBMIT]


def _facts(sent: Update, case: Case, caller: Caller, world: World) -> tuple[Fact, ...]:
    """What an update does to a case. Raises _Refused where it would change what is closed, or what is not there."""
    request = sent.matched.request
    still_open = [i.sequence for i in case.items if i.status not in CLOSED]
    if not still_open:
        raise _Refused(f"All items of the earlier request are denied or cancelled. {_NEW}")
    cancelled = tuple(still_open) if sent.whole else tuple(n for n in sent.cancelled if _to_cancel(case, n))
    sequences = [i.item.sequence for i in sent.matched.items]
    asked = {n for n in sequences if _touches(case, n, sent)}
    against = told_against(sent.matched, case, world) if sent.judge is judge_again else frozenset()
    touched = tuple(n for n in sequences if n in asked or n in against)
    now = world.clock()
    updated = Updated(now, caller.name, request, touched, cancelled)
    if not touched:
        return (updated,)
    return updated, sent.judge(sent.matched, case, Touch(touched, cancelled, sent.withdrawn), world)


def _to_cancel(case: Case, sequence: int) -> bool:
    """Whether an item is cancelled by this; not where it is already. Raises _Refused."""
    item = case.item(sequence)
    if item is None or item.status is Status.DENIED:
        what = "is not in the earlier request" if item is None else "is denied"
        raise _Refused(f"The item with the sequence {sequence} {what}, so it cannot be cancelled.", f"{CLAIM}.item")
    return item.status is not Status.CANCELLED


def _touches(case: Case, sequence: int, sent: Update) -> bool:
    """Whether an item is to be judged: it is new, it waits, or it asks for something else. Raises _Refused."""
    was = case.item(sequence)
    if was is None:
        return True
    request = sent.matched.request
    asked = next(i.item for i in sent.matched.items if i.item.sequence == sequence)
    same = asks_for(asked, request) == asks_for(was.requested, case.request)
    if was.status is Status.CANCELLED or (was.status is Status.DENIED and not same):
        text = f"The item with the sequence {sequence} is {was.status}, so it cannot be changed; {_NEW.lower()}"
        raise _Refused(text, f"{CLAIM}.item")
    return was.status is Status.PENDED or not same


def _adopted(sent: Update, caller: Caller, world: World) -> tuple[Fact, ...]:
    """A request that was never sent here, as its update tells it: a new one, some of it cancelled (pas T-5)."""
    now, full = world.clock(), sent.full()
    received = Received(now, world.new_id(), caller.name, full.request)
    touched = tuple(i.item.sequence for i in sent.matched.items)
    opened = Case(received.case_id, now, caller.name, full.request, 1, now)
    decided = sent.judge(sent.matched, opened, Touch(touched, (), sent.withdrawn), world)
    if not sent.cancelled:
        return received, decided
    return received, Updated(now, caller.name, sent.matched.request, (), sent.cancelled), decided
