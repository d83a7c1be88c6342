"""The EHR as a real process: it answers, dawdles, breaks off, or dies in the middle of a call."""

import ipaddress
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.outgoing import Outgoing
from server.policy.outgoing import AllowedHost, FetchRules, OutgoingRules
from tests.crd.calls import PLAN, Ehr, Json, a_call, an_order

HERE = OutgoingRules(hosts=(AllowedHost("127.0.0.1", http=True, networks=(ipaddress.ip_network("127.0.0.0/8"),)),))


@pytest.fixture
def address() -> Iterator[str]:
    file = Path(__file__).parent / "ehr_process.py"
    with subprocess.Popen([sys.executable, file], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own file
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def an_ehr() -> Ehr:
    return Ehr(plan=replace(PLAN, fetch=FetchRules(milliseconds=1_500)), door=Outgoing(HERE))


def bare_call(base: str, token: str = "let-me-in") -> Json:  # noqa: S107 - made up
    order = an_order(medicationReference={"reference": "Medication/m-1"})
    del order["medicationCodeableConcept"]
    call = a_call(order)
    del call["prefetch"]
    return {**call, "fhirServer": base, "fhirAuthorization": {"access_token": token, "token_type": "Bearer"}}


@pytest.mark.parametrize("how", ["good", "good/", "busy"])
def test_a_call_without_prefetch_is_answered_as_one_with_it(address: str, how: str) -> None:
    (said,) = an_ehr().said(bare_call(f"{address}/{how}"))
    assert (said["covered"], said["pa-needed"]) == (["covered"], ["auth-needed"])
    assert said["questionnaire"]


@pytest.mark.parametrize(
    ("how", "why"),
    [("slow", "the EHR did not answer"), ("drip", "the EHR did not answer"), ("half", "the connection failed")],
)
def test_a_call_is_answered_in_time_with_what_is_known_by_then(address: str, how: str, why: str) -> None:
    """The EHR is still at it when the answer is there; the coverage, which came, is what the answer is about."""
    (said,) = an_ehr().said(bare_call(f"{address}/{how}"))
    assert said["coverage"] == [{"reference": "Coverage/cov-1"}]
    assert said["covered"] == ["indeterminate"]
    assert f"The Medication that the order names could not be fetched: {why}" in said["reason"][0]["text"]


@pytest.mark.parametrize("how", ["good", "dies"])
def test_an_ehr_that_refuses_or_dies_is_told_of(address: str, how: str) -> None:
    answer = an_ehr().post(bare_call(f"{address}/{how}", "let-me-in" if how == "dies" else "wrong"))
    assert answer.status_code == 412
    assert ("401" if how == "good" else "connection failed") in answer.text
