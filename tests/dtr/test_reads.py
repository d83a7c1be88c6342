"""Reads and searches of Questionnaire, Library and ValueSet."""

import pytest

from tests.dtr import example_policy as example
from tests.dtr.conftest import Server, bundles

LIBRARY = "http://vitruvian.example/fhir/Library/ExamplePrepopulation"

SEARCHES = [
    ("Questionnaire", f"?url={example.FORM}", 1),
    ("Questionnaire", f"?url={example.FORM}&version=1.0.0", 1),
    ("Questionnaire", f"?url={example.FORM}%7C1.0.0", 1),
    ("Questionnaire", f"?url={example.FORM}&version=2", 0),
    ("Library", f"?url={LIBRARY}", 1),
    ("Library", "", 2),
    ("Library", "?_id=FHIRHelpers-4.0.1", 1),
    ("ValueSet", "?url=http://x.example/ValueSet/none", 0),
    ("ValueSet", "?colour=blue", 1),
]


@pytest.mark.parametrize(("type_", "query", "total"), SEARCHES)
def test_a_search_finds_by_url_and_version(server: Server, type_: str, query: str, total: int) -> None:
    """A searchset with what fits; parameters that are not known are passed over and left out of the self link."""
    body = server.send("GET", f"/{type_}{query}").json()
    assert (body["type"], body["total"], len(body.get("entry", ()))) == ("searchset", total, total)
    assert "colour" not in body["link"][0]["url"]


def test_every_artifact_of_a_package_is_read_at_its_full_url(server: Server) -> None:
    """What a package holds is the same resource that its fullUrl serves, byte for byte the same JSON (D-75)."""
    bundle = bundles(server.package(*example.by_order(example.order())))[0]
    base = f"http://payer.example{server.version.base}"
    read = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "QuestionnaireResponse"]
    assert len(read) == 4
    for entry in read:
        assert server.send("GET", entry["fullUrl"].removeprefix(base)).json() == entry["resource"]


def test_a_copy_that_is_still_good_is_not_sent_again(server: Server) -> None:
    """ETag and Last-Modified; 304 for the same ETag."""
    first = server.send("GET", "/Questionnaire/example-1.0.0")
    assert first.headers["last-modified"] == "Thu, 01 Jan 2026 23:59:59 GMT"
    again = server.send("GET", "/Questionnaire/example-1.0.0", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/Questionnaire/none", "/Library/example-1.0.0"])
def test_what_is_not_there_is_404(server: Server, path: str) -> None:
    """An id of another type is not found either."""
    answer = server.send("GET", path)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (404, "not-found")
