"""Point 10: proof whose words, type or author say that it proves nothing."""

from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import (
    POS,
    add,
    all_of,
    answer,
    answered,
    at_home,
    both,
    claim,
    concept,
    first,
    initial,
    item,
    order,
    patient_reference,
    treats,
    with_order,
)

TABLE = Table(10)
_LOINC = "http://loinc.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
_NUCC = "http://nucc.org/provider-taxonomy"
_dira = both(initial, treats("DIRA"))


# -- genes ---------------------------------------------------------------------------------------------------


def _about(bundle: Json, kind: str, more: Json) -> None:
    add(bundle, {"resourceType": kind, "id": "proof", "status": "final", "subject": patient_reference(bundle), **more})


_IL1RN = {"code": {"text": "IL1RN gene sequencing"}, "effectiveDateTime": "2026-01-15"}
_CONCLUSIONS = (
    "Heterozygous carrier of IL1RN variant only.",
    "IL1RN: normal.",
    "VUS in IL1RN",
    "IL1RN sequencing failed; insufficient sample",
    "IL1RN not mutated",
    "No IL1RN variants",
    "IL1RN variant absent",
    "IL1RN result pending",
    "IL1RN: no abnormality",
    "Non-pathogenic IL1RN variant",
    "Monoallelic IL1RN variant; DIRA unlikely",
)
_REPORTS = [(f"genetic report: {words}", {**_IL1RN, "conclusion": words}) for words in _CONCLUSIONS]
TABLE.rows_of(
    [
        *_REPORTS,
        ("preliminary genetic report", {**_IL1RN, "status": "preliminary", "conclusion": "IL1RN negative"}),
        ("genetic report of unknown status", {**_IL1RN, "status": "unknown", "conclusion": "IL1RN negative"}),
        ("genetic report of the panel", {"code": {"text": "DIRA gene panel"}, "conclusion": "No pathogenic variants"}),
        ("genetic report with a hyphen", {"code": {"text": "IL-1RN gene"}, "conclusion": "Negative"}),
        (
            "genetic report before birth",
            {**_IL1RN, "effectiveDateTime": "2010-01-01", "conclusion": "Homozygous pathogenic variant of IL1RN."},
        ),
    ],
    "That does not confirm it.",
    lambda b, r: _about(b, "DiagnosticReport", r),
    fits=both(_dira, lambda b: first(b, "Patient").get("birthDate", "") > "2011"),
)
TABLE.rows_of(
    [
        ("pathogenic variant: false", {"code": {"text": "IL1RN pathogenic variant"}, "valueBoolean": False}),
        ("gene that is normal", {"code": {"text": "IL1RN"}, "valueString": "normal"}),
        ("gene that is negative by the note", {"code": {"text": "IL1RN"}, "note": [{"text": "negative"}]}),
    ],
    "That does not confirm it.",
    lambda b, r: _about(b, "Observation", r),
    fits=_dira,
)
TABLE.rows_of(
    [
        (f"genetic test answered: {words}", words)
        for words in (
            "-",
            "not done yet",
            "clinical diagnosis, no test done",
            "Sample Genetics, NLRP3 sequencing, 2026-01-01",
            "Sample Genetics, IL1RN sequencing, 2090-01-01",
        )
    ],
    "There was no such test.",
    lambda b, words: answer(b, {"genetic-test": words}),
    fits=_dira,
)


# -- places and reasons for them -----------------------------------------------------------------------------


def _place(bundle: Json, words: Any) -> None:
    item(bundle)["locationCodeableConcept"]["text"] = words


TABLE.rows_of(
    [
        (f"home by code, in words: {w}", w)
        for w in ("HOPD", "Emergency room", "ER", "inpatient ward", "St. Mary's Hosp.")
    ],
    "That is a hospital.",
    _place,
    fits=at_home,
)


def _coded(bundle: Json, code: Any) -> None:
    item(bundle)["locationCodeableConcept"]["coding"].append({"system": _ROLE, "code": code})


_ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
TABLE.rows_of(
    [
        (f"home by code, {n} by another", c)
        for n, c in (("emergency room", "ER"), ("ward", "HU"), ("intensive care", "ICU"))
    ],
    "That is a hospital.",
    _coded,
    fits=at_home,
)


def _ordered(bundle: Json, more: Any) -> None:
    key, value = more
    order(bundle)[key] = value


TABLE.rows_of(
    [
        ("order for a patient in hospital", ("category", [concept(_CATEGORY, "inpatient", "Inpatient")])),
        ("order to be done by a hospital", ("performer", {"display": "General Hospital Infusion"})),
        ("order to be filled by a hospital", ("dispenseRequest", {"performer": {"display": "General Hospital"}})),
        ("order to be given in a hospital", ("note", [{"text": "To be given in the hospital outpatient department"}])),
    ],
    "That is a hospital.",
    _ordered,
    fits=lambda b: at_home(b) and with_order(b),
)


@TABLE.row("Billed as an institution, with the revenue code of a hospital's clinic.", fits=at_home)
def billed_by_a_hospital(bundle: Json) -> None:
    claim(bundle)["type"] = concept("http://terminology.hl7.org/CodeSystem/claim-type", "institutional")
    item(bundle)["revenue"] = concept("https://www.nubc.org/CodeSystem/RevenueCodes", "0510", "Clinic, hospital")


@TABLE.row("The item is for a stay in hospital.", fits=at_home)
def item_of_a_stay_in_hospital(bundle: Json) -> None:
    stay = {
        "resourceType": "Encounter",
        "id": "stay",
        "status": "planned",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": patient_reference(bundle),
    }
    item(bundle)["encounter"] = [{"reference": add(bundle, stay)}]


def _noted(bundle: Json, more: Any) -> None:
    """In a hospital for the reason that the patient is unstable, with a note."""
    answers, note = more
    item(bundle)["locationCodeableConcept"] = concept(POS, "22")
    reason = {"site-exception": ["E2"], "site-exception-detail": "unstable since the last infusion"}
    answer(bundle, {"place-of-service": {"system": POS, "code": "22"}, **reason, **answers})
    content = {"attachment": {"contentType": "text/plain", "data": "UGF0aWVudCBpcyB1bnN0YWJsZSwgc2VlIGJlbG93Lg=="}}
    _about(bundle, "DocumentReference", {"status": "current", "content": [content], **note})


_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TABLE.rows_of(
    [
        ("reason for a hospital that is none", ({"site-exception-detail": "none"}, {})),
        ("reason for a hospital that is a dash", ({"site-exception-detail": "-"}, {})),
        ("insurance card as a note", ({}, {"type": concept(_LOINC, "64290-0", "Health insurance card")})),
        ("consent as a note", ({}, {"type": concept(_LOINC, "59284-0", "Consent document")})),
        ("cover sheet as a note", ({}, {"type": {"text": "Fax cover sheet"}})),
        ("draft of a note", ({}, {"docStatus": "preliminary"})),
        ("note of one pixel", ({}, {"content": [{"attachment": {"contentType": "image/png", "data": _PIXEL}}]})),
    ],
    "That shows no reason.",
    _noted,
    fits=at_home,
)


def _covered(bundle: Json, more: Json) -> None:
    """In a hospital; Medicare, says the form, and the card says something else."""
    item(bundle)["locationCodeableConcept"] = concept(POS, "22")
    answer(bundle, {"place-of-service": [], "coverage-kind": "medicare"})
    coverage = first(bundle, "Coverage")
    coverage.pop("type", None)
    coverage.update(more)


_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_PLAN = concept("http://terminology.hl7.org/CodeSystem/coverage-class", "plan")
TABLE.rows_of(
    [
        ("Medicare answered, commercial in words", {"type": {"text": "Commercial PPO"}}),
        ("Medicare answered, an employer's by code", {"type": concept(_ACT, "EHCPOL", "extended healthcare")}),
        ("Medicare answered, a commercial plan", {"class": [{"type": _PLAN, "value": "1", "name": "Commercial PPO"}]}),
    ],
    "Is that Medicare?",
    _covered,
    fits=at_home,
)


# -- who prescribes, who was asked, who signs ----------------------------------------------------------------


def _held(bundle: Json) -> bool:
    alone = answered(bundle, "specialist-consulted") is None
    return initial(bundle) and alone and bool(all_of(bundle, "PractitionerRole"))


def _role(bundle: Json, more: Json) -> None:
    for role in all_of(bundle, "PractitionerRole"):
        role.update(more)


TABLE.rows_of(
    [
        ("nurse practitioner in words", {"specialty": [{"text": "nurse practitioner"}]}),
        ("dentist in words", {"specialty": [{"text": "Dentist"}]}),
        ("specialist by code, dentist as its display", {"specialty": [concept(_NUCC, "207RR0500X", "Dentist")]}),
        ("specialist whose role is a nurse's", {"code": [{"text": "Nurse practitioner"}]}),
    ],
    "That is no specialist.",
    _role,
    fits=_held,
)


TABLE.rows_of(
    [
        ("requester named as a nurse practitioner", ("requester", {"display": "Jane Doe, NP"})),
        (
            "requester named by another number",
            ("requester", {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1999999984"}}),
        ),
    ],
    "The specialist on the team is not who orders.",
    _ordered,
    fits=lambda b: _held(b) and with_order(b),
)


def _person(bundle: Json, more: Json) -> None:
    for person in all_of(bundle, "Practitioner"):
        person.update(more)


TABLE.rows_of(
    [
        ("prescriber who is out of service", {"active": False}),
        ("prescriber qualified as a nurse", {"qualification": [{"code": {"text": "NP"}}]}),
        (
            "prescriber whose qualification ended",
            {"qualification": [{"code": {"text": "MD"}, "period": {"end": "2020-01-01"}}]},
        ),
    ],
    "That is no specialist.",
    _person,
    fits=_held,
)


def _consulted(bundle: Json, identity: Any) -> None:
    for role in all_of(bundle, "PractitionerRole"):
        role.pop("specialty", None)
    answers = {
        "prescriber-specialty": "np-pa",
        "specialist-consulted": True,
        "consultant-specialty": "rheumatology",
        "consultant-identity": identity,
        "consultation-date": claim(bundle)["created"][:10],
    }
    answer(bundle, answers)


TABLE.rows_of(
    [
        (f"consultation of: {words}", words)
        for words in (
            "pending NPI 1999999984",
            "to be named, NPI 1999999984",
            "self, NPI 1999999984",
            "same as above NPI 1999999984",
            "declined NPI 1999999984",
            "nobody NPI 1999999984",
            "will be consulted NPI 1999999984",
            "Kineret sales rep NPI 1999999984",
            "Kim Joint PA-C NPI 1999999984",
            "Dr. Kim Joint, dermatologist, NPI 1999999984",
            "Vitruvian Demo Health Plan, NPI 1999999992",
        )
    ],
    "Whom did they ask?",
    _consulted,
    fits=initial,
)


@TABLE.row("Cancelled by the patient, says the order.", fits=with_order)
def order_with_a_reason_to_stop(bundle: Json) -> None:
    order(bundle)["statusReason"] = {"text": "Cancelled by patient"}


@TABLE.row("Somebody reports that there is an order.", fits=with_order)
def order_that_is_reported(bundle: Json) -> None:
    order(bundle)["reportedBoolean"] = True


@TABLE.row("Died in hospital.")
def member_who_died_in_an_encounter(bundle: Json) -> None:
    ended = concept("http://terminology.hl7.org/CodeSystem/discharge-disposition", "exp", "Expired")
    stay = {
        "resourceType": "Encounter",
        "id": "last",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": patient_reference(bundle),
        "period": {"start": "2026-11-01", "end": "2026-11-20"},
        "hospitalization": {"dischargeDisposition": ended},
    }
    add(bundle, stay)


def _dated(bundle: Json) -> bool:
    """First requests whose last trial ended in or after August, as answered."""
    return initial(bundle) and any(
        (a.get("valueDate") or "") >= "2026-08"
        for group in first(bundle, "QuestionnaireResponse")["item"]
        for trial in group.get("item", [])
        for one in trial.get("item", [])
        if one["linkId"] == "trial.end"
        for a in one["answer"]
    )


def _signed(bundle: Json, more: Any) -> None:
    attester, author = more
    response = first(bundle, "QuestionnaireResponse")
    response.pop("author", None)
    if author == "patient":
        response["author"] = patient_reference(bundle)
    elif author:
        response["author"] = {"reference": author}
    group = next(i for i in response["item"] if i["linkId"] == "attestation")
    group["item"] = [i for i in group["item"] if i["linkId"] != "attester"]
    if attester:
        group["item"].append({"linkId": "attester", "answer": [{"valueString": attester}]})


TABLE.rows_of(
    [
        ("signed N/A", ("N/A", None)),
        ("signed TBD", ("TBD", None)),
        ("signed by nobody", ("nobody", None)),
        ("signed: not attested", ("not attested", None)),
        ("signed in 2019", ("Robin Sample, prescriber, 2019-12-01", None)),
        ("signed by the patient", ("Mary Patient, the patient herself", "patient")),
        ("signed by a practitioner of another server", (None, "https://other.example.net/Practitioner/1")),
    ],
    "Who stands by that?",
    _signed,
)


@TABLE.row("A program has signed.")
def attestation_by_a_program(bundle: Json) -> None:
    dtr = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/information-origin"
    group = next(i for i in first(bundle, "QuestionnaireResponse")["item"] if i["linkId"] == "attestation")
    one = next(i for i in group["item"] if i["linkId"] == "attest")
    one["answer"][0]["extension"] = [{"url": dtr, "extension": [{"url": "source", "valueCode": "auto"}]}]


@TABLE.row("Signed before the trial ended that it tells of.", fits=_dated)
def answers_before_what_they_tell(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse")["authored"] = "2026-07-01T09:00:00Z"
