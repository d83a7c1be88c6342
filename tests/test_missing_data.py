"""Take one thing out of an approvable request: who is asked for more is asked for that very thing."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from typing import Any

import orjson
import pytest

from server.cql.engine import CqlEngine
from server.decision.model import Decision, Outcome
from server.errors import InvalidRequest
from server.fhir.version import Version
from server.pas.machine_decision import judge_items
from server.pas.match import read_and_match
from server.services import open_engine
from server.settings import Settings
from tests.remedies.sent import CERTIFICATION
from tests.spoilings.model import Json
from tests.spoilings.request import Base, all_of, answer, bases, claim, first, item, order, policies, remove

Take = Callable[[Json], None]
A_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SAID_AS = {
    "trial.medicine": "a medicine that is not named",
    "trial.for-condition": "condition treated not stated",
    "trial.outcome": "outcome not stated",
    "trial.days": "days not known",
    "trial.start": "days not known",
    "consultant-identity": "a name and an NPI",
    "QuestionnaireResponse": "No form came along",
}
"""What the reason says of an answer or resource that is taken away; of every other answer its linkId."""


@cache
def sent() -> tuple[Base, ...]:
    """The charts, and each approvable worked case that answers a question which none before it answers."""
    found: list[Base] = []
    seen: set[str] = set()
    for base in bases():
        links = {link for _, link in answers(base.copy())}
        if base.name.endswith(("-initial", "-continuation")) or (not base.name.startswith("TC") and not links <= seen):
            found.append(base)
            seen |= links
    return tuple(found)


class Judge:
    """Judges a request as each guide version reads it; judging knows no version."""

    def __init__(self, engine: CqlEngine) -> None:
        self._engine = engine
        self._judged: dict[bytes, Decision] = {}

    def decision(self, base: Base, body: Json, version: Version) -> Decision | None:
        """On the day on which the request was made; None where it is refused."""
        raw = orjson.dumps(body)
        received = date.fromisoformat(claim(base.copy())["created"][:10])
        try:
            matched = read_and_match(raw, body, version, policies())
        except InvalidRequest:
            return None
        if raw not in self._judged:
            self._judged[raw] = judge_items(matched, self._engine, received)[0]
        return self._judged[raw]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    engine = open_engine(Settings(isolates=1), policies())
    try:
        yield Judge(engine)
    finally:
        engine.close()


# -- single things -------------------------------------------------------------------------------------------


def walk(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every element of a tree, with its path."""
    yield path, node
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from walk(value, (*path, key))


def answers(bundle: Json) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The answered items of the form, by their paths, with their linkIds."""
    for path, node in walk(bundle):
        if isinstance(node, dict) and "answer" in node and "linkId" in node:
            yield path, node["linkId"]


def without(path: tuple[Any, ...]) -> Take:
    """Takes an element out, and what is empty without it."""

    def take(bundle: Json) -> None:
        *above, last = path
        node: Any = bundle
        for key in above:
            node = node[key]
        del node[last]
        if not node and above:
            without(tuple(above))(bundle)

    return take


def single_things(bundle: Json) -> Iterator[tuple[str, Take]]:
    """Each answer of the form, each resource, each date."""
    for path, link in answers(bundle):
        yield link, without(path)
    for n, entry in enumerate(bundle["entry"][1:], 1):
        yield entry["resource"]["resourceType"], lambda b, n=n: remove(b, b["entry"][n]["resource"])  # type: ignore[misc]
    for path, node in walk(bundle):
        if isinstance(node, str) and A_DAY.match(node) and "answer" not in path:
            yield str(path[-1]), without(path)


@pytest.mark.parametrize("version", list(Version))
def test_what_is_taken_away_is_asked_for(judge: Judge, version: Version) -> None:
    """By its linkId, or by the words for it; and with it the request is approved."""
    asked, wrong = set(), []
    for base in sent():
        approved = judge.decision(base, base.copy(), version)
        assert approved is not None
        assert approved.outcome is Outcome.APPROVE, base.name
        for name, take in single_things(base.copy()):
            body = base.copy()
            take(body)
            decision = judge.decision(base, body, version)
            if decision is None or decision.outcome is not Outcome.MORE_INFO_NEEDED:
                continue
            asked.add(name)
            if not names(decision, SAID_AS.get(name, name)):
                wrong.append((base.name, name, [f"{f.why} {f.remedy}" for f in decision.findings if f.remedy]))
    assert wrong == []
    assert {"attest", "indication", "concurrent-any", "taking-now", "response", "request-type"} <= asked


def names(decision: Decision, words: str) -> bool:
    return any(words in f"{f.why} {f.remedy}" for f in decision.findings if f.remedy)


# -- facts that stand in several places ----------------------------------------------------------------------


def first_day(bundle: Json) -> None:
    item(bundle).pop("servicedDate")
    answer(bundle, {"service-start": []})


def birth_date(bundle: Json) -> None:
    first(bundle, "Patient").pop("birthDate")
    answer(bundle, {"birth-date": []})


def place(bundle: Json) -> None:
    item(bundle).pop("locationCodeableConcept")
    answer(bundle, {"place-of-service": []})


def product(bundle: Json) -> None:
    item(bundle).pop("detail", None)
    order(bundle)["medicationCodeableConcept"] = {"text": "as discussed"}


def the_dose(bundle: Json) -> None:
    order(bundle).pop("dosageInstruction")
    answer(bundle, {"dose-mg-per-day": []})


def weight(bundle: Json) -> None:
    remove(bundle, *all_of(bundle, "Observation"))
    answer(bundle, {"weight-kg": []})


def codes_outside_the_form(bundle: Json) -> None:
    claim(bundle).pop("diagnosis")
    item(bundle).pop("diagnosisSequence")
    order(bundle).pop("reasonCode")


def specialty(bundle: Json) -> None:
    first(bundle, "PractitionerRole").pop("specialty")
    answer(bundle, {"prescriber-specialty": []})


def trials(bundle: Json) -> None:
    remove(bundle, *all_of(bundle, "MedicationStatement"))
    answer(bundle, {"trial": []})


def kind_of_request(bundle: Json) -> None:
    item(bundle)["extension"] = [e for e in item(bundle)["extension"] if e["url"] != CERTIFICATION]
    answer(bundle, {"request-type": []})


def current_use(bundle: Json) -> None:
    remove(bundle, *all_of(bundle, "MedicationDispense"))
    answer(bundle, {"taking-now": []})


FACTS = [
    ("ra-initial", first_day, "DATE-1", "No first day of service: the item has no serviced[x], and the form"),
    ("ra-initial", birth_date, "RA-AGE", "No date of birth: Patient.birthDate is empty, and the form"),
    ("ra-initial", place, "RA-I-3", "The form (place-of-service) does not say"),
    ("ra-initial", product, "PROD-1", "No code of Kineret: looked for in Claim.item.productOrService"),
    ("ra-initial", the_dose, "DOSE-RA", "The form (dose-mg-per-day) does not say"),
    ("caps-initial", the_dose, "DOSE-CAPS-MAX", "The form (dose-mg-per-day) does not say"),
    ("caps-initial", weight, "DOSE-CAPS-MAX", "The form (weight-kg) does not say"),
    ("ra-initial", codes_outside_the_form, "DX-1", "Answered in the form alone: Diagnosis code M06.09"),
    ("ra-initial", specialty, "RA-I-2", "The form (prescriber-specialty) does not say"),
    ("ra-initial", trials, "RA-I-1", "The form (trial) does not say"),
    ("ra-initial", kind_of_request, "TYPE-1", "The form (request-type) does not say"),
    ("ra-continuation", current_use, "TYPE-1", "The form (taking-now) does not say"),
]


@pytest.mark.parametrize(("name", "take", "criterion", "words"), FACTS, ids=lambda v: getattr(v, "__name__", None))
def test_a_fact_that_stands_nowhere_is_asked_for(
    judge: Judge, name: str, take: Take, criterion: str, words: str
) -> None:
    """What stands in the claim or record and in the form is asked for when both are silent, and nothing else is."""
    base = next(b for b in bases() if b.name == name)
    body = base.copy()
    take(body)
    decision = judge.decision(base, body, Version.V2_2)
    assert decision is not None
    assert decision.outcome is Outcome.MORE_INFO_NEEDED
    assert [f.criterion for f in decision.findings if f.remedy and words in f.why] == [criterion]
    assert "Nothing that was sent speaks to it." not in {f.why for f in decision.findings}


def test_an_approval_begins_on_the_day_that_the_form_answers(judge: Judge) -> None:
    """Where the claim names no day of service, the answer that was asked for is used."""
    base = next(b for b in bases() if b.name == "ra-initial")
    body = base.copy()
    item(body).pop("servicedDate")
    answer(body, {"service-start": "2026-12-20"})
    decision = judge.decision(base, body, Version.V2_2)
    assert decision is not None
    assert decision.period == (date(2026, 12, 20), date(2027, 6, 17))
