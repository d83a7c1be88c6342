"""What no policy can see of one item: other items of the request, and authorizations in force. Both are for a nurse."""

from dataclasses import replace

from server.decision.case import DecidedByMachine, MachineDecision
from server.decision.decide import decide
from server.decision.model import Decision, Finding, Outcome
from server.pas.match import MatchedItem
from server.policy.model import State
from server.store.ports import AuthorizationStands
from server.world import World

SAME_SERVICE = "ONE-ITEM"
IN_FORCE = "NONE-IN-FORCE"


def with_items_beside(decision: Decision, item: MatchedItem, all_items: tuple[MatchedItem, ...]) -> Decision:
    """An approval of one of several items under one policy waits for a nurse: together they may be too much."""
    same = [i for i in all_items if i.policy is item.policy]
    if decision.outcome is not Outcome.APPROVE or len(same) == 1:
        return decision
    return _for_a_nurse(
        decision,
        SAME_SERVICE,
        sentence="The request asks for what this policy covers once.",
        why=f"{len(same)} items of the request fall under the policy.",
        remedy="A nurse reviewer looks at the items together; a request with one item of it settles it.",
    )


def with_authorization_beside(fact: DecidedByMachine, stands: AuthorizationStands, world: World) -> DecidedByMachine:
    """The same decisions, but what would overlap the authorization that stands waits for a nurse."""
    items = tuple(_pended(i, stands, world) if i.sequence == stands.sequence else i for i in fact.items)
    return replace(fact, items=items)


def _pended(item: MachineDecision, stands: AuthorizationStands, world: World) -> MachineDecision:
    decision = _for_a_nurse(
        item.decision,
        IN_FORCE,
        sentence="No other authorization of this service is in force for the member in the same days.",
        why=f"An authorization under this policy is in force from {stands.period[0]} to {stands.period[1]}.",
        remedy="A nurse reviewer compares the two. Claim/$inquire tells what is in force; ask for days after it.",
    )
    return replace(item, decision=decision, number=None, reference=world.new_number("VP"))


def _for_a_nurse(decision: Decision, criterion: str, *, sentence: str, why: str, remedy: str) -> Decision:
    finding = Finding(
        criterion=criterion,
        state=State.REVIEW,
        sentence=sentence,
        citation=decision.policy_uri or "",
        evidence=(),
        why=why,
        remedy=remedy,
    )
    findings = (*decision.findings, finding)
    return replace(decision, outcome=decide(findings), findings=findings, period=None)
