"""Matches a request with the policies: each item gets its policy, the edition in force and its answers to the form."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from server.decision.request import AuthorizationRequest, RequestedItem, SentResponse
from server.fhir.order import deciding_day
from server.fhir.primitives import real_day
from server.fhir.read import Resource, reference
from server.fhir.version import Version
from server.form.model import Form
from server.form.response import form_canonicals, hidden_answers, read_response
from server.pas.request.bundle import RequestBundle
from server.pas.request.submit import SubmitReading, read_submit
from server.policy.library import PolicyLibrary
from server.policy.model import Edition, Policy


@dataclass(frozen=True, slots=True)
class MatchedItem:
    """An item and what judges it.

    policy, edition: what its codes name, and its edition on the first service day of the item, else of its order, else
    on the day of the claim; `edition` is None when the policy was not yet in force. response: the item's answers,
    cleaned by form.response.read_response; sent: the response that they were cleaned from. hidden: linkIds of the
    answers that the cleaning took out.
    """

    item: RequestedItem
    policy: Policy | None = None
    edition: Edition | None = None
    response: Resource | None = None
    sent: SentResponse | None = None
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchedRequest:
    """A request and what judges each of its items, in their order."""

    request: AuthorizationRequest
    items: tuple[MatchedItem, ...]


def read_and_match(raw: bytes, body: dict[str, Any], version: Version, policies: PolicyLibrary) -> MatchedRequest:
    """A `Claim/$submit` body, read and matched. Raises InvalidRequest with every problem of both."""
    reading = read_submit(raw, body, version)
    items = match(reading, policies)
    return MatchedRequest(reading.request(), items)


def match(reading: SubmitReading, policies: PolicyLibrary) -> tuple[MatchedItem, ...]:
    """The items, each with what judges it. What is wrong with the answers is added to the problems of the reading."""
    answers = _Answers(reading, policies)
    found = tuple(_matched(item, reading.created, answers, policies) for item in reading.items)
    answers.read_the_rest()
    return found


def _matched(item: RequestedItem, created: date, answers: "_Answers", policies: PolicyLibrary) -> MatchedItem:
    own = answers.of(item)
    day = deciding_day(item.service[0] if item.service else None, item.order, created)
    chosen = policies.for_order(item.codes, day, attached=[a.policy.id for a in own])
    if chosen.edition is None:
        return MatchedItem(item, chosen.policy)
    found = answers.chosen(own, answers.of_no_item if item.tied else (), chosen.edition, tied=item.tied)
    if found is None:
        return MatchedItem(item, chosen.policy, chosen.edition)
    clean = answers.read(found, chosen.edition.form)
    hidden = hidden_answers(found.sent.resource, clean)
    return MatchedItem(item, chosen.policy, chosen.edition, clean, found.sent, hidden)


@dataclass(frozen=True, slots=True)
class _FormAnswers:
    """A response that answers a form served here. policy, edition: the newest with that form."""

    sent: SentResponse
    policy: Policy
    edition: Edition

    def fits(self, edition: Edition) -> bool:
        """Whether it answers the form that an edition asks for."""
        canonicals = form_canonicals(self.sent.resource)[:1]
        return not {edition.form.canonical, edition.form.url}.isdisjoint(canonicals)


class _Answers:
    """The responses of a request, each with the form that it answers. Each is read once, with its problems."""

    def __init__(self, reading: SubmitReading, policies: PolicyLibrary) -> None:
        self._bundle = reading.bundle
        self._value_sets = policies.value_sets
        known = ((r, _form_of(r, reading.bundle, policies)) for r in reading.responses)
        self._all = {id(r.resource): _FormAnswers(r, *found) for r, found in known if found is not None}
        claimed = {id(r.resource) for item in reading.items if item.tied for r in item.responses}
        self.of_no_item = tuple(a for key, a in self._all.items() if key not in claimed)
        """Those that name no item."""
        self._clean: dict[tuple[int, str], Resource] = {}

    def of(self, item: RequestedItem) -> tuple[_FormAnswers, ...]:
        """The responses that may count for an item."""
        return tuple(self._all[id(r.resource)] for r in item.responses if id(r.resource) in self._all)

    def chosen(
        self, own: tuple[_FormAnswers, ...], loose: tuple[_FormAnswers, ...], edition: Edition, *, tied: bool
    ) -> _FormAnswers | None:
        """An item's answers to the edition's form, the latest when there are several.

        loose: answers that name no item; where they are later than those that name this one, they count instead.
        It is a problem when the only answers are for another edition, or are tied to the item but for another policy,
        and when several differ and none is the latest.
        """
        of_policy = [a for a in own if a.policy.id == edition.policy_id]
        fitting = [a for a in of_policy if a.fits(edition)]
        for other in () if fitting else of_policy or (own if tied else ()):
            text = f"The item needs {edition.form.canonical}; fetch its questionnaire package and answer that form."
            self._bundle.add("business-rule", text, f"{other.sent.place}.questionnaire")
        if fitting:
            fitting += [a for a in loose if a.policy.id == edition.policy_id and a.fits(edition)]
        newest = list(_latest(fitting))
        if any(a.sent.resource.get("item") != newest[0].sent.resource.get("item") for a in newest[1:]):
            for contested in newest:
                text = (
                    "Several answers to one form differ, and their `authored` does not tell the last; send one of them."
                )
                self._bundle.add("duplicate", text, contested.sent.place)
        return newest[0] if newest else None

    def read(self, answers: _FormAnswers, form: Form) -> Resource:
        """The cleaned response. Its faults become problems the first time it is read."""
        sent = answers.sent
        key = (id(sent.resource), form.canonical)
        if key not in self._clean:
            clean, problems = read_response(form, self._value_sets, sent.resource, sent.place)
            for problem in problems:
                self._bundle.add(problem.code, problem.text, problem.expression)
            nowhere = (
                reference(clean.get("author")) and self._bundle.index.resolve(clean["author"], sent.resource) is None
            )
            self._clean[key] = {k: v for k, v in clean.items() if k != "author"} if nowhere else clean  # that is nobody
        return self._clean[key]

    def read_the_rest(self) -> None:
        """Reads the responses that no item used against their own forms, so that their problems are reported too."""
        seen = {resource for resource, _ in self._clean}
        for resource, answers in self._all.items():
            if resource not in seen:
                self.read(answers, answers.edition.form)


def _form_of(sent: SentResponse, bundle: RequestBundle, policies: PolicyLibrary) -> tuple[Policy, Edition] | None:
    """The policy and the newest edition whose form a response answers; a problem when it is none of ours."""
    canonical = form_canonicals(sent.resource)[0]
    found = policies.by_form(canonical)
    if found is None:
        known = policies.by_form(canonical.partition("|")[0])
        text = (
            f"No edition of the form has this canonical; that of the current one is {known[1].form.canonical}."
            if known
            else "No form with this canonical is served here; fetch the questionnaire package and answer that form."
        )
        bundle.add("not-found", text, f"{sent.place}.questionnaire")
    return found


def _latest(several: list[_FormAnswers]) -> Iterator[_FormAnswers]:
    """The answers that may be the latest, in the order of their places: no other is certainly later."""
    spans = [_authored(a.sent.resource.get("authored")) for a in several]
    starts = sorted((s[0] for s in spans if s), reverse=True)
    for answers, span in zip(several, spans, strict=True):
        if not (span and starts and starts[0] > span[1]):
            yield answers


def _authored(text: Any) -> tuple[datetime, datetime] | None:
    """First and last instant that a dateTime can mean. A day without a time is that day in any time zone."""
    day = real_day(text)
    try:
        moment = datetime.fromisoformat(text) if day and len(text) > len("2026-01-31") else None
        if moment is not None:
            return (moment, moment) if moment.tzinfo else None
        midnight = datetime.combine(day, time.min, UTC) if day else None
        return (midnight - timedelta(hours=14), midnight + timedelta(hours=36)) if midnight else None
    except (ValueError, OverflowError):
        return None
