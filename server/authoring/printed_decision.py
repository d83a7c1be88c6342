"""The decision for a request in a file, printed for a person; nothing is stored or sent."""

from collections.abc import Iterator

from server.body import parse_object
from server.decision.judge import Engine
from server.decision.model import Decision
from server.errors import InvalidRequest
from server.fhir.version import Version
from server.pas.machine_decision import judge_items
from server.pas.match import read_and_match
from server.pas.rejections import rejections_of
from server.policy.library import PolicyLibrary
from server.policy.model import State
from server.policy.plan import Plan

_ORDER = (State.UNMET, State.UNKNOWN, State.REVIEW, State.MET)


def explain(raw: bytes, policies: PolicyLibrary, plan: Plan, engine: Engine) -> Iterator[str]:
    """Lines of text: the decision of each item with its criteria. Raises InvalidRequest, see refusal."""
    matched = read_and_match(raw, parse_object(raw), Version.V2_2, policies)
    for rejection in rejections_of(matched.request, plan):
        yield f"This request would be answered with an error: {rejection.text}\n"
    judged = judge_items(matched, engine, matched.request.created)
    for n, item in enumerate(matched.items):
        if item.edition is None:
            yield f"Item {item.item.sequence}: no policy of this plan judges it.\n"
            continue
        yield from _decision(item.item.sequence, judged[n])


def refusal(error: InvalidRequest) -> Iterator[str]:
    """Lines of text: every problem of a request that cannot be decided."""
    yield "This request would be refused:\n"
    for problem in error.problems:
        yield f"  {problem.expression or 'body'}: {problem.text}\n"


def _decision(sequence: int, decision: Decision) -> Iterator[str]:
    yield f"Item {sequence}: {decision.outcome} under {decision.policy_id}, edition {decision.edition}\n"
    if decision.period:
        yield f"  from {decision.period[0]} to {decision.period[1]}, both days included\n"
    for state in _ORDER:
        for finding in decision.findings:
            if finding.state is state:
                yield f"  {state.upper():8} {finding.criterion}: {finding.sentence}\n"
                yield f"           {finding.why}\n"
                if finding.remedy:
                    yield f"           To settle it: {finding.remedy}\n"
