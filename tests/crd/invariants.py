"""The invariants and cardinalities of coverage-information as code (crd section 1.10), a column for each version."""

from collections import Counter
from typing import Any

from server.fhir.version import Version

_ONE = ("coverage", "covered", "date", "coverage-assertion-id")
_AT_MOST_ONE = ("pa-needed", "satisfied-pa-id", "expiry-date")

_CODES = {
    "covered": {"covered", "not-covered", "conditional", "indeterminate"},
    "pa-needed": {"no-auth", "auth-needed", "satisfied", "performpa", "conditional", "indeterminate"},
    "doc-needed": {"clinical", "admin", "patient", "conditional", "indeterminate"},
    "doc-purpose": {"withpa", "withclaim", "withorder", "retain-doc", "OTH"},
    "info-needed": {"performer", "location", "timeframe", "contract-window", "detail-code", "OTH"},
}
_OLD_CODES = {
    "covered": {"covered", "not-covered", "conditional"},
    "pa-needed": {"no-auth", "auth-needed", "satisfied", "performpa", "conditional"},
    "doc-needed": {"clinical", "admin", "both", "conditional"},
    "doc-purpose": _CODES["doc-purpose"],
    "info-needed": _CODES["info-needed"] - {"detail-code"},
}
_REASONS = {
    Version.V2_0: {"gold-card", "detail-code"},
    Version.V2_2: {
        "gold-card",
        "no-member-found",
        "no-active-coverage",
        "coverage-not-found",
        "auth-out-network",
        "technical",
    },
}
_VALUES = {
    "coverage": "valueReference",
    "billingCode": "valueCoding",
    "reason": "valueCodeableConcept",
    "questionnaire": "valueCanonical",
    "date": "valueDate",
    "coverage-assertion-id": "valueString",
    "satisfied-pa-id": "valueString",
    "expiry-date": "valueDate",
}


def broken_invariants(extension: dict[str, Any], version: Version) -> list[str]:
    """The keys of every rule that an instance of the extension breaks."""
    parts = extension["extension"]
    count = Counter(p["url"] for p in parts)
    values: dict[str, list[Any]] = {}
    for part in parts:
        values.setdefault(part["url"], []).append(next((v for k, v in part.items() if k.startswith("value")), None))
    broken = [f"1..1 {url}" for url in _ONE if count[url] != 1]
    broken += [f"0..1 {url}" for url in _AT_MOST_ONE if count[url] > 1]
    broken += [f"value[x] of {p['url']}" for p in parts if p["url"] in _VALUES and not p.get(_VALUES[p["url"]])]
    codes = _OLD_CODES if version is Version.V2_0 else _CODES
    broken += [f"code of {url}" for url, allowed in codes.items() if not set(values.get(url, ())) <= allowed]
    broken += _reasons(values, version)
    rules = _old(values) if version is Version.V2_0 else _new(values)
    return broken + [key for key, holds in rules.items() if not holds]


def _reasons(values: dict[str, list[Any]], version: Version) -> list[str]:
    reasons = values.get("reason", [])
    codes = {c["code"] for r in reasons for c in r.get("coding", ())}
    broken = [] if codes <= _REASONS[version] else ["reason code"]
    return broken if all(r.get("text") for r in reasons) else [*broken, "q7 text"]


def _deciding(values: dict[str, list[Any]]) -> list[Any]:
    return [v for url in ("covered", "pa-needed", "doc-needed") for v in values.get(url, ())]


def _new(values: dict[str, list[Any]]) -> dict[str, bool]:
    pa = values.get("pa-needed", [])
    purposes = values.get("doc-purpose", [])
    return {
        "q1": "questionnaire" not in values or "doc-needed" in values,
        "q2": values["covered"] != ["not-covered"] or "pa-needed" not in values,
        "q3": ("conditional" in _deciding(values)) == ("info-needed" in values),
        # as HL7's validator evaluates it, doc-purpose with any pa-needed but these is an error (T-1)
        "q4": "doc-purpose" not in values or (pa == ["satisfied"] and "withpa" not in purposes),
        "q5": (pa == ["satisfied"]) == ("satisfied-pa-id" in values),
        "q6": "OTH" not in values.get("info-needed", ()) or "reason" in values,
        "q8": not purposes or "reason" in values,
        "q9": "indeterminate" not in _deciding(values) or "reason" in values,
        "response is gone": "response" not in values,
    }


def _old(values: dict[str, list[Any]]) -> dict[str, bool]:
    pa = values.get("pa-needed", [])
    return {
        "q1": not ({"questionnaire", "response"} & values.keys()) or "doc-needed" in values,
        "q2": (values["covered"] == ["not-covered"]) != ("pa-needed" in values),
        "q3": ("conditional" in _deciding(values)) == ("info-needed" in values),
        "q5": (pa == ["satisfied"]) == ("satisfied-pa-id" in values),
        "one doc-needed": len(values.get("doc-needed", ())) <= 1,
        "no expiry-date": "expiry-date" not in values,
        "reason for OTH": "OTH" not in values.get("info-needed", ()) or "reason" in values,
    }
