"""Point 10: proof that proves nothing."""

from copy import deepcopy
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
_NUCC = "http://nucc.org/provider-taxonomy"


def _excused(bundle: Json, attachment: Json | None) -> None:
    """In a hospital for the reason that the patient is unstable, with this as its record."""
    item(bundle)["locationCodeableConcept"] = concept(POS, "22")
    answers: dict[str, Any] = {
        "place-of-service": {"system": POS, "code": "22"},
        "site-exception": ["E2"],
        "site-exception-detail": "unstable",
    }
    answer(bundle, answers)
    if attachment is not None:
        group = next(i for i in first(bundle, "QuestionnaireResponse")["item"] if i["linkId"] == "site-of-care")
        group["item"].append({"linkId": "site-exception-record", "answer": [{"valueAttachment": attachment}]})


_BLANK = "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
TABLE.rows_of(
    [
        ("reason for a hospital without a record", None),
        ("record of one letter", {"contentType": "text/plain", "data": "eA=="}),
        ("blank record", {"contentType": "text/plain", "data": _BLANK}),
        ("record at about:blank", {"contentType": "application/pdf", "url": "about:blank"}),
        ("record that is a title", {"contentType": "application/pdf", "title": "Note"}),
        (
            "record of no bytes",
            {"contentType": "application/pdf", "url": "https://ehr.example.org/Binary/1", "size": 0},
        ),
        (
            "record of 2090",
            {"contentType": "application/pdf", "url": "https://ehr.example.org/Binary/1", "creation": "2090-01-01"},
        ),
        (
            "record of 1990",
            {"contentType": "application/pdf", "url": "https://ehr.example.org/Binary/1", "creation": "1990-01-01"},
        ),
        ("record that is a script", {"contentType": "text/html", "url": "javascript:void(0)"}),
        ("record in a data address", {"contentType": "text/plain", "url": "data:,"}),
        ("record that leads to nobody's file", {"contentType": "application/pdf", "url": "file:///dev/null"}),
        ("record at a mail address", {"contentType": "application/pdf", "url": "mailto:nobody@example.org"}),
    ],
    "That shows nothing.",
    _excused,
    fits=at_home,
)


def _note(bundle: Json, more: Any) -> None:
    _excused(bundle, None)
    content = {"attachment": {"contentType": "text/plain", "data": "UGF0aWVudCBpcyB1bnN0YWJsZSwgc2VlIGJlbG93Lg=="}}
    note = {
        "resourceType": "DocumentReference",
        "id": "note",
        "status": "current",
        "subject": patient_reference(bundle),
        "content": [content],
        **more,
    }
    add(bundle, {k: v for k, v in note.items() if v is not None})


TABLE.rows_of(
    [
        ("note that was superseded", {"status": "superseded"}),
        ("note that was entered in error", {"status": "entered-in-error"}),
        ("note of 2090", {"date": "2090-01-01T00:00:00Z"}),
        ("note of 1990", {"date": "1990-01-01T00:00:00Z"}),
        ("blank note", {"content": [{"attachment": {"contentType": "text/plain", "data": _BLANK}}]}),
        ("note at about:blank", {"content": [{"attachment": {"url": "about:blank"}}]}),
        ("note about nobody", {"subject": None}),
        ("note about another patient", {"subject": {"reference": "Patient/another"}}),
        ("laboratory report as a note", {"type": concept("http://loinc.org", "11502-2", "Laboratory report")}),
    ],
    "That shows nothing of this patient.",
    _note,
    fits=at_home,
)

_dira = both(initial, treats("DIRA"))


def _report(bundle: Json, more: Any) -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "id": "genes",
        "status": "final",
        "subject": patient_reference(bundle),
        "code": {"text": "IL1RN gene sequencing"},
        "effectiveDateTime": "2026-01-15",
        "conclusion": "Pathogenic variant in IL1RN found, homozygous.",
        **more,
    }
    add(bundle, report)


TABLE.rows_of(
    [
        ("genetic report that says negative", {"conclusion": "IL1RN: negative."}),
        ("genetic report that finds no mutation", {"conclusion": "No mutation of IL1RN was found."}),
        ("genetic report that finds a benign variant", {"conclusion": "IL1RN: benign variant."}),
        ("genetic report of 2090", {"effectiveDateTime": "2090-01-01"}),
        ("genetic report that is uncertain", {"conclusion": "IL1RN: variant of uncertain significance."}),
        (
            "genetic report that excludes it by code",
            {"conclusionCode": [concept("http://snomed.info/sct", "260385009", "Negative")]},
        ),
        ("genetic report that excludes it in its presentation", {"conclusion": "Does not confirm DIRA. IL1RN normal."}),
        ("genetic report that says homozygous wild type", {"conclusion": "IL1RN wild-type."}),
    ],
    "The report does not confirm it.",
    _report,
    fits=_dira,
)


def _confirmed(bundle: Json, answers: Any) -> None:
    answer(bundle, answers)


TABLE.rows_of(
    [
        ("not confirmed by genes", {"genetic-confirmed": "no"}),
        ("confirmation pending", {"genetic-confirmed": "pending"}),
        ("test that the FDA has not approved", {"test-fda-approved": "no"}),
        ("test of which nobody knows", {"test-fda-approved": "unsure"}),
    ],
    "That is no confirmation.",
    _confirmed,
    fits=_dira,
)


@TABLE.row("The report attached is blank.", fits=_dira)
def blank_genetic_report(bundle: Json) -> None:
    group = next(i for i in first(bundle, "QuestionnaireResponse")["item"] if i["linkId"] == "genetics")
    group["item"] = [i for i in group["item"] if i["linkId"] != "genetic-report"]
    group["item"].append(
        {"linkId": "genetic-report", "answer": [{"valueAttachment": {"contentType": "text/plain", "data": "eA=="}}]}
    )


# -- specialists ---------------------------------------------------------------------------------------------


def _consulted(bundle: Json, answers: Any) -> None:
    """A family physician who consulted a rheumatologist."""
    for role in all_of(bundle, "PractitionerRole"):
        role.pop("specialty", None)
    answer(
        bundle,
        {
            "prescriber-specialty": "other-physician",
            "specialist-consulted": True,
            "consultant-specialty": "rheumatology",
            "consultant-identity": "Dr. Kim Joint, NPI 1999999984",
            "consultation-date": claim(bundle)["created"][:10],
            **answers,
        },
    )


TABLE.rows_of(
    [
        ("consultation without a day", {"consultation-date": []}),
        ("consultation of nobody", {"consultant-identity": []}),
        ("consultation of a dash", {"consultant-identity": "-"}),
        ("consultation of N/A", {"consultant-identity": "N/A"}),
        ("consultation of a name without a number", {"consultant-identity": "Dr. Kim Joint"}),
        ("consultation of a number without a name", {"consultant-identity": "NPI 1999999984"}),
        ("consultation of a number that is no NPI", {"consultant-identity": "Dr. Kim Joint, NPI 1111111111"}),
        ("consultation of 2090", {"consultation-date": "2090-01-01"}),
        ("consultation of 1990", {"consultation-date": "1990-01-01"}),
        ("consultation of a nurse", {"consultant-specialty": "np-pa"}),
        ("consultation of another physician", {"consultant-specialty": "other-physician"}),
        ("consultation that was not", {"specialist-consulted": False}),
    ],
    "Whom did they ask, and when?",
    _consulted,
    fits=initial,
)


@TABLE.row("The prescriber consulted himself.", fits=lambda b: initial(b) and with_order(b))
def consultation_of_oneself(bundle: Json) -> None:
    npi = first(bundle, "Practitioner")["identifier"][0]["value"]
    _consulted(bundle, {"consultant-identity": f"Dr. Alex Self, NPI {npi}"})


def _role(bundle: Json, more: Any) -> None:
    """Only the role on record can show the specialty."""
    answer(bundle, {"prescriber-specialty": []})
    for role in all_of(bundle, "PractitionerRole"):
        role.update(deepcopy(more))


def _held(bundle: Json) -> bool:
    """First requests of a specialist, who consulted nobody, with an order and a role on record."""
    alone = answered(bundle, "specialist-consulted") is None
    return initial(bundle) and alone and with_order(bundle) and bool(all_of(bundle, "PractitionerRole"))


TABLE.rows_of(
    [
        ("role that begins in 2090", {"period": {"start": "2090-01-01"}}),
        ("role that ended", {"period": {"start": "2010-01-01", "end": "2020-01-01"}}),
        ("role that is not active", {"active": False}),
        ("role of another person", {"practitioner": {"reference": "Practitioner/another"}}),
        (
            "role of another person by number",
            {"practitioner": {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1999999984"}}},
        ),
        ("role of a dentist", {"specialty": [concept(_NUCC, "122300000X")]}),
        ("role of a nurse practitioner", {"specialty": [concept(_NUCC, "363L00000X")]}),
        ("role of no specialty", {"specialty": [{"text": "Rheumatology?"}]}),
        ("role in another system", {"specialty": [concept("http://ehr.example.org/specialties", "207RR0500X")]}),
    ],
    "That does not show a specialist.",
    _role,
    fits=_held,
)


@TABLE.row("The rheumatologist on the team is not who orders.", fits=_held)
def role_of_another_member_of_the_team(bundle: Json) -> None:
    answer(bundle, {"prescriber-specialty": []})
    other = add(bundle, {"resourceType": "Practitioner", "id": "gp", "name": [{"family": "Family"}]})
    order(bundle)["requester"] = {"reference": other}


@TABLE.row("They say rheumatologist, the register says dentist.", fits=_held)
def specialty_that_the_role_contradicts(bundle: Json) -> None:
    for role in all_of(bundle, "PractitionerRole"):
        role["specialty"] = [concept(_NUCC, "122300000X")]
    answer(bundle, {"prescriber-specialty": "rheumatology"})


@TABLE.row("The attestation says no.")
def attestation_that_says_no(bundle: Json) -> None:
    answer(bundle, {"attest": False})


@TABLE.row("Nobody signed.")
def attestation_that_nobody_signed(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse").pop("author", None)
    answer(bundle, {"attester": []})


@TABLE.row("Signed with a dot.")
def attestation_signed_with_a_dot(bundle: Json) -> None:
    first(bundle, "QuestionnaireResponse").pop("author", None)
    answer(bundle, {"attester": "."})


@TABLE.row("Signed by a computer program.")
def attestation_signed_by_a_device(bundle: Json) -> None:
    device = {"resourceType": "Device", "id": "app", "patient": patient_reference(bundle)}
    answer(bundle, {"attester": []})
    first(bundle, "QuestionnaireResponse")["author"] = {"reference": add(bundle, device)}


@TABLE.row("Signed by somebody who did not come along.")
def attestation_signed_by_nobody_here(bundle: Json) -> None:
    answer(bundle, {"attester": []})
    first(bundle, "QuestionnaireResponse")["author"] = {"display": "x"}


@TABLE.row(
    "The diagnosis answered is given twice, and the second is another.",
    fits=lambda b: answered(b, "concurrent-any") is False,
)
def a_question_answered_twice(bundle: Json) -> None:
    group = next(i for i in first(bundle, "QuestionnaireResponse")["item"] if i["linkId"] == "concurrent")
    group["item"].append({"linkId": "concurrent-any", "answer": [{"valueBoolean": True}]})


@TABLE.row("No and yes in one answer.")
def an_answer_of_no_and_yes(bundle: Json) -> None:
    group = next(i for i in first(bundle, "QuestionnaireResponse")["item"] if i["linkId"] == "concurrent")
    one = next(i for i in group["item"] if i["linkId"] == "concurrent-any")
    one["answer"].append({"valueBoolean": True})
