"""Claim.item as facts: its dates, codes, order, and the answers that may count for it."""

import re
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from server.decision.request import RequestedItem, SentResponse
from server.fhir.codes import PAS
from server.fhir.order import order_codings, order_references
from server.fhir.primitives import real_day
from server.fhir.read import MAX_IDENTIFIERS, Resource, codings, dicts, extensions, reference
from server.fhir.subject import is_about
from server.fhir.x12 import CANCEL, X12_CERTIFICATION
from server.pas.request.bundle import CLAIM, RequestBundle

AUTHORIZATION_NUMBER = f"{PAS}extension-authorizationNumber"
ADMINISTRATION_REFERENCE = f"{PAS}extension-administrationReferenceNumber"
CERTIFICATION_TYPE = f"{PAS}extension-certificationType"
REQUESTED_SERVICE = f"{PAS}extension-requestedService"
TRACE_NUMBER = f"{PAS}extension-itemTraceNumber"

EARLIEST, LATEST = 1800, 2200
"""The years in which days of service and of Claims may lie."""

_NO_CERTIFICATION = re.compile(r"appeal|reconsider|cancel|withdr|void|delete", re.IGNORECASE)
_NO_ORDER = frozenset({"cancelled", "completed", "entered-in-error", "revoked", "stopped"})  # statuses; all of R4's


class ItemReader:
    """Reads the items of one Claim; problems go to the bundle."""

    def __init__(self, bundle: RequestBundle, patient: Resource | None, responses: tuple[SentResponse, ...]) -> None:
        self._bundle = bundle
        self._patient = patient
        self._responses = responses
        self._information = _by_sequence(bundle.claim.get("supportingInfo"))
        self._of_claim = numbers(bundle.claim)
        self._billable = service_dates(bundle, bundle.claim, "billablePeriod", CLAIM)

    def items(self) -> tuple[RequestedItem, ...]:
        found = self._bundle.claim.get("item") or ()
        cancels = CANCEL in kinds_of_request(self._bundle.claim) or self._bundle.claim.get("related")
        if not cancels:  # to cancel all, no item need be named (pas T-24)
            self._bundle.require(found, f"{CLAIM}.item")
        orders = [self._order(raw, f"{CLAIM}.item[{n}]") for n, raw in enumerate(found)]
        tied = [self._tied(raw, order) for raw, order in zip(found, orders, strict=True)]
        claimed = {id(r.resource): n for n, responses in enumerate(tied) for r in responses}
        loose = tuple(r for r in self._responses if id(r.resource) not in claimed)
        return tuple(self._item(n, raw, orders[n], tied[n], loose) for n, raw in enumerate(found))

    def _item(
        self,
        n: int,
        raw: Resource,
        order: Resource | None,
        tied: tuple[SentResponse, ...],
        loose: tuple[SentResponse, ...],
    ) -> RequestedItem:
        concepts = [raw, *(raw.get("detail") or ())]
        concepts += [sub for detail in raw.get("detail") or () for sub in detail.get("subDetail") or ()]
        found = [c for concept in concepts for c in codings(concept.get("productOrService"))]
        found += order_codings(order, self._bundle.index.resolve) if order is not None else ()
        sequence = raw.get("sequence")
        return RequestedItem(
            sequence=sequence if isinstance(sequence, int) else 0,
            raw=raw,
            trace=tuple(
                e["valueIdentifier"]
                for e in extensions(raw, TRACE_NUMBER)
                if isinstance(e.get("valueIdentifier"), dict)
            ),
            service=service_dates(self._bundle, raw, "serviced", f"{CLAIM}.item[{n}]") or self._billable,
            codes=tuple({c.token: c for c in found}.values()),
            order=order,
            previous_numbers=tuple(dict.fromkeys((*numbers(raw), *self._of_claim))),
            responses=tied or loose,
            tied=bool(tied),
        )

    def _order(self, raw: Resource, at: str) -> Resource | None:
        """The resource that requestedService names. It must be in the Bundle: nothing is decided without it."""
        for n, extension in enumerate(raw.get("extension") or ()):
            literal = reference(extension.get("valueReference"))
            if extension.get("url") == REQUESTED_SERVICE and literal:
                order = self._bundle.index.resolve(literal, self._bundle.claim)
                if order is None:
                    text = "No entry of this Bundle has this reference; add the order as an entry."
                    self._bundle.add("not-found", text, f"{at}.extension[{n}].valueReference.reference")
                else:
                    self._usable(order)
                return order
        return None

    def _usable(self, order: Resource) -> None:
        """Notes a problem for an order that has ended, must not be done, or is for somebody else."""
        contained = self._bundle.claim.get("contained") or ()
        inside = next((f"{CLAIM}.contained[{n}]" for n, resource in enumerate(contained) if resource is order), None)
        place, holder = (inside, self._bundle.claim) if inside else (self._bundle.place(order), order)
        if order.get("status") in _NO_ORDER:
            text = "This order is not in force, so there is nothing to authorize; send an active order."
            self._bundle.add("value", text, f"{place}.status")
        for name, target in order_references(order, self._bundle.index.resolve):
            if target is None:
                text = "No entry of this Bundle has this reference, so what is ordered cannot be told; add it."
                self._bundle.add("not-found", text, f"{place}.{name}.reference")
            elif target.get("status") == "entered-in-error":
                text = "What is ordered was entered in error; name what is meant."
                self._bundle.add("value", text, f"{self._bundle.place(target)}.status")
        if order.get("doNotPerform") is True:
            text = "This order says what must not be done; send an active order without `doNotPerform`."
            self._bundle.add("value", text, f"{place}.doNotPerform")
        if self._patient is not None and not is_about(self._bundle.index, self._patient, order, holder):
            text = "This order is not shown to be about the patient of the Claim; send this patient's."
            self._bundle.add("value", text, f"{place}.subject")

    def _tied(self, raw: Resource, order: Resource | None) -> tuple[SentResponse, ...]:
        """The answers that name an item: by its supporting information, else by its order (qr-context)."""
        named = {id(resource) for resource in self._linked(raw)}
        tied = tuple(r for r in self._responses if id(r.resource) in named)
        return tied or tuple(r for r in self._responses if order is not None and any(o is order for o in r.orders))

    def _linked(self, raw: Resource) -> Iterator[Resource]:
        """What the item's informationSequence points at; a DTR Bundle stands for the responses in it."""
        sent = raw.get("informationSequence") or ()
        for sequence in dict.fromkeys(s for s in sent if isinstance(s, int)):  # each once, however often sent
            info = self._information.get(sequence, {})
            found = self._bundle.index.resolve(info.get("valueReference"), self._bundle.claim)
            if found is not None:
                yield found
                yield from (e["resource"] for e in dicts(found.get("entry")) if isinstance(e.get("resource"), dict))


def service_dates(bundle: RequestBundle, holder: Resource, name: str, at: str) -> tuple[date, date] | None:
    """First and last day of `<name>Date` or `<name>Period` (or of a Period called `name`); both count.

    PAS dates are full (pas P-28): a partial one, or a period that ends before it starts, is a problem.
    """
    day = holder.get(f"{name}Date")
    if day is not None:
        found = _full(bundle, day, f"{at}.{name}Date")
        return (found, found) if found else None
    key = f"{name}Period" if f"{name}Period" in holder else name
    period = holder.get(key)
    if not isinstance(period, dict):
        return None
    start = _full(bundle, period.get("start"), f"{at}.{key}.start")
    end = _full(bundle, period.get("end"), f"{at}.{key}.end")
    if start and end and end < start:
        bundle.add("value", "The period ends before it starts; correct one of the two.", f"{at}.{key}")
    first = start or end
    return (first, end or first) if first else None


def _full(bundle: RequestBundle, text: Any, place: str) -> date | None:
    day = real_day(text)
    if text is not None and (day is None or not plausible(day)):
        bundle.add("value", "A PAS date is a full, real day (YYYY-MM-DD), near our time; send one.", place)
        return None
    return day


def plausible(day: date) -> bool:
    """Whether a day can be a day of care. Days outside these years are mistakes or attacks."""
    return EARLIEST <= day.year <= LATEST


def numbers(element: Resource) -> tuple[str, ...]:
    """The previous authorization (REF-BB) and administrative reference numbers (REF-NT) of an item or Claim.

    The first 20 of both together; what comes after them is not looked at.
    """
    found = [
        e.get("valueString")
        for url in (AUTHORIZATION_NUMBER, ADMINISTRATION_REFERENCE)
        for e in extensions(element, url)
    ]
    return tuple(islice((n for n in found if isinstance(n, str)), MAX_IDENTIFIERS))


def kinds_of_request(element: Resource) -> frozenset[str]:
    """The certification types of an item or Claim: X12 1322 codes, and `in words` where no such code says it.

    Words that speak of an appeal or a cancellation say so beside any code.
    """
    found: set[str] = set()
    for extension in extensions(element, CERTIFICATION_TYPE):
        kind = extension.get("valueCodeableConcept")
        if not isinstance(kind, dict):  # read before the structure is looked at (pas/read_update.py)
            continue
        codes = {c.code for c in codings(kind) if c.system in ("", X12_CERTIFICATION)}
        words = " ".join(str(w) for w in (kind.get("text"), *(c.display for c in codings(kind))) if w)
        told = bool(kind.get("text") or kind.get("coding"))
        found |= codes | ({"in words"} if told and (not codes or _NO_CERTIFICATION.search(words)) else set())
    return frozenset(found)


def _by_sequence(elements: Any) -> dict[Any, Resource]:
    return {e.get("sequence"): e for e in elements or () if isinstance(e.get("sequence"), int)}
