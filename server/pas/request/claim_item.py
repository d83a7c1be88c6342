"""Claim.item becomes RequestedItem: its dates, codes, order, policy and answers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any

from server.fhir.codes import PAS
from server.fhir.order import order_codings
from server.fhir.read import MAX_IDENTIFIERS, Resource, codings, dicts, extension_value, extensions, reference
from server.fhir.structure import real_day
from server.fhir.subject import is_about_another
from server.pas.request.answers import Answers, ResponseReader, latest
from server.pas.request.bundle import CLAIM, Envelope
from server.pas.request.facts import RequestedItem
from server.policy.library import PolicyLibrary
from server.policy.model import Edition, Policy

AUTHORIZATION_NUMBER = f"{PAS}extension-authorizationNumber"
ADMINISTRATION_REFERENCE = f"{PAS}extension-administrationReferenceNumber"
CERTIFICATION_TYPE = f"{PAS}extension-certificationType"
REQUESTED_SERVICE = f"{PAS}extension-requestedService"
TRACE_NUMBER = f"{PAS}extension-itemTraceNumber"

EARLIEST, LATEST = 1800, 2200
"""Years: a day before or after them is no service's and no Claim's."""

_NO_ORDER = frozenset({"cancelled", "completed", "entered-in-error", "revoked", "stopped"})  # statuses; all of R4's


class ItemReader:
    """Reads the items of one Claim; problems go to the envelope."""

    def __init__(self, envelope: Envelope, policies: PolicyLibrary, responses: ResponseReader, created: date) -> None:
        self._envelope = envelope
        self._policies = policies
        self._responses = responses
        self._created = created
        self._information = _by_sequence(envelope.claim.get("supportingInfo"))
        self._of_claim = numbers(envelope.claim)
        self._billable = service_dates(envelope, envelope.claim, "billablePeriod", CLAIM)

    def items(self) -> tuple[RequestedItem, ...]:
        found = self._envelope.claim.get("item") or ()
        self._envelope.require(found, f"{CLAIM}.item")
        drafts = [self._draft(n, raw) for n, raw in enumerate(found)]
        tied = [self._responses.of(self._linked(item), item.order) for item in drafts]
        items = tuple(self._with_answers(n, item, tied) for n, item in enumerate(drafts))
        self._responses.read_the_rest()
        return items

    def _draft(self, n: int, raw: Resource) -> RequestedItem:
        at = f"{CLAIM}.item[{n}]"
        order = self._order(raw, at)
        concepts = [raw, *(raw.get("detail") or ())]
        concepts += [sub for detail in raw.get("detail") or () for sub in detail.get("subDetail") or ()]
        found = [c for concept in concepts for c in codings(concept.get("productOrService"))]
        found += order_codings(order, self._envelope.index.resolve) if order is not None else ()
        sequence = raw.get("sequence")
        return RequestedItem(
            sequence=sequence if isinstance(sequence, int) else 0,
            raw=raw,
            trace=tuple(
                e["valueIdentifier"]
                for e in extensions(raw, TRACE_NUMBER)
                if isinstance(e.get("valueIdentifier"), dict)
            ),
            service=service_dates(self._envelope, raw, "serviced", at) or self._billable,
            codes=tuple({c.token: c for c in found}.values()),
            order=order,
            previous_numbers=tuple(dict.fromkeys((*numbers(raw), *self._of_claim))),
            policy=None,
            edition=None,
        )

    def _order(self, raw: Resource, at: str) -> Resource | None:
        """The resource that requestedService names; it must be in the Bundle, or we would decide without the order."""
        for n, extension in enumerate(raw.get("extension") or ()):
            literal = reference(extension.get("valueReference"))
            if extension.get("url") == REQUESTED_SERVICE and literal:
                order = self._envelope.index.resolve(literal, self._envelope.claim)
                if order is None:
                    text = "No entry of this Bundle has this reference; add the order as an entry."
                    place = f"{at}.extension[{n}].valueReference.reference"
                    self._envelope.add("not-found", text, place)
                else:
                    self._usable(order)
                return order
        return None

    def _usable(self, order: Resource) -> None:
        """An order that is over, is not to be done, or is somebody else's, asks for nothing."""
        contained = self._envelope.claim.get("contained") or ()
        places = (f"{CLAIM}.contained[{n}]" for n, resource in enumerate(contained) if resource is order)
        place = next(places, None) or self._envelope.place(order)
        if order.get("status") in _NO_ORDER:
            text = "This order is not in force, so there is nothing to authorize; send an active order."
            self._envelope.add("value", text, f"{place}.status")
        if order.get("doNotPerform") is True:
            text = "This order says what must not be done; send an active order without `doNotPerform`."
            self._envelope.add("value", text, f"{place}.doNotPerform")
        patient = self._responses.patient
        if patient is not None and is_about_another(self._envelope.index, patient, order):
            text = "This order is about another patient than the Claim; send this patient's."
            self._envelope.add("value", text, f"{place}.subject")

    def _with_answers(self, n: int, item: RequestedItem, tied: list[tuple[Answers, ...]]) -> RequestedItem:
        """The item with its policy and answers: those tied to it, else those tied to no other item."""
        taken = {id(a.resource) for other in tied[:n] + tied[n + 1 :] for a in other}
        own = tied[n] or tuple(a for a in self._responses.all if id(a.resource) not in taken)
        policy = self._policy(item, own)
        edition = policy.edition_on(item.service[0] if item.service else self._created) if policy else None
        if edition is None:
            return replace(item, policy=policy)
        answers = self._answers(own, edition, tied=bool(tied[n]))
        response = self._responses.read(answers, edition.form) if answers else None
        return replace(
            item, policy=policy, edition=edition, response=response, response_url=answers.url if answers else ""
        )

    def _linked(self, item: RequestedItem) -> Iterator[Resource]:
        """What the item's informationSequence points at; a DTR Bundle stands for the responses in it."""
        sent = item.raw.get("informationSequence") or ()
        for sequence in dict.fromkeys(s for s in sent if isinstance(s, int)):  # each once, however often sent
            info = self._information.get(sequence, {})
            found = self._envelope.index.resolve(info.get("valueReference"), self._envelope.claim)
            if found is not None:
                yield found
                yield from (e["resource"] for e in dicts(found.get("entry")) if isinstance(e.get("resource"), dict))

    def _policy(self, item: RequestedItem, answers: tuple[Answers, ...]) -> Policy | None:
        """The policy the codes name; for a placeholder alone, the one whose form is attached, or the only one."""
        recognised = self._policies.recognise(item.codes)
        if recognised.identified is not None or not recognised.possible:
            return recognised.identified
        possible = {p.id for p in recognised.possible}
        attached = next((a.policy for a in answers if a.policy.id in possible), None)
        return attached or (recognised.possible[0] if len(recognised.possible) == 1 else None)

    def _answers(self, own: tuple[Answers, ...], edition: Edition, *, tied: bool) -> Answers | None:
        """The item's answers to the edition's form, the latest when there are several.

        A problem when there are none but others: of another edition, or tied to the item and of another policy; and
        when several differ and none is the latest.
        """
        of_policy = [a for a in own if a.policy.id == edition.policy_id]
        fitting = [a for a in of_policy if a.fits(edition)]
        for other in () if fitting else of_policy or (own if tied else ()):
            text = f"The item needs {edition.form.canonical}; fetch its questionnaire package and answer that form."
            self._envelope.add("business-rule", text, f"{other.place}.questionnaire")
        newest = latest(fitting)
        if any(a.resource.get("item") != newest[0].resource.get("item") for a in newest[1:]):
            for contested in newest:
                text = (
                    "Several answers to one form differ, and their `authored` does not tell the last; send one of them."
                )
                self._envelope.add("duplicate", text, contested.place)
        return newest[0] if newest else None


def service_dates(envelope: Envelope, holder: Resource, name: str, at: str) -> tuple[date, date] | None:
    """First and last day of `<name>Date` or `<name>Period` (or of a Period called `name`); both count.

    PAS dates are full (pas P-28): a partial one, or a period that ends before it starts, is a problem.
    """
    day = holder.get(f"{name}Date")
    if day is not None:
        found = _full(envelope, day, f"{at}.{name}Date")
        return (found, found) if found else None
    key = f"{name}Period" if f"{name}Period" in holder else name
    period = holder.get(key)
    if not isinstance(period, dict):
        return None
    start = _full(envelope, period.get("start"), f"{at}.{key}.start")
    end = _full(envelope, period.get("end"), f"{at}.{key}.end")
    if start and end and end < start:
        envelope.add("value", "The period ends before it starts; correct one of the two.", f"{at}.{key}")
    first = start or end
    return (first, end or first) if first else None


def _full(envelope: Envelope, text: Any, place: str) -> date | None:
    day = real_day(text)
    if text is not None and (day is None or not plausible(day)):
        envelope.add("value", "A PAS date is a full, real day (YYYY-MM-DD), near our time; send one.", place)
        return None
    return day


def plausible(day: date) -> bool:
    """Whether care can be meant by a day; what lies outside is a slip of the pen, or meant to break something."""
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


def certification_type(element: Resource) -> str | None:
    """The X12 1322 code of an item or Claim."""
    return next((c.code for c in codings(extension_value(element, CERTIFICATION_TYPE))), None)


def _by_sequence(elements: Any) -> dict[Any, Resource]:
    return {e.get("sequence"): e for e in elements or () if isinstance(e.get("sequence"), int)}
