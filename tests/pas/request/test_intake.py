"""server/pas/intake.py: what a good request is read as, and which reasons not to decide are data."""

from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import orjson
import pytest

from server.fhir.codes import NDC, PAS
from server.fhir.read import Resource
from server.fhir.version import Version
from server.pas.request.bundle import INFO_CANCELLED
from server.pas.request.read import read_inquiry, read_submit
from server.policy.model import Form
from server.policy.plan import MemberStatus
from tests.pas.reading import (
    CLAIM,
    LIBRARY,
    NEW,
    OLD,
    OTHER,
    a_drug_bundle,
    a_plan,
    answers,
    inquire,
    resources,
    submit,
)
from tests.pas_requests import CLINIC, EHR, MEMBER, PLAN, PRESCRIBER, SURGEON, a_bundle, an_item
from tests.policies import DRUG, DRUG_NDC, FORM_URL, PLACEHOLDER, a_library, a_policy, an_edition
from tests.shared_material import KINERET_CASES, SHARED, needs_shared

Json = dict[str, Any]


def claim(bundle: Json) -> Json:
    found: Json = bundle["entry"][0]["resource"]
    return found


def item_changed(bundle: Json, **changes: Any) -> Json:
    claim(bundle)["item"][0].update(changes)
    return bundle


def test_who_and_what_is_read() -> None:
    """The parties, their identifiers, dates and codes come out of the Bundle by reference, not by position."""
    bundle = a_drug_bundle(extra=(answers(),))
    bundle["entry"][1:] = reversed(bundle["entry"][1:])
    request = submit(bundle)
    assert (request.patient["id"], request.coverage["id"]) == ("patient", "coverage")
    assert (request.insurer["id"], request.requester["id"]) == ("payer", "clinic")
    assert request.organization is request.requester
    assert request.member_ids == (MEMBER,)
    assert request.payer_ids == (PLAN.npi,)
    assert request.requester_npis == (CLINIC,)
    assert set(request.npis) == {CLINIC, PRESCRIBER, SURGEON}
    assert request.created == date(2026, 11, 23)
    assert request.identifiers[0]["value"] == "claim-1"
    assert request.claim_url == f"{EHR}/Claim/claim"
    assert request.rejections == ()
    (item,) = request.items
    assert (item.sequence, item.raw["sequence"]) == (1, 1)
    assert item.trace == ({"system": "urn:trnorg:9012345678", "value": "T1"},)
    assert item.service == (date(2027, 1, 15), date(2027, 1, 15))
    assert {c.token for c in item.codes} == {PLACEHOLDER, DRUG}
    assert item.order is not None
    assert item.order["id"] == "order-1"
    assert (item.policy, item.edition) == (LIBRARY.policies[0], NEW)
    assert item.response_url == f"{EHR}/QuestionnaireResponse/answers"
    assert item.response is not None
    assert [i["linkId"] for i in item.response["item"]] == ["indication", "kind"]


def test_parameters_and_a_bare_bundle_say_the_same() -> None:
    """The `resource` wrapper changes nothing but the transport, so both are one transaction."""
    bundle = a_drug_bundle()
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": bundle}]}
    assert submit(wrapped).transaction == submit(bundle).transaction


def test_a_transaction_is_known_by_its_content_not_its_key_order() -> None:
    """The same content in another key order is the same transaction; any other content is not (pas T-3)."""
    bundle = a_drug_bundle()
    turned = dict(reversed(list(bundle.items())))
    other = item_changed(deepcopy(bundle), servicedDate="2027-01-16")
    assert submit(bundle).transaction == submit(turned).transaction
    assert submit(bundle).transaction != submit(other).transaction
    assert submit(bundle).transaction.client == CLINIC


def narrated(bundle: Json) -> None:
    for resource in [e["resource"] for e in bundle["entry"]]:
        resource["text"] = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}


def quantity(value: Any) -> Json:
    return {"quantity": {"value": value}}


SAME: list[tuple[str, Any]] = [
    ("Bundle.id", lambda b: b.update(id="another")),
    ("Bundle.meta", lambda b: b["meta"].update(lastUpdated="2026-11-24T09:00:00Z")),
    ("Bundle.timestamp", lambda b: b.update(timestamp="2026-11-24T09:00:00Z")),
    ("narratives", narrated),
    ("entries turned round", lambda b: b["entry"].append(b["entry"].pop(2))),
    ("a whole number with a point", lambda b: item_changed(b, **quantity(3.0))),
]
OTHERWISE: list[tuple[str, Any]] = [
    ("another number", lambda b: item_changed(b, **quantity(3.5))),
    ("a text that looks like a number", lambda b: item_changed(b, quantity={"value": 3, "unit": ",3.0,"})),
    ("words of a concept", lambda b: claim(b)["priority"].update(text="soon")),
    ("meta of a resource", lambda b: claim(b)["meta"].update(profile=["http://example.org/p"])),
    ("another entry", lambda b: b["entry"].pop()),
    ("another address", lambda b: b["entry"][-1].update(fullUrl=f"{EHR}/Organization/elsewhere")),
    ("another identifier", lambda b: b["identifier"].update(value="another")),
]


@pytest.mark.parametrize(
    ("spoil", "same"),
    [*((s, True) for _, s in SAME), *((s, False) for _, s in OTHERWISE)],
    ids=[name for name, _ in SAME + OTHERWISE],
)
def test_a_trivially_different_resend_is_the_same_transaction(spoil: Any, *, same: bool) -> None:
    """What a sender's software changes by itself makes no new request; anything that is said does (pas T-3)."""
    bundle = item_changed(a_drug_bundle(), **quantity(3))
    bundle["entry"].append({"fullUrl": f"{EHR}/Basic/b", "resource": {"resourceType": "Basic", "id": "b", "code": {}}})
    changed = deepcopy(bundle)
    spoil(changed)
    assert (submit(changed).transaction == submit(bundle).transaction) is same


def test_however_a_number_is_written_it_is_one() -> None:
    """1, 1.0, 1.00 and 10e-1 are one number, also where a text nearby looks like one."""
    raw = orjson.dumps(item_changed(a_drug_bundle(), quantity={"value": 31, "unit": ",31.0,"}))
    known = set()
    for written in (b"31", b"31.0", b"31.00", b"310e-1"):
        text = raw.replace(b'"value":31,', b'"value":' + written + b",")
        request = read_submit(text, orjson.loads(text), version=Version.V2_2, policies=LIBRARY, plan=PLAN)
        known.add(request.transaction)
    assert len(known) == 1


def test_reading_changes_nothing() -> None:
    """The parsed body is the same before and after."""
    body = a_drug_bundle(extra=(answers(),))
    before = orjson.dumps(body)
    read_submit(before, body, version=Version.V2_0, policies=LIBRARY, plan=PLAN)
    read_inquiry(before, body, version=Version.V2_0, plan=PLAN)
    assert orjson.dumps(body) == before


@pytest.mark.parametrize(
    ("changes", "service"),
    [
        ({"servicedDate": "2026-12-01"}, (date(2026, 12, 1), date(2026, 12, 1))),
        ({"servicedPeriod": {"start": "2026-12-01", "end": "2026-12-31"}}, (date(2026, 12, 1), date(2026, 12, 31))),
        ({"servicedPeriod": {"start": "2026-12-01"}}, (date(2026, 12, 1), date(2026, 12, 1))),
        ({}, None),
    ],
)
def test_service_dates(changes: Json, service: tuple[date, date] | None) -> None:
    """A day, a period, an open period, or nothing."""
    item = {k: v for k, v in an_item().items() if k != "servicedDate"}
    assert submit(a_drug_bundle({**item, **changes})).items[0].service == service


def test_an_item_without_dates_takes_the_claims() -> None:
    """The Claim's billablePeriod stands in for an item that names no day."""
    item = {k: v for k, v in an_item().items() if k != "servicedDate"}
    bundle = a_drug_bundle(item, claim={"billablePeriod": {"start": "2026-12-01", "end": "2026-12-05"}})
    assert submit(bundle).items[0].service == (date(2026, 12, 1), date(2026, 12, 5))


@pytest.mark.parametrize(
    ("day", "edition"), [("2024-01-17", None), ("2024-01-18", OLD), ("2026-05-31", OLD), ("2026-06-01", NEW)]
)
def test_the_service_date_decides_the_edition(day: str, edition: Any) -> None:
    """The edition in force on the first service day applies; before the first edition there is none."""
    item = submit(a_drug_bundle(an_item(servicedDate=day))).items[0]
    assert item.edition is edition
    assert item.policy is LIBRARY.policies[0]


def test_without_a_service_date_the_day_of_the_claim_decides() -> None:
    """An item that names no day is judged by the edition of the day it was asked for."""
    item = {k: v for k, v in an_item().items() if k != "servicedDate"}
    assert submit(a_drug_bundle(item, claim={"created": "2026-05-01"})).items[0].edition is OLD


@pytest.mark.parametrize("ndc", ["0990-0123-04", "00990012304", "0990012304"])
def test_the_product_is_known_by_its_ndc_however_written(ndc: str) -> None:
    """Ten or eleven digits, with or without hyphens, in a detail of the item."""
    detail = {"sequence": 1, "productOrService": {"coding": [{"system": NDC, "code": ndc}]}}
    bundle = item_changed(a_bundle(), detail=[detail])
    assert DRUG_NDC in LIBRARY.policies[0].identified_by
    assert submit(bundle).items[0].policy is LIBRARY.policies[0]


@pytest.mark.parametrize("contained", [True, False])
def test_a_medication_is_found_where_it_is(contained: bool) -> None:  # noqa: FBT001 - a table's column
    """An order may contain its Medication or refer to an entry."""
    system, _, code = DRUG.rpartition("|")
    medication = {"resourceType": "Medication", "id": "med", "code": {"coding": [{"system": system, "code": code}]}}
    bundle = a_drug_bundle(extra=() if contained else (medication,))
    order = resources(bundle, "MedicationRequest")[0]
    del order["medicationCodeableConcept"]
    order["medicationReference"] = {"reference": "#med" if contained else "Medication/med"}
    if contained:
        order["contained"] = [medication]
    assert submit(bundle).items[0].policy is LIBRARY.policies[0]


def bare_item() -> Json:
    return {k: v for k, v in an_item().items() if k != "extension"}


def placeholder_only(*extra: Resource) -> Json:
    """A request whose item has nothing but a code that stands for many products."""
    bundle = a_drug_bundle(bare_item(), extra=extra)
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "MedicationRequest"]
    return bundle


SECOND = replace(OTHER, placeholders=frozenset({PLACEHOLDER}))
TWO = a_library(LIBRARY.policies[0], SECOND)


def test_a_placeholder_means_the_only_policy_it_can_mean() -> None:
    """With one policy behind the placeholder it is that one; with two, and nothing else said, it is none."""
    assert submit(placeholder_only()).items[0].policy is LIBRARY.policies[0]
    assert submit(placeholder_only(), policies=TWO).items[0].policy is None


def test_a_placeholder_means_the_policy_whose_form_is_attached() -> None:
    """The attached form tells which of two policies is meant."""
    other = answers(order=None, questionnaire=SECOND.editions[0].form.canonical)
    assert submit(placeholder_only(other), policies=TWO).items[0].policy is SECOND
    assert submit(placeholder_only(answers(order=None)), policies=TWO).items[0].policy is LIBRARY.policies[0]


def test_a_product_of_another_policy_outweighs_the_placeholder() -> None:
    """A code that names a product nobody has a policy for is no policy, placeholder or not."""
    bundle = a_drug_bundle()
    concept = resources(bundle, "MedicationRequest")[0]["medicationCodeableConcept"]
    concept["coding"][0]["code"] = "4711"
    assert submit(bundle).items[0].policy is None


def response_ids(bundle: Json) -> list[str | None]:
    return [i.response["id"] if i.response else None for i in submit(bundle).items]


def info(sequence: int, id_: str) -> Json:
    return {
        "sequence": sequence,
        "category": {"text": "x"},
        "valueReference": {"reference": f"QuestionnaireResponse/{id_}"},
    }


def test_answers_belong_to_the_item_that_names_them() -> None:
    """The informationSequence goes before qr-context, and qr-context before being the only one left."""
    two = (an_item(), an_item(2))
    a, b = answers("a", order=2), answers("b", order=1)
    assert response_ids(a_drug_bundle(*two, extra=(a, b))) == ["b", "a"]
    named = a_drug_bundle(
        an_item(informationSequence=[1]),
        an_item(2, informationSequence=[2]),
        extra=(a, b),
        claim={"supportingInfo": [info(1, "a"), info(2, "b")]},
    )
    assert response_ids(named) == ["a", "b"]
    assert response_ids(a_drug_bundle(*two, extra=(answers("only", order=None),))) == ["only", "only"]
    assert response_ids(a_drug_bundle(*two, extra=(a,))) == [None, "a"]


@pytest.mark.parametrize(
    ("old_one", "new_one"),
    [
        ("2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z"),
        ("2026-11-23T14:00:00Z", "2026-11-23T10:00:00-05:00"),
        ("2026-11-23T14:00:00.100Z", "2026-11-23T14:00:00.2Z"),
        ("2026-11-01", "2026-11-20"),
        ("2026-11-01", "2026-11-20T10:00:00Z"),
    ],
)
def test_the_latest_answers_count(old_one: str, new_one: str) -> None:
    """Of two responses to one item's form, the one authored last is read."""
    old, new = answers("old", authored=old_one), answers("new", authored=new_one, item=answers()["item"][:1])
    assert response_ids(a_drug_bundle(extra=(new, old))) == ["new"]
    assert response_ids(a_drug_bundle(extra=(old, new))) == ["new"]


def test_the_same_answers_twice_are_no_matter() -> None:
    """Two responses that say the same need no time to be told apart."""
    assert response_ids(a_drug_bundle(extra=(answers("a"), answers("b")))) == ["a"]


def test_answers_in_a_bundle_of_their_own_are_found() -> None:
    """DTR may hand its responses over as a Bundle that is one entry."""
    inner = {"fullUrl": f"{EHR}/QuestionnaireResponse/answers", "resource": answers(order=None)}
    bundle = {"resourceType": "Bundle", "id": "dtr", "type": "collection", "entry": [inner]}
    assert response_ids(a_drug_bundle(extra=(bundle,))) == ["answers"]


def test_answers_entered_in_error_do_not_count() -> None:
    """A response that was withdrawn is not read, whatever it answers."""
    assert response_ids(a_drug_bundle(extra=(answers(status="entered-in-error", questionnaire="urn:x"),))) == [None]


COVERAGE = "Bundle.entry[3].resource"
ANOTHER_PAYER = {"identifier": {"system": "urn:x", "value": "OTHER"}}

NOT_COVERED: list[tuple[str, str, Json]] = [
    ("95", "status", {"status": "cancelled"}),
    ("95", "status", {"status": "entered-in-error"}),
    ("95", "period", {"period": {"start": "2010-01-01", "end": "2027-01-14"}}),
    ("95", "period", {"period": {"end": "2026"}}),
    ("95", "period", {"period": {"start": "2027-01-16"}}),
    ("95", "period", {"period": {"start": "2027-02"}}),
    ("79", "payor", {"payor": [ANOTHER_PAYER]}),
    ("79", "payor", {"payor": [{"reference": "Organization/clinic"}]}),
    (
        "79",
        "payor",
        {
            "payor": [{"reference": "#p"}],
            "contained": [
                {"resourceType": "Organization", "id": "p"} | {"identifier": [{"system": "urn:x", "value": "OTHER"}]}
            ],
        },
    ),
]
COVERED: list[Json] = [
    {"status": "draft"},
    {"period": {"start": "2027-01-15", "end": "2027-01-15"}},
    {"period": {"start": "2027", "end": "2027-01"}},
    {"payor": [ANOTHER_PAYER, {"reference": "Organization/payer"}]},
    {"payor": [ANOTHER_PAYER, {"reference": "Organization/not-sent"}]},
    {"payor": [{"reference": "Patient/patient"}]},
    {"payor": [{"display": "some plan"}]},
    {"payor": [{"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": PLAN.npi}}]},
]


def covered(**changes: Any) -> Any:
    return lambda bundle: resources(bundle, "Coverage")[0].update(changes)


def test_a_coverage_without_a_service_day_is_judged_on_the_day_of_the_claim() -> None:
    """Where no day of service is named, the Coverage must be in force when the Claim was made."""
    bundle = a_drug_bundle()
    del claim(bundle)["item"][0]["servicedDate"]
    for end, codes in (("2026-11-23", []), ("2026-11-22", ["95"])):
        covered(period={"end": end})(bundle)
        assert [r.code for r in submit(bundle).rejections] == codes


def test_a_person_is_one_member() -> None:
    """A family's number and a record number are no member ids; whoever has no other is not known (pas T-16)."""
    bundle = a_drug_bundle()
    coverage, patient = resources(bundle, "Coverage")[0], resources(bundle, "Patient")[0]
    coverage["subscriberId"] = "FAMILY"
    assert submit(bundle).member_ids == (MEMBER,)
    del coverage["identifier"], coverage["subscriberId"], patient["identifier"][0]["type"]
    assert submit(bundle).member_ids == inquire(bundle).inquiry.member_ids == ()
    assert [r.code for r in submit(bundle).rejections] == ["75"]


def test_of_what_is_sent_in_masses_the_first_twenty_are_read() -> None:
    """NPIs of one party and numbers of one item are looked up and kept, so no sender may send thousands."""
    number = [{"url": f"{PAS}extension-authorizationNumber", "valueString": f"VA{n}"} for n in range(50)]
    bundle = a_drug_bundle(an_item(extension=number))
    npis = [{"system": "http://hl7.org/fhir/sid/us-npi", "value": str(n)} for n in range(50)]
    for resource in resources(bundle, "Organization"):
        resource["identifier"] = [*npis, *resource["identifier"]]
    inquiry, request = inquire(bundle).inquiry, submit(bundle)
    assert (len(inquiry.npis), len(inquiry.numbers)) == (20, 20)
    assert (len(request.requester_npis), len(request.payer_ids)) == (20, 20)
    assert len(request.items[0].previous_numbers) == 20


@pytest.mark.parametrize(
    ("spoil", "rejections"),
    [
        (
            lambda b: claim(b).update(related=[{"claim": {"reference": "Claim/before"}}]),
            [("33", f"{CLAIM}.related[0]")],
        ),
        (
            lambda b: claim(b).update(
                extension=[
                    {
                        "url": f"{PAS}extension-certificationType",
                        "valueCodeableConcept": {
                            "coding": [{"system": "https://codesystem.x12.org/005010/1322", "code": "3"}]
                        },
                    }
                ]
            ),
            [("33", CLAIM)],
        ),
        (
            lambda b: item_changed(b, modifierExtension=[{"url": INFO_CANCELLED, "valueBoolean": True}]),
            [("33", f"{CLAIM}.item[0]")],
        ),
        (lambda b: item_changed(b, modifierExtension=[{"url": INFO_CANCELLED, "valueBoolean": False}]), []),
        (
            lambda b: resources(b, "Organization")[1].update(identifier=[{"system": "urn:x", "value": "OTHER"}]),
            [("79", f"{CLAIM}.insurer")],
        ),
        (lambda b: resources(b, "Organization")[1].pop("identifier"), [("T4", f"{CLAIM}.insurer")]),
        *((covered(**changes), [(code, f"{COVERAGE}.{at}")]) for code, at, changes in NOT_COVERED),
        *((covered(**changes), []) for changes in COVERED),
    ],
    ids=[
        *("update", "cancel", "item cancelled", "not cancelled", "another payer", "payer unnamed"),
        *(f"{code} {n}" for n, (code, _, _) in enumerate(NOT_COVERED)),
        *(f"covered {n}" for n, _ in enumerate(COVERED)),
    ],
)
def test_business_reasons_are_data(spoil: Any, rejections: list[tuple[str, str]]) -> None:
    """Updates and requests for another payer are read, and rejected with an X12 901 code at their place."""
    bundle = a_drug_bundle()
    spoil(bundle)
    found = submit(bundle).rejections
    assert [(r.code, r.expression) for r in found] == rejections
    assert all(r.text for r in found)


@pytest.mark.parametrize(
    ("status", "submitted", "inquired"),
    [(MemberStatus.ACTIVE, [], []), (MemberStatus.INACTIVE, ["95"], []), (MemberStatus.UNKNOWN, ["75"], ["75"])],
)
def test_a_member_the_plan_does_not_cover_is_rejected(
    status: MemberStatus, submitted: list[str], inquired: list[str]
) -> None:
    """An unknown member is rejected by both operations; a former one may still ask about the past."""
    plan = a_plan(M_1=status)
    assert [r.code for r in submit(a_drug_bundle(), plan=plan).rejections] == submitted
    assert [r.code for r in inquire(a_drug_bundle(), plan=plan).rejections] == inquired


def test_an_update_may_bring_its_prior_claim() -> None:
    """Two Claims are no problem where the first names the other as its prior."""
    bundle = a_drug_bundle(claim={"related": [{"claim": {"reference": "Claim/before"}}]})
    bundle["entry"].append({"fullUrl": f"{EHR}/Claim/before", "resource": {**claim(bundle), "id": "before"}})
    assert [r.code for r in submit(bundle).rejections] == ["33"]


def test_what_is_marked_absent_counts_as_sent() -> None:
    """A data-absent-reason stands in for a mandatory value; the day then comes from the Bundle."""
    absent = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    bundle = a_drug_bundle(an_item(productOrService=absent))
    del claim(bundle)["created"]
    claim(bundle)["_created"] = absent
    request = submit(bundle)
    assert request.created == date(2026, 11, 23)
    assert {c.token for c in request.items[0].codes} == {DRUG}


def test_optional_elements_and_extras_never_matter() -> None:
    """Dangling references beyond the Claim's own evidence, unknown elements and missing options are accepted."""
    bundle = a_drug_bundle(
        bare_item(),
        claim={"ours": 1, "careTeam": [{"sequence": 1, "provider": {"reference": "Practitioner/none"}}]},
    )
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "PractitionerRole"]
    request = submit(bundle)
    assert request.items[0].order is None
    assert request.npis == (CLINIC,)


def test_an_inquiry_is_asked_in_the_name_of_its_provider() -> None:
    """Only Claim.provider's NPIs count, so a stranger who lists the clinic's people sees nothing (pas P-78)."""
    extension = [
        {"url": f"{PAS}extension-authorizationNumber", "valueString": "VA1"},
        {"url": f"{PAS}extension-administrationReferenceNumber", "valueString": "VP1"},
        {"url": f"{PAS}extension-reviewActionCode", "valueCodeableConcept": {"coding": [{"code": "A1"}]}},
    ]
    inquiry = inquire(a_drug_bundle(an_item(extension=extension))).inquiry
    assert inquiry.npis == (CLINIC,)
    assert inquiry.member_ids == (MEMBER,)
    assert inquiry.numbers == ("VA1", "VP1")
    assert inquiry.codes == (PLACEHOLDER,)
    assert inquiry.actions == ("A1",)
    assert inquiry.service == (date(2027, 1, 15), date(2027, 1, 15))


def test_a_role_asks_for_its_practitioner_and_organization() -> None:
    """When Claim.provider is a PractitionerRole, both of its NPIs are the inquirer's."""
    bundle = a_drug_bundle(claim={"provider": {"reference": "PractitionerRole/prescriber-role"}})
    assert set(inquire(bundle).inquiry.npis) == {CLINIC, PRESCRIBER}
    assert submit(bundle).organization == resources(bundle, "Organization")[0]


def test_an_inquiry_without_a_service_asks_for_all() -> None:
    """`not-applicable` is no code to search by, and an inquiry needs no item (pas P-72)."""
    absent = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "not-applicable"}]
    }
    assert inquire(a_drug_bundle(an_item(productOrService=absent))).inquiry.codes == ()
    bundle = a_drug_bundle()
    del claim(bundle)["item"]
    assert inquire(bundle).inquiry.service is None


PRESETS = sorted((SHARED / "examples" / "pas").glob("v2*_submit.json"))
INQUIRIES = sorted((SHARED / "examples" / "pas").glob("v2*_inquire*.json"))


@needs_shared
@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("path", PRESETS, ids=lambda p: p.stem)
def test_the_test_kits_requests_are_read(path: Any, version: Version) -> None:
    """Inferno's presets are far from conformant and are read all the same, updates too, under both versions."""
    raw = path.read_bytes()
    request = read_submit(raw, orjson.loads(raw), version=version, policies=LIBRARY, plan=PLAN)
    late = "period" in request.coverage  # of these presets' Coverages, each begins after what is asked for under it
    assert {r.code for r in request.rejections} <= {"79", "33", *(["95"] if late else [])}
    assert ("33" in {r.code for r in request.rejections}) is ("update" in path.stem and "initial" not in path.stem)
    assert [i.sequence for i in request.items] == [i["sequence"] for i in request.claim["item"]]
    assert all(i.policy is None for i in request.items)


@needs_shared
@pytest.mark.parametrize("path", INQUIRIES, ids=lambda p: p.stem)
def test_the_test_kits_inquiries_are_read(path: Any) -> None:
    """Dangling references of the presets do not stop an inquiry."""
    raw = path.read_bytes()
    assert read_inquiry(raw, orjson.loads(raw), version=Version.V2_2, plan=PLAN).inquiry.numbers


CASES = sorted(KINERET_CASES.glob("*/pas-submit.json")) if KINERET_CASES.is_dir() else []


@needs_shared
@pytest.mark.parametrize("path", CASES, ids=lambda p: p.parent.name)
def test_the_shared_cases_are_read(path: Any) -> None:
    """Each case of the reference, read with a form that has its questions: no problem, and every answer stays."""
    raw = path.read_bytes()
    body = orjson.loads(raw)
    sent = resources(body, "QuestionnaireResponse")[0]
    form = a_form_for(sent)
    tokens = frozenset({"http://www.nlm.nih.gov/research/umls/rxnorm|727714"})
    policy = a_policy(identified_by=tokens, editions=(an_edition(form=form),))
    plan = replace(PLAN, payer_id="VITRUVIAN-DEMO")
    request = read_submit(raw, body, version=Version.V2_2, policies=a_library(policy), plan=plan)
    assert request.rejections == ()
    (item,) = request.items
    assert item.policy is policy
    assert item.response == sent
    assert len(request.member_ids) == 1


def a_form_for(response: Json) -> Form:
    """A form with exactly the questions that a response answers."""
    url = response["questionnaire"]
    items = [_question(i, response["item"]) for i in response["item"]]
    return Form(url, "1", {"resourceType": "Questionnaire", "url": url, "version": "1", "item": items})


_TYPES = {"Boolean": "boolean", "Decimal": "decimal", "Integer": "integer", "Date": "date", "String": "string"}


def _question(item: Json, beside: list[Json]) -> Json:
    answered = item.get("answer", [])
    kinds = {key.removeprefix("value") for a in answered for key in a if key.startswith("value")}
    same = [i for i in beside if i["linkId"] == item["linkId"]]
    children: dict[str, Json] = {}
    for one in same:
        for child in one.get("item", []):
            children.setdefault(child["linkId"], _question(child, one["item"]))
    kind = next((_TYPES.get(k, k.lower()) for k in kinds), "group")
    return {
        "linkId": item["linkId"],
        "type": {"coding": "open-choice"}.get(kind, kind),
        "repeats": len(same) > 1 or len(answered) > 1,
        "item": list(children.values()),
    }


def test_the_forms_canonical_may_come_without_its_version() -> None:
    """A response that names only the form's url answers the edition in force."""
    assert response_ids(a_drug_bundle(extra=(answers(questionnaire=FORM_URL),))) == ["answers"]


@pytest.mark.parametrize("value", [5, ["x"], [{"resource": 7}], {"a": 1}])
def test_evidence_with_an_element_it_does_not_have(value: Any) -> None:
    """What R4 does not know in a resource may hold anything and is passed over (pas P-21)."""
    extra = {"resourceType": "MedicationStatement", "id": "taken", "status": "active", "entry": value}
    extra |= {"subject": {"reference": "Patient/patient"}, "medicationCodeableConcept": {"text": "x"}}
    evidence = {
        "sequence": 1,
        "category": {"text": "info"},
        "valueReference": {"reference": "MedicationStatement/taken"},
    }
    bundle = a_drug_bundle(
        an_item(informationSequence=[1]), extra=(answers(), extra), claim={"supportingInfo": [evidence]}
    )
    assert submit(bundle).items[0].response is not None
