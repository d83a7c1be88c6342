"""Which of the client's Coverages an order is under, and whether it is ours (crd section 1.8, T-5, T-6, T-23)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from server.crd.gather import HookCall
from server.crd.order import DraftOrder
from server.errors import InvalidRequest, PreconditionFailed, Problem
from server.fhir.coverage import in_force, member_ids
from server.fhir.read import Resource, dicts, reference, type_and_id
from server.fhir.version import Version
from server.log import log
from server.policy.plan import Plan

_PLACE = "prefetch.coverage"


class NamedPayer(Enum):
    """What a Coverage says about its payer."""

    OURS = "ours"
    OTHER = "other"
    NAMELESS = "nameless"
    """It is absent, or was found and has no identifier."""
    UNRESOLVED = "unresolved"
    """Its Organization did not come along."""


@dataclass(frozen=True, slots=True)
class OrderCoverage:
    """The Coverage of one order. reference: the literal the client itself uses for it.

    doubt: why it is not certain that it is ours, as a sentence. assumed: it is taken for ours, since nothing that came
    along says whose it is. unclear: the EHR has several that fit, of different
    members.
    """

    resource: Resource
    reference: str
    member_ids: tuple[str, ...]
    doubt: str | None = None
    assumed: bool = False
    unclear: bool = False

    def in_force(self, day: date) -> bool:
        """Whether it is in force on a day, by the client's own record."""
        return self.resource.get("status", "active") == "active" and in_force(self.resource, day, day)

    @property
    def ends(self) -> date | None:
        period = self.resource.get("period")
        try:
            return date.fromisoformat(period["end"][:10]) if isinstance(period, dict) else None
        except (KeyError, TypeError, ValueError):
            return None


class Coverages:
    """The patient's Coverages that came with a call, each with what it says about its payer.

    A Coverage of certainly another person counts as not sent.
    """

    def __init__(self, call: HookCall, plan: Plan) -> None:
        self._call = call
        self._version = call.request.version
        self._patient = call.patient
        own = [c for c in call.coverages if not call.is_another(c.get("beneficiary"))]
        self._of_others = len(call.coverages) > len(own)
        self._payers = [(c, _payer(c, call, plan)) for c in own]
        self._places: dict[str, list[int]] = {}
        for n, (coverage, _) in enumerate(self._payers):
            self._places.setdefault(f"Coverage/{coverage['id']}", []).append(n)
        self._any = self._fitting(self._payers)

    def check(self, *, required: bool) -> None:
        """Raises InvalidRequest for a payer that is certainly not served here and, where required, for no Coverage.

        CRD 2.2 wants 400 for both, for the second one on a primary hook. CRD 2.0 asks for no error, and its clients
        send less: they are answered as well as can be. Raises PreconditionFailed where it could not be fetched (C-51).
        """
        why = self._call.lacking.get("Coverage")
        if required and why and not self._payers:
            text = f"No Coverage came along, and it could not be fetched: {why}. Prefetch `coverage` as discovery asks."
            raise PreconditionFailed([Problem("incomplete", text, _PLACE)])
        if self._version is Version.V2_0:
            return
        if not self._payers:
            if required:
                text = (
                    "The Coverage that came along is of another patient (`beneficiary`), and none is of the patient of "
                    "this call (`context.patientId`); prefetch `coverage` with the patient's own."
                    if self._of_others
                    else "No Coverage came along; prefetch `coverage` as discovery asks, with the patient's active one."
                )
                raise InvalidRequest([Problem("required", text, _PLACE)])
        elif all(payer is NamedPayer.OTHER for _, payer in self._payers):
            text = "The Coverage names another payer; call this service only for members of the plan it serves."
            raise InvalidRequest([Problem("not-supported", text, _PLACE)])
        elif all(payer in (NamedPayer.OTHER, NamedPayer.NAMELESS) for _, payer in self._payers):
            text = "The Coverage's payer has no identifier; send its NPI or payer id (`payor` or prefetch `payers`)."
            raise InvalidRequest([Problem("required", text, _PLACE)])

    def with_orders(self, orders: Iterable[DraftOrder]) -> Iterator[tuple[DraftOrder, OrderCoverage]]:
        """Each order that is under a Coverage of ours, with that Coverage. Raises InvalidRequest as `of` does."""
        for order in orders:
            coverage = self.of(order)
            if coverage is not None:
                yield order, coverage

    def of(self, order: DraftOrder) -> OrderCoverage | None:
        """The Coverage of an order, None when none is ours. Where several fit: InvalidRequest; under 2.0 the first."""
        named = _insurance(order)
        places = sorted(n for key in named for n in self._places.get(key, ()))
        found = self._fitting([self._payers[n] for n in places]) if places else self._any
        if not found:
            return None
        resource, unclear = found[0], False
        if len(found) > 1:
            if self._version is Version.V2_0:
                log.warning("several coverages, first taken", item=len(found))
            elif any(f"Coverage/{c['id']}" not in self._call.fetched for c in found):
                text = (
                    "Several active Coverages fit; name the order's own in `insurance`, or send the primary one alone."
                )
                raise InvalidRequest([Problem("multiple-matches", text, _PLACE)])
            else:  # nobody chose them, so nobody can be told to send fewer (T-23)
                unclear = len({member_ids(c, self._patient) for c in found}) > 1
        literal = named.get(f"Coverage/{resource['id']}") or f"Coverage/{resource['id']}"
        ids = member_ids(resource, self._patient)
        assumed = not any(c is resource and payer is NamedPayer.OURS for c, payer in self._payers)
        doubt = self._doubt(resource) if assumed else None
        return OrderCoverage(resource, literal, ids, doubt, assumed, unclear)

    def _doubt(self, coverage: Resource) -> str | None:
        """The payer was asked for, and did not come."""
        why = next((w for w in map(self._call.why_lacking, dicts(coverage.get("payor"))) if w), None)
        return why and f"Whether this Coverage is of the plan is not certain, as its payer could not be fetched: {why}."

    def _fitting(self, candidates: Sequence[tuple[Resource, NamedPayer]]) -> list[Resource]:
        ours = [c for c, payer in candidates if payer is NamedPayer.OURS]
        return _active(ours or [c for c, payer in candidates if payer in self._unclear()])

    def _unclear(self) -> tuple[NamedPayer, ...]:
        return (
            (NamedPayer.UNRESOLVED, NamedPayer.NAMELESS) if self._version is Version.V2_0 else (NamedPayer.UNRESOLVED,)
        )


def _insurance(order: DraftOrder) -> dict[str, str]:
    """`Coverage/id` of each Coverage that the order names -> the literal reference that it uses."""
    found = order.resource.get("insurance")
    literals = [reference(i) for i in found] if isinstance(found, list) else []
    return {key: literal for literal in literals if literal and (key := type_and_id(literal))}


def _active(coverages: Sequence[Resource]) -> list[Resource]:
    """Those that are active by their status. All when none is: the answer then says that no coverage is active."""
    return [c for c in coverages if c.get("status", "active") == "active"] or list(coverages)


def _payer(coverage: Resource, call: HookCall, plan: Plan) -> NamedPayer:
    payors = coverage.get("payor")
    found = [_payor(p, coverage, call, plan) for p in payors] if isinstance(payors, list) else []
    for kind in (NamedPayer.OURS, NamedPayer.UNRESOLVED, NamedPayer.OTHER):
        if kind in found:
            return kind
    return NamedPayer.NAMELESS


def _payor(payor: object, coverage: Resource, call: HookCall, plan: Plan) -> NamedPayer:
    if not isinstance(payor, dict):
        return NamedPayer.NAMELESS
    organization = call.index.resolve(payor, coverage)
    said = [plan.is_payer(payor), plan.is_payer(organization)]
    if True in said:
        return NamedPayer.OURS
    if False in said:
        return NamedPayer.OTHER
    return NamedPayer.NAMELESS if organization is not None or not reference(payor) else NamedPayer.UNRESOLVED
