"""ClaimResponse.processNote: the reasons of a decision in plain words, for clients that read nothing else."""

from typing import Any

from server.decision.case import CaseItem
from server.decision.model import Finding, Outcome
from server.decision.ruling import Status
from server.policy.model import State

_DECIDES = {
    Outcome.MORE_INFO_NEEDED: "The provider answers next: complete the payer's form, or send what the notes name.",
    Outcome.PEND_NURSE: "A nurse reviewer looks next, at what the notes name.",
    Outcome.PEND_PHYSICIAN: "A qualified physician decides. The notes say what is not met and what settles it.",
    Outcome.PEND_MEDICAL_DIRECTOR: "The medical director decides. The notes say what is not met and what settles it.",
}

_STATE = {State.UNMET: "Not met", State.UNKNOWN: "Not known", State.REVIEW: "A person must judge"}


def notes_of(item: CaseItem) -> list[str]:
    """The notes of one item: who decides, then each criterion that is not met with what would settle it.

    A person's reasons where one decided. Empty for a machine's approval, which leaves nothing to settle.
    """
    if item.status is Status.CANCELLED:
        return []
    if item.ruling is not None:
        return list(item.ruling.reasons)
    if item.waits_for is None:
        return []
    findings = item.decision.findings
    return [_DECIDES[item.waits_for], *(_note(f) for f in findings if f.state is not State.MET)]


def _note(finding: Finding) -> str:
    why = f" Why: {_ended(finding.why)}" if finding.why else ""
    return f"{_STATE[finding.state]}: {_ended(finding.sentence)}{why} What would settle it: {finding.remedy}"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


class ProcessNotes:
    """Notes numbered once for a whole ClaimResponse; the same text has one number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def elements(self) -> list[dict[str, Any]]:
        return [{"number": n, "text": text} for text, n in self._numbers.items()]
