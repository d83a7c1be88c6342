"""Approvable requests, and the places in them that spoilings change."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from server.authoring.chart import changed
from server.authoring.worked_cases_file import Changes, read_worked_cases, worked_case_files
from server.decision.model import Outcome
from server.fhir.codes import PAS
from server.fhir.read import BundleIndex, reference
from server.policy.library import PolicyLibrary
from server.policy.model import Policy
from server.settings import ROOT
from tests.shared_material import KINERET_CASES
from tests.spoilings.model import Json

POLICY = "kineret-201603"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
SNOMED = "http://snomed.info/sct"
ATC = "http://www.whocc.no/atc"
POS = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
UCUM = "http://unitsofmeasure.org"
FORM = "http://vitruvian.example/fhir/CodeSystem/kineret-form"
ADALIMUMAB = "327361"
REQUESTED_SERVICE = f"{PAS}extension-requestedService"


@cache
def policies() -> PolicyLibrary:
    return PolicyLibrary.load(ROOT / "cql", ROOT / "questionnaires")


@cache
def policy() -> Policy:
    return next(p for p in policies().policies if p.id == POLICY)


@dataclass(frozen=True, slots=True)
class Base:
    """An approvable request by its name; raw: its JSON."""

    name: str
    raw: bytes

    def copy(self) -> Json:
        found: Json = orjson.loads(self.raw)
        return found


@cache
def bases() -> tuple[Base, ...]:
    """Every approvable request: the charts first, then the shared examples, then the worked cases."""
    return (*_charts(), *_examples(), *_worked_cases())


def _charts() -> Iterator[Base]:
    for file in sorted((ROOT / "cql" / POLICY / "charts").glob("*.json")):
        if file.stem != "other-condition":  # what the policy does not cover is never approved
            yield Base(file.stem, file.read_bytes())


def _examples() -> Iterator[Base]:
    for folder in sorted(KINERET_CASES.glob("TC-*")):
        if json.loads((folder / "expected.json").read_bytes())["reviewAction"] == "A1":
            yield Base(folder.name, (folder / "pas-submit.json").read_bytes())


def _worked_cases() -> Iterator[Base]:
    folder = ROOT / "cql" / POLICY
    for file in worked_case_files(folder):
        for case in read_worked_cases(file, []) or ():
            if case.expect.outcome is Outcome.APPROVE and (case.answers or case.record != type(case.record)()):
                chart = orjson.loads((folder / "charts" / f"{case.chart}.json").read_bytes())
                body = changed(chart, case, policy(), None, policies().value_sets)
                yield Base(case.id, orjson.dumps(body))


# -- places --------------------------------------------------------------------------------------------------


def claim(bundle: Json) -> Json:
    found: Json = bundle["entry"][0]["resource"]
    return found


def item(bundle: Json) -> Json:
    found: Json = claim(bundle)["item"][0]
    return found


def all_of(bundle: Json, kind: str) -> list[Json]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def first(bundle: Json, kind: str) -> Json:
    return all_of(bundle, kind)[0]


def service_extension(bundle: Json) -> Json | None:
    found: list[Json] = [e for e in item(bundle).get("extension", ()) if e["url"] == REQUESTED_SERVICE]
    return found[0] if found else None


def order(bundle: Json) -> Json:
    """The order that the item names."""
    extension = service_extension(bundle) or {}
    found = BundleIndex(bundle).resolve(extension.get("valueReference"), claim(bundle))
    assert found is not None
    return found


def url_of(bundle: Json, resource: Json) -> str:
    found: str = next(e["fullUrl"] for e in bundle["entry"] if e["resource"] is resource)
    return found


def patient_reference(bundle: Json) -> Json:
    return dict(claim(bundle)["patient"])


def add(bundle: Json, resource: Json, *, base: str = "https://clinic.example.com/fhir") -> str:
    """Adds an entry; returns its fullUrl."""
    url = f"{base}/{resource['resourceType']}/{resource['id']}"
    bundle["entry"].append({"fullUrl": url, "resource": resource})
    return url


def remove(bundle: Json, *resources: Json) -> None:
    """Takes entries out, and the supporting information that points at them."""
    gone = [url_of(bundle, r) for r in resources]
    bundle["entry"] = [e for e in bundle["entry"] if e["fullUrl"] not in gone]
    sent = claim(bundle).get("supportingInfo", [])
    dropped = [s["sequence"] for s in sent if reference(s.get("valueReference")) in gone]
    _set_list(claim(bundle), "supportingInfo", [s for s in sent if s["sequence"] not in dropped])
    for one in claim(bundle)["item"]:
        numbers = one.get("informationSequence", [])
        _set_list(one, "informationSequence", [n for n in numbers if n not in dropped])


def _set_list(holder: Json, key: str, value: list[Any]) -> None:
    holder.pop(key, None)
    if value:
        holder[key] = value


def concept(system: str, code: str, display: str | None = None) -> Json:
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def dose(value: Any, unit: str = "mg") -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def dosage(value: Any = 100, unit: str = "mg", **more: Any) -> Json:
    """Once a day, under the skin."""
    found = {
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
        "route": concept(SNOMED, "34206005"),
        "doseAndRate": [{"doseQuantity": dose(value, unit)}],
    }
    return {k: v for k, v in {**found, **more}.items() if v is not None}


def an_order(bundle: Json, medication: Json, id_: str = "another-order", **more: Any) -> Json:
    """Another active order of the patient, of the same day and prescriber as the one asked for."""
    like = order(bundle)
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "active",
        "intent": "order",
        "subject": patient_reference(bundle),
        "authoredOn": like.get("authoredOn"),
        "requester": like.get("requester"),
        "medicationCodeableConcept": medication,
        **more,
    }


def a_second_item(bundle: Json, product: Json, **more: Any) -> Json:
    """Item 2, of the same day and place as item 1, with a product and no order of its own."""
    like = item(bundle)
    kept = ("careTeamSequence", "diagnosisSequence", "category", "servicedDate", "servicedPeriod", "quantity")
    found = {key: like[key] for key in (*kept, "locationCodeableConcept") if key in like}
    number = len(claim(bundle)["item"]) + 1
    return {"sequence": number, "productOrService": product, **found, **more}


# -- answers -------------------------------------------------------------------------------------------------


def answer(bundle: Json, answers: dict[str, Any]) -> None:
    """Answers by linkId, as worked cases write them; [] leaves a question open."""
    made = changed(bundle, Changes(answers=answers), policy(), None, policies().value_sets)
    bundle.clear()
    bundle.update(made)


def answered(bundle: Json, link: str) -> Any:
    """The first answer to a question, the code where it is a Coding; None where it is open."""

    def walk(items: list[Json]) -> Iterator[Json]:
        for one in items:
            if one["linkId"] == link:
                yield from one.get("answer", ())
            yield from walk(one.get("item", []))

    for response in all_of(bundle, "QuestionnaireResponse"):
        for found in walk(response.get("item", [])):
            value = next((v for k, v in found.items() if k.startswith("value")), None)
            return value["code"] if isinstance(value, dict) and "code" in value else value
    return None


# -- what an approval rests on -------------------------------------------------------------------------------


def initial(bundle: Json) -> bool:
    return bool(answered(bundle, "request-type") == "initial")


def continuation(bundle: Json) -> bool:
    return bool(answered(bundle, "request-type") == "continuation")


def treats(*indications: str) -> Any:
    """Requests for one of these conditions."""
    return lambda bundle: answered(bundle, "indication") in indications


def both(*fits: Any) -> Any:
    return lambda bundle: all(f(bundle) for f in fits)


def with_order(bundle: Json) -> bool:
    """Requests whose item names an order that came along."""
    return service_extension(bundle) is not None


def dosed(bundle: Json) -> bool:
    """Requests whose order says how much; the dose is judged."""
    return (
        with_order(bundle)
        and bool(order(bundle).get("dosageInstruction"))
        and answered(bundle, "indication") in ("RA", "CAPS")
    )


def in_hospital(bundle: Json) -> bool:
    """Requests for a hospital outpatient department."""
    place = item(bundle).get("locationCodeableConcept", {}).get("coding", [{}])[0].get("code")
    return place in ("19", "22") or (place is None and answered(bundle, "place-of-service") in ("19", "22"))


def at_home(bundle: Json) -> bool:
    """Requests for an adult at home, so that the place of service decides the site of care."""
    place = item(bundle).get("locationCodeableConcept", {}).get("coding", [{}])[0].get("code")
    return bool(place == "12" and first(bundle, "Patient").get("birthDate", "") < "2005")


def by_trial(bundle: Json) -> bool:
    """First requests that rest on what was tried before."""
    return bool(initial(bundle) and answered(bundle, "indication") == "RA" and answered(bundle, "prior-therapy-any"))
