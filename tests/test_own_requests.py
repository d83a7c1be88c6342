"""A client's requests are its own: nothing of them is in an answer to another client, whichever way it asks."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.clock import now
from server.demo.requests import Chart, dated, inquiry, order_sign, questionnaire_package, refill, renewed
from server.fhir.version import Version
from server.settings import ROOT
from tests.clients import CLINIC, OTHER, System, plan_with, rsa_key
from tests.serving import serving, sqlite_url
from tests.store.stored_rows import rows_of

Json = dict[str, Any]
OWN = System("own", CLINIC, rsa_key("own-1"))
STRANGER = System("stranger", OTHER, rsa_key("stranger-1"))
SMALL = System("small", CLINIC, rsa_key("small-1"), more="max_body_bytes = 2000")
FHIR = "/fhir/2.2"
_marks = count(1)


@dataclass
class Two:
    """Two partners of one server, and its record."""

    own: httpx.Client
    stranger: httpx.Client
    small: httpx.Client
    database_url: str


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder: Path = tmp_path_factory.mktemp("two")
    url = sqlite_url(folder)
    with ExitStack() as stack:
        plan = plan_with(folder, OWN, STRANGER, SMALL)
        base = stack.enter_context(serving(url, settings={"authentication": True, "plan": plan}))
        own, stranger, small = (
            stack.enter_context(httpx.Client(base_url=base, auth=system, timeout=30))
            for system in (OWN, STRANGER, SMALL)
        )
        yield Two(own, stranger, small, url)


def chart(name: str = "ra-initial") -> Chart:
    """A request of the own client's organization, for a member of its own."""
    bundle = json.loads((ROOT / f"cql/kineret-201603/charts/{name}.json").read_bytes())
    return Chart(renewed(dated(bundle, now().date()), f"own{next(_marks)}"))


def of_stranger(chart: Chart) -> Chart:
    """The same, asked for by the other organization under a number of its own."""
    text = json.dumps(chart.bundle).replace(CLINIC, OTHER)
    text = text.replace(json.dumps(chart.bundle["identifier"]["value"]), json.dumps(f"other-{next(_marks)}"))
    return Chart(json.loads(text))


def submit(http: httpx.Client, chart: Chart) -> Json:
    answer = http.post(f"{FHIR}/Claim/$submit", json=chart.bundle)
    assert answer.status_code == 200, answer.text
    response: Json = answer.json()["entry"][0]["resource"]
    return response


def numbers(response: Json) -> set[str]:
    """What a request is known by: its id, and every number that the answer gives it."""
    text = json.dumps(response)
    found = {e["valueString"] for e in _extensions(response) if "umber" in e["url"] and "valueString" in e}
    assert found, text
    return {response["id"], *found}


def _extensions(node: Any) -> Iterator[Json]:
    if isinstance(node, dict):
        if "url" in node and any(k.startswith("value") for k in node):
            yield node
        for child in node.values():
            yield from _extensions(child)
    elif isinstance(node, list):
        for child in node:
            yield from _extensions(child)


def signed(http: httpx.Client, chart: Chart, order: Json | None = None) -> tuple[str, str]:
    """Whether prior authorization is needed for an order that is signed, and the assertion's id."""
    answer = http.post("/cds-services/crd-order-sign", json=order_sign(chart, order=order))
    assert answer.status_code == 200, answer.text
    said = {e["url"]: e for e in _extensions(answer.json()["systemActions"])}
    return said["pa-needed"]["valueCode"], said["coverage-assertion-id"]["valueString"]


def test_an_authorization_is_told_to_its_own(two: Two) -> None:
    """Order-sign answers `satisfied` to who has it, and to another what it would without."""
    asked = chart()
    response = submit(two.own, asked)
    begins = date.fromisoformat(response["preAuthPeriod"]["start"])
    again = refill(asked, begins + timedelta(days=30))
    assert signed(two.own, asked, again)[0] == "satisfied"
    other = two.stranger.post("/cds-services/crd-order-sign", json=order_sign(asked, order=again))
    assert '"auth-needed"' in other.text
    assert not any(number in other.text for number in numbers(response))


@pytest.mark.parametrize("version", list(Version))
def test_a_context_is_of_who_was_given_it(two: Two, version: Version) -> None:
    """Another's assertion id is as unknown as one that never was; so is that of a requested form."""
    asked = chart()
    _, assertion = signed(two.own, asked)
    package = f"{version.base}/Questionnaire/$questionnaire-package"
    sent = questionnaire_package(asked, assertion)
    assert two.own.post(package, json=sent).status_code == 200
    refused = two.stranger.post(package, json=sent)
    unknown = two.stranger.post(package, json=questionnaire_package(asked, "CA-2345678923"))
    assert (refused.status_code, refused.content) == (422, unknown.content)


def test_the_same_bytes_from_another_are_refused(two: Two) -> None:
    """Whoever copies a request gets neither its answer nor one of its own, and nothing is stored."""
    asked = chart()
    given = numbers(submit(two.own, asked))
    stored = len(rows_of(two.database_url, "submission"))
    refused = two.stranger.post(f"{FHIR}/Claim/$submit", json=asked.bundle)
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (403, "forbidden")
    assert not any(number in refused.text for number in given)
    assert len(rows_of(two.database_url, "submission")) == stored


def with_npis(chart: Chart, *values: str) -> Json:
    """The request with these NPIs of the organization that asks."""
    bundle: Json = json.loads(json.dumps(chart.bundle))
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Organization" and CLINIC in json.dumps(resource):
            system = "http://hl7.org/fhir/sid/us-npi"
            resource["identifier"] = [{"system": system, "value": value} for value in values]
    return bundle


@pytest.mark.parametrize(
    "values", [(CLINIC, OTHER), (OTHER, CLINIC), (CLINIC,), ()], ids=["also", "first", "only", "none"]
)
def test_no_request_is_in_anothers_name(two: Two, values: tuple[str, ...]) -> None:
    """Not beside its own name either, nor without any."""
    answer = two.stranger.post(f"{FHIR}/Claim/$submit", json=with_npis(chart(), *values))
    assert answer.status_code in (400, 403), answer.text


@pytest.mark.parametrize("first", ["ra-initial", "other-condition"], ids=["authorized", "waits for a person"])
def test_what_was_asked_before_is_not_named_to_another(two: Two, first: str) -> None:
    """A second request for the same member and days waits for a nurse; whose the first was is told to its own alone."""
    earlier, later = chart(first), chart()
    member = json.loads(json.dumps(later.bundle).replace(later.member, earlier.member))
    given = numbers(submit(two.own, earlier))
    response = submit(two.stranger, of_stranger(Chart(member)))
    assert response["disposition"].startswith("Pended")
    explained = two.stranger.get(f"{FHIR}/ClaimResponse/{response['id']}/$explain").text
    assert ("by another provider" in explained) is (first == "other-condition")
    for told in (json.dumps(response), explained):
        assert not any(number in told for number in given)


def test_an_inquiry_finds_ones_own(two: Two) -> None:
    """Whichever provider it names; by member alone, and by the other's organization."""
    asked = chart()
    given = numbers(submit(two.own, asked))
    sent = inquiry(asked, f"i{next(_marks)}")
    found = two.own.post(f"{FHIR}/Claim/$inquire", json=sent)
    assert any(number in found.text for number in given)
    for body in (sent, inquiry(of_stranger(asked), f"i{next(_marks)}")):
        other = two.stranger.post(f"{FHIR}/Claim/$inquire", json=body)
        assert other.status_code == 200
        assert "ClaimResponse" not in other.text


def test_a_client_may_have_a_smaller_limit(two: Two) -> None:
    """413 with its own number of bytes, for hook calls and FHIR alike; others keep the server's."""
    asked = chart()
    for answer in (
        two.small.post("/cds-services/crd-order-sign", json=order_sign(asked)),
        two.small.post(f"{FHIR}/Claim/$submit", json=asked.bundle),
    ):
        assert answer.status_code == 413
        assert "2000 bytes" in answer.text
    assert two.small.get(f"{FHIR}/Questionnaire").status_code == 200


def test_the_record_says_who_asked(two: Two) -> None:
    """By the client's id: of what was sent, and of what was read."""
    asked = chart()
    response = submit(two.own, asked)
    assert two.own.get(f"{FHIR}/ClaimResponse/{response['id']}").status_code == 200
    (row,) = [r for r in rows_of(two.database_url, "submission") if r["id"] == response["id"]]
    assert row["caller"] == "own"
    read = [r["detail"] for r in rows_of(two.database_url, "audit") if r["subject"] == response["id"]]
    assert json.loads(read[-1]) == {"by": "read", "caller": "own"}


def test_an_answer_to_another_is_no_answer_to_this_one(two: Two) -> None:
    """An order that carries another's coverage information gets one whose id its own app can use."""
    asked = chart()
    body = order_sign(asked)
    first = two.own.post("/cds-services/crd-order-sign", json=body).json()["systemActions"][0]["resource"]
    body["context"]["draftOrders"]["entry"][0]["resource"] = first
    assert not two.own.post("/cds-services/crd-order-sign", json=body).json().get("systemActions")
    again = two.stranger.post("/cds-services/crd-order-sign", json=body).json()["systemActions"][0]["resource"]
    told = [e["valueString"] for e in _extensions(again) if e["url"] == "coverage-assertion-id"]
    package = questionnaire_package(asked, told[-1])
    assert two.stranger.post(f"{FHIR}/Questionnaire/$questionnaire-package", json=package).status_code == 200
