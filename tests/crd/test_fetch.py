"""What did not come along is fetched from the EHR, in time, safely; and what could not be had stands in the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest
import respx
from hypothesis import given, settings
from hypothesis import strategies as st

from server.outgoing import Outgoing
from server.policy.outgoing import FetchRules, OutgoingRules
from tests.crd.calls import (
    PLAN,
    Ehr,
    Json,
    Memory,
    a_bundle,
    a_call,
    a_coding,
    a_coverage,
    a_payer,
    an_order,
    children,
    information,
)
from tests.crd.spoilt import spoil
from tests.policies import DRUG

BASE = "https://ehr.test/fhir"
PLACE = "https://8.8.8.8:443/fhir"
"""Where the server goes: to the address that was looked up and checked, never to the name again."""
TOKEN = "a-token-that-nobody-may-keep"  # noqa: S105 - made up
PATIENT: Json = {"resourceType": "Patient", "id": "p-1"}
MEDICATION: Json = {"resourceType": "Medication", "id": "m-1", "code": {"coding": [a_coding(DRUG)]}}
OUTAGE: Json = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "transient"}]}
HINT: Json = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
VERSIONS = ("2.2", None)


async def resolve(host: str, _: int) -> Sequence[str]:
    return ["8.8.8.8"] if host == "ehr.test" else ["127.0.0.1"]


def an_ehr(store: Any = None, **fetch: int) -> Ehr:
    plan = replace(PLAN, fetch=FetchRules(**{"milliseconds": 2_000, **fetch}))
    return Ehr(store, plan=plan, door=Outgoing(OutgoingRules(), resolve))


def lacking(*keys: str, version: str | None = "2.2", order: Json | None = None, **more: Any) -> Json:
    """A call whose EHR can be asked for what is missing."""
    call = a_call(order or an_order(), version=version)
    for key in keys:
        del call["prefetch"][key]
    access = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 30, "scope": "x", "subject": "y"}
    return {**call, "fhirServer": BASE, "fhirAuthorization": access, **more}


def by_reference() -> Json:
    order = an_order(medicationReference={"reference": "Medication/m-1"})
    del order["medicationCodeableConcept"]
    return order


@pytest.fixture
def ehr_server() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def answers(router: respx.MockRouter, path: str, *bodies: Any) -> respx.Route:
    """The answers of the EHR at a path, one after the other; a number is a status."""
    made = [
        httpx.Response(b, json=OUTAGE)
        if isinstance(b, int)
        else b
        if isinstance(b, httpx.Response)
        else httpx.Response(200, json=b)
        for b in bodies
    ]
    return router.get(f"{PLACE}/{path}").mock(side_effect=made)


def coverage_search(router: respx.MockRouter, *bodies: Any) -> respx.Route:
    return answers(router, "Coverage?patient=p-1&status=active", *bodies)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_prefetch_lacked_is_fetched_by_the_queries_of_the_templates(
    ehr_server: respx.MockRouter, version: str | None
) -> None:
    """Patient, coverage, payer and the medicine are asked for, with the token, by the host's name."""
    routes = [
        answers(ehr_server, "Patient/p-1", PATIENT),
        coverage_search(ehr_server, a_bundle(a_coverage())),
        answers(ehr_server, "Organization?_id=payer", a_bundle(a_payer())),
        answers(ehr_server, "Medication?_id=m-1", a_bundle(MEDICATION)),
    ]
    call = lacking(version=version, order=by_reference())
    del call["prefetch"]
    (said,) = an_ehr().said(call)
    assert (said["covered"], said["pa-needed"]) == (["covered"], ["auth-needed"])
    assert [r.call_count for r in routes] == [1, 1, 1, 1]
    for route in routes:
        sent = route.calls[0].request.headers
        assert (sent["authorization"], sent["host"]) == (f"Bearer {TOKEN}", "ehr.test")


def test_what_came_along_is_not_asked_for_again(ehr_server: respx.MockRouter) -> None:
    an_ehr().said(lacking())
    assert ehr_server.calls.call_count == 0


@pytest.mark.parametrize("told", [None, {"resourceType": "OperationOutcome"}, {"resourceType": "Bundle"}, 7])
def test_what_prefetch_said_null_is_fetched_too(ehr_server: respx.MockRouter, told: Any) -> None:
    coverage_search(ehr_server, a_bundle(a_coverage()))
    call = lacking()
    call["prefetch"]["coverage"] = told
    (said,) = an_ehr().said(call)
    assert said["covered"] == ["covered"]


@pytest.mark.parametrize(
    "following",
    [f"{BASE}/Coverage?page=2", "Coverage?page=2", "/fhir/Coverage?page=2", "?page=2"],
    ids=["absolute", "relative to the base", "relative to the host", "relative to the page"],
)
def test_pages_are_followed(ehr_server: respx.MockRouter, following: str) -> None:
    """Real servers give the next page's address in four ways, and hints as entries of the Bundle."""
    first = {**a_bundle(HINT, a_coverage("theirs", payor=[{"identifier": {"value": "another"}}]))}
    coverage_search(ehr_server, first | {"link": [{"relation": "next", "url": following}]})
    answers(ehr_server, "Coverage?page=2", a_bundle(a_coverage()))
    (said,) = an_ehr().said(lacking("coverage"))
    assert said["coverage"] == [{"reference": "Coverage/cov-1"}]


def test_a_prefetched_page_is_not_taken_for_all(ehr_server: respx.MockRouter) -> None:
    coverage_search(ehr_server, a_bundle(a_coverage()))
    call = lacking()
    theirs = a_bundle(a_coverage("theirs", payor=[{"identifier": {"value": "another"}}]))
    call["prefetch"]["coverage"] = theirs | {"link": [{"relation": "next", "url": "https://elsewhere.test/"}]}
    (said,) = an_ehr().said(call)
    assert said["coverage"] == [{"reference": "Coverage/cov-1"}]


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.test/fhir/Coverage",
        "//evil.test/x",
        "http://ehr.test/fhir/Coverage",
        "https://ehr.test:8443/fhir/C",
    ],
)
def test_pages_of_another_server_are_not_followed(ehr_server: respx.MockRouter, following: str) -> None:
    """The token is for the EHR alone."""
    coverage_search(ehr_server, a_bundle() | {"link": [{"relation": "next", "url": following}]})
    answer = an_ehr().post(lacking("coverage"))
    assert answer.status_code == 412
    assert "goes on at another server" in answer.text
    assert ehr_server.calls.call_count == 1


def test_pages_that_loop_end(ehr_server: respx.MockRouter) -> None:
    path = "Coverage?patient=p-1&status=active"
    route = coverage_search(ehr_server, *[a_bundle() | {"link": [{"relation": "next", "url": path}]}] * 9)
    assert "do not end" in an_ehr().post(lacking("coverage")).text
    assert route.call_count == 1


def test_pages_without_end_end(ehr_server: respx.MockRouter) -> None:
    pages = iter(range(1, 99))
    ehr_server.get(url__regex=r"^https://8\.8\.8\.8.*/fhir/Coverage").mock(
        side_effect=lambda _: httpx.Response(
            200, json=a_bundle() | {"link": [{"relation": "next", "url": f"Coverage?page={next(pages)}"}]}
        )
    )
    assert "do not end" in an_ehr(pages=3).post(lacking("coverage")).text
    assert ehr_server.calls.call_count == 3


def test_a_busy_server_is_asked_once_more(ehr_server: respx.MockRouter) -> None:
    """429 with a pause that fits, 503 without one."""
    coverage_search(ehr_server, 503, a_bundle(a_coverage()))
    answers(ehr_server, "Patient/p-1", httpx.Response(429, headers={"retry-after": "0"}), PATIENT)
    (said,) = an_ehr().said(lacking("coverage", "patient"))
    assert said["covered"] == ["covered"]


@pytest.mark.parametrize("pause", ["3600", "Wed, 21 Oct 2026 07:28:00 GMT", "x", "9" * 400])
def test_a_server_that_wants_to_be_left_alone_is(ehr_server: respx.MockRouter, pause: str) -> None:
    route = coverage_search(ehr_server, *[httpx.Response(429, headers={"retry-after": pause})] * 2)
    answer = an_ehr().post(lacking("coverage"))
    assert (answer.status_code, route.call_count) == (412, 1)
    assert "answered 429" in answer.text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("status", [401, 403, 500, 503, 302])
def test_without_its_coverage_no_order_is_answered(
    ehr_server: respx.MockRouter, version: str | None, status: int
) -> None:
    """There is nothing that coverage information could be about: 412, with the remedy (C-51), and nothing kept."""
    coverage_search(ehr_server, status, status)
    ehr = an_ehr()
    answer = ehr.post(lacking("coverage", version=version))
    assert answer.status_code == 412
    assert f"the EHR answered {status}" in answer.text
    assert "Prefetch `coverage`" in answer.text
    assert ehr.store.commits == 0


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(500, id="500"),
        pytest.param(403, id="403"),
        pytest.param(OUTAGE, id="an error in place of a Bundle"),
        pytest.param(a_bundle(OUTAGE), id="an error as entry"),
        pytest.param(httpx.Response(200, content=b"<html>"), id="no JSON"),
        pytest.param(httpx.Response(200, content=b"[" * 5_000 + b"]" * 5_000), id="deep"),
        pytest.param(httpx.Response(200, content=b'{"a":"' + b"x" * 3 * 2**20 + b'"}'), id="long"),
        pytest.param(httpx.ConnectError("dead"), id="no connection"),
        pytest.param(httpx.ReadError("dying"), id="dies while it answers"),
    ],
)
def test_a_medicine_that_cannot_be_fetched_is_told_as_a_technical_failure(
    ehr_server: respx.MockRouter, version: str | None, failure: Any
) -> None:
    """Coverage information says what is missing and why (C-69); 2.0 has other words for it."""
    effects = [failure] * 2 if isinstance(failure, Exception) else None
    if effects:
        ehr_server.get(f"{PLACE}/Medication?_id=m-1").mock(side_effect=effects)
    else:
        answers(ehr_server, "Medication?_id=m-1", failure, failure)
    (said,) = an_ehr().said(lacking(version=version, order=by_reference()))
    word = "indeterminate" if version else "conditional"
    assert (said["covered"], said["pa-needed"]) == ([word], [word])
    assert said.get("info-needed", []) == ([] if version else ["OTH"])
    assert said["reason"][0]["text"].startswith("The Medication that the order names could not be fetched: ")
    coded = [c["code"] for c in said["reason"][0].get("coding", ())]
    assert coded == (["technical"] if version else [])
    if version:
        assert said["expiry-date"] == said["date"]  # the next call may do better


def test_a_medicine_that_is_not_there_is_no_technical_failure(ehr_server: respx.MockRouter) -> None:
    answers(ehr_server, "Medication?_id=m-1", a_bundle())
    (said,) = an_ehr().said(lacking(order=by_reference()))
    assert (said["covered"], said["info-needed"]) == (["conditional"], ["detail-code"])


@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_is_answered_although_nobody_knows_whose_coverage_it_is(
    ehr_server: respx.MockRouter, version: str | None
) -> None:
    """The form is named as ever; that the plan covers it is not said before the payer is known."""
    answers(ehr_server, "Organization?_id=payer", 500, 500)
    (said,) = an_ehr().said(lacking("payers", version=version))
    assert said["covered"] == ["indeterminate" if version else "conditional"]
    assert said["pa-needed"] == ["auth-needed"]
    assert said["questionnaire"]
    assert "its payer could not be fetched: the EHR answered 500" in said["reason"][0]["text"]


def test_nothing_is_free_of_authorization_while_the_payer_is_not_known(ehr_server: respx.MockRouter) -> None:
    """Whoever lets a fetch fail on purpose gains nothing by it."""
    answers(ehr_server, "Organization?_id=payer", 500, 500)
    bed = an_order("http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets|E0250")
    (said,) = an_ehr().said(lacking("payers", order=bed))
    assert said["pa-needed"] == ["indeterminate"]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(a_coverage(beneficiary={"reference": "Patient/p-2"}), id="another patient's"),
        pytest.param(a_coverage(beneficiary={"display": "somebody"}), id="nobody's"),
        pytest.param({**a_coverage(), "resourceType": "Contract"}, id="another kind"),
        pytest.param({**a_coverage(), "id": None}, id="no id"),
    ],
)
def test_what_was_not_asked_for_counts_for_nothing(ehr_server: respx.MockRouter, sent: Json) -> None:
    """An EHR that does not understand a search answers with whatever it has."""
    coverage_search(ehr_server, a_bundle(sent))
    answer = an_ehr().post(lacking("coverage"))
    assert answer.status_code == 400
    assert "No Coverage came along" in answer.text


def test_another_patient_is_not_taken_for_the_patient(ehr_server: respx.MockRouter) -> None:
    answers(ehr_server, "Patient/p-1", {"resourceType": "Patient", "id": "p-2"})
    (said,) = an_ehr().said(lacking("patient"))
    assert said["pa-needed"] == ["auth-needed"]


def test_several_coverages_of_the_ehr_are_narrowed_in_silence(ehr_server: respx.MockRouter) -> None:
    """Nobody chose them, so there is no error to tell (T-23): one member is one, two cannot be told apart."""
    coverage_search(ehr_server, a_bundle(a_coverage(), a_coverage("cov-2")))
    (said,) = an_ehr().said(lacking("coverage"))
    assert said["covered"] == ["covered"]
    coverage_search(ehr_server, a_bundle(a_coverage(), a_coverage("cov-2", member="W-2")))
    (said,) = an_ehr().said(lacking("coverage"))
    assert said["covered"] == ["not-covered"]
    assert said["reason"][0]["coding"][0]["code"] == "coverage-not-found"


def test_what_came_along_stands_before_what_is_fetched(ehr_server: respx.MockRouter) -> None:
    """An EHR that answers with another version of what the call holds does not change the call."""
    coverage_search(ehr_server, a_bundle(a_coverage(member="W-LEFT")))
    call = lacking()
    call["prefetch"]["coverage"]["link"] = [{"relation": "next", "url": "Coverage?page=2"}]
    (said,) = an_ehr().said(call)
    assert said["covered"] == ["covered"]


@pytest.mark.parametrize(
    "server",
    [
        "https://127.0.0.1/fhir",
        "https://inside.test/fhir",
        "https://169.254.169.254/latest",
        "http://ehr.test/fhir",
        "file:///etc/passwd",
        "https://user@ehr.test/fhir",
        "https://ehr.test/fhir?x=",
        "https://ehr.test/fhir#x",
        "https://ehr.test/a b",
        "gopher://ehr.test/",
        "x" * 3_000,
        " ",
        7,
        None,
    ],
)
def test_an_address_that_is_not_to_be_called_is_not_called(ehr_server: respx.MockRouter, server: Any) -> None:
    """The call is answered as one that names no EHR."""
    (said,) = an_ehr().said({**lacking("payers"), "fhirServer": server})
    assert said["covered"] == ["covered"]
    assert ehr_server.calls.call_count == 0


@pytest.mark.parametrize("patient", ["../Practitioner", "p-1&status=draft", "p-1?x", "a" * 65, "p-1/$everything"])
def test_an_id_that_is_none_never_gets_into_an_address(ehr_server: respx.MockRouter, patient: str) -> None:
    call = lacking("patient", "coverage")
    call["context"]["patientId"] = patient
    an_ehr().post(call)
    assert ehr_server.calls.call_count == 0


@pytest.mark.parametrize("token", ["x\r\nX-Evil: 1", "x y", "", 7, None, "é"])
def test_a_token_that_is_none_never_gets_into_a_header(ehr_server: respx.MockRouter, token: Any) -> None:
    route = coverage_search(ehr_server, a_bundle(a_coverage()))
    call = lacking("coverage")
    call["fhirAuthorization"]["access_token"] = token
    an_ehr().said(call)
    assert "authorization" not in route.calls[0].request.headers


def test_one_call_asks_only_for_so_much(ehr_server: respx.MockRouter) -> None:
    """However many things an order refers to."""
    ehr_server.get(url__regex=r"^https://8\.8\.8\.8").mock(return_value=httpx.Response(200, json=a_bundle()))
    an_ehr(queries=2).post(lacking("patient", "coverage", order=by_reference()))
    assert ehr_server.calls.call_count == 2


def test_the_token_is_neither_logged_nor_kept(ehr_server: respx.MockRouter, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the EHR answers, refuses, or sends it back to be quoted."""
    echo = httpx.Response(500, json={**OUTAGE, "text": TOKEN})
    answers(ehr_server, "Organization?_id=payer", echo, echo)
    coverage_search(ehr_server, a_bundle(a_coverage()))
    store = Memory()
    ehr = an_ehr(store)
    answered = ehr.post(lacking("payers", "coverage")).text
    coverage_search(ehr_server, echo, echo)
    refused = ehr.post(lacking("coverage")).text
    told = capsys.readouterr()
    assert "not fetched" in told.out + told.err
    for text in (answered, refused, told.out, told.err, repr(store.assertions)):
        assert TOKEN not in text


def test_nothing_that_the_ehr_answers_makes_the_server_fail(ehr_server: respx.MockRouter) -> None:
    """Odd JSON in place of a Bundle: the answer is 200 or an error that says what to do."""
    odd = ["[]", "null", '"x"', "{}", '{"resourceType":"Bundle","entry":5}', '{"resourceType":"Bundle","entry":[1,{}]}',
           '{"resourceType":"Bundle","link":[{"relation":"next","url":"http://["}]}',
           '{"resourceType":"Bundle","entry":[{"fullUrl":7,"resource":{"resourceType":"Coverage","id":"c"}}]}',
           '{"resourceType":"OperationOutcome","issue":7}', '{"resourceType":"Coverage","id":{}}']  # fmt: skip
    for text in odd:
        ehr_server.get(url__regex=r"^https://8\.8\.8\.8").mock(return_value=httpx.Response(200, content=text))
        answer = an_ehr().post(lacking("patient", "coverage", "payers", order=by_reference()))
        assert answer.status_code in {200, 400, 412}, text
        assert orjson.loads(answer.content)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(VERSIONS))
def test_no_answer_of_an_ehr_makes_the_server_fail(data: st.DataObject, version: str | None) -> None:
    """Whatever stands in the place of whatever in what the EHR answers, the caller is answered, and in order."""
    order = by_reference()
    bodies = {
        "Patient/p-1": PATIENT,
        "Coverage?patient=p-1&status=active": a_bundle(a_coverage()) | {"link": [{"relation": "self", "url": "x"}]},
        "Organization?_id=payer": a_bundle(a_payer()),
        "Medication?_id=m-1": a_bundle(MEDICATION),
        "MedicationRequest?_id=rx-1": a_bundle(order),
    }
    path = data.draw(st.sampled_from(list(bodies)[:-1]))  # an order goes back as it came, faults and all
    spoilt = orjson.loads(orjson.dumps(bodies[path]))
    spoil(data, spoilt, removing=False)
    call = lacking(version=version, order=order) | {"hook": "order-dispatch"}
    call["context"] = {
        "patientId": "p-1",
        "dispatchedOrders": ["MedicationRequest/rx-1"],
        "performer": "Organization/o",
    }
    del call["prefetch"]
    with respx.mock(assert_all_called=False) as router:
        for each, body in (bodies | {path: spoilt}).items():
            router.get(f"{PLACE}/{each}").mock(return_value=httpx.Response(200, json=body))
        router.route().mock(return_value=httpx.Response(404))  # the rest; the first route that fits counts
        answer = an_ehr().post(call, "crd-order-dispatch")
    assert answer.status_code in {200, 400, 412}
    if answer.status_code != 200:
        assert answer.json()["issue"]
    told = [children(information(a["resource"])) for a in answer.json().get("systemActions", ())]
    assert all(t.get("pa-needed") not in (["no-auth"], ["satisfied"]) for t in told)
