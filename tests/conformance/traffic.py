"""Walks the shared cases through a server and keeps every body it answers, with the profile it must conform to."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx

from server.demo.requests import Chart, inquiry, order_sign, questionnaire_package, refill
from server.fhir.codes import CRD, DTR, PAS
from server.fhir.read import extension_value
from server.fhir.version import Version
from tests.conformance.bad_input import BAD_REQUESTS, Bad, bad_bundles
from tests.conformance.orders import other_orders
from tests.conformance.validator import Resource
from tests.shared_material import KINERET_CASES, SHARED

Json = dict[str, Any]
FHIR_JSON = "application/fhir+json"


@dataclass(slots=True)
class Traffic:
    """Everything one server answered under one version: bodies by kind, and what was wrong before validation."""

    version: Version
    bodies: dict[str, list[Resource]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def keep(self, kind: str, name: str, body: Json, *profiles: str) -> None:
        kept = self.bodies.setdefault(kind, [])
        kept.append(Resource(f"{kind} {name}", json.dumps(body), profiles))


class Partner:
    """One EHR, DTR app and PAS client. Each method sends one request and keeps the answer."""

    def __init__(self, http: httpx.Client, version: Version) -> None:
        self.http = http
        self.traffic = Traffic(version)
        self._base = version.base
        self._two = version is Version.V2_0

    def everything(self) -> Traffic:
        self.resource("metadata", "capability", "/metadata")
        for folder in sorted(KINERET_CASES.glob("TC-*")):
            self.case(folder)
        self.satisfied(KINERET_CASES / "TC-001")
        self.other_orders(KINERET_CASES / "TC-001")
        for file in sorted((SHARED / "examples" / "crd").glob("*.json")):
            hook = json.loads(file.read_bytes())
            if "hook" in hook and not any(other in file.stem for other in self._not_ours):
                self.order(f"crd/{file.stem}", hook)
        for file in sorted((SHARED / "examples" / "pas").glob(f"v{self._digits}-*_submit.json")):
            self.submit(f"pas/{file.stem}", json.loads(file.read_bytes()))
        for name, path, body in _other_requests():
            self.bad(Bad(name, path, body))
        chart = json.loads((KINERET_CASES / "TC-001" / "pas-submit.json").read_bytes())
        for bad in (*BAD_REQUESTS, *bad_bundles(chart)):
            self.bad(bad)
        return self.traffic

    @property
    def _not_ours(self) -> tuple[str, ...]:
        """In the names of hook requests that are shaped for the other version."""
        return ("ig221", "2.2.1") if self._two else ("2.0.1",)

    @property
    def _digits(self) -> str:
        return "201" if self._two else "221"

    def case(self, folder: Path) -> None:
        """One worked case: order-sign, form, reads, request, inquiry, reasons."""
        name = folder.name
        hook, request = (json.loads((folder / f"{f}.json").read_bytes()) for f in ("order-sign", "pas-submit"))
        chart = Chart(request)
        assertion = self.order(name, hook)
        self.package(name, chart, assertion)
        answered = self.submit(name, request)
        if answered:
            self.resource("ClaimResponse", name, f"/ClaimResponse/{answered}", f"{PAS}profile-claimresponse")
            self.resource("explain", name, f"/ClaimResponse/{answered}/$explain")
        self.inquire(name, inquiry(chart, name))

    def satisfied(self, folder: Path) -> None:
        """The refill of an order that was approved."""
        chart = Chart(json.loads((folder / "pas-submit.json").read_bytes()))
        approved = json.loads((folder / "expected.json").read_bytes())["preAuthPeriod"]["start"]
        again = refill(chart, date.fromisoformat(approved) + timedelta(days=30))
        self.order("satisfied", order_sign(chart, self.traffic.version, again))

    def other_orders(self, folder: Path) -> None:
        """What the plan says beside its policy: each service, membership and hook of its own."""
        hook = json.loads((folder / "order-sign.json").read_bytes())
        for name, request in other_orders(hook):
            self.order(name, request)

    def order(self, name: str, hook: Json) -> str | None:
        """Keeps the updated orders; returns the coverage-assertion-id, if any."""
        path = f"/cds-services/crd-{hook['hook']}"
        asked = {} if self._two else {"extension": {"davinci-crd.requestedVersion": str(self.traffic.version)}}
        answer = self.http.post(path, json={k: v for k, v in hook.items() if k != "extension"} | asked)
        body = answer.json()
        if answer.status_code != httpx.codes.OK:
            self._error(f"crd {name}", answer.status_code, body)
            return None
        self.traffic.wrong += [f"order-sign {name}: {w}" for w in _envelope(body)]
        found: str | None = None
        for action in body.get("systemActions", ()):
            resource = action["resource"]
            profile = _CRD_PROFILES.get(resource["resourceType"])
            self.traffic.keep("order-sign", name, resource, *([CRD + profile] if profile else []))
            said = extension_value_of(resource, "coverage-assertion-id")
            found = said if isinstance(said, str) else found
        return found

    def package(self, name: str, chart: Chart, assertion: str | None) -> None:
        answer = self._post("/Questionnaire/$questionnaire-package", questionnaire_package(chart, assertion))
        body = answer.json()
        if answer.status_code != httpx.codes.OK:
            self._error(f"package {name}", answer.status_code, body)
            return
        wrapped = body["resourceType"] == "Parameters"
        profile = "dtr-qpackage-output-parameters" if wrapped else "DTR-QPackageBundle"
        self.traffic.keep("package", name, body, DTR + profile)
        bundles = [p["resource"] for p in body["parameter"]] if wrapped else [body]
        if "read" in self.traffic.bodies:
            return
        for resource in (e["resource"] for b in bundles for e in b.get("entry", ())):
            kind, url = resource["resourceType"], resource.get("url")
            if kind in {"Questionnaire", "Library", "ValueSet"}:
                self.resource("read", f"{kind}/{resource['id']}", f"/{kind}/{resource['id']}")
                self.resource("search", url, f"/{kind}?url={url}")

    def submit(self, name: str, request: Json) -> str | None:
        """Keeps the response Bundle; returns the ClaimResponse id."""
        answer = self._post("/Claim/$submit", request)
        body = answer.json()
        if answer.status_code != httpx.codes.OK:
            self._error(f"submit {name}", answer.status_code, body)
            return None
        self.traffic.keep("submit", name, body, f"{PAS}profile-pas-response-bundle")
        response = body["entry"][0]["resource"]
        return None if response.get("error") else str(response["id"])

    def inquire(self, name: str, request: Json) -> None:
        answer = self._post("/Claim/$inquire", request)
        body = answer.json()
        if answer.status_code != httpx.codes.OK:
            self._error(f"inquire {name}", answer.status_code, body)
            return
        bundles = [p["resource"] for p in body.get("parameter", ())] if body["resourceType"] == "Parameters" else [body]
        if not self._two:
            self.traffic.keep("inquire", f"{name} parameters", body)
        for bundle in bundles:
            if bundle["resourceType"] == "Bundle":
                self.traffic.keep("inquire", name, bundle, f"{PAS}profile-pas-inquiry-response-bundle")

    def resource(self, kind: str, name: str, path: str, *profiles: str) -> None:
        answer = self.http.get(self._base + path)
        if answer.status_code != httpx.codes.OK:
            self.traffic.wrong.append(f"{kind} {name}: GET {path} answers {answer.status_code}")
            return
        self.traffic.keep(kind, name, answer.json(), *profiles)

    def bad(self, bad: Bad) -> None:
        """A request that must be refused with an OperationOutcome, or answered with a business rejection."""
        path = bad.path if bad.path.startswith("/cds-services") else self._base + bad.path
        answer = self.http.post(path, content=bad.body, headers={"content-type": bad.media})
        if not httpx.codes.is_client_error(answer.status_code) and answer.status_code != httpx.codes.OK:
            self.traffic.wrong.append(f"bad input {bad.name}: answered {answer.status_code}")
            return
        body = answer.json()
        if answer.status_code != httpx.codes.OK:
            self._error(bad.name, answer.status_code, body, expected=True)
        elif "resourceType" in body:
            profiles = [f"{PAS}profile-pas-response-bundle"] if bad.path.endswith("$submit") else []
            self.traffic.keep("bad input, 200", bad.name, body, *profiles)

    def _error(self, name: str, status: int, body: Json, *, expected: bool = False) -> None:
        if not expected and name.split("/", maxsplit=1)[0].rsplit(maxsplit=1)[-1].startswith("TC-"):
            self.traffic.wrong.append(f"{name}: answered {status}: {json.dumps(body)[:300]}")
        self.traffic.keep("error", name, body)

    def _post(self, path: str, body: Json) -> httpx.Response:
        return self.http.post(self._base + path, json=body, headers={"content-type": FHIR_JSON})


_CRD_PROFILES = {
    "MedicationRequest": "profile-medicationrequest",
    "ServiceRequest": "profile-servicerequest",
    "DeviceRequest": "profile-devicerequest",
    "NutritionOrder": "profile-nutritionorder",
    "CommunicationRequest": "profile-communicationrequest",
    "VisionPrescription": "profile-visionprescription",
}


def _envelope(body: Json) -> Iterator[str]:
    """What is wrong with a CDS Hooks response around its resources (crd C-53, C-54, C-58)."""
    if not isinstance(body.get("cards"), list):
        yield "has no cards array"
    for card in body.get("cards", ()):
        if missing := [k for k in ("uuid", "summary", "indicator", "source") if not card.get(k)]:
            yield f"a card lacks {', '.join(missing)}"
        if len(card.get("summary", "")) >= 140:
            yield "a card's summary has 140 characters or more"
        if "topic" not in card.get("source", {}):
            yield "a card's source has no topic"
    for action in body.get("systemActions", ()):
        if action.get("type") != "update" or not action.get("description") or "resource" not in action:
            yield "a system action is no described update of a resource"


def extension_value_of(order: Json, child: str) -> Any:
    """The value of a child of the first coverage-information of an order."""
    for extension in order.get("extension", ()):
        if extension["url"] == f"{CRD}ext-coverage-information":
            return extension_value(extension, child)
    return None


def _other_requests() -> Iterator[tuple[str, str, bytes]]:
    """Requests of the test kits for a form: none of them is for one of ours, and each must be answered well."""
    for file in sorted((SHARED / "examples" / "dtr").glob("*qpackage-in*.json")):
        yield f"dtr/{file.stem}", "/Questionnaire/$questionnaire-package", file.read_bytes()
