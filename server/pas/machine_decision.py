"""Decides each item by its policy; an item without a policy goes to a nurse."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from server.decision.case import DecidedByMachine, MachineDecision, RequestedDocument
from server.decision.judge import ENGINE_CRITERION, Engine, judge
from server.decision.model import Decision, Evidence, Finding, Outcome
from server.log import log
from server.meter import OUTCOMES
from server.pas.beside import for_a_person
from server.pas.cql_input import cql_input_of
from server.pas.match import MatchedItem, MatchedRequest
from server.pas.patient_record import patient_record
from server.policy.model import Edition, State
from server.policy.plan import Plan
from server.world import World

NO_POLICY = "NO-POLICY"
"""The finding of an item that no policy judges."""


def decide_by_machine(matched: MatchedRequest, world: World) -> DecidedByMachine:
    """Decides each item on its own. Nothing is stored."""
    now = world.clock()
    judged = judge_items(matched, world.engine, now.date())
    items = tuple(machine_decision(item, judged.get(n), world) for n, item in enumerate(matched.items))
    return DecidedByMachine(now, items)


def log_decided(case_id: str, fact: DecidedByMachine) -> None:
    """Logs one line for each item; a failed evaluation is logged as an error of this server."""
    for item in fact.items:
        decision = item.decision
        failed = any(f.criterion == ENGINE_CRITERION for f in decision.findings)
        OUTCOMES.labels("machine", "not-evaluated" if failed else decision.outcome.value).inc()
        write = log.error if failed else log.info
        write(
            "not-evaluated" if failed else "decided",
            submission=case_id,
            item=item.sequence,
            policy=decision.policy_id,
            edition=decision.edition,
            outcome=decision.outcome.value,
            engine=decision.engine,
        )


def judge_items(
    matched: MatchedRequest, engine: Engine, received: date, only: frozenset[int] | None = None
) -> dict[int, Decision]:
    """The decision of each item that an edition judges, by its place; the items of one edition in one run.

    only: the places of those that are to be judged; None: all.
    """
    wanted = [(n, i) for n, i in enumerate(matched.items) if only is None or n in only]
    editions = {id(item.edition): item.edition for _, item in wanted if item.edition is not None}
    if not editions:
        return {}
    record = patient_record(matched.request)
    given = cql_input_of(matched, record, received)
    found: dict[int, Decision] = {}
    for edition in editions.values():
        places = [n for n, item in wanted if item.edition is edition]
        for n, decision in zip(places, judge(edition, given, [given.items[n] for n in places], engine), strict=True):
            findings = tuple(_located(f, given.urls) for f in decision.findings)
            located = replace(decision, findings=findings)
            found[n] = located
    return for_a_person(found, matched, record)


def machine_decision(item: MatchedItem, decision: Decision | None, world: World) -> MachineDecision:
    """What the machine makes of one item. decision: None where no edition judges it."""
    sequence = item.item.sequence
    if item.edition is None or decision is None:
        return MachineDecision(sequence, _unjudged(item, world.plan), reference=world.new_number("VP"))
    approved = decision.outcome is Outcome.APPROVE
    unknown = any(f.state is State.UNKNOWN for f in decision.findings)
    return MachineDecision(
        sequence,
        decision,
        number=world.new_number("VA") if approved else None,
        reference=None if approved else world.new_number("VP"),
        document=_form(item.edition, world) if unknown else None,
    )


def _unjudged(item: MatchedItem, plan: Plan) -> Decision:
    finding = Finding(
        criterion=NO_POLICY,
        state=State.REVIEW,
        sentence="No automatic policy of this plan covers the requested service.",
        citation=plan.name,
        evidence=(),
        why=_why_unjudged(item, plan),
        remedy="Nothing to send: a nurse reviewer reads the request.",
    )
    policy = item.policy
    return Decision(
        outcome=Outcome.PEND_NURSE,
        findings=(finding,),
        policy_id=policy.id if policy else None,
        policy_uri=policy.uri if policy else None,
        edition=None,
        period=None,
        engine="none: no policy",
    )


def _why_unjudged(item: MatchedItem, plan: Plan) -> str:
    """What the plan's catalogue says about the service, for the person who decides."""
    if item.policy is not None:
        return "The policy for it was not in force on the service date."
    entry = plan.entry_for(item.item.codes)
    if entry is None:
        return "Neither a policy nor the plan's catalogue names its codes."
    return f"The plan's catalogue says of {entry.display}: {entry.reason}"


def _form(edition: Edition, world: World) -> RequestedDocument:
    return RequestedDocument(
        id=world.new_id(),
        control={"system": f"{world.base_url}/attachment-control-number", "value": world.new_number("VC")},
        context={"system": f"urn:trnorg:{world.plan.payer_id}", "value": world.new_id()},
        form=edition.form.canonical,
    )


def _located(finding: Finding, urls: Mapping[str, str]) -> Finding:
    """The evidence with fullUrls of the request, which its sender knows; `#` and a linkId may follow."""
    evidence = []
    for e in finding.evidence:
        place, mark, link_id = e.ref.partition("#")
        evidence.append(Evidence(urls.get(place, place) + mark + link_id, e.said))
    return replace(finding, evidence=tuple(evidence))
