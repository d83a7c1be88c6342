"""The sandbox: requests of scripted members get the decision of their script, and the record says that it is one.

Off unless a sandbox file is set, and never over the record of a plan (store.dedicate). Every other member is decided as
ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import orjson

from server.decision.authorization import PersonDecision, Status
from server.decision.model import Evidence, Finding, Outcome
from server.log import log
from server.pas.rejections import UPDATE
from server.pas.request.facts import AuthorizationRequest, InquiryRequest, RequestedItem
from server.pas.request.read import read_submit
from server.pas.response.claim_response import Answer
from server.pas.response.review_action import DecidedItem
from server.pas.sandbox.elements import with_elements
from server.pas.sandbox.sandbox_file import Script, Scripts
from server.pas.submission import submission_of
from server.pas.submit import Submit
from server.policy.library import PolicyLibrary
from server.policy.model import State
from server.store.ports import Revision, Submission

SCRIPTED = "SCRIPTED"
"""The finding of a decision that a sandbox's script made."""

_STATE = {
    Outcome.APPROVE: State.MET,
    Outcome.MORE_INFO_NEEDED: State.UNKNOWN,
    Outcome.PEND_NURSE: State.REVIEW,
    Outcome.PEND_PHYSICIAN: State.UNMET,
    Outcome.PEND_MEDICAL_DIRECTOR: State.UNMET,
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`$submit` and `$inquire` for scripted members, over the operation that answers all others."""

    file: Scripts
    operation: Submit
    policies: PolicyLibrary

    def answer(self, request: AuthorizationRequest, raw: bytes) -> bytes:
        """As Submit.answer; a scripted member's request is decided by its script instead of a policy."""
        script = self._script(request.member_ids)
        if script is None:
            return self.operation.answer(request, raw)
        known = self.operation.store.find_transaction(request.transaction)
        if known is not None:
            self._settle(script, known)
            return self.operation.stored(known, request)
        if request.rejections and not (script.updates and all(r.code == UPDATE for r in request.rejections)):
            return self.operation.answer(request, raw)
        ruling = script.ruling if not script.after else None
        made = self._decided(script, request, ruling, self.operation.new_id())
        stored = self.operation.store.record(self._submission(script, made, raw))
        log.info("scripted", submission=stored, outcome=script.outcome.value, sandbox=self.file.name)
        return self.operation.stored(stored, request)

    def settle(self, request: InquiryRequest) -> None:
        """Before an inquiry is answered: decisions of scripts that are due by now take effect."""
        script = self._script(request.inquiry.member_ids)
        if script is not None and script.after:
            for submission_id in self.operation.store.inquire(replace(request.inquiry, actions=())):
                self._settle(script, submission_id)

    def _script(self, member_ids: Sequence[str]) -> Script | None:
        return next((self.file.scripts[m] for m in member_ids if m in self.file.scripts), None)

    def _settle(self, script: Script, submission_id: str) -> None:
        """The reviewer's decision on what is pended, once, when its time has come."""
        store, now = self.operation.store, self.operation.clock()
        kept = store.submitted(submission_id)
        if not script.after or kept is None or kept.revisions or now < kept.received + script.after:
            return
        request = read_submit(
            kept.request,
            orjson.loads(kept.request),
            version=kept.version,
            policies=self.policies,
            plan=self.operation.plan,
        )
        before = store.explanation(submission_id)
        references = {i.sequence: i.reference for i in before.items} if before else {}
        made = self._submission(script, self._decided(script, request, script.ruling, submission_id), kept.request)
        items = tuple(replace(i, reference=references.get(i.sequence)) for i in made.items)
        if store.revise(Revision(submission_id, 1, now, items, made.renderings)):
            log.info("scripted", submission=submission_id, outcome=items[0].outcome, sandbox=self.file.name)

    def _decided(
        self, script: Script, request: AuthorizationRequest, ruling: PersonDecision | None, answer_id: str
    ) -> Answer:
        items = tuple(self._item(script, request, item, ruling) for item in request.items)
        world = self.operation
        remark = f"Scripted by the sandbox {self.file.name}: {script.title}."
        return Answer(answer_id, request, items, world.clock(), world.base_url, remark)

    def _item(
        self, script: Script, request: AuthorizationRequest, item: RequestedItem, ruling: PersonDecision | None
    ) -> DecidedItem:
        period = _period(script, item, request.created)
        decided = DecidedItem(
            item=item,
            outcome=script.outcome,
            findings=(self._finding(script, request.claim_url),),
            engine=f"sandbox script {self.file.name}",
            ruling=ruling,
        )
        if decided.status in (Status.APPROVED, Status.MODIFIED):
            return replace(decided, period=period, number=self.operation.new_number("VA"))
        return replace(decided, reference=self.operation.new_number("VP") if decided.status is Status.PENDED else None)

    def _finding(self, script: Script, claim_url: str) -> Finding:
        state = _STATE[script.outcome]
        director = script.outcome is Outcome.PEND_MEDICAL_DIRECTOR
        return Finding(
            criterion=SCRIPTED,
            state=state,
            sentence=f"This decision is scripted: {script.title}.",
            citation=f"Sandbox {self.file.name}",
            evidence=(Evidence(claim_url, "a request of a scripted member"),),
            why="The sandbox's file decides the requests of this member; no policy was asked.",
            remedy="" if state is State.MET else "Nothing to send: the script goes on by itself, or says no more.",
            when_unmet="medical-director" if director else "physician",
        )

    def _submission(self, script: Script, made: Answer, raw: bytes) -> Submission:
        submission = submission_of(made, raw)
        if not script.elements:
            return submission
        shown = with_elements(submission.renderings, script.elements, made, self.operation.new_id)
        return replace(submission, renderings=shown)


def _period(script: Script, item: RequestedItem, created: date) -> tuple[date, date]:
    """From the first service day, else the day of the claim; both ends count; the calendar is the limit."""
    start = item.service[0] if item.service else created
    return (start, start + min(timedelta(days=script.days - 1), date.max - start))
