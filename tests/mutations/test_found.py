"""What runs of mutations found: values of another kind at places that are read early. Each is refused, by its place."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from server.app import create_app
from server.fhir.codes import PAS
from server.pages.examples import example_files, read_examples
from server.settings import ROOT
from tests.mounted import send
from tests.serving import opened, sqlite_url

HOST = "http://127.0.0.1:8000/fhir/2.2"
Json = dict[str, Any]
NO_NUMBER: tuple[Any, ...] = ({}, [], [1], "1", None, 1.5)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    services = opened(sqlite_url(tmp_path_factory.mktemp("found")))
    yield create_app(services)
    services.close()


@pytest.fixture
def submit() -> Json:
    return dict(read_examples(example_files(ROOT / "cql"))["submit"])


def claim(bundle: Json) -> Json:
    found: Json = bundle["entry"][0]["resource"]
    return found


def refused(app: FastAPI, path: str, body: Json) -> list[str]:
    """Where the answer says that something is wrong; a fault of the server is raised by `send`."""
    answer = send(app, "POST", HOST + path, json=body, headers={"content-type": "application/fhir+json"})
    assert answer.status_code == 400, answer.text
    return [place for issue in answer.json()["issue"] for place in issue.get("expression", ())]


@pytest.mark.parametrize("odd", NO_NUMBER, ids=repr)
@pytest.mark.parametrize("name", ["diagnosisSequence", "careTeamSequence", "informationSequence", "procedureSequence"])
def test_an_item_that_names_no_number(app: FastAPI, submit: Json, name: str, odd: Any) -> None:
    """What an item rests on is named by number; anything else there names nothing."""
    claim(submit)["item"][0][name] = [odd]
    assert any(name in place for place in refused(app, "/Claim/$submit", submit))


@pytest.mark.parametrize("odd", [{}, [], [1], "1", 1.5], ids=repr)
@pytest.mark.parametrize("name", ["diagnosis", "supportingInfo", "item"])
def test_an_element_with_another_thing_for_its_number(app: FastAPI, submit: Json, name: str, odd: Any) -> None:
    """It is told, and does not count as one that others may name."""
    claim(submit)[name][0]["sequence"] = odd
    assert any("sequence" in place for place in refused(app, "/Claim/$submit", submit))


@pytest.mark.parametrize("odd", ["text", 1, [], ["x"], True, {"coding": "x"}], ids=repr)
def test_a_certification_type_of_another_kind(app: FastAPI, submit: Json, odd: Any) -> None:
    """It is read before anything else, to tell an update from a request."""
    url = f"{PAS}extension-certificationType"
    claim(submit)["extension"] = [{"url": url, "valueCodeableConcept": odd}]
    claim(submit)["item"][0]["extension"] = [{"url": url, "valueCodeableConcept": odd}]
    answer = send(app, "POST", f"{HOST}/Claim/$submit", json=submit, headers={"content-type": "application/fhir+json"})
    assert answer.status_code in {200, 400}


@pytest.mark.parametrize("odd", [{}, {"a": 1}, [], ["DocumentReference"], 1, None, ""], ids=repr)
def test_an_attachment_whose_type_is_no_text(app: FastAPI, odd: Any) -> None:
    """It is no resource."""
    body = dict(read_examples(example_files(ROOT / "cql"))["submit-attachment"])
    (attachment,) = [p for p in body["parameter"] if p["name"] == "Attachment"]
    (content,) = [p for p in attachment["part"] if p["name"] == "Content"]
    content["resource"]["resourceType"] = odd
    assert "Parameters.Attachment[0]" in refused(app, "/$submit-attachment", body)
