"""The extension coverage-information: what the payer says about one order, in the shape of each version (crd 1.10)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from server.fhir.codes import COVERAGE_INFORMATION
from server.fhir.read import Coding, dicts, extensions, reference, type_and_id
from server.fhir.version import Version

TEMPORARY = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
COVERAGE_DETAIL = "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"

_REASONS = {
    Version.V2_0: frozenset({"gold-card", "detail-code"}),
    Version.V2_2: frozenset(
        {"gold-card", "no-member-found", "no-active-coverage", "coverage-not-found", "auth-out-network", "technical"}
    ),
}
"""The reason codes of each version's value set. Any other reason is told by its text alone."""

# Two answers say the same when they differ in these children alone (T-30).
_NOT_COMPARED = frozenset({"coverage", "date", "coverage-assertion-id", "expiry-date"})


@dataclass(frozen=True, slots=True)
class Contact:
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class CoverageInformation:
    """One repetition. Codes are CRD 2.2's; `extension` writes them in the words of the version asked for.

    coverage: literal reference; said_on: its `date`; reason: one plain text, always given; policy_link: a page about
    the policy; questionnaires: `url|version`; expires: the last day on which it may be relied on; dependencies: other
    orders.
    """

    coverage: str
    covered: str
    reason: str
    said_on: date
    assertion_id: str
    contact: Contact
    pa_needed: str | None = None
    doc_needed: tuple[str, ...] = ()
    info_needed: tuple[str, ...] = ()
    reason_code: str | None = None
    billing_codes: tuple[Coding, ...] = ()
    policy_link: str | None = None
    questionnaires: tuple[str, ...] = ()
    satisfied_pa_id: str | None = None
    doc_purpose: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    expires: date | None = None

    def extension(self, version: Version) -> dict[str, Any]:
        """The Extension, every child that has a value."""
        return {"url": COVERAGE_INFORMATION, "extension": [*_requirements(self, version), *_validity(self, version)]}


def _requirements(ci: CoverageInformation, version: Version) -> list[dict[str, Any]]:
    old = version is Version.V2_0
    words = {"indeterminate": "conditional"} if old else {}  # which 2.0 has no word for
    children: list[dict[str, Any]] = [
        {"url": "coverage", "valueReference": {"reference": ci.coverage}},
        {"url": "covered", "valueCode": words.get(ci.covered, ci.covered)},
    ]
    if ci.pa_needed:
        children.append({"url": "pa-needed", "valueCode": words.get(ci.pa_needed, ci.pa_needed)})
    children += [{"url": "doc-needed", "valueCode": code} for code in _doc_needed(ci.doc_needed, old=old)]
    if old and ci.doc_needed and ci.pa_needed == "auth-needed":
        # an answer of 2.2 with a purpose breaks invariant q4; there the form alone tells the purpose (T-1)
        children.append({"url": "doc-purpose", "valueCode": "withpa"})
    children += [{"url": "doc-purpose", "valueCode": code} for code in ci.doc_purpose]
    known = ("performer", "location", "timeframe", "contract-window", "OTH")
    wanted = [*ci.info_needed, *(["OTH"] if old and "indeterminate" in (ci.covered, ci.pa_needed) else [])]
    codes = dict.fromkeys("OTH" if old and code not in known else code for code in wanted)
    children += [{"url": "info-needed", "valueCode": code} for code in codes]
    children += [{"url": "billingCode", "valueCoding": _coding(code)} for code in ci.billing_codes]
    children += [{"url": "dependency", "valueReference": {"reference": order}} for order in ci.dependencies]
    return children


def _validity(ci: CoverageInformation, version: Version) -> list[dict[str, Any]]:
    children: list[dict[str, Any]] = [{"url": "reason", "valueCodeableConcept": _reason(ci, version)}]
    if ci.policy_link and version is Version.V2_2:
        children.append(_policy_link(ci.policy_link))
    children += [{"url": "questionnaire", "valueCanonical": canonical} for canonical in ci.questionnaires]
    children += [
        {"url": "date", "valueDate": ci.said_on.isoformat()},
        {"url": "coverage-assertion-id", "valueString": ci.assertion_id},
    ]
    if ci.satisfied_pa_id:
        children.append({"url": "satisfied-pa-id", "valueString": ci.satisfied_pa_id})
    phone = {"system": "phone", "value": ci.contact.phone}
    if version is Version.V2_0:
        return [*children, {"url": "contact", "valueContactPoint": phone}]
    children.append({"url": "contact", "valueContactDetail": {"name": ci.contact.name, "telecom": [phone]}})
    if ci.expires:
        children.append({"url": "expiry-date", "valueDate": ci.expires.isoformat()})
    return children


def _doc_needed(codes: tuple[str, ...], *, old: bool) -> tuple[str, ...]:
    """2.0 takes one code, and has a code of its own for two kinds of documentation."""
    return ("both",) if old and {"clinical", "admin"} <= set(codes) else codes[:1] if old else codes


def _reason(ci: CoverageInformation, version: Version) -> dict[str, Any]:
    code = "detail-code" if "detail-code" in ci.info_needed else ci.reason_code
    coding = [{"system": TEMPORARY, "code": code}] if code in _REASONS[version] else []
    return {"coding": coding, "text": ci.reason} if coding else {"text": ci.reason}


def _policy_link(url: str) -> dict[str, Any]:
    return {
        "url": "detail",
        "extension": [
            {"url": "category", "valueCode": "cat-other"},
            {
                "url": "code",
                "valueCodeableConcept": {
                    "coding": [{"system": s, "code": "policy-link"} for s in (COVERAGE_DETAIL, TEMPORARY)]
                },
            },
            {"url": "value", "valueUrl": url},
        ],
    }


def _coding(coding: Coding) -> dict[str, str]:
    found = {"system": coding.system, "code": coding.code}
    return {**found, "display": coding.display} if coding.display else found


@dataclass(frozen=True, slots=True)
class CarriedInformation:
    """A coverage-information that came with the order. index: its place in the order's `extension`."""

    index: int
    children: tuple[dict[str, Any], ...]

    def value(self, url: str) -> Any:
        """The value of the first child with this url, or None."""
        child = next((c for c in self.children if c.get("url") == url), {})
        return next((v for k, v in child.items() if k.startswith("value")), None)

    def says(self, ci: CoverageInformation, version: Version) -> bool:
        """Whether it says what `ci` says, but for the day and the assertion id."""
        return _content(self.children) == _content(ci.extension(version)["extension"])


def carried_for(order_extensions: list[Any], coverage: str) -> list[CarriedInformation]:
    """The repetitions for the Coverage `coverage`, which are ours. Those for other Coverages stay (T-15)."""
    wanted = type_and_id(coverage) or coverage
    found = []
    for index, ext in enumerate(order_extensions):
        if isinstance(ext, dict) and ext.get("url") == COVERAGE_INFORMATION:
            about = reference(next((c.get("valueReference") for c in extensions(ext, "coverage")), None))
            if (type_and_id(about) or about) == wanted:
                children = tuple(c for c in dicts(ext.get("extension")) if isinstance(c.get("url"), str))
                found.append(CarriedInformation(index, children))
    return found


def _content(children: Any) -> set[bytes]:
    return {orjson.dumps(c, option=orjson.OPT_SORT_KEYS) for c in children if c.get("url") not in _NOT_COMPARED}
