"""What the page of a case shows, made of its facts: nothing is judged anew."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from server.answer.claim_response import SUBMIT
from server.decision.case import Attached, Case, CaseItem, DecidedByMachine, Fact, Received, Ruled, Updated
from server.decision.model import Evidence, Finding
from server.decision.review_action import waits_in_words
from server.decision.ruling import PersonDecision
from server.decision.state import item_state
from server.fhir.read import BundleIndex, Resource
from server.fhir.version import Version
from server.policy.model import State
from server.review.desk import ReviewDesk
from server.review.pages import ROLES
from server.review.readable import Rows, answer_in_words, order_rows, rows_of, title_of
from server.review.state_words import STATE_WORDS
from server.review.worklist import local_time
from server.store.desk_rows import service_of

STATES = {
    State.UNMET: "Not met",
    State.UNKNOWN: "Not known",
    State.REVIEW: "For you to judge",
    State.MET: "Met",
}
VERDICTS = {
    "approve": "approved it",
    "modify": "approved something else than was asked for",
    "deny": "denied it",
    "ask": "asked the provider for more",
    "forward": "forwarded it",
}


@dataclass(frozen=True, slots=True)
class ShownEvidence:
    """said: what the automatic check read there. title, rows: the resource, or the question and its answer."""

    said: str
    title: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class ShownCriterion:
    finding: Finding
    state: str
    evidence: tuple[ShownEvidence, ...]


@dataclass(frozen=True, slots=True)
class ShownItem:
    """One requested item. policy_url: a page with the policy's own text, if there is one."""

    item: CaseItem
    service: str
    status: str
    waits: str
    order: Rows
    criteria: tuple[ShownCriterion, ...]
    open: int
    policy: str
    policy_url: str


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the history: when, who, what, and why in the person's own words."""

    when: str
    who: str
    what: str
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """The answer that the provider sees: its sentence and its notes."""

    disposition: str
    notes: tuple[str, ...]


def items_of(case: Case, desk: ReviewDesk, today: date, later: Sequence[Case]) -> list[ShownItem]:
    """later: cases that may go on from this one's authorizations."""
    return [_item(item, STATE_WORDS[item_state(item, today, later)], case.request.index, desk) for item in case.items]


def _item(item: CaseItem, status: str, index: BundleIndex, desk: ReviewDesk) -> ShownItem:
    decision = item.decision
    policy = desk.world.policies.policy(decision.policy_id) if decision.policy_id else None
    edition = desk.world.policies.edition(decision.policy_id or "", decision.edition or "")
    questionnaire = edition.form.questionnaire if edition else None
    order = [State.UNMET, State.UNKNOWN, State.REVIEW, State.MET]
    findings = sorted(decision.findings, key=lambda f: order.index(f.state))
    shown = tuple(
        ShownCriterion(f, STATES[f.state], tuple(_evidence(e, index, questionnaire) for e in f.evidence))
        for f in findings
    )
    url = policy.url if policy and policy.url and policy.url.startswith(("https://", "http://")) else ""
    return ShownItem(
        item,
        service_of(item.requested.order, item.requested.raw),
        status,
        waits_in_words(item),
        order_rows(item.requested.order, item.requested.raw, index),
        shown,
        sum(f.state is not State.MET for f in findings),
        f"{policy.title}, edition {decision.edition}" if policy else "No policy of the plan",
        url,
    )


def _evidence(evidence: Evidence, index: BundleIndex, questionnaire: Mapping[str, Any] | None) -> ShownEvidence:
    place, _, link_id = evidence.ref.partition("#")
    resource = index.resolve(place)
    if link_id:
        candidates = [resource] if resource else index.of_type("QuestionnaireResponse")
        for response in candidates:
            answered = answer_in_words(response, link_id, questionnaire)
            if answered:
                return ShownEvidence(evidence.said, "Answer in the form", [answered])
        return ShownEvidence(evidence.said, "Answer in the form", [])
    if resource is None:
        return ShownEvidence(evidence.said, "", [])
    return ShownEvidence(evidence.said, title_of(resource), rows_of(resource, index))


def people_of(case: Case) -> list[tuple[str, Rows]]:
    """The patient, the coverage and who asks, in readable rows."""
    request, index = case.request, case.request.index
    shown: list[tuple[str, Rows]] = [("Patient", rows_of(request.patient, index))]
    if request.coverage is not None:
        shown.append(("Coverage", rows_of(request.coverage, index)))
    shown.append(("Who asks", rows_of(request.requester, index)))
    if request.organization is not None and request.organization is not request.requester:
        shown.append(("Organization", rows_of(request.organization, index)))
    return shown


def chart_of(case: Case) -> list[tuple[str, Rows]]:
    """Every other resource that was sent, so that a reader need not trust the automatic check."""
    request = case.request
    seen = {id(r) for r in (request.patient, request.coverage, request.requester, request.organization)}
    entries = (r for _, _, r in request.index.entries if id(r) not in seen and r.get("resourceType") != "Binary")
    return [(title_of(r), rows_of(r, request.index)) for r in entries]


def earlier_of(facts: Sequence[Fact]) -> list[tuple[str, Rows]]:
    """What came with an earlier version of the request, and is changed or left out in the one that stands."""
    *earlier, last = [f.request.index for f in facts if isinstance(f, Received | Updated | Attached)]
    seen = {_said(r) for _, _, r in last.entries}
    found = []
    for index in earlier:
        for _, _, resource in index.entries:
            if _said(resource) not in seen and resource.get("resourceType") != "Binary":
                found.append((title_of(resource), rows_of(resource, index)))
            seen.add(_said(resource))
    return found


def _said(resource: Resource) -> bytes:
    return orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)


def events_of(facts: Sequence[Fact], desk: ReviewDesk) -> list[Event]:
    """The history in words, the newest first."""
    return [event for fact in facts for event in _events(fact, desk)][::-1]


def _events(fact: Fact, desk: ReviewDesk) -> Iterator[Event]:
    when = local_time(fact.at, desk)
    match fact:
        case Received():
            yield Event(when, "The provider", "sent the request")
        case DecidedByMachine():
            for item in fact.items:
                said = f"approved item {item.sequence}" if item.number else f"passed item {item.sequence} on"
                yield Event(when, "The automatic check", said + _number(item.number))
        case Ruled():
            for ruling in fact.rulings:
                yield _ruled(when, ruling.sequence, ruling.decision, ruling.number)
        case Updated():
            yield Event(when, "The provider", _updated(fact))
        case Attached():
            again = f"; {_items(fact.touched)} looked at again" if fact.touched else ""
            yield Event(when, "The provider", f"sent documents{again}")


def _updated(fact: Updated) -> str:
    """What an update did, in words."""
    said = []
    if fact.touched:
        said.append(f"changed the request; {_items(fact.touched)} looked at again")
    if fact.cancelled:
        said.append(f"cancelled {'item' if len(fact.cancelled) == 1 else 'items'} {_named(fact.cancelled)}")
    return ", and ".join(said) or "sent the request again; nothing that was decided is touched"


def _items(sequences: tuple[int, ...]) -> str:
    return f"item {_named(sequences)} is" if len(sequences) == 1 else f"items {_named(sequences)} are"


def _named(sequences: tuple[int, ...]) -> str:
    return ", ".join(map(str, sequences))


def _ruled(when: str, sequence: int, decision: PersonDecision, number: str | None) -> Event:
    person = decision.person
    name = getattr(person, "name", None)
    who = f"{name}, " if name else ""
    who += f"{ROLES[person.role]}, NPI {person.npi}"
    what = f"item {sequence}: {VERDICTS[decision.verdict]}"
    if decision.forward_to is not None:
        what += f" to a {ROLES[decision.forward_to]}"
    if decision.period is not None:
        what += f", from {decision.period[0]} to {decision.period[1]}"
    return Event(when, who[0].upper() + who[1:], what + _number(number), decision.reasons)


def _number(number: str | None) -> str:
    return f", number {number}" if number else ""


def told_of(case_id: str, desk: ReviewDesk) -> Told | None:
    """The answer as it stands in the record, in the shape of the newer guide."""
    body = desk.world.store.rendering(case_id, Version.V2_2, SUBMIT)
    if body is None:
        return None
    response = orjson.loads(body)["entry"][0]["resource"]
    notes = tuple(str(note.get("text", "")) for note in response.get("processNote", ()))
    return Told(str(response.get("disposition", "")), notes)
