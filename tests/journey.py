"""The journey as a partner walks it: order-sign, the form, the request, the answer, the reasons. Over HTTP only."""

from dataclasses import dataclass
from typing import Any

import httpx

from server.fhir.version import Version

CI = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/"

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a ClaimResponse says of its first item. period: start and end, or None."""

    id: str
    action: str
    reason: str | None
    period: tuple[str, str] | None
    number: str | None
    raw: bytes


class Partner:
    """An EHR, its DTR app and its PAS client, against one server and one guide version."""

    def __init__(self, http: httpx.Client, version: Version) -> None:
        self.http = http
        self.version = version

    def order_sign(self, request: Json) -> dict[str, list[Any]]:
        """The children of the coverage-information put on the first order, by url."""
        request = dict(request)
        if self.version is Version.V2_0:
            request.pop("extension", None)
        answer = self.http.post("/cds-services/crd-order-sign", json=request)
        assert answer.status_code == 200, answer.text
        order = answer.json()["systemActions"][0]["resource"]
        (extension,) = (e for e in order["extension"] if e["url"] == CI)
        said: dict[str, list[Any]] = {}
        for child in extension["extension"]:
            value = next((v for k, v in child.items() if k.startswith("value")), child.get("extension"))
            said.setdefault(child["url"], []).append(value)
        return said

    def form(self, coverage: Json, assertion: str) -> tuple[Json, Json]:
        """The Questionnaire and the draft QuestionnaireResponse of the package, by the assertion's id."""
        parameters: list[Json] = [
            {"name": "coverage", "resource": coverage},
            {"name": "context", "valueString": assertion},
        ]
        answer = self.fhir("POST", "/Questionnaire/$questionnaire-package", _parameters(parameters))
        bundle = answer.json()
        if bundle["resourceType"] == "Parameters":
            bundle = bundle["parameter"][0]["resource"]
        resources = [entry["resource"] for entry in bundle["entry"]]
        assert resources[0]["resourceType"] == "Questionnaire"
        return resources[0], next(r for r in resources if r["resourceType"] == "QuestionnaireResponse")

    def submit(self, bundle: Json) -> Answer:
        raw = self.fhir("POST", "/Claim/$submit", bundle).content
        return read_answer(raw)

    def inquire(self, bundle: Json) -> list[Json]:
        """The ClaimResponses that an inquiry made from a request finds."""
        found = self.fhir("POST", "/Claim/$inquire", inquiry_of(bundle)).json()
        bundles = (
            [p["resource"] for p in found.get("parameter", ())] if found["resourceType"] == "Parameters" else [found]
        )
        return [e["resource"] for b in bundles for e in b["entry"] if e["resource"]["resourceType"] == "ClaimResponse"]

    def explain(self, answer: Answer) -> Json:
        """`outcome`, `policy`, `edition`, and `states`: criterion -> state."""
        parameters = self.fhir("GET", f"/ClaimResponse/{answer.id}/$explain").json()["parameter"]
        top = {p["name"]: next(v for k, v in p.items() if k.startswith("value")) for p in parameters if "part" not in p}
        findings = [
            {q["name"]: next(v for k, v in q.items() if k.startswith("value")) for q in p["part"]}
            for p in parameters
            if p["name"] == "finding"
        ]
        return {**top, "findings": findings, "states": {f["criterion"]: f["state"] for f in findings}}

    def fhir(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        headers = {"content-type": "application/fhir+json"}
        answer = self.http.request(method, self.version.base + path, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer


def read_answer(raw: bytes) -> Answer:
    bundle = httpx.Response(200, content=raw).json()
    response = bundle["entry"][0]["resource"]
    assert response["resourceType"] == "ClaimResponse"
    (adjudication,) = response["item"][0]["adjudication"]
    (review,) = (e for e in adjudication["extension"] if e["url"] == PAS + "extension-reviewAction")
    said = {e["url"]: e for e in review["extension"]}
    reason = said.get("reasonCode", {}).get("valueCodeableConcept")
    period = response.get("preAuthPeriod")
    return Answer(
        id=response["id"],
        action=said[PAS + "extension-reviewActionCode"]["valueCodeableConcept"]["coding"][0]["code"],
        reason=reason["coding"][0]["code"] if reason else None,
        period=(period["start"], period["end"]) if period else None,
        number=said.get("number", {}).get("valueString"),
        raw=raw,
    )


def answered_on(form: Json, request: Json) -> Json:
    """A request whose answers carry the canonical and the local code system of the form that was fetched."""
    local = _local_system(form)
    bundle: Json = {**request, "entry": [dict(e) for e in request["entry"]]}
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "QuestionnaireResponse":
            response = _with_system(entry["resource"], local)
            response["questionnaire"] = f"{form['url']}|{form['version']}"
            entry["resource"] = response
    return bundle


def inquiry_of(request: Json) -> Json:
    """A PAS inquiry for the request's patient, payer and provider (pas P-69)."""
    claim = next(e for e in request["entry"] if e["resource"]["resourceType"] == "Claim")
    kept = {"Patient", "Organization", "Coverage", "Practitioner", "PractitionerRole"}
    fields = ("status", "type", "use", "patient", "created", "insurer", "provider", "priority", "insurance")
    query = {k: v for k, v in claim["resource"].items() if k in fields}
    query |= {
        "resourceType": "Claim",
        "id": "inquiry",
        "meta": {"profile": [PAS + "profile-claim-inquiry"]},
        "identifier": [{"system": "urn:trnorg:9012345678", "value": "inquiry-1"}],
    }
    base = claim["fullUrl"].rsplit("/", 1)[0]
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [PAS + "profile-pas-inquiry-request-bundle"]},
        "identifier": {"system": "urn:example:transactions", "value": "inquiry-1"},
        "type": "collection",
        "timestamp": request["timestamp"],
        "entry": [
            {"fullUrl": f"{base}/inquiry", "resource": query},
            *(e for e in request["entry"] if e["resource"]["resourceType"] in kept),
        ],
    }


def _parameters(parameter: list[Json]) -> Json:
    return {"resourceType": "Parameters", "parameter": parameter}


def _local_system(form: Json) -> str:
    """The system of the form's first answerOption that is no terminology's: its own codes."""

    def systems(items: list[Json]) -> Any:
        for item in items:
            for option in item.get("answerOption", ()):
                yield option["valueCoding"]["system"]
            yield from systems(item.get("item", []))

    return next(str(s) for s in systems(form["item"]) if "CodeSystem" in s)


def _with_system(node: Any, system: str) -> Any:
    if isinstance(node, list):
        return [_with_system(n, system) for n in node]
    if isinstance(node, dict):
        return {
            k: system if k == "system" and str(v).endswith("/CodeSystem/kineret-form") else _with_system(v, system)
            for k, v in node.items()
        }
    return node
