"""A request and its three updates, as a provider sends them one after the other: added to, changed, cancelled."""

import copy
from collections.abc import Iterator
from typing import Any

from server.demo.requests import Chart
from server.fhir.codes import HCPCS, PAS
from server.fhir.read import Resource
from tests.conformance.inferno.pas_parties import X12, concept, extension

_PRIOR = concept("http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship", "prior")
_CERTIFICATION = f"{PAS}extension-certificationType"
_INITIAL, _CANCEL, _REVISED = "I", "3", "S"


def updates(first: Chart) -> Iterator[Resource]:
    """The request, then with an item more, then with one item changed and the other cancelled, then all cancelled.

    Each update encloses the Claim that it changes, and no older one; all keep every item (pas P-80 to P-84).
    """
    claim = first.claim
    yield first.bundle
    for n, change in enumerate((_with_an_item_more, _with_one_changed_and_one_cancelled, _cancelled), 1):
        earlier, claim = claim, _following(claim, n)
        change(claim)
        yield _bundle(first, claim, earlier, n)


def _with_an_item_more(claim: Resource) -> None:
    """A nurse shows at home how the drug is injected."""
    first = claim["item"][0]
    kept = [e for e in first["extension"] if not e["url"].endswith(("-requestedService", "-itemTraceNumber"))]
    trace = {"system": "urn:trnorg:9123456789", "value": f"{claim['id']}-item-2"}
    more = {k: v for k, v in copy.deepcopy(first).items() if k not in ("detail", "informationSequence")}
    more |= {
        "extension": [extension("itemTraceNumber", "Identifier", trace), *kept, _changed("added")],
        "sequence": 2,
        "productOrService": concept(HCPCS, "G0299"),
    }
    claim["item"].append(more)


def _with_one_changed_and_one_cancelled(claim: Resource) -> None:
    one, two = claim["item"]
    one["quantity"]["value"] += 1
    for item, kind in ((one, _REVISED), (two, _CANCEL)):
        kept = [e for e in item["extension"] if e["url"] != _CERTIFICATION]
        item["extension"] = [*kept, _certified(kind), _changed("changed")]
    two["modifierExtension"] = [{"url": f"{PAS}modifierextension-infoCancelled", "valueBoolean": True}]


def _cancelled(claim: Resource) -> None:
    claim["extension"] = [*claim.get("extension", ()), _certified(_CANCEL)]


def _following(claim: Resource, number: int) -> Resource:
    """The next version of a Claim, in which nothing is changed yet."""
    made: Resource = copy.deepcopy(claim)
    made["id"] = f"{claim['id'].partition('-update-')[0]}-update-{number}"
    made["meta"] = {"profile": [f"{PAS}profile-claim-update"]}
    made["related"] = [{"claim": {"reference": claim["id"]}, "relationship": _PRIOR}]
    for item in made["item"]:
        item["extension"] = [e for e in item["extension"] if not e["url"].endswith("-infoChanged")]
    return made


def _bundle(first: Chart, claim: Resource, earlier: Resource, number: int) -> Resource:
    head, *others = first.bundle["entry"]
    place = head["fullUrl"].rpartition("/")[0]
    claim["related"][0]["claim"]["reference"] = f"{place}/{earlier['id']}"
    entries = [{"fullUrl": f"{place}/{c['id']}", "resource": c} for c in (claim, earlier)]
    named = first.bundle["identifier"]
    made: dict[str, Any] = {
        **first.bundle,
        "id": f"{first.bundle['id']}-update-{number}",
        "identifier": {**named, "value": f"{named['value']}-update-{number}"},
        "entry": [*entries, *others],
    }
    return made


def _certified(code: str) -> Resource:
    return {"url": _CERTIFICATION, "valueCodeableConcept": concept(f"{X12}1322", code)}


def _changed(how: str) -> Resource:
    return extension("infoChanged", "Code", how)
