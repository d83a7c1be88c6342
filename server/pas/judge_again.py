"""Judges the touched items of a case again, by the record as it is now. What stands is not judged."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from server.decision.case import Case, CaseItem, DecidedByMachine, MachineDecision
from server.decision.model import Decision, Outcome
from server.decision.request import AuthorizationRequest, RequestedItem
from server.decision.ruling import CLOSED, Status
from server.fhir.codes import PAS
from server.fhir.order import order_references
from server.fhir.read import Resource, dicts
from server.pas.beside import SAME_SERVICE, Look, for_a_nurse
from server.pas.machine_decision import judge_items, machine_decision
from server.pas.match import MatchedRequest, read_and_match
from server.pas.request.claim_item import (
    ADMINISTRATION_REFERENCE,
    AUTHORIZATION_NUMBER,
    CERTIFICATION_TYPE,
    TRACE_NUMBER,
)
from server.policy.model import State
from server.world import World

DECIDED_BEFORE = "DECIDED-BEFORE"
SAID_OTHERWISE = "SAID-OTHERWISE"
WITHDRAWN = "WITHDRAWN"

_OF_THE_VERSION = frozenset(
    {
        f"{PAS}extension-infoChanged",
        ADMINISTRATION_REFERENCE,
        AUTHORIZATION_NUMBER,
        CERTIFICATION_TYPE,
        TRACE_NUMBER,
    }
)
_SAID_OF_THE_PATIENT = ("diagnosis", "procedure", "supportingInfo", "careTeam", "insurance", "accident", "facility")
"""Elements of a Claim on which every item rests, whether it names them or not."""
_NOT_ASKED_FOR = frozenset({"extension", "modifierExtension", "informationSequence", "id"})


@dataclass(frozen=True, slots=True)
class Touch:
    """What a later message does to a case.

    items: the sequences of those to be judged. cancelled: of those that are taken back. withdrawn: some of the evidence
    that came along is taken back.
    """

    items: tuple[int, ...]
    cancelled: tuple[int, ...] = ()
    withdrawn: bool = False


def asks_for(item: RequestedItem, request: AuthorizationRequest) -> bytes:
    """What an item asks for and rests on, as bytes to compare: two versions of an item that differ in it differ.

    The item without what each version writes anew, its order with what that names, its diagnoses, and its answers.
    """
    order = item.order or {}
    diagnoses = {d.get("sequence"): d for d in dicts(request.claim.get("diagnosis"))}
    named = item.raw.get("diagnosisSequence") or list(diagnoses)
    said: dict[str, Any] = {
        "item": {k: v for k, v in item.raw.items() if k not in _NOT_ASKED_FOR},
        "extensions": [e for e in dicts(item.raw.get("extension")) if e.get("url") not in _OF_THE_VERSION],
        "service": item.service,
        "codes": [c.token for c in item.codes],
        "order": _said(order),
        "ordered": [_said(r) for _, r in order_references(order, request.index.resolve) if r] if order else [],
        "diagnoses": [diagnoses.get(n) for n in named],
        "answers": [(r.resource.get("questionnaire"), r.resource.get("item")) for r in item.responses],
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def told_against(matched: MatchedRequest, case: Case, world: World) -> frozenset[int]:
    """The sequences of items that are authorized, and of which a later version tells something against it.

    What is only left out tells nothing. Both versions are judged by today, so that time alone takes nothing back.
    """
    standing = {i.sequence for i in case.items if i.status in (Status.APPROVED, Status.MODIFIED)}
    if not standing or not _brings_evidence(matched.request, case.request):
        return frozenset()
    raw = orjson.dumps(case.request.bundle)
    earlier = read_and_match(raw, orjson.loads(raw), case.request.version, world.policies)
    was, now = _doubts(earlier, world), _doubts(matched, world)
    return frozenset(n for n in standing if n in was and n in now and now[n] - was[n])


def _doubts(matched: MatchedRequest, world: World) -> dict[int, frozenset[str]]:
    """By sequence of the items under a policy: the criteria that are not met."""
    judged = judge_items(matched, world.engine, world.clock().date())
    return {
        matched.items[n].item.sequence: frozenset(f.criterion for f in decision.findings if f.state is not State.MET)
        for n, decision in judged.items()
    }


def _brings_evidence(request: AuthorizationRequest, before: AuthorizationRequest) -> bool:
    known = set(_told(before))
    return any(said not in known for said in _told(request))


def _told(request: AuthorizationRequest) -> Iterator[bytes]:
    for entry in dicts(request.bundle.get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") != "Claim":
            yield _as_bytes(resource)
    for element in _SAID_OF_THE_PATIENT:
        said = request.claim.get(element)
        for one in said if isinstance(said, list) else [said]:
            yield orjson.dumps([element, one], option=orjson.OPT_SORT_KEYS)


def _as_bytes(resource: Resource) -> bytes:
    return orjson.dumps(_said(resource), option=orjson.OPT_SORT_KEYS)


def judge_again(
    matched: MatchedRequest,
    case: Case,
    touch: Touch,
    world: World,
) -> DecidedByMachine:
    """The machine's decision of the touched items of a case.

    What was approved and is approved again keeps its
    number; what is pended keeps its reference, and the document it asks for.
    """
    now = world.clock()
    places = {item.item.sequence: n for n, item in enumerate(matched.items)}
    wanted = frozenset(places[n] for n in touch.items)
    judged = judge_items(matched, world.engine, now.date(), wanted)
    made = []
    for sequence in touch.items:
        n, was = places[sequence], case.item(sequence)
        decision = judged.get(n)
        if decision is not None:
            others = [i for i in case.items if i.decision.policy_id == decision.policy_id and i is not was]
            standing = [i for i in others if i.sequence not in (*places, *touch.cancelled) and i.number]
            over = [i for i in others if i.sequence in touch.cancelled or i.status in CLOSED]
            looks = (
                *(_decided_before(i) for i in (was, *over) if i),
                *(_said_otherwise(decision, i) for i in (was, *over) if i),
                _beside(standing),
                _WITHDRAWN if touch.withdrawn else None,
            )
            decision = _with_looks(decision, looks)
        made.append(as_before(machine_decision(matched.items[n], decision, world), was))
    return DecidedByMachine(now, tuple(made))


def _with_looks(decision: Decision, looks: Iterable[Look | None]) -> Decision:
    """An approval waits for a nurse where what came before speaks against it; the same is said once."""
    found = {look.criterion: look for look in looks if look} if decision.outcome is Outcome.APPROVE else {}
    for look in found.values():
        decision = for_a_nurse(decision, look)
    return decision


def _decided_before(was: CaseItem) -> Look | None:
    if was.status is not Status.DENIED and not was.authorization.kept_for_a_person:
        return None
    return Look(
        DECIDED_BEFORE,
        sentence="No person has decided this item, or must decide it.",
        why="A reviewer has decided or forwarded an earlier version of it, or what it said needs a physician.",
        remedy="A reviewer compares the two versions.",
    )


def _said_otherwise(decision: Decision, was: CaseItem) -> Look | None:
    """What did not speak for an approval, or asked for a person's judgement, speaks for one now."""
    spoke = {f.criterion for f in was.decision.findings if f.state in (State.UNMET, State.REVIEW)}
    told = next((f for f in was.decision.findings if f.criterion == SAID_OTHERWISE), None)
    if told is not None:
        return Look(SAID_OTHERWISE, told.sentence, told.why, told.remedy)
    changed = sorted(f.criterion for f in decision.findings if f.state is State.MET and f.criterion in spoke)
    if not changed:
        return None
    return Look(
        SAID_OTHERWISE,
        sentence="What was said first, and what is said now, agree.",
        why=f"The earlier version said otherwise of: {', '.join(changed)}.",
        remedy="A nurse reviewer asks which of the two is so.",
    )


def _beside(standing: list[CaseItem]) -> Look | None:
    if not standing:
        return None
    return Look(
        SAME_SERVICE,
        sentence="The request asks for what this policy covers once.",
        why="Another item of the case is authorized under the policy.",
        remedy="A nurse reviewer looks at the items together; cancelling the other one settles it.",
    )


_WITHDRAWN = Look(
    WITHDRAWN,
    sentence="All that came along counts.",
    why="The update takes back supporting information that came along.",
    remedy="A nurse reviewer reads what is left.",
)


def as_before(made: MachineDecision, was: CaseItem | None) -> MachineDecision:
    """The decision with the number, reference and requested document that the item has already."""
    if was is None:
        return made
    if made.number is not None:
        return MachineDecision(made.sequence, made.decision, was.own_number or made.number)
    document = made.document
    if document is not None and was.document is not None and was.document.form == document.form:
        document = was.document
    return MachineDecision(made.sequence, made.decision, None, was.reference or made.reference, document)


def _said(resource: Resource) -> Resource:
    return {k: v for k, v in resource.items() if k not in ("meta", "text")}
