"""What is asked of the EHR when it did not come along: the queries of the prefetch templates (crd C-21, C-37)."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from server.crd.gather import HookCall, named_resources
from server.crd.order import ANSWERED_ORDERS
from server.fhir.order import order_codings, order_references
from server.fhir.read import dicts, reference, type_and_id
from server.policy.plan import Plan

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_MOST_IDS = 50  # of one query; an address has an end
_PERFORMERS = ("Organization", "Practitioner", "PractitionerRole")


@dataclass(frozen=True, slots=True)
class Query:
    """path: relative to the FHIR base. ids: of the resources that are wanted; else patient: whose they must be."""

    kind: str
    path: str
    ids: tuple[str, ...] = ()
    patient: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What it looks for, as HookCall.lacking names it."""
        return tuple(f"{self.kind}/{i}" for i in self.ids) or (self.kind,)

    @property
    def is_read(self) -> bool:
        return "?" not in self.path


Want = Callable[[HookCall, Plan], Iterable[Query]]
"""The queries for one thing that a hook needs, when it is not there; none when it is."""


def patient(call: HookCall, _: Plan) -> Iterator[Query]:
    found = _patient_id(call)
    if found and not call.patients:
        yield Query("Patient", f"Patient/{found}", (found,))


def coverage(call: HookCall, _: Plan) -> Iterator[Query]:
    """The patient's active Coverage: when none came along, or more than came along."""
    found = _patient_id(call)
    own = [c for c in call.coverages if not call.is_another(c.get("beneficiary"))]
    if found and (not own or _has_more(call.request.prefetch.get("coverage"))):
        yield Query("Coverage", f"Coverage?patient={found}&status=active", patient=f"Patient/{found}")


def payers(call: HookCall, _: Plan) -> Iterator[Query]:
    """The payer of each Coverage, where it is named by a reference alone."""
    named = (p for c in call.coverages for p in dicts(c.get("payor")) if not p.get("identifier"))
    yield from _by_id(call, (p for p in named if call.index.resolve(p) is None), ("Organization",))


def products(call: HookCall, _: Plan) -> Iterator[Query]:
    """The Medication or Device that an order names by a reference."""
    for order, _text in call.orders:
        missing = [name for name, found in order_references(order, call.index.resolve) if found is None]
        yield from _by_id(call, (order[name] for name in missing), ("Medication", "Device"))


def orders(call: HookCall, _: Plan) -> Iterator[Query]:
    """What the hook names by reference: dispatched orders, the encounter."""
    missing = [r for r in named_resources(call.request) if call.index.resolve({"reference": r}) is None]
    yield from _by_id(call, missing, (*ANSWERED_ORDERS, "Encounter"))


def performers(call: HookCall, plan: Plan) -> Iterator[Query]:
    """Who delivers, where the plan's catalogue says that it hangs on that: the party, then the parties of its role."""
    for order, _text in call.orders:
        entry = plan.entry_for(order_codings(order, call.index.resolve))
        if entry is None or not entry.contracted:
            continue
        found = order.get("performer")
        named: list[Any] = [
            *dicts(found if isinstance(found, list) else [found]),
            call.request.context.get("performer"),
        ]
        roles = [r for r in (call.index.resolve(n) for n in named) if r and r.get("resourceType") == "PractitionerRole"]
        named += [r[key] for r in roles for key in ("practitioner", "organization") if key in r]
        yield from _by_id(call, (n for n in named if call.index.resolve(n) is None), _PERFORMERS)


def _patient_id(call: HookCall) -> str | None:
    found = call.request.patient_id.removeprefix("Patient/")
    return found if _ID.fullmatch(found) else None


def _has_more(bundle: Any) -> bool:
    return isinstance(bundle, dict) and any(link.get("relation") == "next" for link in dicts(bundle.get("link")))


def _by_id(call: HookCall, elements: Iterable[Any], kinds: tuple[str, ...]) -> Iterator[Query]:
    """One query for each type, of what is on the EHR's own server; kinds: the types that are wanted."""
    found: dict[str, list[str]] = {}
    base = call.request.ehr.base if call.request.ehr else ""
    for literal in map(reference, elements):
        key = type_and_id(literal)
        if key is None or literal is None:
            continue
        kind, _, found_id = key.partition("/")
        here = not literal.startswith("http") or literal.startswith(f"{base}/{key}")
        if here and kind in kinds:
            found.setdefault(kind, []).append(found_id)
    for kind, many in found.items():
        ids = tuple(islice(dict.fromkeys(many), _MOST_IDS))
        yield Query(kind, f"{kind}?_id={','.join(ids)}", ids)
