"""An EHR of one patient that asks for forms of the lab's policies and fills the adaptive one, round by round."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx

from server.demo.requests import order_sign
from server.fhir.codes import DTR, HCPCS
from server.fhir.version import Version
from tests.conformance.inferno import access
from tests.conformance.inferno.patients import chart

Json = dict[str, Any]

ADAPTIVE = "K0823"
"""HCPCS code of the device whose form is adaptive."""
_FORMS = "http://vitruvian.example/fhir/CodeSystem/lab-forms"
_ANSWERS: Json = {
    "walks": {"valueBoolean": False},
    "lesser-aid": {"valueCoding": {"system": _FORMS, "code": "none", "display": "None of these"}},
    "aid-why": {"valueString": "Weakness of both arms"},
    "exam-date": {"valueDate": "2026-10-20"},
}


class Ehr:
    """The EHR's side, for the patient of one chart."""

    def __init__(self, base_url: str, version: Version) -> None:
        self.chart = chart("ra-initial")
        self.url = base_url + version.base
        self._base_url = base_url
        self._version = version
        request = order_sign(self.chart, version)
        self._order_sign = request
        self.order: Json = request["context"]["draftOrders"]["entry"][0]["resource"]
        self.coverage: Json = request["prefetch"]["coverage"]["entry"][0]["resource"]

    def asks(self, **wanted: Any) -> Json:
        """A package request for the patient's coverage: by `order`, by `questionnaire`, or by `context`."""
        types = {"order": "resource", "questionnaire": "valueCanonical", "context": "valueString"}
        named = [{"name": name, types[name]: value} for name, value in wanted.items()]
        return {"resourceType": "Parameters", "parameter": [{"name": "coverage", "resource": self.coverage}, *named]}

    def device(self, code: str) -> Json:
        return {
            "resourceType": "DeviceRequest",
            "id": f"device-{code.lower()}",
            "status": "draft",
            "intent": "original-order",
            "codeCodeableConcept": {"coding": [{"system": HCPCS, "code": code}]},
            "subject": self.order["subject"],
            "authoredOn": "2026-11-23",
            "requester": self.order["requester"],
        }

    def context(self) -> str:
        """The coverage-assertion-id that order-sign puts on the order."""
        answer = self.post(f"{self._base_url}/cds-services/crd-order-sign", self._order_sign, "application/json")
        order = answer["systemActions"][0]["resource"]
        (information,) = [e for e in order["extension"] if e["url"].endswith("ext-coverage-information")]
        said: str = next(e["valueString"] for e in information["extension"] if e["url"] == "coverage-assertion-id")
        return said

    def rounds(self, request: Json) -> Iterator[Json]:
        """The requests of `$next-question` that complete the adaptive form of a package, then what it completed."""
        package = self.post(f"{self.url}/Questionnaire/$questionnaire-package", request)
        bundle = package if package["resourceType"] == "Bundle" else package["parameter"][0]["resource"]
        response: Json = bundle["entry"][1]["resource"]
        while response["status"] != "completed":
            response = deepcopy(response)
            response["item"] = [self._answered(item) for item in response["contained"][0].get("item", ())]
            if not response["item"]:
                del response["item"]
            yield response
            response = self.post(f"{self.url}/Questionnaire/$next-question", response)
        yield response

    def _answered(self, item: Json) -> Json:
        found: Json = {k: item[k] for k in ("linkId", "text") if k in item}
        if value := _ANSWERS.get(item["linkId"]):
            source = {"url": "source", "valueCode": "manual"}
            author = {
                "url": "author",
                "extension": [{"url": "practitioner", "valueReference": self.order["requester"]}],
            }
            origin = {"url": f"{DTR}information-origin", "extension": [source, author]}
            found["answer"] = [{"extension": [origin], **value}]
        children = [self._answered(i) for i in item.get("item", ()) if i["type"] != "display"]
        if children := [c for c in children if c.keys() & {"answer", "item"}]:
            found["item"] = children
        return found

    def post(self, url: str, body: Json, media: str = "application/fhir+json") -> Json:
        answer = httpx.post(url, json=body, headers={"content-type": media}, auth=access.sender(), timeout=30)
        found: Json = answer.raise_for_status().json()
        return found
