"""What makes a request the same one again: who asks, its Bundle.identifier, and what it says (pas P-51, T-3)."""

import hashlib
import re
from typing import Any

import orjson

from server.decision.request import Transaction
from server.fhir.read import Resource
from server.pas.request.claim_item import TRACE_NUMBER

_OF_THE_BUNDLE = frozenset({"id", "meta", "timestamp", "entry"})
_WRITTEN_WITH_POINT = re.compile(rb"\.0[,}\]]")  # finds every such number, and now and then one inside a string
_EXACT = 2**53


def transaction_of(bundle: Resource, npis: tuple[str, ...]) -> Transaction:
    """What makes a request the same one again: who asks, its Bundle.identifier, and what it says (pas P-51, T-3).

    Two requests say the same when they differ only in the Bundle's id, meta and timestamp, in narratives, in the order
    of members and of the entries after the Claim, and in how a number is written.
    """
    identifier = bundle.get("identifier") or {}
    return Transaction(
        client=npis[0] if npis else "",
        identifier=f"{identifier.get('system', '')}|{identifier.get('value', '')}",
        content=hashlib.sha256(_content(bundle)).hexdigest(),
    )


def asks_the_same(one: Resource, other: Resource) -> bool:
    """Whether two request Bundles ask for the same care with the same evidence, whatever they number and date it by."""
    return _content(_unnumbered(one)) == _content(_unnumbered(other))


def _unnumbered(bundle: Resource) -> Resource:
    first, *others = bundle["entry"]
    claim = {k: v for k, v in first["resource"].items() if k not in ("identifier", "created")}
    claim["item"] = [
        {**item, "extension": [e for e in item.get("extension") or () if e.get("url") != TRACE_NUMBER]}
        for item in claim.get("item") or ()
    ]
    rest = {k: v for k, v in bundle.items() if k != "identifier"}
    return {**rest, "entry": [{**first, "resource": claim}, *map(_unversioned, others)]}


def _unversioned(entry: Resource) -> Resource:
    """An entry whose answers name their form without its version: with or without, the same form is meant."""
    resource = entry.get("resource")
    if not isinstance(resource, dict) or not isinstance(resource.get("questionnaire"), str):
        return entry
    return {**entry, "resource": {**resource, "questionnaire": resource["questionnaire"].partition("|")[0]}}


def _content(bundle: Resource) -> bytes:
    first, *others = bundle["entry"]
    said = _with_whole_numbers(_said({k: v for k, v in bundle.items() if k not in _OF_THE_BUNDLE}))
    said["entry"] = [_with_whole_numbers(_said_in(e)) for e in (first, *sorted(others, key=_full_url))]
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def _full_url(entry: Resource) -> str:
    return str(entry.get("fullUrl", ""))


def _said_in(entry: Resource) -> Resource:
    return {**entry, "resource": _said(entry["resource"])} if isinstance(entry.get("resource"), dict) else entry


def _said(resource: Resource) -> Resource:
    """A resource without narratives: its own, and those of what it contains or, as a Bundle, holds."""
    kept = {k: v for k, v in resource.items() if k != "text"}
    for name, inner in (("contained", _said), ("entry", _said_in)):
        if isinstance(kept.get(name), list):
            kept[name] = [inner(part) if isinstance(part, dict) else part for part in kept[name]]
    return kept


def _with_whole_numbers(part: Resource) -> Resource:
    """A part of a Bundle with each whole number as an integer. Few parts have one that is written with a point."""
    changed: Resource = _whole(part) if _WRITTEN_WITH_POINT.search(orjson.dumps(part)) else part
    return changed


def _whole(node: Any) -> Any:
    """A copy with each whole number as an integer. A float is exact for whole numbers up to 2^53."""
    if isinstance(node, dict):
        return {k: _whole(v) for k, v in node.items()}
    if isinstance(node, list):
        return [_whole(v) for v in node]
    return int(node) if isinstance(node, float) and node.is_integer() and abs(node) <= _EXACT else node
