"""What a provider sends who follows a remedy: answers, resources and dates, and nothing that was not asked for."""

from datetime import date, timedelta
from typing import Any

from tests.remedies.model import Follow
from tests.spoilings.model import Json
from tests.spoilings.request import (
    ICD10,
    NDC,
    POS,
    RXNORM,
    UCUM,
    add,
    all_of,
    answer,
    answered,
    claim,
    concept,
    dosage,
    dose,
    initial,
    item,
    order,
    patient_reference,
    policy,
    remove,
)

TEXT = {"contentType": "text/plain", "data": "U2VlbiBpbiBjbGluaWMuIFRoZSBoaXN0b3J5IGlzIGRlc2NyaWJlZCBoZXJlLg=="}
CERTIFICATION = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-certificationType"
CODES = {"RA": "M06.09", "CAPS": "M04.2", "DIRA": "M04.8", "SJIA": "M08.29", "STILL": "M06.1"}
ADALIMUMAB, PREDNISONE, METHOTREXATE, IBUPROFEN = "327361", "8640", "6851", "5640"


def created(bundle: Json) -> date:
    return date.fromisoformat(claim(bundle)["created"][:10])


def service(bundle: Json) -> date:
    return date.fromisoformat(item(bundle).get("servicedDate") or claim(bundle)["created"][:10])


def ago(bundle: Json, days: int) -> str:
    """So many days before the request was made."""
    return (created(bundle) - timedelta(days)).isoformat()


def together(*sends: Follow) -> Follow:
    """One after the other."""

    def send(bundle: Json) -> None:
        for one in sends:
            one(bundle)

    return send


def answering(**answers: Any) -> Follow:
    """Answers questions; `place_of_service` is place-of-service. Where no form came along, it is sent."""

    def send(bundle: Json) -> None:
        if not all_of(bundle, "QuestionnaireResponse"):
            add(bundle, _empty_form(bundle))
        answer(bundle, {link.replace("_", "-"): value for link, value in answers.items()})

    return send


def _empty_form(bundle: Json) -> Json:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "answers-sent",
        "questionnaire": policy().editions[0].form.canonical,
        "status": "completed",
        "subject": patient_reference(bundle),
        "authored": claim(bundle)["created"],
        "item": [],
    }


def trial(medicine: str, *, days: int = 180, outcome: str = "inadequate") -> Json:
    """A trial of the condition treated that ended some months ago."""
    found = {"trial.medicine": medicine, "trial.for-condition": "yes", "trial.days": days, "trial.outcome": outcome}
    return found | ({"trial.reaction": "Rash."} if outcome == "intolerant" else {})


def listing(*trials: Json) -> Follow:
    """Lists these trials and no others."""

    def send(bundle: Json) -> None:
        dated = [_dated(bundle, t) for t in trials]
        answering(prior_therapy_any=True, trial=dated)(bundle)

    return send


def _dated(bundle: Json, row: Json) -> Json:
    kept = {key: value for key, value in row.items() if key != "trial.days"}
    last = created(bundle) - timedelta(100)
    first = last - timedelta(row["trial.days"] - 1)
    return kept | {"trial.start": first.isoformat(), "trial.end": last.isoformat()}


def consultation(specialty: str = "rheumatology", **more: Any) -> Follow:
    def send(bundle: Json) -> None:
        answering(
            specialist_consulted=True,
            consultant_specialty=specialty,
            consultant_identity="Kim Sample, NPI 1234567893",
            consultation_date=ago(bundle, 15),
            **more,
        )(bundle)

    return send


def kind_of_request(bundle: Json) -> None:
    """As the certification type says, else as whether Kineret is taken."""
    kinds = {"I": "initial", "R": "continuation", "4": "continuation"}
    type_ = next((e for e in item(bundle).get("extension", ()) if e["url"] == CERTIFICATION), None)
    code = (type_ or {}).get("valueCodeableConcept", {}).get("coding", [{}])[0].get("code")
    kind = kinds.get(code or "") or ("continuation" if answered(bundle, "taking-now") else "initial")
    day = item(bundle).get("servicedDate")
    start = {"service-start": day} if day else {}
    begun = {"course-start": ago(bundle, 200)} if kind == "continuation" else {}
    answering(**{"request-type": kind, "taking-now": kind == "continuation", **start, **begun})(bundle)


def certification_type(bundle: Json) -> None:
    rest = [e for e in item(bundle).get("extension", ()) if e["url"] != CERTIFICATION]
    code = "I" if initial(bundle) else "R"
    value = concept("https://codesystem.x12.org/005010/1322", code)
    item(bundle)["extension"] = [*rest, {"url": CERTIFICATION, "valueCodeableConcept": value}]


def package_code(bundle: Json) -> None:
    item(bundle)["detail"] = [{"sequence": 1, "productOrService": concept(NDC, "66658023407")}]


def first_day(bundle: Json) -> None:
    item(bundle)["servicedDate"] = (created(bundle) + timedelta(30)).isoformat()


def first_day_answered(bundle: Json) -> None:
    answering(service_start=(created(bundle) + timedelta(30)).isoformat())(bundle)


def place(code: str) -> Follow:
    """In the claim item and in the form."""

    def send(bundle: Json) -> None:
        item(bundle)["locationCodeableConcept"] = concept(POS, code)
        answering(place_of_service=code)(bundle)

    return send


def _good_code(bundle: Json) -> Json:
    return concept(ICD10, CODES[answered(bundle, "indication")])


def diagnosis_of_the_claim(bundle: Json) -> None:
    claim(bundle)["diagnosis"] = [{"sequence": 1, "diagnosisCodeableConcept": _good_code(bundle)}]
    item(bundle)["diagnosisSequence"] = [1]


def codes_corrected(bundle: Json) -> None:
    """Wherever a code or condition stands: on the claim, the order, in the chart and in the form."""
    diagnosis_of_the_claim(bundle)
    order(bundle)["reasonCode"] = [_good_code(bundle)]
    for condition in all_of(bundle, "Condition"):
        condition["code"] = _good_code(bundle)
    answering(diagnosis_code=CODES[answered(bundle, "indication")])(bundle)


def note(bundle: Json) -> None:
    """A clinical note of the last year, from this very patient's chart."""
    attachment = TEXT | {"creation": ago(bundle, 10)}
    add(
        bundle,
        {
            "resourceType": "DocumentReference",
            "id": "note-sent",
            "status": "current",
            "type": concept("http://loinc.org", "11506-3"),
            "subject": patient_reference(bundle),
            "date": f"{ago(bundle, 10)}T09:00:00Z",
            "content": [{"attachment": attachment}],
        },
    )


def product_ordered(bundle: Json) -> None:
    order(bundle).pop("medicationReference", None)
    order(bundle)["medicationCodeableConcept"] = concept(RXNORM, "727714")


def dosed(milligrams: float) -> Follow:
    """The order gives so much once a day under the skin, and nothing else."""

    def send(bundle: Json) -> None:
        order(bundle)["dosageInstruction"] = [dosage(milligrams)]
        order(bundle).pop("dispenseRequest", None)

    return send


def weighed(kilograms: float) -> Follow:
    """One weighing of last week stands on record."""

    def send(bundle: Json) -> None:
        remove(bundle, *all_of(bundle, "Observation"))
        add(
            bundle,
            {
                "resourceType": "Observation",
                "id": "weight-sent",
                "status": "final",
                "code": concept("http://loinc.org", "29463-7"),
                "subject": patient_reference(bundle),
                "effectiveDateTime": ago(bundle, 7),
                "valueQuantity": dose(kilograms, "kg") | {"system": UCUM},
            },
        )

    return send


def fill(code: str, *, days_ago: int, days: int) -> Follow:
    """Other fills of the record are corrected away: this one is what was handed over."""

    def send(bundle: Json) -> None:
        remove(bundle, *all_of(bundle, "MedicationDispense"))
        add(
            bundle,
            {
                "resourceType": "MedicationDispense",
                "id": "fill-sent",
                "status": "completed",
                "medicationCodeableConcept": concept(RXNORM, code),
                "subject": patient_reference(bundle),
                "whenHandedOver": ago(bundle, days_ago),
                "daysSupply": {"value": days, "unit": "days", "system": UCUM, "code": "d"},
            },
        )

    return send
