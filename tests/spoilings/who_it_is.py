"""Point 5: whose coverage, whose number, whose answers: two that do not agree, and look-alikes."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.spoilings.model import Json, Table
from tests.spoilings.request import add, all_of, answer, claim, concept, first, order, patient_reference, with_order

TABLE = Table(5)

_RELATION = "http://terminology.hl7.org/CodeSystem/subscriber-relationship"
_OTHER = {"system": "http://vitruvian.example/member-id", "value": "W-SOMEBODY-ELSE"}


def _coverage(bundle: Json) -> Json:
    return first(bundle, "Coverage")


def _number(resource: Json) -> Json:
    found: Json = next(i for i in resource["identifier"] if i.get("type"))
    return found


def _numbered(bundle: Json) -> bool:
    return all(
        any(i.get("type") for i in first(bundle, kind).get("identifier", ())) for kind in ("Patient", "Coverage")
    )


@TABLE.row("The patient has another member number, of another system.", fits=_numbered)
def member_number_of_another_system_that_differs(bundle: Json) -> None:
    _number(first(bundle, "Patient")).update(value="W-SOMEBODY-ELSE", system="http://vitruvian.example/numbers")


@TABLE.row("The patient has another member number.", fits=_numbered)
def member_number_without_a_system_that_differs(bundle: Json) -> None:
    _number(first(bundle, "Patient"))["value"] = "W-SOMEBODY-ELSE"
    _number(_coverage(bundle)).pop("system")


TABLE.rows_of(
    [("two member numbers of the patient", "Patient"), ("two member numbers of the coverage", "Coverage")],
    "Which of the two is it?",
    lambda bundle, kind: first(bundle, kind)["identifier"].append(
        {**_number(first(bundle, kind)), "value": "W-SOMEBODY-ELSE"}
    ),
    fits=_numbered,
)


@TABLE.row("The number of the card is another's.", fits=_numbered)
def subscriber_number_that_differs(bundle: Json) -> None:
    own = _number(_coverage(bundle))["value"]
    _coverage(bundle)["subscriberId"] = own[:-1] + ("7" if own[-1] != "7" else "8")
    _coverage(bundle)["relationship"] = concept(_RELATION, "self")


@TABLE.row("That number is no longer in use.", fits=_numbered)
def member_number_of_old(bundle: Json) -> None:
    for resource in (first(bundle, "Patient"), _coverage(bundle)):
        _number(resource).update(use="old", period={"end": "2020-01-01"})


@TABLE.row("The subscriber is said to be the patient, and is another.")
def subscriber_who_is_another(bundle: Json) -> None:
    url = add(bundle, {"resourceType": "Patient", "id": "subscriber", "birthDate": "1970-01-01"})
    _coverage(bundle).update(subscriber={"reference": url}, relationship=concept(_RELATION, "self"))


def _written(bundle: Json, number: str) -> None:
    for resource in (first(bundle, "Patient"), _coverage(bundle)):
        _number(resource)["value"] = number


TABLE.rows_of(
    [
        ("former member with a blank of no width", "W-INACTIVE-1\u200b"),
        ("former member with a wide digit", "W-INACTIVE-\uff11"),
        ("former member with another hyphen", "W\u2010INACTIVE-1"),
        ("former member with a soft hyphen", "W-INAC\u00adTIVE-1"),
    ],
    "That is the former member, in look-alike letters.",
    _written,
    fits=_numbered,
)

_PAYORS: list[tuple[str, Callable[[Json], Json]]] = [
    ("coverage that the patient pays", patient_reference),
    ("coverage of another payer by name", lambda _: {"display": "Another Health Plan"}),
    ("coverage of a payer that did not come along", lambda _: {"reference": "Organization/another-plan"}),
    (
        "coverage of a payer without a number",
        lambda b: {"reference": add(b, {"resourceType": "Organization", "id": "another", "name": "Another Plan"})},
    ),
]
TABLE.rows_of(
    _PAYORS,
    "This coverage is not shown to be of the plan.",
    lambda bundle, payor: _coverage(bundle).update(payor=[payor(bundle)]),
)

TABLE.rows_of(
    [
        ("two focal coverages of which one is cancelled", {"status": "cancelled"}),
        ("two focal coverages of which one is over", {"period": {"end": "2020-01-01"}}),
    ],
    "Which coverage is asked?",
    lambda bundle, more: claim(bundle)["insurance"].append(
        {
            "sequence": 9,
            "focal": True,
            "coverage": {"reference": add(bundle, {**deepcopy(_coverage(bundle)), "id": "second", **more})},
        }
    ),
)

_NAMED: list[tuple[str, Any]] = [
    ("patient of the claim who is named as two", lambda b: claim(b)["patient"]),
    ("patient of the answers who is named as two", lambda b: first(b, "QuestionnaireResponse")["subject"]),
    ("beneficiary who is named as two", lambda b: _coverage(b)["beneficiary"]),
]
TABLE.rows_of(
    _NAMED,
    "The reference says one person and the number beside it another.",
    lambda bundle, place: place(bundle).update(identifier=_OTHER, display="Somebody Else"),
)


@TABLE.row("The order's reference says one person and its number another.", fits=with_order)
def subject_of_the_order_who_is_named_as_two(bundle: Json) -> None:
    order(bundle)["subject"].update(identifier=_OTHER, display="Somebody Else")


@TABLE.row("Another record of the same member says that she has died.", fits=_numbered)
def second_record_of_the_member_who_died(bundle: Json) -> None:
    found = _number(first(bundle, "Patient"))
    add(bundle, {"resourceType": "Patient", "id": "twin", "identifier": [found], "deceasedBoolean": True})


def _author(bundle: Json, author: Json) -> None:
    first(bundle, "QuestionnaireResponse")["author"] = author
    answer(bundle, {"attester": []})


TABLE.rows_of(
    [
        ("attestation by a practitioner who did not come along", {"reference": "Practitioner/gone"}),
        ("attestation by another server's", {"reference": "https://other.example.net/fhir/Practitioner/1"}),
    ],
    "Who stands by these answers?",
    _author,
)


@TABLE.row("The answers are the patient's own.")
def answers_whose_source_is_the_patient(bundle: Json) -> None:
    for one in all_of(bundle, "QuestionnaireResponse"):
        one["source"] = patient_reference(bundle)


@TABLE.row("The answers are for another person's coverage.")
def answers_for_the_coverage_of_another(bundle: Json) -> None:
    stranger = add(bundle, {"resourceType": "Patient", "id": "stranger"})
    theirs = {**deepcopy(_coverage(bundle)), "id": "theirs", "beneficiary": {"reference": stranger}}
    url = add(bundle, theirs)
    one = first(bundle, "QuestionnaireResponse")
    one["extension"] = [e for e in one.get("extension", ()) if not e["url"].endswith("/qr-coverage")] + [
        {
            "url": "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/qr-coverage",
            "valueReference": {"reference": url},
        }
    ]
