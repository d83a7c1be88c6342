"""The worked cases of the first policy, through the public API, on both databases and under both guide versions."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.fhir.version import Version
from tests.journey import Partner, answered_on, inquiry_of, read_answer
from tests.serving import serving
from tests.shared_material import KINERET_CASES, needs_shared

CASES = sorted(p.name for p in KINERET_CASES.glob("TC-*")) if KINERET_CASES.is_dir() else []

pytestmark = needs_shared


@pytest.fixture(scope="module", params=[(v, d) for v in Version for d in ("sqlite", "postgresql")], ids="-".join)
def partner(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Partner]:
    """A partner of a fresh server."""
    version, kind = request.param
    with serving(new_database(kind)) as base_url, httpx.Client(base_url=base_url) as http:
        yield Partner(http, version)


def read(case: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((KINERET_CASES / case / f"{name}.json").read_bytes())
    return found


@pytest.mark.parametrize("case", CASES)
def test_an_order_becomes_the_decision_that_the_rules_ask_for(partner: Partner, case: str) -> None:
    """Outcome, reason, period and each criterion's state are as the case says; an inquiry finds the answer."""
    expected = read(case, "expected")
    hook = read(case, "order-sign")
    said = partner.order_sign(hook)
    assert said["covered"] == ["covered"]
    assert said["pa-needed"] == ["auth-needed"]
    coverage = hook["prefetch"]["coverage"]["entry"][0]["resource"]
    form, draft = partner.form(coverage, said["coverage-assertion-id"][0])
    assert said["questionnaire"] == [f"{form['url']}|{form['version']}"] == [draft["questionnaire"]]

    request = answered_on(form, read(case, "pas-submit"))
    answer = partner.submit(request)
    period = expected["preAuthPeriod"]
    assert (answer.action, answer.reason) == (expected["reviewAction"], expected["reasonCode"])
    assert answer.period == ((period["start"], period["end"]) if period else None)
    assert (answer.number is not None) == (answer.action == "A1")

    why = partner.explain(answer)
    by_state = {
        state: {c for c, s in why["states"].items() if s == state} for state in ("met", "unmet", "unknown", "review")
    }
    assert why["outcome"] == expected["outcome"]
    assert by_state["met"] >= set(expected["met"])
    for state in ("unmet", "unknown", "review"):
        if expected["othersMayAppear"]:
            assert by_state[state] >= set(expected[state])
        else:
            assert by_state[state] == set(expected[state])
    for finding in why["findings"]:
        assert finding["why"]
        assert ("evidence" in finding) or finding["state"] != "met"
        assert ("remedy" in finding) == (finding["state"] != "met")

    assert answer.id in {r["id"] for r in partner.inquire(request)}
    assert partner.submit(request).raw == answer.raw


def test_the_placeholder_canonical_is_answered_too(partner: Partner) -> None:
    """The cases as they stand, with the form's canonical unversioned, are read like any other."""
    request = read("TC-072", "pas-submit")
    request["identifier"]["value"] = "unversioned"
    assert partner.submit(request).action == "A1"


def test_the_same_transaction_in_parallel_is_one_authorization(partner: Partner) -> None:
    """Eight senders of one request get the same bytes, and the inquiry finds one answer of that number."""
    request = read("TC-001", "pas-submit")
    request["identifier"]["value"] = "in-parallel"
    with ThreadPoolExecutor(8) as senders:
        raws = set(senders.map(lambda _: partner.submit(request).raw, range(8)))
    (raw,) = raws
    number = read_answer(raw).number
    assert number is not None
    found = [r for r in partner.inquire(request) if number in json.dumps(r)]
    assert len(found) == 1


def test_another_provider_sees_nothing(partner: Partner) -> None:
    """An inquiry by a provider who neither asked nor ordered finds no authorization."""
    request = read("TC-001", "pas-submit")
    partner.submit(request)
    other = json.loads(json.dumps(request).replace("1888888884", "1000000004").replace("1000000012", "1000000004"))
    assert partner.inquire(request)
    body = partner.fhir("POST", "/Claim/$inquire", inquiry_of(other)).json()
    assert "ClaimResponse" not in json.dumps(body)


@pytest.mark.parametrize("version", list(Version))
def test_the_next_order_is_satisfied(tmp_path: Path, version: Version) -> None:
    """While an approval is in force, order-sign answers `satisfied` with its number."""

    def clock() -> datetime:
        return datetime(2027, 2, 1, 12, tzinfo=UTC)

    with serving(f"sqlite:///{tmp_path}/r.db", clock=clock) as url, httpx.Client(base_url=url) as http:
        partner = Partner(http, version)
        answer = partner.submit(read("TC-001", "pas-submit"))
        said = partner.order_sign(read("TC-001", "order-sign"))
        assert said["pa-needed"] == ["satisfied"]
        assert said["satisfied-pa-id"] == [answer.number]
