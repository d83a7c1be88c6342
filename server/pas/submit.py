"""Claim/$submit: decide each item, record once, render once, answer with what is on disk."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from server.auth.caller import Caller
from server.clock import Clock, NewId, NewNumber
from server.decision.judge import ENGINE_CRITERION, Engine, judge
from server.decision.model import Evidence, Finding, Outcome
from server.log import log
from server.pas.cql_input import record_of
from server.pas.request.facts import AuthorizationRequest, RequestedItem
from server.pas.response.claim_error import render_rejections
from server.pas.response.claim_response import SUBMIT, Answer
from server.pas.response.review_action import DecidedItem, RequestedDocument
from server.pas.submission import submission_of
from server.policy.model import State
from server.policy.plan import Plan
from server.store.ports import Store

NO_POLICY = "NO-POLICY"
"""The finding of an item that no policy judges."""


@dataclass(frozen=True, slots=True)
class Submit:
    """The operation and what it needs of the world. base_url: this server's public URL, without a trailing slash."""

    store: Store
    plan: Plan
    engine: Engine
    clock: Clock
    new_id: NewId
    new_number: NewNumber
    base_url: str

    def answer(self, request: AuthorizationRequest, raw: bytes, caller: Caller) -> bytes:
        """The response Bundle under the request's version; what it decides is committed before this returns.

        The same transaction again, also in parallel, gives the bytes of its first answer and one authorization
        (pas P-51, T-3). A request with rejections is answered with ClaimResponse.error and stores nothing (P-49).
        """
        known = self.store.find_transaction(request.transaction)
        if known is not None:
            return self.stored(known, request)
        if request.rejections:
            return render_rejections(request, kind=SUBMIT, response_id=self.new_id(), created=self.clock())
        decided = self.decided(request)
        submission = submission_of(decided, raw)
        stored = self.store.record(submission)
        if stored != submission.id:
            return self.stored(stored, request)
        _log(decided, caller)
        return submission.renderings[request.version, SUBMIT]

    def stored(self, submission_id: str, request: AuthorizationRequest) -> bytes:
        """The response Bundle of a stored submission, in the shape of the version that this request speaks."""
        body = self.store.rendering(submission_id, request.version, SUBMIT)
        if body is None:
            raise LookupError(f"submission {submission_id} lacks its rendering")
        return body

    def decided(self, request: AuthorizationRequest) -> Answer:
        """The answer with every item decided on its own, before anything is stored."""
        items = tuple(self._decide(request, item) for item in request.items)
        return Answer(self.new_id(), request, items, self.clock(), self.base_url)

    def _decide(self, request: AuthorizationRequest, item: RequestedItem) -> DecidedItem:
        """Each item on its own: by its policy, or by a nurse where no policy speaks."""
        if item.edition is None:
            return self._unjudged(item)
        record = record_of(request, item)
        decision = judge(item.edition, record, self.engine)
        approved = decision.outcome is Outcome.APPROVE
        return DecidedItem(
            item=item,
            outcome=decision.outcome,
            findings=tuple(_located(f, record.urls) for f in decision.findings),
            engine=decision.engine,
            policy_id=decision.policy_id,
            policy_uri=decision.policy_uri,
            edition=decision.edition,
            period=decision.period,
            number=self.new_number("VA") if approved else None,
            reference=None if approved else self.new_number("VP"),
            document=self._form() if any(f.state is State.UNKNOWN for f in decision.findings) else None,
        )

    def _unjudged(self, item: RequestedItem) -> DecidedItem:
        finding = Finding(
            criterion=NO_POLICY,
            state=State.REVIEW,
            sentence="No automatic policy of this plan covers the requested service.",
            citation=self.plan.name,
            evidence=(),
            why=self._why_unjudged(item),
            remedy="Nothing to send: a nurse reviewer reads the request.",
        )
        return DecidedItem(
            item=item,
            outcome=Outcome.PEND_NURSE,
            findings=(finding,),
            engine="none: no policy",
            policy_id=item.policy.id if item.policy else None,
            policy_uri=item.policy.uri if item.policy else None,
            reference=self.new_number("VP"),
        )

    def _why_unjudged(self, item: RequestedItem) -> str:
        """What the plan does know of the service; whatever it says, a person decides."""
        if item.policy is not None:
            return "The policy for it was not in force on the service date."
        entry = self.plan.entry_for(item.codes)
        if entry is None:
            return "Neither a policy nor the plan's catalogue names its codes."
        return f"The plan's catalogue says of {entry.display}: {entry.reason}"

    def _form(self) -> RequestedDocument:
        return RequestedDocument(
            id=self.new_id(),
            control={"system": f"{self.base_url}/attachment-control-number", "value": self.new_number("VC")},
            context={"system": f"urn:trnorg:{self.plan.payer_id}", "value": self.new_id()},
        )


def _located(finding: Finding, urls: Mapping[str, str]) -> Finding:
    """Evidence by the fullUrls of the request, so that the sender finds it; a linkId stays behind `#`."""
    evidence = []
    for e in finding.evidence:
        place, mark, link_id = e.ref.partition("#")
        evidence.append(Evidence(urls.get(place, place) + mark + link_id, e.said))
    return replace(finding, evidence=tuple(evidence))


def _log(decided: Answer, caller: Caller) -> None:
    for d in decided.items:
        failed = any(f.criterion == ENGINE_CRITERION for f in d.findings)
        write = log.error if failed else log.info
        write(
            "not-evaluated" if failed else "decided",
            caller=caller.name,
            submission=decided.id,
            item=d.item.sequence,
            policy=d.policy_id,
            edition=d.edition,
            outcome=d.outcome.value,
            engine=d.engine,
        )
