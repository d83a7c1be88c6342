"""The EHR's side of the demo: what it makes of a chart."""

import json
from datetime import date
from typing import Any

import pytest

from server.demo.requests import Chart, inquiry, order_sign, questionnaire_package, refill, renewed
from server.settings import ROOT

FILES = sorted((ROOT / "cql").glob("*/charts/*.json"))


@pytest.fixture(params=FILES, ids=lambda f: f.stem)
def chart(request: pytest.FixtureRequest) -> Chart:
    """Every chart of every policy."""
    return Chart(json.loads(request.param.read_bytes()))


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["reference"]} if isinstance(node.get("reference"), str) else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_there_are_charts() -> None:
    """The tests below have something to hold."""
    assert FILES


def test_an_ehr_knows_its_resources_by_relative_references(chart: Chart) -> None:
    """No reference of the hook request is absolute, and patient, coverage, payer and order are there."""
    request = order_sign(chart)
    assert not {r for r in references(request) if "://" in r}
    assert request["context"]["patientId"] == chart.patient["id"]
    entry = request["context"]["draftOrders"]["entry"][0]
    assert entry["resource"] | {"status": "draft"} == entry["resource"]
    assert {"patient", "coverage", "payers"} <= set(request["prefetch"])


def test_the_version_is_asked_for_only_where_there_is_a_choice(chart: Chart) -> None:
    """CRD 2.0 knows no version extension; everything newer names its own."""
    assert "extension" not in order_sign(chart, "2.0")
    assert order_sign(chart, "2.2")["extension"] == {"davinci-crd.requestedVersion": "2.2"}


def test_a_renewed_request_is_another_member_and_another_transaction(chart: Chart) -> None:
    """Two marks make two requests that share neither, and nothing of the first is left in them."""
    one, two = (Chart(renewed(chart.bundle, mark)) for mark in ("one", "two"))
    assert len({chart.member, one.member, two.member}) == 3
    assert len({c.bundle["identifier"]["value"] for c in (chart, one, two)}) == 3
    assert json.dumps(chart.member) not in json.dumps(one.bundle)


def test_a_refill_names_its_day(chart: Chart) -> None:
    """The same order with another id, to be filled from that day on."""
    again = refill(chart, date(2027, 3, 1))
    assert again["id"] != chart.order["id"]
    assert "2027-03-01" in json.dumps(again)
    assert {k: v for k, v in again.items() if k not in {"id", "dispenseRequest", "occurrenceDateTime"}} == {
        k: v for k, v in chart.order.items() if k not in {"id", "dispenseRequest"}
    }


def test_the_form_is_asked_for_by_what_order_sign_said(chart: Chart) -> None:
    """Coverage and order always; the assertion as context and the form's canonical where they are known."""
    names = [p["name"] for p in questionnaire_package(chart, "CA-1", "http://form|1")["parameter"]]
    assert names == ["coverage", "order", "context", "questionnaire"]
    assert [p["name"] for p in questionnaire_package(chart, None)["parameter"]] == ["coverage", "order"]


def test_an_inquiry_holds_all_it_refers_to(chart: Chart) -> None:
    """The Claim comes first, has no item, and each reference of it is an entry."""
    bundle = inquiry(chart, "1")
    claim = bundle["entry"][0]["resource"]
    assert claim["resourceType"] == "Claim"
    assert "item" not in claim
    assert references(claim) <= {entry["fullUrl"] for entry in bundle["entry"]}


def test_a_chart_without_its_order_is_no_chart(chart: Chart) -> None:
    """What the Claim refers to and the Bundle lacks is named."""
    order = chart.order["id"]
    bundle = chart.bundle | {"entry": [e for e in chart.bundle["entry"] if e["resource"]["id"] != order]}
    with pytest.raises(ValueError, match=order):
        Chart(bundle)
