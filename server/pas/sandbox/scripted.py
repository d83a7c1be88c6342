"""The sandbox: requests of scripted members get the decision of their script, and the record says that it is one.

Off unless a sandbox file is set, and never over the record of a plan (store.dedicate). Every other member is decided as
ever.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

from server.answer.change import Dress, Renderings, change_of
from server.auth.caller import Caller
from server.decision.case import Case, DecidedByMachine, Fact, MachineDecision, Received, Ruled, Ruling
from server.decision.model import Decision, Evidence, Finding, Outcome
from server.decision.request import AuthorizationRequest, RequestedItem
from server.decision.ruling import Verdict
from server.fhir.read import Resource
from server.fhir.version import Version
from server.log import log
from server.pas.judge_again import Touch, as_before
from server.pas.match import MatchedRequest, read_and_match
from server.pas.read_update import Update
from server.pas.rejections import UPDATE, rejections_of
from server.pas.request.inquiry import InquiryRequest
from server.pas.sandbox.elements import with_elements
from server.pas.sandbox.sandbox_file import SCRIPTED, Script, Scripts
from server.pas.submit import answer_of, stored_answer, submit
from server.policy.model import State
from server.world import World

_LOOKED_AT = 200
"""Of the requests of one member, the newest: how many are looked at for what is due."""

_STATE = {
    Outcome.APPROVE: State.MET,
    Outcome.MORE_INFO_NEEDED: State.UNKNOWN,
    Outcome.PEND_NURSE: State.REVIEW,
    Outcome.PEND_PHYSICIAN: State.UNMET,
    Outcome.PEND_MEDICAL_DIRECTOR: State.UNMET,
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`$submit` and `$inquire` for scripted members, before the operations that answer all others."""

    file: Scripts
    world: World

    def answers(self, body: Resource, raw: bytes, version: Version) -> bool:
        """Whether a body that changes an earlier request is answered by a script as if it were a first one."""
        script = self._script(read_and_match(raw, body, version, self.world.policies).request.member_ids)
        return script is not None and script.updates

    def plays(self, sent: Update) -> Update:
        """An update of a scripted member, judged by the script; any other as it is."""
        script = self._script(sent.matched.request.member_ids)
        return sent if script is None else replace(sent, judge=partial(self._judged, script))

    def submit(self, matched: MatchedRequest, raw: bytes, caller: Caller) -> bytes:
        """As submit.submit; a scripted member's request is decided by its script instead of a policy."""
        request, world = matched.request, self.world
        script = self._script(request.member_ids)
        if script is None:
            return submit(matched, raw, caller, world)
        known = world.store.find_transaction(request.transaction)
        if known is not None:
            self._settle(script, known)
            return stored_answer(known, request, world)
        rejections = rejections_of(request, world.plan)
        if rejections and not (script.updates and all(r.code == UPDATE for r in rejections)):
            return submit(matched, raw, caller, world)
        facts = tuple(self._facts(script, request, caller))
        opened = change_of(None, facts, world.base_url, raw=raw, dress=self._dress(script))
        answer, first = answer_of(opened, world)
        if first:
            log.info("scripted", submission=opened.case.id, outcome=script.outcome.value, sandbox=self.file.name)
        return answer

    def settle(self, request: InquiryRequest) -> None:
        """Before an inquiry is answered: decisions of scripts that are due by now take effect."""
        script = self._script(request.inquiry.member_ids)
        if script is not None and script.ruling:
            for case_id in self.world.store.inquire(replace(request.inquiry, actions=())):
                self._settle(script, case_id)

    def settle_due(self) -> int:
        """The same for everybody's requests, though nobody asked; how many it decided. Subscribers hear of each."""
        ruled = [s for s in self.file.scripts.values() if s.ruling]
        waiting = [(s, c.id) for s in ruled for c in self.world.store.desk.search(s.member, _LOOKED_AT) if c.waits_for]
        return sum(self._settle(script, case_id) for script, case_id in waiting)

    def _script(self, member_ids: Sequence[str]) -> Script | None:
        return next((self.file.scripts[m] for m in member_ids if m in self.file.scripts), None)

    def _settle(self, script: Script, case_id: str) -> bool:
        """The reviewer's decision on what waits for one, when its time has come; whether that decided something.

        What another person has taken up is left to that person.
        """
        world, ruling = self.world, script.ruling
        case = world.store.case(case_id) if ruling else None
        if case is None or ruling is None or world.clock() < case.answered + script.after:
            return False
        may = ruling.person.role.rank
        waiting = [i for i in case.items if i.waits_for and i.ruling is None and i.authorization.needs.rank <= may]
        if not waiting or self._script(case.request.member_ids) is not script:
            return False
        ruled = self._ruled(script, [i.requested for i in waiting], case.request.created)
        made = change_of(case, [ruled], world.base_url, dress=self._dress(script))
        if world.store.append(made) is None:
            return False
        log.info("scripted", submission=case_id, outcome=ruling.verdict.value, sandbox=self.file.name)
        return True

    def _facts(self, script: Script, request: AuthorizationRequest, caller: Caller) -> Iterator[Fact]:
        now = self.world.clock()
        yield Received(now, self.world.new_id(), caller.name, request)
        items = tuple(self._decided(script, request, item) for item in request.items)
        yield DecidedByMachine(now, items, self._remark(script))
        if script.ruling is not None and not script.after:
            yield self._ruled(script, request.items, request.created)

    def _judged(self, script: Script, matched: MatchedRequest, case: Case, touch: Touch, _: World) -> DecidedByMachine:
        """What an update touches, by the script's outcome; what a person has decided before is for a person again."""
        asked = {i.sequence: i for i in matched.request.items}
        made = []
        for sequence in touch.items:
            was = case.item(sequence)
            kept = was is not None and was.authorization.kept_for_a_person and script.outcome is Outcome.APPROVE
            acting = replace(script, outcome=Outcome.PEND_NURSE) if kept else script
            made.append(as_before(self._decided(acting, matched.request, asked[sequence]), was))
        return DecidedByMachine(self.world.clock(), tuple(made), self._remark(script))

    def _remark(self, script: Script) -> str:
        return f"Scripted by the sandbox {self.file.name}: {script.title}."

    def _decided(self, script: Script, request: AuthorizationRequest, item: RequestedItem) -> MachineDecision:
        approved = script.outcome is Outcome.APPROVE
        decision = Decision(
            outcome=script.outcome,
            findings=(self._finding(script, request.claim_url),),
            policy_id=None,
            policy_uri=None,
            edition=None,
            period=_period(script, item, request.created) if approved else None,
            engine=f"sandbox script {self.file.name}",
        )
        number = self.world.new_number("VA" if approved else "VP")
        return MachineDecision(
            item.sequence, decision, number=number if approved else None, reference=None if approved else number
        )

    def _ruled(self, script: Script, items: Sequence[RequestedItem], created: date) -> Ruled:
        if script.ruling is None:
            raise LookupError(f"the script of {script.member} has no ruling")
        rulings = []
        for item in items:
            authorizes = script.ruling.verdict in (Verdict.APPROVE, Verdict.MODIFY)
            period = _period(script, item, created) if authorizes else None
            number = self.world.new_number("VA") if authorizes else None
            rulings.append(Ruling(item.sequence, replace(script.ruling, period=period), number))
        return Ruled(self.world.clock(), tuple(rulings))

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

    def _dress(self, script: Script) -> Dress | None:
        if not script.elements:
            return None

        def dress(renderings: Renderings, case: Case) -> Renderings:
            return with_elements(renderings, script.elements, case, self.world.new_id)

        return dress


def _period(script: Script, item: RequestedItem, created: date) -> tuple[date, date]:
    """From the first service day, else the day of the claim; both ends count; the calendar is the limit."""
    start = item.service[0] if item.service else created
    return (start, start + min(timedelta(days=script.days - 1), date.max - start))
