"""Adds elements to a sandbox's answer, so that a partner sees every element that the guide has (T-36).

A template is JSON: `response` is merged into the ClaimResponse of every kind, `submit` into that of `$submit` alone;
`entries` and `submit_entries` are added to the Bundle. `${patient}` and the like stand for fullUrls and values of the
request and its answer.
"""

import json
from collections.abc import Iterator, Mapping
from string import Template
from typing import Any

import orjson

from server.answer.claim_response import SUBMIT
from server.answer.echoed_entries import echoed_entries
from server.clock import NewId
from server.decision.case import Case
from server.decision.request import AuthorizationRequest
from server.fhir.read import Resource, reference
from server.fhir.version import Version

_OF_THE_REQUEST = ("patient", "insurer", "requestor", "organization", "practitioner", "order", "claim")
_FRESH_IDS = tuple(f"id{n}" for n in range(1, 10))
PLACEHOLDERS = frozenset({*_OF_THE_REQUEST, "day", "number", *_FRESH_IDS})
"""What `${...}` may name in a template."""

_BY_PLACE = ("item", "addItem")


def with_elements(
    renderings: Mapping[tuple[Version, str], bytes], templates: Mapping[Version, str], case: Case, new_id: NewId
) -> dict[tuple[Version, str], bytes]:
    """The renderings of an answer with what the templates add; a rendering without a template stays as it is.

    What the decision itself says is never replaced: an element is filled in, a list grows, an extension is added
    where none of its url is there. Whatever of the request is referenced then becomes an entry as well.
    """
    values = {k: json.dumps(v)[1:-1] for k, v in _values(case, new_id).items()}
    found = dict(renderings)
    for (version, kind), body in renderings.items():
        if version in templates:
            added = orjson.loads(Template(templates[version]).substitute(values))
            found[version, kind] = _with(orjson.loads(body), added, kind, case.request)
    return found


def _with(bundle: Resource, added: Resource, kind: str, request: AuthorizationRequest) -> bytes:
    first, *others = bundle["entry"]
    response = _merged(first["resource"], added.get("response", {}))
    entries = [*others, *added.get("entries", ())]
    if kind == SUBMIT:
        response = _merged(response, added.get("submit", {}))
        entries += added.get("submit_entries", ())
    entries = [{**first, "resource": response}, *entries]
    known = {e["fullUrl"] for e in entries}
    targets = [t for literal in _references(entries) if (t := request.index.resolve(literal)) is not None]
    entries += (e for e in echoed_entries(request.index, targets) if e["fullUrl"] not in known)
    return orjson.dumps({**bundle, "entry": entries})


def _values(case: Case, new_id: NewId) -> dict[str, str]:
    request, first = case.request, case.items[0]
    index = request.index
    order, organization = first.requested.order, request.organization
    practitioner = next(iter(index.of_type("Practitioner")), None)
    return {
        "patient": index.full_url(request.patient),
        "insurer": index.full_url(request.insurer),
        "requestor": index.full_url(request.requester),
        "organization": index.full_url(organization or request.requester),
        "practitioner": index.full_url(practitioner or request.requester),
        "order": index.full_url(order) if order is not None else request.claim_url,
        "claim": request.claim_url,
        "day": case.answered.date().isoformat(),
        "number": first.number or first.reference or case.id,
        **{name: new_id() for name in _FRESH_IDS},
    }


def _merged(base: Any, added: Any, key: str = "") -> Any:
    if isinstance(base, dict) and isinstance(added, dict):
        return {**base, **{k: _merged(base[k], v, k) if k in base else v for k, v in added.items()}}
    if not (isinstance(base, list) and isinstance(added, list)):
        return base
    if key in _BY_PLACE:
        pairs = [_merged(b, a) for b, a in zip(base, added, strict=False)]
        return [*pairs, *base[len(pairs) :], *added[len(pairs) :]]
    if key == "extension":
        urls = {e.get("url") for e in base}
        return [*base, *(e for e in added if e.get("url") not in urls)]
    return [*base, *added]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for child in node:
            yield from _references(child)
    elif isinstance(node, dict):
        if (literal := reference(node)) is not None:
            yield literal
        for child in node.values():
            if isinstance(child, (dict, list)):
                yield from _references(child)
