"""What the hooks have in common: each order is answered, remembered, updated and logged."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import orjson

from server.auth.caller import Caller
from server.crd.cards import Told, cards_for, cards_wanted
from server.crd.coverage import Coverages, OrderCoverage
from server.crd.coverage_answer import CoverageAnswer, coverage_answer
from server.crd.coverage_information import CarriedInformation, CoverageInformation, carried_for
from server.crd.gather import HookCall
from server.crd.hook_request import HookRequest
from server.crd.order import DraftOrder, draft_orders
from server.crd.order_text import add_extension, extend_extensions
from server.crd.standing import Standings
from server.fhir.version import Version
from server.log import log
from server.policy.plan import Plan
from server.store.ports import Assertion
from server.world import World


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """One order with its answer. carried: the coverage-information for the same Coverage that the order came with."""

    order: DraftOrder
    coverage: OrderCoverage
    answer: CoverageAnswer
    carried: list[CarriedInformation]

    @property
    def information(self) -> CoverageInformation:
        return self.answer.information


def answer_primary(call: HookCall, caller: Caller, world: World) -> dict[str, Any]:
    """Answers everything that a primary hook asks about. Raises InvalidRequest for a missing or unusable Coverage."""
    coverages = Coverages(call, world.plan)
    coverages.check(required=True)
    return answer_orders(coverages.with_orders(draft_orders(call)), call, caller, world)


def answer_secondary(
    call: HookCall, caller: Caller, world: World, asked: Callable[[DraftOrder], bool] = lambda _: True
) -> dict[str, Any]:
    """Answers what a secondary hook asks about, without documentation (crd C-5, T-20), and nothing without a Coverage.

    asked: which of the orders. Raises InvalidRequest for an unusable Coverage.
    """
    coverages = Coverages(call, world.plan)
    coverages.check(required=False)
    orders = filter(asked, draft_orders(call))
    return answer_orders(coverages.with_orders(orders), call, caller, world, documentation=False)


def answer_orders(
    covered: Iterable[tuple[DraftOrder, OrderCoverage]],
    call: HookCall,
    caller: Caller,
    world: World,
    *,
    documentation: bool = True,
) -> dict[str, Any]:
    """The response body. What it asserts is on disk before it is returned.

    covered: each order with its Coverage. An order is answered on its own: by one update that adds coverage-information
    (crd C-60); by none where it carries the same answer and that still holds (C-60, T-30). documentation: False, on the
    secondary hooks, leaves out what asks for documentation, and orders about which nothing is known.
    """
    now, request = world.clock(), call.request
    answers = list(_answers(covered, Standings(call, caller, world), now.date(), world, documentation=documentation))
    new = [a for a in answers if not _already_told(a, request.version, caller, now.date(), world)]
    announced = new if request.configuration.wants("coverage-info") else []
    if announced and request.configuration.wants("unsolicited-determ"):
        world.store.remember([_assertion(a, request, caller, now) for a in announced])
    told = Told(request.version, world.plan, world.new_id, now.date())
    cards = [c for a in answers for c in cards_for(a.order, a.coverage, a.answer, told)]
    _log(request, caller, announced)
    updates = [_update(a, request.version) for a in announced]
    return _body(request.version, cards_wanted(cards, request.configuration), updates)


def _answers(
    covered: Iterable[tuple[DraftOrder, OrderCoverage]],
    standings: Standings,
    today: date,
    world: World,
    *,
    documentation: bool,
) -> Iterator[OrderAnswer]:
    @cache
    def orders() -> tuple[DraftOrder, ...]:  # few answers hang on the orders beside
        return tuple(draft_orders(standings.call))

    for order, coverage in covered:
        answer = coverage_answer(order, coverage, standings, world, today).depending_on(order, orders)
        if answer.listed or documentation:
            carried = carried_for(order.extensions, coverage.reference)
            yield OrderAnswer(order, coverage, answer if documentation else answer.without_documentation(), carried)


def _already_told(answered: OrderAnswer, version: Version, caller: Caller, today: date, world: World) -> bool:
    """True when the order carries this very answer, still in force, and the caller's DTR and PAS calls can find it."""
    if len(answered.carried) != 1 or not answered.carried[0].says(answered.information, version):
        return False
    carried = answered.carried[0]
    last = carried.value("expiry-date") or _last_day(carried.value("date"), world.plan)
    if not isinstance(last, str) or last < today.isoformat():
        return False
    assertion_id = carried.value("coverage-assertion-id")
    remembered = world.store.assertion(assertion_id) if isinstance(assertion_id, str) else None
    if remembered is None or not caller.may_see(remembered.sees or ()):
        return False
    edition = answered.answer.edition
    return remembered.edition == (edition.version if edition else None)


def _last_day(said_on: Any, plan: Plan) -> str | None:
    """The last day of an answer without an expiry-date, which 2.0 does not know: the plan's own term decides."""
    try:
        return (date.fromisoformat(said_on) + timedelta(days=plan.assertion_days)).isoformat()
    except (TypeError, ValueError, OverflowError):
        return None


def _assertion(answered: OrderAnswer, request: HookRequest, caller: Caller, now: datetime) -> Assertion:
    policy, edition = answered.answer.policy, answered.answer.edition
    return Assertion(
        id=answered.information.assertion_id,
        created=now,
        hook=request.hook,
        version=request.version,
        member_ids=answered.coverage.member_ids,
        policy_id=policy.id if policy else None,
        edition=edition.version if edition else None,
        form=next(iter(answered.information.questionnaires), None),
        order=answered.order.text,
        coverage=orjson.dumps(answered.coverage.resource).decode(),
        sees=None if caller.npis is None else tuple(sorted(caller.npis)),
    )


def _update(answered: OrderAnswer, version: Version) -> dict[str, Any]:
    order = answered.order
    extension = orjson.dumps(answered.information.extension(version)).decode()
    if "extension" in order.resource:
        resource = extend_extensions(order.text, extension, [c.index for c in answered.carried])
    else:
        resource = add_extension(order.text, extension)
    return {
        "type": "update",
        "description": f"Add coverage information to the order for {order.name}",
        "resource": orjson.Fragment(resource.encode()),
    }


def _body(version: Version, cards: list[dict[str, Any]], actions: list[dict[str, Any]]) -> dict[str, Any]:
    """2.0 clients want `systemActions` even when it is empty (T-9); CDS Hooks wants no empty members."""
    if actions or version is Version.V2_0:
        return {"cards": cards, "systemActions": actions}
    return {"cards": cards}


def _log(request: HookRequest, caller: Caller, announced: list[OrderAnswer]) -> None:
    """The trace of every call (crd C-92). A what-if call leaves no other one (C-30)."""
    log.info(
        "order answered",
        caller=caller.name,
        hook=request.hook,
        instance=request.instance,
        version=str(request.version),
        assertion=[a.information.assertion_id for a in announced],
        outcome=[a.information.pa_needed or a.information.covered for a in announced],
        policy=[a.answer.policy.id for a in announced if a.answer.policy],
    )
