"""Which of the client's Coverages an order is under, and whether it is ours (crd section 1.8, T-5, T-6, T-23)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from server.crd.gather import Prefetched
from server.crd.order import DraftOrder
from server.errors import InvalidRequest, Problem
from server.fhir.coverage import in_force, member_ids
from server.fhir.read import Resource, reference, type_and_id
from server.fhir.version import Version
from server.log import log
from server.policy.plan import Plan

_PLACE = "prefetch.coverage"


class Payer(Enum):
    """What a Coverage says about its payer."""

    OURS = "ours"
    OTHER = "other"
    NAMELESS = "nameless"
    """It was resolved, or is absent, and has no identifier."""
    UNRESOLVED = "unresolved"
    """Its Organization was not sent along."""


@dataclass(frozen=True, slots=True)
class OrderCoverage:
    """The Coverage of one order. reference: the literal the client itself uses for it."""

    resource: Resource
    reference: str
    member_ids: tuple[str, ...]

    def in_force(self, day: date) -> bool:
        """As the client's own record says."""
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

    One whose beneficiary is surely another person is as good as not sent.
    """

    def __init__(self, prefetched: Prefetched, plan: Plan, version: Version, patient_id: str) -> None:
        self._version = version
        self._patient = prefetched.patient(patient_id)
        own = (c for c in prefetched.coverages if not prefetched.is_another(c.get("beneficiary"), patient_id))
        self._payers = [(c, _payer(c, prefetched, plan)) for c in own]
        self._places: dict[str, list[int]] = {}
        for n, (coverage, _) in enumerate(self._payers):
            self._places.setdefault(f"Coverage/{coverage['id']}", []).append(n)
        self._any = self._fitting(self._payers)

    def check(self, *, required: bool) -> None:
        """CRD 2.2 wants 400 for no Coverage on a primary hook, and for a payer that is surely not served here.

        CRD 2.0 does not say, and its clients send less: they are answered as well as can be.
        """
        if self._version is Version.V2_0:
            return
        if not self._payers:
            if required:
                text = (
                    "No Coverage came along; prefetch `coverage` as discovery asks, with the patient's active Coverage."
                )
                raise InvalidRequest([Problem("required", text, _PLACE)])
        elif all(payer is Payer.OTHER for _, payer in self._payers):
            text = "The Coverage names another payer; call this service only for members of the plan it serves."
            raise InvalidRequest([Problem("not-supported", text, _PLACE)])
        elif all(payer in (Payer.OTHER, Payer.NAMELESS) for _, payer in self._payers):
            text = "The Coverage's payer has no identifier; send its NPI or payer id (`payor` or prefetch `payers`)."
            raise InvalidRequest([Problem("required", text, _PLACE)])

    def of(self, order: DraftOrder) -> OrderCoverage | None:
        """The Coverage of an order, None when none is ours. Several that fit: InvalidRequest, under 2.0 the first."""
        named = _insurance(order)
        places = sorted(n for key in named for n in self._places.get(key, ()))
        found = self._fitting([self._payers[n] for n in places]) if places else self._any
        if not found:
            return None
        if len(found) > 1:
            if self._version is Version.V2_2:
                text = (
                    "Several active Coverages fit; name the order's own in `insurance`, or send the primary one alone."
                )
                raise InvalidRequest([Problem("multiple-matches", text, _PLACE)])
            log.warning("several coverages, first taken", item=len(found))
        resource = found[0]
        literal = named.get(f"Coverage/{resource['id']}") or f"Coverage/{resource['id']}"
        return OrderCoverage(resource, literal, member_ids(resource, self._patient))

    def _fitting(self, candidates: Sequence[tuple[Resource, Payer]]) -> list[Resource]:
        ours = [c for c, payer in candidates if payer is Payer.OURS]
        return _active(ours or [c for c, payer in candidates if payer in self._unclear()])

    def _unclear(self) -> tuple[Payer, ...]:
        return (Payer.UNRESOLVED, Payer.NAMELESS) if self._version is Version.V2_0 else (Payer.UNRESOLVED,)


def _insurance(order: DraftOrder) -> dict[str, str]:
    """`Coverage/id` of each Coverage the order names -> the literal it uses."""
    found = order.resource.get("insurance")
    literals = [reference(i) for i in found] if isinstance(found, list) else []
    return {key: literal for literal in literals if literal and (key := type_and_id(literal))}


def _active(coverages: Sequence[Resource]) -> list[Resource]:
    """Those in force by their status; when none is, all: the answer then says that there is no active coverage."""
    return [c for c in coverages if c.get("status", "active") == "active"] or list(coverages)


def _payer(coverage: Resource, prefetched: Prefetched, plan: Plan) -> Payer:
    payors = coverage.get("payor")
    found = [_payor(p, coverage, prefetched, plan) for p in payors] if isinstance(payors, list) else []
    for kind in (Payer.OURS, Payer.UNRESOLVED, Payer.OTHER):
        if kind in found:
            return kind
    return Payer.NAMELESS


def _payor(payor: object, coverage: Resource, prefetched: Prefetched, plan: Plan) -> Payer:
    if not isinstance(payor, dict):
        return Payer.NAMELESS
    organization = prefetched.index.resolve(payor, coverage)
    said = [plan.is_payer(payor), plan.is_payer(organization)]
    if True in said:
        return Payer.OURS
    if False in said:
        return Payer.OTHER
    return Payer.NAMELESS if organization is not None or not reference(payor) else Payer.UNRESOLVED
