"""A sender in bad faith: updates and attachments get no approval that a new request would not have got.

Over the real policy and engine: the base is an approvable chart, of a member of its own in each test.
"""

import itertools
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Any

import orjson
import pytest

from server.auth.caller import LOOPBACK
from server.errors import InvalidRequest
from server.fhir.version import Version
from server.pas.attach import attach, read_attachment
from server.pas.match import read_and_match
from server.pas.read_update import read_update
from server.pas.request.bundle import INFO_CANCELLED
from server.pas.submit import submit
from server.pas.update import update
from server.services import Services
from server.world import World
from tests.serving import opened, sqlite_url
from tests.spoilings.model import Json
from tests.spoilings.request import add, answer, bases, claim, first, item, order, policies, url_of

CHART = next(b for b in bases() if b.name == "ra-initial")
Spoil = Callable[[Json], Any]
_serial = itertools.count(1)
both_versions = pytest.mark.parametrize("version", list(Version))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    services: Services = opened(sqlite_url(tmp_path_factory.mktemp("bad-faith")))
    day = datetime.fromisoformat(CHART.copy()["entry"][0]["resource"]["created"][:10]).date()
    yield replace(services.world, clock=lambda: datetime.combine(day, time(12), UTC))
    services.close()


def of_a_member() -> Json:
    """The chart, of a member and a transaction of its own."""
    n = next(_serial)
    number = first(CHART.copy(), "Patient")["identifier"][0]["value"]
    found: Json = orjson.loads(CHART.raw.replace(number.encode(), f"U-{n:06}".encode()))
    found["identifier"]["value"] = f"bad-faith-{n}"
    return found


def then(prior: Json) -> Json:
    """An update that changes nothing yet."""
    found = deepcopy(prior)
    n = next(_serial)
    found["identifier"]["value"] = f"bad-faith-{n}"
    found["entry"] = [e for k, e in enumerate(found["entry"]) if not k or e["resource"]["resourceType"] != "Claim"]
    url = found["entry"][0]["fullUrl"]
    found["entry"][0]["fullUrl"] = f"{url}-{n}"
    claim(found).update(id=f"{claim(found)['id']}-{n}", related=[{"claim": {"reference": url}}])
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says: the actions by item, the numbers, and whether it is an error."""

    actions: dict[int, str]
    numbers: dict[int, str]
    error: bool
    documents: tuple[str, ...]
    case_id: str


def read(raw: bytes) -> Told:
    entries = [e["resource"] for e in orjson.loads(raw)["entry"]]
    response = entries[0]
    actions: dict[int, str] = {}
    numbers: dict[int, str] = {}
    for one in response.get("item", ()):
        parts = one["adjudication"][0]["extension"][0]["extension"]
        code = next(p for p in parts if p["url"].endswith("reviewActionCode"))
        actions[one["itemSequence"]] = code["valueCodeableConcept"]["coding"][0]["code"]
        for part in parts:
            if part["url"] == "number":
                numbers[one["itemSequence"]] = part["valueString"]
    asked = tuple(e["identifier"][0]["value"] for e in entries if e["resourceType"] == "CommunicationRequest")
    return Told(actions, numbers, response["outcome"] == "error", asked, response["id"])


def sent(body: Json, version: Version, world: World) -> Told:
    raw = orjson.dumps(body)
    if claim(body).get("related"):
        return read(update(read_update(raw, body, version, policies()), raw, LOOPBACK, world))
    return read(submit(read_and_match(raw, orjson.loads(raw), version, policies()), raw, LOOPBACK, world))


def cancelled(body: Json) -> None:
    item(body)["modifierExtension"] = [{"url": INFO_CANCELLED, "valueBoolean": True}]


def unmarked_dose(body: Json) -> None:
    for dosage in order(body)["dosageInstruction"]:
        for rate in dosage["doseAndRate"]:
            rate["doseQuantity"]["value"] = 900


def swapped_patient(body: Json) -> None:
    first(body, "Patient")["birthDate"] = "2015-01-01"


def other_member(body: Json) -> None:
    for kind in ("Patient", "Coverage"):
        for one in first(body, kind).get("identifier", ()):
            one["value"] = "U-OTHER"
    if "subscriberId" in first(body, "Coverage"):
        first(body, "Coverage")["subscriberId"] = "U-OTHER"


def a_twin(body: Json) -> None:
    """The same once more, and the first left out."""
    twin = {**deepcopy(item(body)), "sequence": 2}
    claim(body)["item"] = [twin]


def a_twin_beside(body: Json) -> None:
    claim(body)["item"].append({**deepcopy(item(body)), "sequence": 2})


def another_order(body: Json) -> None:
    """The item names another order with the same words and a higher dose."""
    more = {**deepcopy(order(body)), "id": "more"}
    url = add(body, more)
    old = url_of(body, order(body))
    for one in item(body)["extension"]:
        if one.get("valueReference", {}).get("reference") in (old, old.partition("/fhir/")[2]):
            one["valueReference"]["reference"] = url
    unmarked_dose(body)


AFTER_APPROVAL: dict[str, Spoil] = {
    "the dose is raised and nothing is marked": unmarked_dose,
    "another order of a higher dose": another_order,
    "the quantity is raised": lambda b: item(b).update(quantity={"value": 9999}),
    "the patient is swapped": swapped_patient,
    "another member": other_member,
    "the same once more, alone": a_twin,
    "the same once more, beside": a_twin_beside,
    "the answers are taken back": lambda b: first(b, "QuestionnaireResponse").pop("item"),
    "another drug under the same number": lambda b: item(b).update(
        productOrService={"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "327361"}]}
    ),
}


@both_versions
@pytest.mark.parametrize("name", AFTER_APPROVAL)
def test_no_more_is_approved_than_was(world: World, name: str, version: Version) -> None:
    """An approved request is updated to more, or to another: what is new or changed gets no certification."""
    body = of_a_member()
    before = sent(body, version, world)
    assert before.actions == {1: "A1"}
    spoiled = then(body)
    AFTER_APPROVAL[name](spoiled)
    try:
        after = sent(spoiled, version, world)
    except InvalidRequest:
        return
    if not after.error:
        assert list(after.actions.values()).count("A1") <= 1, after
        assert after.actions.get(2) != "A1", after
        assert set(after.numbers.values()) <= set(before.numbers.values()), after
        if len(after.actions) == 1:
            assert after.actions == {1: "A4"}, after


def unmet(body: Json) -> None:
    """Too much to be approved."""
    unmarked_dose(body)


@both_versions
def test_the_answers_alone_are_changed(world: World, version: Version) -> None:
    """What was asked needs a physician; the same request with a lower dose in its order is not certified by itself."""
    body = of_a_member()
    spoiled = deepcopy(body)
    unmet(spoiled)
    before = sent(spoiled, version, world)
    assert before.actions == {1: "A4"}
    mended = then(spoiled)
    for was, now in zip(order(body)["dosageInstruction"], order(mended)["dosageInstruction"], strict=True):
        now.update(was)
    assert sent(mended, version, world).actions == {1: "A4"}
    assert sent(then(mended), version, world).actions == {1: "A4"}


@both_versions
def test_cancelled_and_asked_for_again_in_one_update(world: World, version: Version) -> None:
    """The authorization ends before another begins: never two numbers that stand at one time."""
    body = of_a_member()
    before = sent(body, version, world)
    twice = then(body)
    claim(twice)["item"].append({**deepcopy(item(twice)), "sequence": 2})
    cancelled(twice)
    after = sent(twice, version, world)
    assert after.actions[1] == "C"
    assert 1 not in after.numbers
    assert before.numbers[1] not in after.numbers.values()


@both_versions
def test_a_cancelled_item_does_not_come_back(world: World, version: Version) -> None:
    """Its mark is taken off in the next update: refused, and nothing is authorized."""
    body = of_a_member()
    sent(body, version, world)
    gone = then(body)
    cancelled(gone)
    assert sent(gone, version, world).actions == {1: "C"}
    back = then(gone)
    item(back).pop("modifierExtension", None)
    assert sent(back, version, world).error


def attachment(body: Json, tracking: str, *documents: Json) -> Json:
    """Documents for a request that waits for one."""
    member = first(body, "Coverage").get("subscriberId") or first(body, "Patient")["identifier"][0]["value"]
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "TrackingId", "valueIdentifier": {"value": tracking}},
            {"name": "AttachTo", "valueCode": "preauthorization"},
            {"name": "MemberId", "valueIdentifier": {"value": member}},
            {"name": "OrganizationId", "valueIdentifier": {"value": "1234567893"}},
            *({"name": "Attachment", "part": [{"name": "Content", "resource": d}]} for d in documents),
        ],
    }


@both_versions
@pytest.mark.parametrize("whose", ["nobody's", "another's"])
def test_an_attachment_that_is_not_the_patients_certifies_nothing(world: World, version: Version, whose: str) -> None:
    """A record of somebody else, sent for a request that waits, is read by a person."""
    body = of_a_member()
    silent = deepcopy(body)
    first(silent, "QuestionnaireResponse").pop("item")
    before = sent(silent, version, world)
    assert before.actions == {1: "A4"}
    assert before.documents
    full = deepcopy(first(body, "QuestionnaireResponse"))
    full["subject"] = {"reference": "Patient/somebody-else"}
    if whose == "nobody's":
        del full["subject"]
    parameters = attachment(body, before.documents[0], full)
    with pytest.raises(InvalidRequest):
        attach(read_attachment(parameters), orjson.dumps(parameters), LOOPBACK, world)
    case = world.store.case(before.case_id)
    assert case is not None
    assert case.facts == 2


def _adds(resource: Json) -> Spoil:
    return lambda body: add(body, {**resource, "id": "told-later", "subject": claim(body)["patient"]})


def _covid_beside(body: Json) -> None:
    covid = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "U07.1"}]}
    claim(body)["diagnosis"].append({"sequence": 2, "diagnosisCodeableConcept": covid})


def _says_that_another_goes_on(body: Json) -> None:
    category = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/claiminformationcategory", "code": "info"}]
    }
    told = {"sequence": 9, "category": category, "valueString": "The patient goes on with Humira."}
    claim(body)["supportingInfo"].append(told)


TOLD_LATER: dict[str, Spoil] = {
    "the patient has died": lambda b: first(b, "Patient").update(deceasedBoolean=True),
    "COVID-19 beside it": _covid_beside,
    "another biologic in a message": _says_that_another_goes_on,
    "another biologic that is taken": _adds(
        {"resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": {"text": "Humira"}}
    ),
    "another biologic handed over last week": _adds(
        {
            "resourceType": "MedicationDispense",
            "status": "completed",
            "medicationCodeableConcept": {"text": "adalimumab"},
            "whenHandedOver": "2026-11-25",
        }
    ),
    "a prescriber who is no specialist": lambda b: first(b, "PractitionerRole").update(
        specialty=[{"coding": [{"system": "http://nucc.org/provider-taxonomy", "code": "207Q00000X"}]}]
    ),
}


@both_versions
@pytest.mark.parametrize("name", TOLD_LATER)
def test_what_is_told_later_against_it_is_looked_at(world: World, name: str, version: Version) -> None:
    """What is asked for stays the same, but the update tells of the patient what no new request is approved with."""
    body = of_a_member()
    before = sent(body, version, world)
    assert before.actions == {1: "A1"}
    told = then(body)
    TOLD_LATER[name](told)
    after = sent(told, version, world)
    assert (after.actions, after.numbers) == ({1: "A4"}, {})


@both_versions
def test_what_is_told_later_and_is_harmless_takes_nothing_back(world: World, version: Version) -> None:
    """A laboratory result, months later: the day of service is long gone, and the authorization stands as it was."""
    body = of_a_member()
    before = sent(body, version, world)
    told = then(body)
    _adds({"resourceType": "Observation", "status": "final", "code": {"text": "CRP"}, "valueString": "12 mg/L"})(told)
    later = replace(world, clock=lambda: datetime(2027, 5, 1, 12, tzinfo=UTC))
    after = sent(told, version, later)
    assert (after.actions, after.numbers) == ({1: "A1"}, before.numbers)


def _waits_for_answers(world: World, version: Version) -> tuple[Json, Told]:
    """An approvable request, and what is told of it while its answers are missing."""
    body = of_a_member()
    silent = deepcopy(body)
    first(silent, "QuestionnaireResponse").pop("item")
    return body, sent(silent, version, world)


def _attach(parameters: Json, world: World) -> None:
    attach(read_attachment(parameters), orjson.dumps(parameters), LOOPBACK, world)


@both_versions
def test_of_two_sets_of_answers_none_is_chosen(world: World, version: Version) -> None:
    """Two answers to one form in one attachment, of which the last would be approved: refused, and nothing is kept."""
    body, before = _waits_for_answers(world, version)
    other = deepcopy(body)
    answer(other, {"concurrent-any": True})
    both = [first(b, "QuestionnaireResponse") for b in (other, body)]
    with pytest.raises(InvalidRequest):
        _attach(attachment(body, before.documents[0], *both), world)


@both_versions
def test_what_is_attached_after_the_approval_is_looked_at(world: World, version: Version) -> None:
    """The answers bring the approval; a fill of another biologic that is attached afterwards takes it back."""
    body, before = _waits_for_answers(world, version)
    _attach(attachment(body, before.documents[0], first(body, "QuestionnaireResponse")), world)
    case = world.store.case(before.case_id)
    assert case is not None
    assert case.items[0].number
    fill = {
        "resourceType": "MedicationDispense",
        "id": "fill",
        "status": "completed",
        "subject": claim(body)["patient"],
        "medicationCodeableConcept": {"text": "adalimumab"},
        "whenHandedOver": "2026-11-25",
    }
    _attach(attachment(body, before.documents[0], fill), world)
    case = world.store.case(before.case_id)
    assert case is not None
    assert case.items[0].number is None
