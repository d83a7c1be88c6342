"""Makes the requests of the journey from one chart, a PAS request Bundle as an EHR would send it.

This module plays the EHR: it knows what any client knows, and calls no operation of the server.
"""

import copy
import json
import re
import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from server.fhir.codes import NPI, PAS
from server.fhir.read import BundleIndex, Resource, dicts, extension_value, reference

_DAY = re.compile(r"\b(?:19|20)\d\d-[01]\d-[0-3]\d(?=[T\"])")


class Chart:
    """One PAS request Bundle and the resources that an order-sign hook or an inquiry would take from it."""

    def __init__(self, bundle: Resource) -> None:
        index = BundleIndex(bundle)
        self.bundle = bundle
        self.claim = index.of_type("Claim")[0]
        item = self.claim["item"][0]
        self.patient = _found(index, self.claim["patient"])
        self.payer = _found(index, self.claim["insurer"])
        self.provider = _found(index, self.claim["provider"])
        self.coverage = _found(index, self.claim["insurance"][0]["coverage"])
        self.order = _found(index, extension_value(item, f"{PAS}extension-requestedService"))
        self.prescriber = index.resolve(self.order.get("requester"))
        self.urls = {url: f"{r['resourceType']}/{r['id']}" for _, url, r in index.entries if url}
        self.ehr = index.full_url(self.patient).rsplit("/", 2)[0]

    @property
    def member(self) -> str:
        return str(self.coverage.get("subscriberId") or self.coverage["identifier"][0]["value"])


def _found(index: BundleIndex, element: Any) -> Resource:
    resource = index.resolve(element)
    if resource is None:
        raise ValueError(f"the chart refers to {reference(element)}, which is not in it")
    return resource


def renewed(bundle: Resource, mark: str) -> Resource:
    """The same request for another member and as another transaction. `mark` makes both ids new."""
    chart = Chart(bundle)
    text = json.dumps(bundle)
    for value in (bundle["identifier"]["value"], chart.member):
        text = text.replace(json.dumps(value), json.dumps(f"{value}-{mark}"))
    renewed: Resource = json.loads(text)
    return renewed


def dated(bundle: Resource, day: date) -> Resource:
    """The same request made on this day: every day in it is moved alike, so that ages and pauses stay the same."""
    moved = day - date.fromisoformat(str(Chart(bundle).claim["created"])[:10])
    text = _DAY.sub(lambda found: (date.fromisoformat(found[0]) + moved).isoformat(), json.dumps(bundle))
    dated: Resource = json.loads(text)
    return dated


def refill(chart: Chart, day: date) -> Resource:
    """The same order again, to be filled from this day on."""
    again = chart.order | {"id": f"{chart.order['id']}-again"}
    if again["resourceType"] != "MedicationRequest":
        return again | {"occurrenceDateTime": day.isoformat()}
    dispense = chart.order.get("dispenseRequest", {}) | {"validityPeriod": {"start": day.isoformat()}}
    return again | {"dispenseRequest": dispense}


def order_sign(chart: Chart, version: str = "2.2", order: Resource | None = None) -> dict[str, Any]:
    """The CDS Hooks request that an EHR makes when an order is signed, by default the chart's (crd section 2).

    Inside an EHR references are relative, and the order is still a draft.
    """
    order = _in_the_ehr(chart, order or chart.order) | {"status": "draft"}
    prefetch: dict[str, Any] = {
        "patient": _in_the_ehr(chart, chart.patient),
        "coverage": _searchset(chart, chart.coverage),
        "payers": _searchset(chart, chart.payer),
    }
    if chart.prescriber and chart.prescriber["resourceType"] == "Practitioner":
        prefetch["practitioners"] = _searchset(chart, chart.prescriber)
    user = chart.urls.get(reference(chart.order.get("requester")) or "", "Practitioner/unknown")
    entry = {"fullUrl": f"{chart.ehr}/{order['resourceType']}/{order['id']}", "resource": order}
    return {
        "hook": "order-sign",
        "hookInstance": str(
            uuid.uuid5(uuid.NAMESPACE_URL, f"{chart.bundle['identifier']['value']}/{order['id']}/{version}")
        ),
        "context": {
            "userId": user,
            "patientId": chart.patient["id"],
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [entry]},
        },
        "prefetch": prefetch,
    } | ({"extension": {"davinci-crd.requestedVersion": version}} if version != "2.0" else {})


def questionnaire_package(chart: Chart, assertion: str | None, form: str | None = None) -> dict[str, Any]:
    """The `$questionnaire-package` input: coverage and order, and what order-sign said about them (dtr D-20, D-22)."""
    parameter: list[dict[str, Any]] = [
        {"name": "coverage", "resource": _in_the_ehr(chart, chart.coverage)},
        {"name": "order", "resource": _in_the_ehr(chart, chart.order)},
    ]
    if assertion:
        parameter.append({"name": "context", "valueString": assertion})
    if form:
        parameter.append({"name": "questionnaire", "valueCanonical": form})
    return {"resourceType": "Parameters", "parameter": parameter}


def inquiry(chart: Chart, mark: str) -> Resource:
    """A `$inquire` Bundle for every request of this member by this provider: no item, no filter (pas P-69, P-70)."""
    claim = {k: copy.deepcopy(v) for k, v in chart.claim.items() if k in _INQUIRY_KEYS}
    claim["id"] = f"inquiry-{mark}"
    claim["meta"] = {"profile": [f"{PAS}profile-claim-inquiry"]}
    claim["identifier"] = [{"system": "urn:trnorg:9012345678", "value": f"inquiry-{mark}"}]
    kept = {id(r) for r in (chart.patient, chart.payer, chart.provider, chart.coverage)}
    entries = [e for e in chart.bundle["entry"] if id(e["resource"]) in kept]
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{PAS}profile-pas-inquiry-request-bundle"]},
        "identifier": {"system": f"{chart.ehr}/transaction-id", "value": f"inquiry-{mark}"},
        "type": "collection",
        "timestamp": chart.bundle["timestamp"],
        "entry": [{"fullUrl": f"{chart.ehr}/Claim/{claim['id']}", "resource": claim}, *entries],
    }


def attachment(chart: Chart, document: Resource, tracking: str) -> Resource:
    """A `$submit-attachment` body: one document for what a request asked for by this control number (pas P-93)."""
    identifiers = {"TrackingId": tracking, "MemberId": chart.member, "ProviderId": npi_of(chart.provider)}
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "AttachTo", "valueCode": "preauthorization"},
            *({"name": name, "valueIdentifier": {"value": value}} for name, value in identifiers.items()),
            {"name": "Attachment", "part": [{"name": "Content", "resource": document}]},
        ],
    }


def asked_for(answer: Resource) -> str:
    """The control number of the first document that a response Bundle asks for; empty where it asks for none."""
    asked = [e["resource"] for e in answer["entry"] if e["resource"]["resourceType"] == "CommunicationRequest"]
    return str(asked[0]["identifier"][0]["value"]) if asked else ""


def npi_of(resource: Resource) -> str:
    return next(str(i["value"]) for i in dicts(resource.get("identifier")) if i.get("system") == NPI)


_INQUIRY_KEYS = frozenset(
    {"resourceType", "status", "type", "use", "patient", "created", "insurer", "provider", "priority", "insurance"}
)


def _in_the_ehr(chart: Chart, resource: Mapping[str, Any]) -> Resource:
    text = json.dumps(resource)
    for url, relative in chart.urls.items():
        text = text.replace(json.dumps(url), json.dumps(relative))
    own: Resource = json.loads(text)
    own.pop("meta", None)  # the profiles that PAS asks for
    return own


def _searchset(chart: Chart, resource: Resource) -> Resource:
    own = _in_the_ehr(chart, resource)
    entry = {
        "fullUrl": f"{chart.ehr}/{own['resourceType']}/{own['id']}",
        "resource": own,
        "search": {"mode": "match"},
    }
    return {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [entry]}
