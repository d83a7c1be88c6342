"""The QuestionnaireResponses of a request: which form each answers, to which item it belongs, and what it says."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from server.fhir.codes import DTR
from server.fhir.read import Resource, extensions
from server.fhir.structure import real_day
from server.fhir.subject import is_about_another
from server.form.response import form_canonicals, read_response
from server.pas.request.bundle import Envelope
from server.policy.library import PolicyLibrary
from server.policy.model import Edition, Form, Policy

_QR_CONTEXT = f"{DTR}qr-context"
_UNFINISHED = frozenset({"in-progress", "stopped"})


@dataclass(frozen=True, slots=True)
class Answers:
    """One QuestionnaireResponse that answers a form served here."""

    resource: Resource
    url: str
    place: str
    policy: Policy
    edition: Edition

    def fits(self, edition: Edition) -> bool:
        """Whether it answers the form that an edition asks for."""
        return not {edition.form.canonical, edition.form.url}.isdisjoint(form_canonicals(self.resource)[:1])


class ResponseReader:
    """Reads every QuestionnaireResponse of a request; problems go to the envelope."""

    def __init__(self, envelope: Envelope, policies: PolicyLibrary, patient: Resource | None) -> None:
        self._envelope = envelope
        self._policies = policies
        self.patient = patient
        self.all = tuple(a for place, url, r in self._sent() if (a := self._known(place, url, r, patient)))
        self._clean: dict[tuple[int, str], Resource] = {}

    def of(self, linked: Iterable[Resource], order: Resource | None) -> tuple[Answers, ...]:
        """The responses that are tied to an item: by its supporting information, else by its order (qr-context)."""
        named = {id(r) for r in linked}
        tied = tuple(a for a in self.all if id(a.resource) in named)
        return tied or tuple(a for a in self.all if order is not None and self._is_for(a, order))

    def read(self, answers: Answers, form: Form) -> Resource:
        """The cleaned response; what is wrong with it becomes problems, once."""
        key = (id(answers.resource), form.canonical)
        if key not in self._clean:
            clean, problems = read_response(form, self._policies.value_sets, answers.resource, answers.place)
            for problem in problems:
                self._envelope.add(problem.code, problem.text, problem.expression)
            self._clean[key] = clean
        return self._clean[key]

    def read_the_rest(self) -> None:
        """Reads what no item asked for against its own form, so that its problems are told as well."""
        seen = {resource for resource, _ in self._clean}
        for answers in self.all:
            if id(answers.resource) not in seen:
                self.read(answers, answers.edition.form)

    def _sent(self) -> Iterator[tuple[str, str, Resource]]:
        """Every response: an entry, or an entry of a DTR Bundle that is an entry."""
        for n, url, resource in self._envelope.index.entries:
            place = f"Bundle.entry[{n}].resource"
            if resource.get("resourceType") == "QuestionnaireResponse":
                yield place, url, resource
            elif resource.get("resourceType") == "Bundle":
                for k, entry in enumerate(resource.get("entry") or ()):
                    inner = entry.get("resource") or {}
                    if inner.get("resourceType") == "QuestionnaireResponse":
                        yield f"{place}.entry[{k}].resource", str(entry.get("fullUrl", "")), inner

    def _known(self, place: str, url: str, resource: Resource, patient: Resource | None) -> Answers | None:
        if resource.get("status") == "entered-in-error":
            return None
        if patient is not None and is_about_another(self._envelope.index, patient, resource):
            text = "These answers are about another patient than the Claim; send this patient's."
            self._envelope.add("value", text, f"{place}.subject")
            return None
        canonical = next(iter(form_canonicals(resource)), "")
        if not self._envelope.require(canonical, f"{place}.questionnaire"):
            return None
        found = self._policies.by_form(canonical)
        if found is None:
            known = self._policies.by_form(canonical.partition("|")[0])
            text = (
                f"This edition of the form is not known here; the current one is {known[1].form.canonical}."
                if known
                else "No form with this canonical is served here; fetch the questionnaire package and answer that form."
            )
            self._envelope.add("not-found", text, f"{place}.questionnaire")
            return None
        if resource.get("status") in _UNFINISHED:
            text = "These answers are not finished, so they decide nothing; complete the form and send it again."
            self._envelope.add("value", text, f"{place}.status")
        return Answers(resource, url, place, *found)

    def _contexts(self, answers: Answers) -> Iterator[Resource]:
        for extension in extensions(answers.resource, _QR_CONTEXT):
            if (found := self._envelope.index.resolve(extension.get("valueReference"), answers.resource)) is not None:
                yield found

    def _is_for(self, answers: Answers, order: Resource) -> bool:
        return any(r is order for r in self._contexts(answers))


def latest(several: list[Answers]) -> list[Answers]:
    """Those that none of the others is surely later than, in the order of their places."""
    spans = [_authored(a.resource.get("authored")) for a in several]
    starts = sorted((s[0] for s in spans if s), reverse=True)
    return [a for a, span in zip(several, spans, strict=True) if not (span and starts and starts[0] > span[1])]


def _authored(text: Any) -> tuple[datetime, datetime] | None:
    """First and last instant that a dateTime can mean; a day without a time is that day anywhere on earth."""
    day = real_day(text)
    try:
        moment = datetime.fromisoformat(text) if day and len(text) > len("2026-01-31") else None
        if moment is not None:
            return (moment, moment) if moment.tzinfo else None
        midnight = datetime.combine(day, time.min, UTC) if day else None
        return (midnight - timedelta(hours=14), midnight + timedelta(hours=36)) if midnight else None
    except (ValueError, OverflowError):
        return None
