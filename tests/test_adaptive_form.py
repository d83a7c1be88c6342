"""An adaptive form through the whole journey: what it was answered decides as the same answers in one piece do."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.demo.requests import Chart, order_sign, renewed
from server.fhir.version import Version
from server.form.adaptive import Asking
from server.form.response import read_response
from server.policy.library import PolicyLibrary
from server.settings import ROOT
from tests.conformance.inferno import lab_policies
from tests.journey import Partner
from tests.serving import serving

Json = dict[str, Any]
_CHART = Path(lab_policies.__file__).parent / "policies/cql/power-wheelchair/charts/initial.json"


@pytest.fixture(scope="module", params=list(Version))
def partner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partner]:
    """A partner of a server with the lab's policies."""
    folder = tmp_path_factory.mktemp("lab")
    settings: dict[str, Any] = dict(lab_policies.folders(folder))
    with serving(f"sqlite:///{folder}/r.db", settings=settings) as url, httpx.Client(base_url=url) as http:
        yield Partner(http, request.param)


def asked_to_the_end(partner: Partner, chart: Chart, answers: list[Json]) -> Json:
    """The completed response of a client that gives these answers, group by group."""
    said = partner.order_sign(order_sign(chart, partner.version))
    _, response = partner.form(chart.coverage, said["coverage-assertion-id"][0])
    for _ in range(10):
        if response["status"] == "completed":
            return response
        shown = _links(response["contained"][0].get("item"))
        response = {k: v for k, v in response.items() if k != "item"}
        if items := _only(answers, shown):
            response["item"] = items
        response = partner.fhir("POST", "/Questionnaire/$next-question", response).json()
    raise AssertionError("the form never ends")


def _links(items: Any) -> set[str]:
    return {link for i in items or () for link in ({i["linkId"]} | _links(i.get("item")))}


def _only(items: list[Json], shown: set[str]) -> list[Json]:
    found = []
    for item in items:
        if item["linkId"] in shown:
            below = _only(item.get("item", []), shown)
            found.append({**item, **({"item": below} if below else {})})
    return found


@pytest.mark.parametrize(
    ("walks", "aid", "action", "state"),
    [(False, "none", "A1", "met"), (False, "walker", "A4", "unmet"), (True, None, "A4", "unmet")],
)
def test_asked_or_sent_whole_the_decision_is_the_same(
    partner: Partner, *, walks: bool, aid: str | None, action: str, state: str
) -> None:
    """The completed adaptive response, with its contained form, is read like the answers to the whole form (D-60)."""
    mark = f"{walks}-{aid}"
    whole = renewed(json.loads(_CHART.read_bytes()), f"{mark}-whole")
    answers = _response(whole)["item"]
    answers[0]["item"][0]["answer"][0]["valueBoolean"] = walks
    if aid is None:
        del answers[1]
    else:
        answers[1]["item"][0]["answer"][0]["valueCoding"]["code"] = aid
        del answers[1]["item"][1 if aid != "none" else 2 :]
    asked = renewed(copy.deepcopy(whole), "asked")
    completed = asked_to_the_end(partner, Chart(asked), answers)
    entry = next(e for e in asked["entry"] if e["resource"]["resourceType"] == "QuestionnaireResponse")
    entry["resource"] = completed | {"id": entry["resource"]["id"], "subject": entry["resource"]["subject"]}
    entry["resource"].pop("extension")  # references of the EHR that this request does not hold
    decided = [partner.submit(bundle) for bundle in (whole, asked)]
    assert [a.action for a in decided] == [action, action]
    assert [partner.explain(a)["states"] for a in decided] == [{"NEED": state}] * 2


CHARTS = sorted(ROOT.glob("cql/*/charts/*.json"))


@pytest.fixture(scope="module")
def policies() -> PolicyLibrary:
    return PolicyLibrary.load(ROOT / "cql", ROOT / "questionnaires")


@pytest.mark.parametrize("conditions", [True, False])
@pytest.mark.parametrize("chart", CHARTS, ids=lambda file: file.stem)
def test_any_form_could_be_asked(policies: PolicyLibrary, chart: Path, *, conditions: bool) -> None:
    """Each chart of each policy, asked group by group, ends with the answers that the whole form would have."""
    response = _response(json.loads(chart.read_bytes()))
    known = policies.by_form(response["questionnaire"])
    assert known is not None
    asking = Asking(known[1].form, policies.value_sets, conditions=conditions)
    whole, problems = read_response(known[1].form, policies.value_sets, response, "QuestionnaireResponse")
    assert problems == []
    found = asking.next({}, (), "QuestionnaireResponse")
    for _ in range(40):
        said = {"item": _only(response["item"], set(found.asked))}
        found = asking.next(said, found.asked, "QuestionnaireResponse")
    assert found.completed
    assert found.response["item"] == whole["item"]


def _response(bundle: Json) -> Json:
    found: Json = next(
        e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "QuestionnaireResponse"
    )
    return found
