"""order-sign, and order-select, which asks the same about the selected orders alone."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson

from server.auth.caller import Caller
from server.clock import Clock, NewId, NewNumber
from server.crd.cards import cards_for, wanted
from server.crd.coverage import Coverages, OrderCoverage
from server.crd.coverage_answer import Determination, determine
from server.crd.coverage_information import Carried, CoverageInformation, carried_for
from server.crd.gather import Prefetched
from server.crd.hook_request import HookRequest
from server.crd.order import DraftOrder, read_order
from server.crd.order_text import add_extension, extend_extensions
from server.fhir.read import type_and_id
from server.fhir.version import Version
from server.log import log
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan
from server.store.ports import Assertion, Store

_PRIMARY = frozenset({"order-sign"})


@dataclass(frozen=True, slots=True)
class _Said:
    """A determination about an order, and the assertions of ours that it follows."""

    order: DraftOrder
    coverage: OrderCoverage
    determination: Determination
    carried: list[Carried]

    @property
    def information(self) -> CoverageInformation:
        return self.determination.information


class OrderSign:
    """Answers order-sign and order-select. Blocking: it reads and writes the store."""

    def __init__(  # noqa: PLR0913 - the world, passed in
        self,
        *,
        policies: PolicyLibrary,
        plan: Plan,
        store: Store,
        clock: Clock,
        new_id: NewId,
        new_number: NewNumber,
    ) -> None:
        self._policies = policies
        self._plan = plan
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._new_number = new_number

    def answer(self, request: HookRequest, caller: Caller) -> dict[str, Any]:
        """The response body. What it asserts is on disk before it is returned; InvalidRequest for an unusable Coverage.

        Each order in scope is answered on its own: one update with coverage-information (crd C-60), none when nothing
        is known about it, and none when it already carries the same, still good (C-60, T-30).
        """
        today = self._clock().date()
        said = self._all_said(request, today)
        fresh = [s for s in said if not self._already_said(s, request.version, today)]
        announced = fresh if request.configuration.wants("coverage-info") else []
        if announced and request.configuration.wants("unsolicited-determ"):
            self._store.remember([self._assertion(s, request) for s in announced])
        cards = [
            card
            for s in said
            for card in cards_for(s.order, s.determination, request.version, self._plan, self._new_id)
        ]
        _log(request, announced, caller)
        return _body(request.version, wanted(cards, request.configuration), [_update(s, request) for s in announced])

    def _all_said(self, request: HookRequest, today: date) -> list[_Said]:
        prefetched = Prefetched(request.prefetch, request.entries)
        patient_id = request.context["patientId"]
        coverages = Coverages(prefetched, self._plan, request.version, patient_id)
        coverages.check(required=request.hook in _PRIMARY)
        found = (read_order(r, t, prefetched, patient_id) for r, t in zip(request.orders, request.texts, strict=True))
        selected = _selected(request)
        orders = [order for order in found if order is not None and (selected is None or order.reference in selected)]
        said = []
        for order in orders:
            coverage = coverages.of(order)
            determination = self._determine(order, coverage, request, today) if coverage else None
            if coverage and determination:
                carried = carried_for(order.extensions, coverage.reference)
                said.append(_Said(order, coverage, determination, carried))
        return said

    def _determine(
        self, order: DraftOrder, coverage: OrderCoverage, request: HookRequest, today: date
    ) -> Determination | None:
        found = determine(
            order,
            coverage,
            today,
            self._new_number("CA-"),
            plan=self._plan,
            recognise=self._policies.recognise,
            authorized=self._store.active_authorization if request.configuration.wants("unsolicited-determ") else None,
        )
        if found is None or request.hook in _PRIMARY:
            return found
        return Determination(found.information.without_documentation(), found.policy, found.edition, found.entry)

    def _already_said(self, said: _Said, version: Version, today: date) -> bool:
        """True when the order carries this very answer, it has not expired, and DTR and PAS can still find it here."""
        if len(said.carried) != 1 or not said.carried[0].says(said.information, version):
            return False
        carried = said.carried[0]
        last = carried.value("expiry-date") or self._good_until(carried.value("date"))
        if not isinstance(last, str) or last < today.isoformat():
            return False
        assertion_id = carried.value("coverage-assertion-id")
        known = self._store.assertion(assertion_id) if isinstance(assertion_id, str) else None
        edition = said.determination.edition
        return known is not None and known.edition == (edition.version if edition else None)

    def _good_until(self, said_on: Any) -> str | None:
        """2.0 has no expiry-date: an answer is good for as long as the plan stands by one."""
        try:
            return (date.fromisoformat(said_on) + timedelta(days=self._plan.assertion_days)).isoformat()
        except (TypeError, ValueError, OverflowError):
            return None

    def _assertion(self, said: _Said, request: HookRequest) -> Assertion:
        policy, edition = said.determination.policy, said.determination.edition
        return Assertion(
            id=said.information.assertion_id,
            created=self._clock(),
            hook=request.hook,
            version=request.version,
            member_ids=said.coverage.member_ids,
            policy_id=policy.id if policy else None,
            edition=edition.version if edition else None,
            form=next(iter(said.information.questionnaires), None),
            order=said.order.text,
            coverage=orjson.dumps(said.coverage.resource).decode(),
        )


def _selected(request: HookRequest) -> set[str] | None:
    """order-select answers for what was just selected, and uses the other drafts only to read it (crd C-7).

    The `Type/id` of each such order; None where every order is answered.
    """
    if request.hook in _PRIMARY:
        return None
    return {type_and_id(s) or s for s in request.context["selections"] if isinstance(s, str)}


def _update(said: _Said, request: HookRequest) -> dict[str, Any]:
    extension = orjson.dumps(said.information.extension(request.version)).decode()
    if "extension" in said.order.resource:
        resource = extend_extensions(said.order.text, extension, [c.index for c in said.carried])
    else:
        resource = add_extension(said.order.text, extension)
    return {
        "type": "update",
        "description": f"Add coverage information to the order for {said.order.name}",
        "resource": orjson.Fragment(resource.encode()),
    }


def _body(version: Version, cards: list[dict[str, Any]], actions: list[dict[str, Any]]) -> dict[str, Any]:
    """2.0 clients want `systemActions` even when empty (T-9); CDS Hooks wants no empty members."""
    if actions or version is Version.V2_0:
        return {"cards": cards, "systemActions": actions}
    return {"cards": cards}


def _log(request: HookRequest, announced: list[_Said], caller: Caller) -> None:
    """The trace of every call (crd C-92), also of a hypothetical one, which leaves nothing else behind (C-30)."""
    log.info(
        "order answered",
        caller=caller.name,
        hook=request.hook,
        instance=request.instance,
        version=str(request.version),
        assertion=[s.information.assertion_id for s in announced],
        outcome=[s.information.pa_needed or s.information.covered for s in announced],
        policy=[s.determination.policy.id for s in announced if s.determination.policy],
    )
