"""Requests that must be refused, each wrong in one way; the answers must be valid all the same."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
SUBMIT, INQUIRE = "/Claim/$submit", "/Claim/$inquire"
PACKAGE = "/Questionnaire/$questionnaire-package"
SIGN = "/cds-services/crd-order-sign"


@dataclass(frozen=True, slots=True)
class Bad:
    name: str
    path: str
    body: bytes
    media: str = "application/fhir+json"


def _deep(levels: int) -> bytes:
    return b'{"resourceType":"Bundle","entry":' + b"[" * levels + b"]" * levels + b"}"


BAD_REQUESTS = (
    *(Bad(f"not JSON: {path}", path, b"{nonsense", "application/json") for path in (SUBMIT, INQUIRE, PACKAGE, SIGN)),
    *(Bad(f"a list: {path}", path, b"[]", "application/json") for path in (SUBMIT, INQUIRE, PACKAGE, SIGN)),
    *(Bad(f"empty object: {path}", path, b"{}", "application/json") for path in (SUBMIT, INQUIRE, PACKAGE, SIGN)),
    *(Bad(f"another type: {path}", path, b'{"resourceType":"Patient"}') for path in (SUBMIT, INQUIRE, PACKAGE)),
    *(Bad(f"no entry: {path}", path, b'{"resourceType":"Bundle","type":"collection"}') for path in (SUBMIT, INQUIRE)),
    Bad("empty entry", SUBMIT, b'{"resourceType":"Bundle","type":"collection","entry":[]}'),
    Bad("nested too deep", SUBMIT, _deep(5000)),
    Bad("too large", SUBMIT, b'{"resourceType":"Bundle","x":"' + b"x" * (11 * 2**20) + b'"}'),
    Bad("XML", SUBMIT, b"<Bundle/>", "application/fhir+xml"),
    Bad("no parameter", PACKAGE, b'{"resourceType":"Parameters","parameter":[]}'),
    Bad("unknown service", "/cds-services/no-such-hook", b"{}", "application/json"),
)


def bad_bundles(good: Json) -> Iterator[Bad]:
    """A good PAS request, spoilt in one way at a time."""
    for name, spoil in _WAYS:
        bundle = deepcopy(good)
        bundle["identifier"]["value"] = f"bad-{name}"
        spoil(bundle)
        yield Bad(name, SUBMIT, json.dumps(bundle).encode())


def _claim(bundle: Json) -> Json:
    return _first(bundle, "Claim")


def _first(bundle: Json, kind: str) -> Json:
    found: Json = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind)
    return found


def _without(kind: str) -> Callable[[Json], None]:
    def spoil(bundle: Json) -> None:
        bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != kind]

    return spoil


def _claim_last(bundle: Json) -> None:
    bundle["entry"].append(bundle["entry"].pop(0))


def _two_claims(bundle: Json) -> None:
    again = deepcopy(bundle["entry"][0])
    again["fullUrl"] += "-2"
    again["resource"]["id"] += "-2"
    bundle["entry"].insert(1, again)


def _same_sequence(bundle: Json) -> None:
    _claim(bundle)["item"].append(deepcopy(_claim(bundle)["item"][0]))


def _unknown_member(bundle: Json) -> None:
    for resource in (_first(bundle, "Coverage"), _first(bundle, "Patient")):
        for identifier in resource.get("identifier", ()):
            identifier["value"] = "W-UNKNOWN-1"
    _first(bundle, "Coverage")["subscriberId"] = "W-UNKNOWN-1"


def _other_payer(bundle: Json) -> None:
    insurer = next(e["resource"] for e in bundle["entry"] if e["resource"]["id"].endswith("payer"))
    insurer["identifier"] = [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1000000004"}]


def _form(canonical: str) -> Callable[[Json], None]:
    def spoil(bundle: Json) -> None:
        _first(bundle, "QuestionnaireResponse")["questionnaire"] = canonical

    return spoil


def _answer(link: str, answer: Json) -> Callable[[Json], None]:
    def spoil(bundle: Json) -> None:
        def change(items: list[Json]) -> None:
            for item in items:
                if item["linkId"] == link:
                    item["answer"] = [answer]
                change(item.get("item", []))

        change(_first(bundle, "QuestionnaireResponse")["item"])

    return spoil


def _set(kind: str, key: str, value: Any) -> Callable[[Json], None]:
    def spoil(bundle: Json) -> None:
        _first(bundle, kind)[key] = value

    return spoil


def _item(key: str, value: Any) -> Callable[[Json], None]:
    def spoil(bundle: Json) -> None:
        _claim(bundle)["item"][0][key] = value

    return spoil


_WAYS: tuple[tuple[str, Callable[[Json], None]], ...] = (
    ("no patient", _without("Patient")),
    ("no coverage", _without("Coverage")),
    ("no organizations", _without("Organization")),
    ("no answers", _without("QuestionnaireResponse")),
    ("claim is not first", _claim_last),
    ("two claims", _two_claims),
    ("item sequence twice", _same_sequence),
    ("unknown member", _unknown_member),
    ("another payer", _other_payer),
    ("unknown canonical", _form("http://vitruvian.example/fhir/Questionnaire/no-such-form|1.0.0")),
    ("unknown edition of the form", _form("http://vitruvian.example/fhir/Questionnaire/kineret|99.0.0")),
    ("answer of the wrong type", _answer("taking-now", {"valueString": "no"})),
    ("unknown answer code", _answer("request-type", {"valueCoding": {"code": "no-such-code"}})),
    ("impossible date", _item("servicedDate", "2027-02-30")),
    ("a date that is none", _set("Patient", "birthDate", "yesterday")),
    ("not a preauthorization", _set("Claim", "use", "claim")),
    ("no items", _set("Claim", "item", [])),
    ("item is text", _set("Claim", "item", "one")),
    ("unknown modifier extension", _set("Claim", "modifierExtension", [{"url": "urn:x", "valueBoolean": True}])),
)
