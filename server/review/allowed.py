"""Which actions of the desk a role may take on which items. The law is decision.ruling; this says it beforehand."""

from server.decision.case import Case, CaseItem
from server.decision.ruling import Role, Verdict
from server.policy.desk import DeskRole

ACTIONS = {
    Verdict.APPROVE: "Approve",
    Verdict.ASK: "Ask for more information",
    Verdict.FORWARD: "Forward",
    Verdict.MODIFY: "Approve in part",
    Verdict.DENY: "Deny",
}


def role_of(role: DeskRole) -> Role | None:
    """The role in decisions; None for who decides nothing."""
    return Role(role.value) if role is not DeskRole.COMPLIANCE else None


def items_for(verdict: Verdict, case: Case, role: DeskRole) -> list[CaseItem]:
    """The items on which a role may do this."""
    mine = role_of(role)
    if mine is None:
        return []
    return [i for i in case.items if i.waits_for is not None and _may(verdict, mine, i.authorization.needs)]


def _may(verdict: Verdict, mine: Role, needs: Role) -> bool:
    match verdict:
        case Verdict.ASK:
            return True
        case Verdict.FORWARD:
            return mine is not Role.MEDICAL_DIRECTOR
        case Verdict.APPROVE:
            return mine.rank >= needs.rank
        case _:
            return mine is not Role.NURSE and mine.rank >= needs.rank


def verbs_of(case: Case, role: DeskRole) -> dict[Verdict, str]:
    """The actions that a role may take on a case, in the order of their buttons."""
    return {verdict: words for verdict, words in ACTIONS.items() if items_for(verdict, case, role)}
