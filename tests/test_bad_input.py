"""Bad input over HTTP: the guide's error, every problem at once, the remedy, nothing stored, never a 5xx."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from server.fhir.version import Version
from server.policy.plan_file import load_plan
from server.settings import ROOT
from tests import made_up
from tests.journey import Partner
from tests.serving import serving

Json = dict[str, Any]
SUBMIT = "/fhir/2.2/Claim/$submit"
CLAIM, ORDER, ANSWERS, PATIENT, COVERAGE, PAYER, CLINIC = range(7)


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("bad-input")
    settings: Json = {**made_up.folders(folder), "max_body_bytes": 200_000}
    with (
        serving(f"sqlite:///{folder}/r.db", settings=settings) as url,
        httpx.Client(base_url=url) as client,
    ):
        yield client


def post(http: httpx.Client, body: Any, path: str = SUBMIT) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http.post(path, content=content, headers={"content-type": "application/fhir+json"})


def stored(http: httpx.Client) -> int:
    """How many requests of the made-up patient the record holds."""
    return len(Partner(http, Version.V2_2).inquire(made_up.request()))


def resource(bundle: Json, entry: int) -> Json:
    found: Json = bundle["entry"][entry]["resource"]
    return found


def item(bundle: Json) -> Json:
    found: Json = resource(bundle, CLAIM)["item"][0]
    return found


def answer(bundle: Json) -> Json:
    found: Json = resource(bundle, ANSWERS)["item"][0]["answer"][0]
    return found


Change = Callable[[Json], object]

BAD: dict[str, tuple[Change, str]] = {
    "no entries": (lambda b: b.update(entry=[]), "Bundle.entry"),
    "first entry is no Claim": (lambda b: b["entry"].reverse(), "Bundle.entry[0].resource"),
    "two claims": (
        lambda b: b["entry"].append(
            {"fullUrl": "https://clinic.example/fhir/Claim/c2", "resource": {**resource(b, CLAIM), "id": "c2"}}
        ),
        "Bundle.entry[7].resource",
    ),
    "no patient": (lambda b: resource(b, CLAIM).pop("patient"), "Bundle.entry[0].resource.patient"),
    "patient is not in the Bundle": (lambda b: b["entry"].pop(PATIENT), "Bundle.entry[0].resource.patient"),
    "provider is not in the Bundle": (lambda b: b["entry"].pop(CLINIC), "Bundle.entry[0].resource.provider"),
    "insurer is not in the Bundle": (lambda b: b["entry"].pop(PAYER), "Bundle.entry[0].resource.insurer"),
    "coverage is not in the Bundle": (
        lambda b: b["entry"].pop(COVERAGE),
        "Bundle.entry[0].resource.insurance[0].coverage",
    ),
    "the answers are not in the Bundle": (
        lambda b: b["entry"].pop(ANSWERS),
        "Bundle.entry[0].resource.supportingInfo[0].valueReference",
    ),
    "unknown form": (
        lambda b: resource(b, ANSWERS).update(questionnaire="https://nobody.example/Questionnaire/x"),
        "Bundle.entry[2].resource.questionnaire",
    ),
    "another edition of the form": (
        lambda b: resource(b, ANSWERS).update(questionnaire="https://payer.example/Questionnaire/novestra|0.1.0"),
        "Bundle.entry[2].resource.questionnaire",
    ),
    "a day that does not exist": (
        lambda b: item(b).update(servicedDate="2026-02-30"),
        "Bundle.entry[0].resource.item[0].serviced",
    ),
    "an answer of the wrong type": (
        lambda b: resource(b, ANSWERS)["item"][0].update(answer=[{"valueBoolean": True}]),
        "Bundle.entry[2].resource.item[0].answer[0].value",
    ),
    "an unknown question": (
        lambda b: resource(b, ANSWERS)["item"][0].update(linkId="nope"),
        "Bundle.entry[2].resource.item[0].linkId",
    ),
    "an item sequence twice": (
        lambda b: resource(b, CLAIM)["item"].append(item(b)),
        "Bundle.entry[0].resource.item[1].sequence",
    ),
    "a number as text": (lambda b: item(b).update(sequence="one"), "Bundle.entry[0].resource.item[0].sequence"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("version", list(Version))
def test_a_bad_request_is_told_where_and_stores_nothing(http: httpx.Client, name: str, version: Version) -> None:
    """400 with an OperationOutcome that names the place; the record is as before."""
    change, place = BAD[name]
    body = made_up.request(transaction=name)
    change(body)
    before = stored(http)
    answered = post(http, body, f"{version.base}/Claim/$submit")
    assert answered.status_code == 400, answered.text
    outcome = answered.json()
    assert outcome["resourceType"] == "OperationOutcome"
    places = [e for i in outcome["issue"] for e in i.get("expression", ())]
    assert any(p.startswith(place) for p in places), places
    assert all(i["severity"] and i["code"] and i["details"]["text"] for i in outcome["issue"])
    assert stored(http) == before


def test_every_problem_is_told_at_once(http: httpx.Client) -> None:
    """Four things wrong in four places are four issues of one answer."""
    body = made_up.request(transaction="many")
    names = (
        "an answer of the wrong type",
        "an item sequence twice",
        "a day that does not exist",
        "provider is not in the Bundle",
    )
    for name in names:
        BAD[name][0](body)
    places = [e for i in post(http, body).json()["issue"] for e in i.get("expression", ())]
    for name in names:
        assert any(p.startswith(BAD[name][1]) for p in places), (name, places)


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"no json", "application/fhir+json", 400),
        (b"", "application/fhir+json", 400),
        (b"[]", "application/fhir+json", 400),
        (b"\xff\xfe", "application/fhir+json", 400),
        (b'{"resourceType":"Patient"}', "application/fhir+json", 400),
        (
            b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Nope"}}]}',
            "application/fhir+json",
            400,
        ),
        (b"[" * 100_000, "application/fhir+json", 400),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "application/fhir+json", 400),
        (b" " * 200_001, "application/fhir+json", 413),
        (b"<Bundle/>", "application/fhir+xml", 415),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "/fhir/2.2/Claim/$submit",
        "/fhir/2.0/Claim/$submit",
        "/fhir/2.2/Claim/$inquire",
        "/fhir/2.0/Claim/$inquire",
        "/fhir/2.2/Questionnaire/$questionnaire-package",
        "/fhir/2.0/Questionnaire/$questionnaire-package",
        "/cds-services/crd-order-sign",
        "/cds-services/crd-order-select",
    ],
)
def test_bodies_that_are_no_request(http: httpx.Client, path: str, body: bytes, media: str, status: int) -> None:
    """Not JSON, not an object, too deep, too large, the wrong type: the status that fits, and an OperationOutcome."""
    if path.startswith("/cds") and media == "application/fhir+json":
        media = "application/json"
    answered = http.post(path, content=body, headers={"content-type": media} if media else {})
    if path.startswith("/cds") and body.startswith(b'{"resourceType"'):
        status = 422  # CRD 2.0 tells JSON that is no hook request apart from what is no JSON (crd section 1.8)
    assert answered.status_code == status
    assert answered.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("version", list(Version))
def test_an_unknown_member_is_a_business_answer(http: httpx.Client, version: Version) -> None:
    """200 with ClaimResponse.error, and nothing stored (pas P-49)."""
    unknown = next(m for m, s in _members().items() if s == "unknown")
    body = json.loads(json.dumps(made_up.request(transaction="unknown")).replace("N000009", unknown))
    answered = post(http, body, f"{version.base}/Claim/$submit")
    assert answered.status_code == 200, answered.text
    response = answered.json()["entry"][0]["resource"]
    assert response["outcome"] == "error"
    assert response["error"][0]["code"]["coding"][0]["system"] == "https://codesystem.x12.org/005010/901"
    assert {r["outcome"] for r in Partner(http, version).inquire(body)} == {"error"}


def _members() -> dict[str, str]:
    return {m: s.value for m, s in load_plan(ROOT / "cql/plans/vitruvian-demo.toml").members.items()}


@pytest.mark.parametrize(
    "path", ["/fhir/2.2/ClaimResponse/none", "/fhir/2.0/ClaimResponse/none/$explain", "/fhir/2.2/Nope"]
)
def test_what_is_not_there(http: httpx.Client, path: str) -> None:
    """404 with an OperationOutcome."""
    answered = http.get(path)
    assert answered.status_code == 404
    assert answered.json()["issue"][0]["code"] == "not-found"


@pytest.mark.parametrize(("method", "path"), [("GET", SUBMIT), ("PUT", SUBMIT), ("DELETE", "/healthz")])
def test_a_method_that_is_not_served(http: httpx.Client, method: str, path: str) -> None:
    """405 with an OperationOutcome, not a framework's page, and with the methods that are."""
    answered = http.request(method, path)
    assert answered.status_code == 405
    assert answered.json()["resourceType"] == "OperationOutcome"
    assert ("GET" if path.endswith("healthz") else "POST") in answered.headers["allow"].split(", ")


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/cds-services", "/fhir/2.2/metadata", "/fhir/2.0/Library"]
)
def test_head_is_served_wherever_get_is(http: httpx.Client, path: str) -> None:
    """The status and the headers, without the body."""
    answered = http.head(path)
    assert (answered.status_code, answered.content) == (200, b"")
    assert answered.headers["content-type"] == http.get(path).headers["content-type"]


def test_a_compressed_body_is_refused(http: httpx.Client) -> None:
    """415 with the remedy, before anything is read."""
    media = {"content-type": "application/fhir+json", "content-encoding": "gzip"}
    answered = http.post(SUBMIT, content=b"\x1f\x8b", headers=media)
    assert answered.status_code == 415
    assert "uncompressed" in answered.json()["issue"][0]["diagnostics"]


MANY: dict[str, tuple[str, Json, str, str]] = {
    "empty entries": (
        SUBMIT,
        {"resourceType": "Bundle", "type": "collection", "entry": [{}] * 501},
        "too-costly",
        "500",
    ),
    "nulls": (SUBMIT, {"resourceType": "Claim", "item": [None] * 5000}, "structure", "more problems"),
    "empty parameters": (
        "/fhir/2.2/$questionnaire-package",
        {"resourceType": "Parameters", "parameter": [{}] * 500},
        "required",
        "more problems",
    ),
    "more parameters than there are": (
        "/fhir/2.0/$next-question",
        {"resourceType": "Parameters", "parameter": [{}] * 501},
        "too-costly",
        "500",
    ),
}


@pytest.mark.parametrize("name", MANY)
def test_a_small_body_makes_no_huge_answer(http: httpx.Client, name: str) -> None:
    """At most a hundred issues, and one that says how many more there are."""
    path, body, code, said = MANY[name]
    answered = post(http, body, path)
    assert answered.status_code == 400
    issues = answered.json()["issue"]
    assert issues[0]["code"] == code
    assert said in issues[-1]["diagnostics"]
    assert len(issues) in (1, 101)


def test_more_items_than_a_request_holds(http: httpx.Client) -> None:
    """A Claim has at most 99 items, as an X12 278 request."""
    body = made_up.request(transaction="items")
    resource(body, CLAIM)["item"] = [{**item(body), "sequence": n + 1} for n in range(100)]
    answered = post(http, body)
    assert answered.status_code == 400
    assert [(i["code"], i["expression"]) for i in answered.json()["issue"]] == [
        ("too-long", ["Bundle.entry[0].resource.item"])
    ]
