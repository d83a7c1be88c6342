"""Items of one edition: every criterion judged by CQL over what was sent, then decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from server.cql.engine import Asked, Run
from server.decision.decide import decide
from server.decision.model import Decision, Evidence, Finding, Outcome
from server.errors import EngineError
from server.fhir.primitives import real_day
from server.fhir.read import Resource
from server.policy.model import Criterion, Edition, State

ENGINE_CRITERION = "AUTOMATIC-CHECK"


@dataclass(frozen=True, slots=True)
class CqlItem:
    """What CQL sees of one requested item alone.

    resources: the Claim with this item first, and the item's cleaned QuestionnaireResponse, if there is one.
    service_date: its first service day.
    """

    sequence: int
    resources: tuple[Resource, ...]
    service_date: date | None


@dataclass(frozen=True, slots=True)
class CqlInput:
    """What CQL sees of a request.

    shared: a FHIR Bundle: the beneficiary Patient (the only Patient), every order, the focal Coverage, this patient's
        clinical resources, and each item as a ServiceRequest with all its codes. Every resource has an id; every
        reference to another of them is relative (`Type/id`).
    urls: `Type/id` of every resource, shared or of an item -> fullUrl in the request.
    request_date: the day the claim was made, as the sender says; received_date: the day it came, as we know.
    """

    shared: Resource
    items: tuple[CqlItem, ...]
    urls: Mapping[str, str]
    request_date: date
    received_date: date


class Engine(Protocol):
    """Runs compiled CQL libraries over records."""

    name: str

    def evaluate(self, library: str, bundle: Resource, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The results of every define of `name|version`, by define name; raises EngineError."""
        ...

    def run_each(
        self, library: str, shared: Resource, runs: Sequence[Run], asked: Sequence[Asked]
    ) -> Sequence[Mapping[str, Any] | EngineError]:
        """What is asked, for each of several runs over a shared record; raises EngineError when all fail together."""
        ...


def judge(edition: Edition, given: CqlInput, items: Sequence[CqlItem], engine: Engine) -> tuple[Decision, ...]:
    """Decides items of one edition. An engine error becomes a finding that a person must look at; it never raises."""
    runs = [Run(item.resources, parameters(edition, given, item)) for item in items]
    try:
        results = engine.run_each(edition.library.key, given.shared, runs, asked(edition))
    except EngineError as error:
        return tuple(_unjudged(edition, str(error)) for _ in items)
    return tuple(_judged(edition, given, item, r, engine) for item, r in zip(items, results, strict=True))


def _judged(
    edition: Edition, given: CqlInput, item: CqlItem, results: Mapping[str, Any] | EngineError, engine: Engine
) -> Decision:
    try:
        if isinstance(results, EngineError):
            raise results
        findings = tuple(f for c in edition.criteria if (f := finding(c, results)) is not None)
    except EngineError as error:
        return _unjudged(edition, str(error))
    outcome = decide(findings, approved_by=edition.approved_by)
    period = None
    if outcome is Outcome.APPROVE:
        days = next((v.days for v in edition.validity if results.get(v.when) is True), None)
        if days is None:
            return _unjudged(edition, "the policy gives no validity for this kind of request")
        try:
            start = _day(results, edition.starts) or item.service_date or given.request_date
            period = (start, start + timedelta(days=days - 1))  # both ends count
        except EngineError as error:
            return _unjudged(edition, str(error))
        except OverflowError:
            return _unjudged(edition, "the calendar ends before the approval would")
    return Decision(outcome, findings, edition.policy_id, edition.policy_uri, edition.version, period, engine.name)


def asked(edition: Edition) -> tuple[Asked, ...]:
    """What the decision reads: the kinds of request, the start of an approval, and each criterion where it applies."""
    kinds = [Asked(v.when) for v in edition.validity]
    starts = [Asked(edition.starts)] if edition.starts else []
    return (*kinds, *starts, *(Asked(c.define, c.applies) for c in edition.criteria))


def parameters(edition: Edition, given: CqlInput, item: CqlItem) -> dict[str, Any]:
    """The CQL parameters of an evaluation: the policy's switches and the four the server always offers."""
    return {
        **edition.parameters,
        "Service Date": item.service_date,
        "Request Date": given.request_date,
        "Received Date": given.received_date,
        "Item Sequence": item.sequence,
    }


def finding(criterion: Criterion, results: Mapping[str, Any]) -> Finding | None:
    """One criterion from the results; None where it does not apply.

    Raises EngineError when the defines give anything but the shapes that model.Criterion promises.
    """
    if criterion.applies is not None and _boolean(results, criterion.applies) is not True:
        return None
    state, evidence = _judgement(results, criterion.define)
    if state is State.MET and not evidence:
        raise EngineError(f"criterion {criterion.id} is met without evidence")
    return Finding(
        criterion=criterion.id,
        state=state,
        sentence=criterion.sentence,
        citation=criterion.citation,
        evidence=evidence,
        why="; ".join(dict.fromkeys(e.said for e in evidence)) or _SILENCE[state],
        remedy="" if state is State.MET else criterion.remedies.get(state, _SETTLE[state]),
        when_unmet=criterion.when_unmet.value,
    )


_SILENCE = {
    State.MET: "",
    State.UNMET: "What was sent does not show it.",
    State.UNKNOWN: "Nothing that was sent speaks to it.",
    State.REVIEW: "What was sent needs a person's judgement.",
}


# check-policies fails on a state that the policy has no remedy for; a request must not fail on it
_SETTLE = {
    State.UNMET: "A qualified physician reviews it.",
    State.UNKNOWN: "Send what speaks to it.",
    State.REVIEW: "A nurse reviewer judges it.",
}


def _judgement(results: Mapping[str, Any], define: str) -> tuple[State, tuple[Evidence, ...]]:
    """State and evidence from the two shapes that model.Criterion allows; silence is unknown."""
    given = results.get(define, "absent")
    if given is None or isinstance(given, bool):
        return _STATES[given], ()
    state = given.get("state") if isinstance(given, dict) else None
    if state not in tuple(State):
        raise EngineError(f"define {define} gave no state, or one that is none of {', '.join(State)}")
    return State(state), _evidence(given.get("evidence"), define)


_STATES = {True: State.MET, False: State.UNMET, None: State.UNKNOWN}


def _boolean(results: Mapping[str, Any], define: str) -> bool | None:
    value = results.get(define, "absent")
    if value is None or isinstance(value, bool):
        return value
    raise EngineError(f"define {define} gave no Boolean")


def _day(results: Mapping[str, Any], define: str | None) -> date | None:
    """The whole day that a define gives; None where it gives none, or only its month or year."""
    value = results.get(define, "absent") if define is not None else None
    if value is None:
        return None
    if not isinstance(value, str) or value == "absent":
        raise EngineError(f"define {define} gave no Date")
    return real_day(value)


def _evidence(rows: Any, define: str) -> tuple[Evidence, ...]:
    if rows is None:
        return ()
    if not isinstance(rows, list):
        raise EngineError(f"define {define} gave evidence that is no list")
    found = (
        Evidence(str(row["ref"]), str(row.get("said") or ""))
        for row in rows
        if isinstance(row, dict) and isinstance(row.get("ref"), str)
    )
    return tuple(dict.fromkeys(found))


def _unjudged(edition: Edition, reason: str) -> Decision:
    """An evaluation that gave no answer goes to a person: never an approval, never a denial."""
    looked_for = Finding(
        criterion=ENGINE_CRITERION,
        state=State.REVIEW,
        sentence="The automatic check of this request could not be completed.",
        citation=edition.policy_uri,
        evidence=(),
        why="The rules could not be run over what was sent.",
        remedy="Nothing to send: a nurse reviewer reads the whole request.",
    )
    return Decision(
        Outcome.PEND_NURSE,
        (looked_for,),
        edition.policy_id,
        edition.policy_uri,
        edition.version,
        None,
        f"failed: {reason}",
    )
