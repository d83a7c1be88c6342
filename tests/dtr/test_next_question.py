"""`$next-question` and the packages of adaptive forms, over HTTP, for the lab's adaptive policy."""

import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.cql.engine import CqlEngine
from server.dtr.adaptive import PATH
from server.fhir.codes import DTR, HCPCS, QUESTIONNAIRE_ADAPTIVE
from server.fhir.read import extension_value
from server.fhir.version import Version
from server.policy.library import PolicyLibrary
from tests.dtr import example_policy as example
from tests.dtr.conftest import BASE_URL, Server, bundles, issues, resources
from tests.shared_material import SHARED, needs_shared
from tests.spoiling import spoil

Json = dict[str, Any]
LAB = example.ROOT / "tests/conformance/inferno/policies"
NEXT = "/Questionnaire/$next-question"
CANONICAL = "http://vitruvian.example/fhir/Questionnaire/power-wheelchair|1.0.0"
NONE = {"valueCoding": {"system": "http://vitruvian.example/fhir/CodeSystem/lab-forms", "code": "none"}}
NO: Json = {"valueBoolean": False}
EXAM: Json = {"valueDate": "2026-10-20"}
WHY: Json = {"valueString": "Weak arms"}

WALKING = {"linkId": "walking", "item": [{"linkId": "walks", "answer": [NO]}]}
AIDS = {"linkId": "aids", "item": [{"linkId": "lesser-aid", "answer": [NONE]}, {"linkId": "aid-why", "answer": [WHY]}]}
LAST = {"linkId": "exam", "item": [{"linkId": "exam-date", "answer": [EXAM]}]}
ORDER = {
    "resourceType": "DeviceRequest",
    "id": "d1",
    "status": "draft",
    "intent": "original-order",
    "codeCodeableConcept": {"coding": [{"system": HCPCS, "code": "K0823"}]},
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2026-11-20",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PolicyLibrary, CqlEngine]]:
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(LAB, folder, dirs_exist_ok=True)
    shutil.copytree(example.ROOT / "cql/shared", folder / "cql/shared")
    policies = PolicyLibrary.load(folder / "cql", folder / "questionnaires")
    engine = example.engine(policies)
    yield policies, engine
    engine.close()


@pytest.fixture(params=list(Version))
def server(
    request: pytest.FixtureRequest, serve: Callable[..., Server], lab: tuple[PolicyLibrary, CqlEngine]
) -> Server:
    policies, engine = lab
    return serve(request.param, policies=policies, engine=engine)


def package(server: Server) -> Json:
    (bundle,) = bundles(server.package(*example.by_order(ORDER)))
    return bundle


def draft(server: Server) -> Json:
    (found,) = resources(package(server), "QuestionnaireResponse")
    return found


def ask(server: Server, response: Json, *items: Json) -> Json:
    """The next round of a response that now says this."""
    said = {k: v for k, v in response.items() if k != "item"} | ({"item": list(items)} if items else {})
    answer = server.send("POST", NEXT, json=said)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def links(items: Any) -> list[str]:
    return [link for i in items or () for link in (i["linkId"], *links(i.get("item")))]


def shown(response: Json) -> list[str]:
    return links(response["contained"][0].get("item"))


def test_the_package_holds_no_form_but_says_where_to_ask(server: Server) -> None:
    """The Questionnaire of an adaptive package names an address under this base; 2.2 forbids items in it (D-52)."""
    bundle = package(server)
    form = bundle["entry"][0]["resource"]
    assert extension_value(form, QUESTIONNAIRE_ADAPTIVE) == f"{BASE_URL}{server.version.base}{PATH}"
    assert form["meta"]["profile"] == [f"{DTR}dtr-questionnaire-adapt-search"]
    assert links(form.get("item")) == ([] if server.version is Version.V2_2 else ["walking", "asked-on", "walks"])
    assert {"Library", "Questionnaire", "QuestionnaireResponse"} <= {
        e["resource"]["resourceType"] for e in bundle["entry"]
    }
    (reread,) = [
        e["resource"] for e in server.send("GET", "/Questionnaire", params={"url": form["url"]}).json()["entry"]
    ]
    assert reread == form


def test_the_draft_contains_the_form_it_answers(server: Server) -> None:
    """It names a contained Questionnaire that derives from the canonical (D-60); 2.0.1 begins with the first group."""
    response = draft(server)
    (form,) = response["contained"]
    assert response["questionnaire"] == f"#{form['id']}"
    assert form["derivedFrom"] == [CANONICAL]
    assert form["meta"]["profile"] == [f"{DTR}dtr-questionnaire-adapt"]
    if server.version is Version.V2_0:
        assert shown(response) == ["walking", "asked-on", "walks"]
        assert response["item"][0]["item"][0]["answer"][0]["valueDate"] == "2026-11-20"
        assert "url" not in form
    else:
        assert (shown(response), response.get("item")) == ([], None)
        assert form["url"] == CANONICAL.partition("|")[0]


def test_it_is_asked_to_the_end(server: Server) -> None:
    """Each round adds what the answers enable, keeps what was said, and the last one completes the response."""
    first = ask(server, draft(server))
    assert (first["status"], shown(first)) == ("in-progress", ["walking", "asked-on", "walks"])
    aids = ask(server, first, WALKING)
    if server.version is Version.V2_0:
        assert shown(aids)[3:] == ["aids", "lesser-aid"]
        half = {"linkId": "aids", "item": [{"linkId": "lesser-aid", "answer": [NONE]}]}
        aids = ask(server, aids, WALKING, half)
        assert "enableWhen" not in str(aids["contained"])
    assert shown(aids)[3:] == ["aids", "lesser-aid", "aid-why"]
    exam = ask(server, aids, WALKING, AIDS)
    assert shown(exam)[6:] == ["exam", "exam-date", "exam-note", "end"]
    done = ask(server, exam, WALKING, AIDS, LAST)
    assert (done["status"], shown(done)) == ("completed", shown(exam))
    assert links(done["item"]) == ["walking", "walks", "aids", "lesser-aid", "aid-why", "exam", "exam-date"]
    assert (done["subject"], done["extension"]) == (first["subject"], first["extension"])
    assert ask(server, done, *done["item"]) == done


def test_an_answer_that_rules_a_group_out_skips_it(server: Server) -> None:
    """Whoever walks is not asked about aids (D-78)."""
    walks = {"linkId": "walking", "item": [{"linkId": "walks", "answer": [{"valueBoolean": True}]}]}
    assert shown(ask(server, ask(server, draft(server)), walks))[3:] == ["exam", "exam-date", "exam-note", "end"]


def test_what_the_client_makes_of_its_copy_does_not_count(server: Server) -> None:
    """The rules are those of the form on the server: a copy that drops or rewrites one changes nothing (T-18)."""
    first = ask(server, draft(server))
    tampered = deepcopy(first)
    for item in tampered["contained"][0]["item"][0]["item"]:
        item |= {"required": False, "type": "string"}
    tampered["contained"][0]["item"][0]["item"][1].pop("text")
    assert ask(server, tampered, WALKING)["contained"] == ask(server, first, WALKING)["contained"]
    answer = server.send(
        "POST", NEXT, json={**tampered, "item": [{**WALKING, "item": [{"linkId": "walks", "answer": [WHY]}]}]}
    )
    assert (answer.status_code, issues(answer)) == (400, [("error", "value")])


def test_all_problems_are_told_at_once(server: Server) -> None:
    """Wrong type, unknown question, what was not asked: 400 with an issue for each, and its place (D-58)."""
    first = ask(server, draft(server))
    wrong = {"linkId": "walking", "item": [{"linkId": "walks", "answer": [WHY]}, {"linkId": "made-up"}]}
    answer = server.send("POST", NEXT, json={**first, "item": [wrong, LAST]})
    assert answer.status_code == 400
    places = [i["expression"][0] for i in answer.json()["issue"]]
    assert places == [
        "QuestionnaireResponse.item[0].item[0].answer[0].valueString",
        "QuestionnaireResponse.item[0].item[1].linkId",
        "QuestionnaireResponse.descendants().where(linkId='exam-date')",
        "QuestionnaireResponse.descendants().where(linkId='walks')",
    ]


@pytest.mark.parametrize("path", [NEXT, "/$next-question", PATH, f"{PATH}/$next-question", f"{PATH}{NEXT}"])
def test_every_reading_of_the_address_is_served(server: Server, path: str) -> None:
    """Clients put the operation behind the form's address, or behind the base, or nowhere (T-11)."""
    answer = server.send("POST", path, json=draft(server))
    assert (answer.status_code, answer.json()["resourceType"]) == (200, "QuestionnaireResponse")


def test_parameters_are_mirrored_where_the_guide_has_them(server: Server) -> None:
    """A response in Parameters is read; Parameters come back in 2.2 to who claims the input profile (T-16)."""
    sent: Json = {
        "resourceType": "Parameters",
        "parameter": [{"name": "questionnaire-response", "resource": draft(server)}],
    }
    assert server.send("POST", NEXT, json=sent).json()["resourceType"] == "QuestionnaireResponse"
    sent["meta"] = {"profile": [f"{DTR}dtr-next-question-input-parameters|2.2.0"]}
    body = server.send("POST", NEXT, json=sent).json()
    if server.version is Version.V2_0:
        assert body["resourceType"] == "QuestionnaireResponse"
    else:
        assert [p["name"] for p in body["parameter"]] == ["return"]
        assert body["parameter"][0]["resource"]["resourceType"] == "QuestionnaireResponse"


def changed(**form: Any) -> Callable[[Json], None]:
    def change(response: Json) -> None:
        response["contained"][0] |= form

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            changed(derivedFrom=["http://elsewhere.example/Questionnaire/x|1"], url="http://elsewhere.example/x"),
            "not-found",
        ),
        (changed(derivedFrom=["http://vitruvian.example/fhir/Questionnaire/pap-device|1.0.0"]), "not-supported"),
        (lambda response: response.pop("contained"), "not-found"),
        (changed(item=[{"linkId": "made-up"}, "nonsense"]), None),
    ],
)
def test_a_form_that_is_not_asked_here_is_refused(
    server: Server, change: Callable[[Json], Any], code: str | None
) -> None:
    """Unknown, not adaptive, not there, not as it was issued: 400 with the place and the remedy."""
    response = draft(server)
    change(response)
    answer = server.send("POST", NEXT, json=response)
    assert answer.status_code == 400
    assert code is None or issues(answer) == [("error", code)]


def test_a_form_without_its_origin_is_known_by_its_url(server: Server) -> None:
    """Clients drop `derivedFrom`; the canonical of the contained form does as well (T-13)."""
    response = draft(server)
    form = response["contained"][0]
    del form["derivedFrom"]
    form["url"], form["version"] = CANONICAL.split("|")
    assert shown(ask(server, response))[0] == "walking"


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "#form", "walks", "2026-13-01"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["linkId", "item", "answer", "valueCoding", "extension", "url", "derivedFrom", "id", "code"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(data=st.data())
def test_no_body_makes_the_server_fail(server: Server, data: st.DataObject) -> None:
    """Anything in any place of a good response: a next round or a refusal, never a fault."""
    response = draft(server)
    body: Json = {**response, "item": [deepcopy(WALKING), deepcopy(AIDS)]}
    spoil(body, data, _ANYTHING, 7)
    assert server.send("POST", NEXT, json=body).status_code in {200, 400}


@needs_shared
@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("20-nextq-in-initial-conformant", "not-found"),
        ("21-nextq-in-initial-nonconformant", "structure"),
        ("24-nextq-in-postman-1-initial", "not-found"),
        ("62-ig220-nextq-in", "not-found"),
    ],
)
def test_requests_of_the_field_about_other_forms(server: Server, file: str, code: str) -> None:
    """Test tools' and the guides' own requests are read, and told that their form is not one of ours."""
    body = (SHARED / "examples/dtr" / f"{file}.json").read_bytes()
    answer = server.send("POST", NEXT, content=body, headers={"content-type": "application/fhir+json"})
    assert (answer.status_code, issues(answer)) == (400, [("error", code)])
