"""What the CDS service refuses, and that it says everything at once; what it lets pass."""

from typing import Any

import pytest

from tests.crd.calls import Ehr, Json, a_bundle, a_call, an_order


def _changed(version: str | None = "2.2", **changes: Any) -> Json:
    call = a_call(version=version)
    for path, value in changes.items():
        node = call
        *steps, last = path.split("__")
        for step in steps:
            node = node[step]
        if value is ...:
            del node[last]
        else:
            node[last] = value
    return call


SHAPES = [
    ({"hook": ...}, "hook"),
    ({"hookInstance": ...}, "hookInstance"),
    ({"hookInstance": 7}, "hookInstance"),
    ({"context": ...}, "context"),
    ({"context": []}, "context"),
    ({"prefetch": [1]}, "prefetch"),
    ({"context__userId": ...}, "context.userId"),
    ({"context__patientId": ""}, "context.patientId"),
    ({"context__draftOrders": ...}, "context.draftOrders"),
    ({"context__draftOrders": an_order()}, "context.draftOrders"),
    ({"context__draftOrders__entry": {}}, "context.draftOrders.entry"),
    ({"context__draftOrders__entry": [{}]}, "context.draftOrders.entry[0].resource"),
    ({"context__draftOrders__entry": [7]}, "context.draftOrders.entry[0].resource"),
    ({"context__draftOrders__entry": [{"resource": {"id": "x"}}]}, "context.draftOrders.entry[0].resource"),
]


@pytest.mark.parametrize(("changes", "place"), SHAPES)
def test_a_request_of_the_wrong_shape_is_refused_with_its_place(changes: Json, place: str) -> None:
    """400 under 2.2, 422 under 2.0 (crd section 1.8), with an OperationOutcome that names the place; nothing kept."""
    for version, status in (("2.2", 400), ("2.0", 422), (None, 422)):
        ehr = Ehr()
        answer = ehr.post(_changed(version, **changes))
        assert answer.status_code == status
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert [issue["expression"] for issue in answer.json()["issue"]] == [[place]]
        assert ehr.store.commits == 0


def test_every_problem_is_told_at_once() -> None:
    """A sender mends a request in one round."""
    body = {"hook": "patient-view", "prefetch": 7, "context": {"draftOrders": {"resourceType": "Bundle", "entry": [7]}}}
    answer = Ehr().post(body)
    assert answer.status_code == 400
    assert {issue["expression"][0] for issue in answer.json()["issue"]} == {
        "hook",
        "hookInstance",
        "prefetch",
        "context.userId",
        "context.patientId",
        "context.draftOrders.entry[0].resource",
    }


@pytest.mark.parametrize("version", ["2.2", None])
def test_the_call_of_another_hook_is_refused(version: str | None) -> None:
    """A request sent to the wrong service is a 400 in either version."""
    answer = Ehr().post(a_call(hook="order-dispatch", version=version))
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["hook"]


@pytest.mark.parametrize("asked", ["2.1", "9.9", "", 2.2, ["2.2"], {}])
def test_a_version_that_is_not_served_is_unprocessable(asked: Any) -> None:
    """422, and the answer says which versions there are (crd C-23)."""
    answer = Ehr().post(_changed(extension={"davinci-crd.requestedVersion": asked}))
    assert answer.status_code == 422
    assert "2.0 and 2.2" in answer.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"[1]", 400),
        (b'"x"', 400),
        (b"[" * 500 + b"]" * 500, 400),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
        (b'{"hook": "' + b"x" * 1_000_001 + b'"}', 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes, status: int) -> None:
    """Not JSON, no object, too deep, too large: an OperationOutcome each, never a fault."""
    answer = Ehr().post(body)
    assert answer.status_code == status
    assert answer.json()["issue"]


def test_another_content_type_is_refused() -> None:
    """CDS Hooks speaks application/json."""
    assert Ehr().post(a_call(), media="text/plain").status_code == 415
    assert Ehr().post(a_call(), media="application/json; charset=utf-8").status_code == 200


def test_an_unknown_service_is_not_found() -> None:
    """404 with an OperationOutcome that points at discovery."""
    answer = Ehr().post(a_call(), service="crd-nothing")
    assert answer.status_code == 404
    assert "/cds-services" in answer.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize("selections", [..., "MedicationRequest/rx-1", None])
def test_order_select_needs_its_selections(selections: Any) -> None:
    """Without them nobody knows what to answer for."""
    call = _changed(hook="order-select", **({} if selections is ... else {"context__selections": selections}))
    answer = Ehr().post(call, "crd-order-select")
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["context.selections"]


@pytest.mark.parametrize(
    "changes",
    [
        {"context__unheardOf": {"x": 1}},
        {"context__encounterId": 7},
        {"fhirServer": 7, "fhirAuthorization": "x"},
        {"unheardOf": [1]},
        {"hookInstance": "0d1f6a34-52a5-4d5e-9a3b-6a0f4bb3d2va"},
        {"context__draftOrders__type": 7},
        {"prefetch__unheardOf": 7},
        {"prefetch__patient": None},
        {"prefetch__medications": {"resourceType": "OperationOutcome"}},
        {"extension__other": 1},
    ],
)
def test_what_is_optional_or_unknown_never_fails_a_call(changes: Json) -> None:
    """Elements nobody knows are passed over, optional ones that cannot be read too (crd C-9, C-39, C-52)."""
    assert len(Ehr().said(_changed(**changes))) == 1


@pytest.mark.parametrize("extension", [None, 7, [], {"davinci-crd.configuration": None}])
def test_an_extension_that_says_nothing_is_2_0(extension: Any) -> None:
    """Clients that do not know the extension are spoken to in 2.0 (crd C-24)."""
    answer = Ehr().post(_changed(extension=extension))
    assert answer.status_code == 200
    assert "expiry-date" not in answer.text


@pytest.mark.parametrize(
    "configuration",
    [7, [], {"coverage-info": "no"}, {"max-cards": -1}, {"max-cards": True}, {"max-cards": "3"}, {"alt-drug": False}],
)
def test_a_configuration_that_makes_no_sense_is_passed_over(configuration: Any) -> None:
    """The answer is that of a call without it (crd C-28, C-29)."""
    answer = Ehr().call(a_call(configuration=configuration))
    assert len(answer["systemActions"]) == 1


def test_no_draft_orders_is_nothing_to_say() -> None:
    """An empty Bundle is a valid one."""
    for drafts in (a_bundle(kind="collection"), {"resourceType": "Bundle", "type": "collection"}):
        assert Ehr().call(_changed(context__draftOrders=drafts)) == {"cards": []}
