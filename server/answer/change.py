"""Changes a request in the only way there is: apply facts to the case, render it, append both in one transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import orjson

from server.answer.claim_response import render
from server.decision.apply import apply
from server.decision.case import Case, Fact
from server.fhir.version import Version
from server.store.ports import Assertion, Change

Renderings = Mapping[tuple[Version, str], bytes]
Dress = Callable[[Renderings, Case], Renderings]
"""What a sandbox shows besides the decision."""


def change_of(
    case: Case | None,
    facts: Sequence[Fact],
    base_url: str,
    *,
    raw: bytes = b"",
    dress: Dress | None = None,
) -> Change:
    """What `store.append` writes for facts that follow a case, or that open one. Raises DecisionRefused.

    raw: the bytes of the message that the change comes from.
    """
    now = case
    for fact in facts:
        now = apply(now, fact)
    if now is None:
        raise ValueError("a change needs a fact")
    renderings: Renderings = render(now, base_url)
    return Change(
        case=now,
        expected=case.facts if case else 0,
        facts=tuple(facts),
        renderings=dress(renderings, now) if dress else renderings,
        assertions=tuple(_contexts(now, case)),
        raw=raw,
    )


def _contexts(case: Case, before: Case | None) -> Iterator[Assertion]:
    """For each form that is asked for since, what `$questionnaire-package` needs by its `context` (pas P-90)."""
    request = case.request
    known = {i.document.id for i in before.items if i.document} if before else set()
    for item in case.items:
        if item.document is None or item.document.id in known:
            continue
        yield Assertion(
            id=item.document.context["value"],
            created=case.answered,
            hook="claim-submit",
            version=request.version,
            member_ids=request.member_ids,
            policy_id=item.decision.policy_id,
            edition=item.decision.edition,
            form=item.document.form,
            order=orjson.dumps(item.requested.order or {}).decode(),
            coverage=orjson.dumps(request.coverage).decode(),
            sees=request.npis,
        )
