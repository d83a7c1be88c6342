"""Where a request says something that no criterion reads: a nurse is told the places, and reads them."""

from collections.abc import Iterator
from typing import Any

import orjson

from server.decision.request import AuthorizationRequest, RequestedItem, SentResponse
from server.fhir.codes import DATA_ABSENT_REASON, DTR, LOINC
from server.fhir.primitives import real_day
from server.fhir.read import Resource, codings, dicts, extensions, reference
from server.fhir.x12 import X12_REPORT_TYPE
from server.pas.request.bundle import CLAIM
from server.pas.request.claim_item import REQUESTED_SERVICE

_ALWAYS = ("accident", "procedure")
"""Elements of a Claim that tell of care or of who pays, and that no criterion reads."""
_ORDERS = ("prescription", "originalPrescription", "referral")
_READ_OF_INFORMATION = frozenset({"id", "extension", "sequence", "category", "valueReference", "code"})
_KINDS_OF_DOCUMENT = frozenset({LOINC, X12_REPORT_TYPE, ""})
_NEEDS_A_VALUE = ("status", "intent", "doNotPerform", "active", "deceasedBoolean", "deceasedDateTime", "comparator")
"""Primitives that may change what their resource says (R4: modifier elements): unknown, they may say the opposite."""
_MARKS = frozenset({"HTEST", "SUBSETTED"})
"""v3 codes of meta: test data, and a resource of which a part is missing."""


def unread_places(request: AuthorizationRequest) -> Iterator[str]:
    """FHIRPath of each place of the request that says something, speaks of all items, and is read by no criterion."""
    claim = request.claim
    for n, info in enumerate(dicts(claim.get("supportingInfo"))):
        if not _is_read(info):
            yield f"{CLAIM}.supportingInfo[{n}]"
    yield from (f"{CLAIM}.{name}" for name in _ALWAYS if claim.get(name))
    for name in _ORDERS:
        if claim.get(name) and not _is_an_order(request, name):
            yield f"{CLAIM}.{name}"
    for n, insurance in enumerate(dicts(claim.get("insurance"))):
        if insurance.get("claimResponse"):
            yield f"{CLAIM}.insurance[{n}].claimResponse"
    for n, diagnosis in enumerate(dicts(claim.get("diagnosis"))):
        if "diagnosisReference" in diagnosis and not reference(diagnosis["diagnosisReference"]):
            yield f"{CLAIM}.diagnosis[{n}].diagnosisReference"
    yield from _marked(request.bundle)


def unread_of_item(request: AuthorizationRequest, item: RequestedItem, sent: SentResponse | None) -> Iterator[str]:
    """The same for what belongs to one item: its days, its order's reasons, what its answers say of themselves.

    sent: the answers that count for it.
    """
    if not _in_period(request.claim.get("billablePeriod"), item):
        yield f"{CLAIM}.billablePeriod"
    told = [str(e.get("url")) for e in dicts(item.raw.get("extension")) if e.get("valueBoolean") is not False]
    if any(url.endswith(("infoCancelled", "itemCancelled")) for url in told):
        yield f"{CLAIM}.item.where(sequence = {item.sequence}).extension, which cancels"
    if told.count(REQUESTED_SERVICE) > 1:
        yield f"{CLAIM}.item.where(sequence = {item.sequence}).extension, which names a second order"
    order = item.order
    if order is not None and not codings(order.get("reasonCode")):
        for n, reason in enumerate(dicts(order.get("reasonReference"))):
            if reference(reason) and request.index.resolve(reason, order) is None:
                yield f"{request.index.place(order)}.reasonReference[{n}]"
    if sent is not None:
        yield from (f"{sent.place}.{name}" for name in _unread_of_answers(request, order, sent.resource))


def _is_read(info: Resource) -> bool:
    """Whether supporting information is a resource, and nothing else but what kind of document it is."""
    told = {key for key in info if not key.startswith("timing")} - _READ_OF_INFORMATION
    known = all(c.system in _KINDS_OF_DOCUMENT for c in codings(info.get("code")))
    return not told and known and reference(info.get("valueReference")) is not None


def _is_an_order(request: AuthorizationRequest, name: str) -> bool:
    """Whether the order that the Claim names is that of an item; a referral need only have come along."""
    found = request.index.resolve(request.claim[name], request.claim)
    if name == "referral":
        return found is not None
    return found is not None and any(item.order is found for item in request.items)


def _in_period(period: Any, item: RequestedItem) -> bool:
    """Whether the days of an item lie in the days that the whole Claim is for."""
    if not isinstance(period, dict) or item.service is None:
        return True
    start, end = real_day(period.get("start")), real_day(period.get("end"))
    return (start is None or start <= item.service[0]) and (end is None or item.service[1] <= end)


def _unread_of_answers(request: AuthorizationRequest, order: Resource | None, answers: Resource) -> Iterator[str]:
    """What makes answers those of another order, coverage, day or person."""
    index = request.index
    if real_day(answers.get("authored")) is None:
        yield "authored"
    source = index.resolve(answers.get("source"), answers)
    if source is not None and source.get("resourceType") in ("Patient", "RelatedPerson"):
        yield "source"
    told = [e["valueReference"] for e in extensions(answers, f"{DTR}qr-context") if reference(e.get("valueReference"))]
    named = [index.resolve(element, answers) for element in told]
    orders = [found for found in named if found is None or str(found.get("resourceType")).endswith("Request")]
    if order is not None and orders and all(found is not order for found in orders):
        yield "extension(qr-context)"
    for extension in extensions(answers, f"{DTR}qr-coverage"):
        element = extension.get("valueReference")
        if reference(element) and index.resolve(element, answers) is not request.coverage:
            yield "extension(qr-coverage)"


def _marked(bundle: Resource) -> Iterator[str]:
    """Places whose value is not told, though it may turn what they are part of, and what is marked as not whole."""
    text = orjson.dumps(bundle)
    wanted = [name for name in _NEEDS_A_VALUE if b'"_%b":' % name.encode() in text] if b'"_' in text else []
    marked = any(b'"%b"' % mark.encode() in text for mark in _MARKS)
    if wanted or marked:
        yield from _below(bundle, "Bundle", wanted)


def _is_untold(node: Resource, name: str) -> bool:
    """Whether a primitive has no value, or one of which its own extension says that it is not known."""
    beside = node[f"_{name}"]
    return name not in node or (isinstance(beside, dict) and bool(extensions(beside, DATA_ABSENT_REASON)))


def _below(node: Any, path: str, wanted: list[str]) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (f"{path}.{name}" for name in wanted if f"_{name}" in node and _is_untold(node, name))
        meta = node.get("meta")
        if isinstance(meta, dict) and any(c.code in _MARKS for c in codings([meta.get("security"), meta.get("tag")])):
            yield f"{path}.meta"
        for key, value in node.items():
            if isinstance(value, (dict, list)):
                yield from _below(value, f"{path}.{key}", wanted)
    elif isinstance(node, list):
        for n, value in enumerate(node):
            yield from _below(value, f"{path}[{n}]", wanted)
