"""Puts the demo's requests and answers into words: the few facts of each that matter to a reader."""

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpx

from server.demo.requests import Chart
from server.fhir.codes import COVERAGE_INFORMATION, PAS
from server.fhir.read import Resource, codings, extension_value, extensions
from server.fhir.x12 import X12_ACTION

WIDTH = 100
_MARKS = {"met": "+", "unmet": "-", "unknown": "?", "review": "!"}
_STATES = ("unmet", "unknown", "review", "met")
_ACTIONS = {"A1": "certified", "A4": "pended"}
_DOCUMENTS = {"102089-0": "102089-0 (the plan's form, completed)"}


class Teller:
    """Prints the journey through `say`, which writes one string."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._step = 0

    def title(self, title: str, tells: str) -> None:
        self._step = 0
        self._say(f"\n{'=' * WIDTH}\n{title}\n{'=' * WIDTH}\n")
        self._line(tells, "")

    def asked(self, question: str, method: str, path: str, facts: Sequence[str]) -> None:
        self._step += 1
        self._say(f"\n{self._step}. {question}\n   {method} {path}\n")
        for n, fact in enumerate(facts):
            self._line(fact, "   sent      " if n == 0 else "             ")

    def refused(self, response: httpx.Response) -> None:
        self._line(f"{response.status_code}, which the demo did not expect: {response.text[:2000]}", "   answer    ")

    def end(self, url: str, *, stays: bool) -> None:
        where = f"{url}/" if stays else f"start the server (make run) and open {url}/"
        self._say("\n")
        self._line(f"That is the journey. For the addresses, and for commands to try by hand: {where}", "")

    def subscribed(self, path: str, endpoint: str) -> None:
        self._line("Before the first order the clinic subscribes, so that it hears of every decision at once.", "")
        self._say(f"   POST {path}\n")
        self._line(f"to be told at {endpoint}", "   sent      ")

    # -- requests ------------------------------------------------------------------------------------------------

    @staticmethod
    def order_facts(chart: Chart) -> list[str]:
        concept = chart.order.get("medicationCodeableConcept") or chart.order.get("code") or {}
        names = [c.display for c in codings(concept) if c.display] or [concept.get("text", "an order")]
        return [
            f"order: {names[0]}",
            f"coverage: member {chart.member}, {chart.payer.get('name', 'the payer')}",
        ]

    @staticmethod
    def bundle_facts(chart: Chart) -> list[str]:
        types = Counter(entry["resource"]["resourceType"] for entry in chart.bundle["entry"])
        listed = ", ".join(f"{n} {name}" if n > 1 else name for name, n in types.items())
        return [f"a Bundle of {sum(types.values())} resources: {listed}"]

    # -- answers -------------------------------------------------------------------------------------------------

    def coverage(self, answer: Any, seconds: float) -> tuple[str | None, str | None]:
        """Prints the coverage information; returns the assertion id and the form's canonical."""
        assertion = form = None
        for action in answer.get("systemActions") or ():
            for said in extensions(action["resource"], COVERAGE_INFORMATION):
                values = [(e["url"], _value(e)) for e in said["extension"]]
                one = dict(values)
                assertion, form = one.get("coverage-assertion-id"), one.get("questionnaire")
                self._answer(
                    seconds, f"covered: {one.get('covered')}; prior authorization: {one.get('pa-needed', 'not said')}"
                )
                for url, label in _COVERAGE_LABELS:
                    for value in (v for u, v in values if u == url):
                        self._more(f"{label}: {value}")
        for card in answer.get("cards") or ():
            self._more(f"card: {card['summary']}")
        if assertion is None:
            self._answer(seconds, "nothing to say about this order")
        return assertion, form

    def package(self, answer: Any, seconds: float) -> None:
        for parameter in answer.get("parameter") or ():
            bundle = parameter.get("resource") or {}
            if bundle.get("resourceType") != "Bundle":
                continue
            resources = [entry["resource"] for entry in bundle["entry"]]
            form = resources[0]
            drafts = [r for r in resources if r["resourceType"] == "QuestionnaireResponse"]
            answered = sum(_count(d, lambda item: bool(item.get("answer"))) for d in drafts)
            questions = _count(form, lambda item: item.get("type") not in {"group", "display"})
            types = Counter(r["resourceType"] for r in resources)
            self._answer(seconds, f"the form '{form.get('title', form.get('url'))}': {questions} questions")
            self._more(f"with {types['Library']} CQL libraries that fill it in, and {types['ValueSet']} value sets")
            self._more(f"a draft: the plan has filled in {answered} answers already")

    def decision(self, answer: Any, seconds: float) -> Resource:
        """Prints what the response Bundle decides; returns its ClaimResponse."""
        response: Resource = answer["entry"][0]["resource"]
        for line in _items(response):
            self._answer(seconds, line)
        for error in response.get("error") or ():
            self._more(f"error: {error['code'].get('text') or [c.display or c.code for c in codings(error['code'])]}")
        for note in response.get("processNote") or ():
            self._more(f"note: {note['text']}")
        for request in (e["resource"] for e in answer["entry"]):
            if request["resourceType"] == "CommunicationRequest":
                codes = [p.get("contentString", "") for p in request.get("payload") or ()]
                self._more(f"please send, by LOINC code: {', '.join(_DOCUMENTS.get(c, c) for c in codes)}")
        return response

    def reasons(self, answer: Any, seconds: float) -> None:
        parts = [(p["name"], p) for p in answer["parameter"]]
        one = {name: _value(p) for name, p in parts}
        self._answer(seconds, f"{one.get('outcome')} under {one.get('policy')}, edition {one.get('edition')}")
        findings = [_finding(p["part"]) for name, p in parts if name == "finding"]
        all_met = all(f["state"] == ["met"] for f in findings)
        for state in _STATES:
            some = [f for f in findings if f["state"] == [state]]
            if state == "met" and some and not all_met:
                self._line(", ".join(f["criterion"][0] for f in some), f"     {_MARKS[state]} {state:8} ")
                return
            for found in some:
                text = f"{found['criterion'][0]}: {found['sentence'][0]}"
                self._line(text, f"     {_MARKS[state]} {state:8} ")
                if state != "met":
                    for why in found.get("why", []):
                        self._line(why, " " * 16)
                    for remedy in found.get("remedy", []):
                        self._line(f"To settle it: {remedy}", " " * 16)

    def accepted(self, answer: Any, seconds: float) -> None:
        for issue in answer.get("issue") or ():
            self._answer(seconds, issue["details"]["text"])

    def decided(self, seconds: float) -> None:
        self._answer(seconds, "decided, and on record")

    def heard(self, response: Resource | None) -> None:
        """What a notification told of a request; None where none came."""
        for line in _items(response) if response else ("nothing has come yet; the subscription is tried again",):
            self._line(line, "   notified  ")

    def standing(self, answer: Any, seconds: float) -> None:
        bundles = [p["resource"] for p in answer.get("parameter") or () if p["name"] == "return"]
        if not bundles:
            self._answer(seconds, "nothing found")
        for bundle in bundles:
            for line in _items(bundle["entry"][0]["resource"]):
                self._answer(seconds, line)

    # -- lines ---------------------------------------------------------------------------------------------------

    def _answer(self, seconds: float, text: str) -> None:
        self._line(f"{text}  ({seconds * 1000:.0f}\N{NO-BREAK SPACE}ms)", "   answer    ")

    def _more(self, text: str) -> None:
        self._line(text, "             ")

    def _line(self, text: str, indent: str) -> None:
        lines = textwrap.wrap(text, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False) or [""]
        self._say("\n".join([indent + lines[0], *(" " * len(indent) + line for line in lines[1:])]) + "\n")


_COVERAGE_LABELS = (
    ("doc-needed", "documentation"),
    ("satisfied-pa-id", "authorization number"),
    ("reason", "reason"),
    ("questionnaire", "form"),
    ("coverage-assertion-id", "assertion id, the thread through all that follows"),
)


def _value(element: Any) -> str:
    """The value[x] of an extension or a parameter, as text."""
    value = next((v for k, v in element.items() if k.startswith("value")), "")
    if isinstance(value, dict):
        said = value.get("text") or value.get("reference") or next((c.code for c in codings(value)), "")
        return str(said)
    return str(value)


def _finding(parts: Iterable[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in parts:
        found.setdefault(part["name"], []).append(_value(part))
    return found


def _items(response: Resource) -> Iterable[str]:
    for item in response.get("item") or ():
        action = next(
            (
                c.code
                for adjudication in item["adjudication"]
                for review in extensions(adjudication, f"{PAS}extension-reviewAction")
                for c in codings(extension_value(review, f"{PAS}extension-reviewActionCode"))
                if c.system == X12_ACTION
            ),
            "?",
        )
        period = extension_value(item, f"{PAS}extension-itemPreAuthPeriod") or response.get("preAuthPeriod") or {}
        number = response.get("preAuthRef") or extension_value(item, f"{PAS}extension-administrationReferenceNumber")
        dates = f", from {period['start']} to {period['end']}" if period.get("end") else ""
        yield f"item {item['itemSequence']}: {_ACTIONS.get(action, action)} ({action}), number {number}{dates}"


def _count(resource: Any, wanted: Callable[[Any], bool]) -> int:
    return sum(int(wanted(item)) + _count(item, wanted) for item in resource.get("item") or ())
