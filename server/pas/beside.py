"""What no policy can see of one item, and a nurse must: other items, authorizations in force, what is left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from server.decision.case import DecidedByMachine, MachineDecision
from server.decision.decide import decide
from server.decision.model import Decision, Finding, Outcome
from server.decision.request import RequestedItem
from server.fhir.codes import CPT, HCPCS, NDC, RXNORM
from server.fhir.x12 import CERTIFICATIONS
from server.pas.match import MatchedItem, MatchedRequest
from server.pas.request.claim_item import certification_type
from server.policy.model import State
from server.store.ports import AuthorizationStands
from server.world import World

SAME_SERVICE = "ONE-ITEM"
IN_FORCE = "NONE-IN-FORCE"
KIND_OF_REQUEST = "KIND-OF-REQUEST"
WHOLE_RECORD = "WHOLE-RECORD"
HIDDEN_ANSWERS = "VOID-ANSWERS"
UNKNOWN_BESIDE = "KNOWN-BESIDE"

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What a nurse is to look at: the parts of a finding."""

    criterion: str
    sentence: str
    why: str
    remedy: str


def for_a_person(
    decisions: Mapping[int, Decision], matched: MatchedRequest, left_out: tuple[str, ...]
) -> dict[int, Decision]:
    """The decisions by the places of their items; approvals wait for a nurse where more is to be looked at.

    left_out: what came along and has no place in the patient's record, as `PatientRecord` has it.
    """
    approved = [n for n, decision in decisions.items() if decision.outcome is Outcome.APPROVE]
    of_all = [look for look in (_unknown_beside(matched.items), _left_out(left_out)) if look] if approved else []
    found = dict(decisions)
    for n in approved:
        item = matched.items[n]
        own = (_items_beside(item, matched.items), _kind_of_request(item), _hidden_answers(item))
        for look in (*of_all, *(o for o in own if o)):
            found[n] = for_a_nurse(found[n], look)
    return found


def _items_beside(item: MatchedItem, all_items: tuple[MatchedItem, ...]) -> Look | None:
    """Several items under one policy: together they may be too much."""
    same = [i for i in all_items if i.policy is item.policy]
    if len(same) == 1:
        return None
    return Look(
        SAME_SERVICE,
        sentence="The request asks for what this policy covers once.",
        why=f"{len(same)} items of the request fall under the policy.",
        remedy="A nurse reviewer looks at the items together; a request with one item of it settles it.",
    )


def _unknown_beside(all_items: tuple[MatchedItem, ...]) -> Look | None:
    """Another item that may be any medicine: no policy knows it, and no billing code tells what it is."""
    unknown = [i.item.sequence for i in all_items if i.policy is None and _may_be_a_medicine(i.item)]
    if not unknown:
        return None
    named = ", ".join(map(str, unknown[:_MOST_NAMED]))
    return Look(
        UNKNOWN_BESIDE,
        sentence="What the request asks for beside this item is known.",
        why=f"No policy knows a medicine of the item with the sequence {named}, or a code that tells what it is.",
        remedy="A nurse reviewer looks at the items together; a request of its own for each settles it.",
    )


def _may_be_a_medicine(item: RequestedItem) -> bool:
    systems = {code.system for code in item.codes}
    return systems.isdisjoint({HCPCS, CPT}) or not systems.isdisjoint({NDC, RXNORM})


def _kind_of_request(item: MatchedItem) -> Look | None:
    """An appeal or a reconsideration: somebody has decided before."""
    kind = certification_type(item.item.raw)
    if kind is None or kind in CERTIFICATIONS:
        return None
    return Look(
        KIND_OF_REQUEST,
        sentence="The item asks for a certification, its renewal or its extension.",
        why=f"Its certification type says something else (X12 1322, code {kind}).",
        remedy="A nurse reviewer finds what it refers to; I, R or 4 as the certification type settles it.",
    )


def _left_out(left_out: tuple[str, ...]) -> Look | None:
    """Evidence that is not shown to be the patient's, or stands where nothing is read."""
    if not left_out:
        return None
    named = ", ".join(left_out[:_MOST_NAMED])
    more = len(left_out) - _MOST_NAMED
    return Look(
        WHOLE_RECORD,
        sentence="All that came along is shown to be about the patient, and stands where it is read.",
        why=f"Not judged: {named}" + (f" and {more} more." if more > 0 else "."),
        remedy="A nurse reviewer reads it. An entry of the Bundle whose subject is the patient is judged; what is of "
        "somebody else is to be left out.",
    )


def _hidden_answers(item: MatchedItem) -> Look | None:
    """Answers to questions that the other answers make void: one of the two is wrong."""
    if not item.hidden:
        return None
    named = ", ".join(item.hidden[:_MOST_NAMED])
    return Look(
        HIDDEN_ANSWERS,
        sentence="The form answers what it asks for, and nothing else.",
        why=f"Answered, though the other answers make the question void: {named}.",
        remedy="A nurse reviewer asks which of the answers is meant; leaving out or correcting one of them settles it.",
    )


def with_authorization_beside(fact: DecidedByMachine, stands: AuthorizationStands, world: World) -> DecidedByMachine:
    """The same decisions, but what would overlap the authorization that stands waits for a nurse."""
    items = tuple(_pended(i, stands, world) if i.sequence == stands.sequence else i for i in fact.items)
    return replace(fact, items=items)


def _pended(item: MachineDecision, stands: AuthorizationStands, world: World) -> MachineDecision:
    look = Look(
        IN_FORCE,
        sentence="No other authorization of this service is in force for the member in the same days.",
        why=f"An authorization under this policy is in force from {stands.period[0]} to {stands.period[1]}.",
        remedy="A nurse reviewer compares the two. Claim/$inquire tells what is in force; ask for days after it.",
    )
    decision = for_a_nurse(item.decision, look)
    return replace(item, decision=decision, number=None, reference=world.new_number("VP"))


def for_a_nurse(decision: Decision, look: Look) -> Decision:
    """The decision with one more finding, which a nurse is to look at."""
    finding = Finding(
        criterion=look.criterion,
        state=State.REVIEW,
        sentence=look.sentence,
        citation=decision.policy_uri or "",
        evidence=(),
        why=look.why,
        remedy=look.remedy,
    )
    findings = (*decision.findings, finding)
    return replace(decision, outcome=decide(findings), findings=findings, period=None)
