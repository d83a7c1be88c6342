"""What a good request is read as; it knows no policy."""

from datetime import date
from typing import Any

import orjson
import pytest

from server.fhir.codes import PAS
from server.fhir.version import Version
from server.pas.rejections import rejections_of
from server.pas.request.inquiry import read_inquiry
from server.pas.request.submit import read_submit
from tests.policies import DRUG, PLACEHOLDER
from tests.requests.bundle import (
    CLINIC,
    EHR,
    MEMBER,
    PRESCRIBER,
    SURGEON,
    a_bundle,
    an_item,
    answers,
    claim_of,
    item_without,
    resources,
)
from tests.requests.world import PLAN, a_request, an_inquiry, matched
from tests.shared_material import SHARED, needs_shared

Json = dict[str, Any]


def test_who_and_what_is_read() -> None:
    """The parties, their identifiers, dates and codes come out of the Bundle by reference, not by position."""
    bundle = a_bundle(extra=(answers(),))
    bundle["entry"][1:] = reversed(bundle["entry"][1:])
    request = a_request(bundle)
    assert request.coverage is not None
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
    (item,) = request.items
    assert (item.sequence, item.raw["sequence"]) == (1, 1)
    assert item.trace == ({"system": "urn:trnorg:9012345678", "value": "T1"},)
    assert item.service == (date(2027, 1, 15), date(2027, 1, 15))
    assert {c.token for c in item.codes} == {PLACEHOLDER, DRUG}
    assert item.order is not None
    assert item.order["id"] == "order-1"
    assert item.tied
    assert item.responses == request.responses
    (response,) = request.responses
    assert response.url == f"{EHR}/QuestionnaireResponse/answers"
    assert response.place == "Bundle.entry[1].resource"
    assert response.resource == resources(bundle, "QuestionnaireResponse")[0]
    assert response.orders == (item.order,)


def test_reading_changes_nothing() -> None:
    """The parsed body is the same before and after."""
    body = a_bundle(extra=(answers(),))
    before = orjson.dumps(body)
    read_submit(before, body, Version.V2_0).request()
    read_inquiry(before, body, Version.V2_0)
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
    item = item_without("servicedDate")
    assert a_request(a_bundle({**item, **changes})).items[0].service == service


def test_an_item_without_dates_takes_the_claims() -> None:
    """The Claim's billablePeriod stands in for an item that names no day."""
    item = item_without("servicedDate")
    bundle = a_bundle(item, claim={"billablePeriod": {"start": "2026-12-01", "end": "2026-12-05"}})
    assert a_request(bundle).items[0].service == (date(2026, 12, 1), date(2026, 12, 5))


def test_a_person_is_one_member() -> None:
    """A family's number and a record number are no member ids; whoever has no other is not known (pas T-16)."""
    bundle = a_bundle()
    coverage, patient = resources(bundle, "Coverage")[0], resources(bundle, "Patient")[0]
    coverage["subscriberId"] = "FAMILY"
    assert a_request(bundle).member_ids == (MEMBER,)
    del coverage["identifier"], coverage["subscriberId"], patient["identifier"][0]["type"]
    assert a_request(bundle).member_ids == an_inquiry(bundle).inquiry.member_ids == ()


def test_of_what_is_sent_in_masses_the_first_twenty_are_read() -> None:
    """NPIs of one party and numbers of one item are looked up and kept, so no sender may send thousands."""
    number = [{"url": f"{PAS}extension-authorizationNumber", "valueString": f"VA{n}"} for n in range(50)]
    bundle = a_bundle(an_item(extension=number))
    npis = [{"system": "http://hl7.org/fhir/sid/us-npi", "value": str(n)} for n in range(50)]
    for resource in resources(bundle, "Organization"):
        resource["identifier"] = [*npis, *resource["identifier"]]
    inquiry, request = an_inquiry(bundle).inquiry, a_request(bundle)
    assert (len(inquiry.npis), len(inquiry.numbers)) == (20, 20)
    assert (len(request.requester_npis), len(request.payer_ids)) == (20, 20)
    assert len(request.items[0].previous_numbers) == 20


def test_what_is_marked_absent_counts_as_sent() -> None:
    """A data-absent-reason stands in for a mandatory value; the day then comes from the Bundle."""
    absent = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    bundle = a_bundle(an_item(productOrService=absent))
    del claim_of(bundle)["created"]
    claim_of(bundle)["_created"] = absent
    request = a_request(bundle)
    assert request.created == date(2026, 11, 23)
    assert {c.token for c in request.items[0].codes} == {DRUG}


def test_optional_elements_and_extras_never_matter() -> None:
    """Dangling references beyond the Claim's own evidence, unknown elements and missing options are accepted."""
    bundle = a_bundle(
        item_without("extension", "careTeamSequence"),
        claim={"ours": 1, "careTeam": [{"sequence": 1, "provider": {"reference": "Practitioner/none"}}]},
    )
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "PractitionerRole"]
    request = a_request(bundle)
    assert request.items[0].order is None
    assert request.npis == (CLINIC,)


def test_an_inquiry_is_asked_in_the_name_of_its_provider() -> None:
    """Only Claim.provider's NPIs count, so a stranger who lists the clinic's people sees nothing (pas P-78)."""
    extension = [
        {"url": f"{PAS}extension-authorizationNumber", "valueString": "VA1"},
        {"url": f"{PAS}extension-administrationReferenceNumber", "valueString": "VP1"},
        {"url": f"{PAS}extension-reviewActionCode", "valueCodeableConcept": {"coding": [{"code": "A1"}]}},
    ]
    inquiry = an_inquiry(a_bundle(an_item(extension=extension))).inquiry
    assert inquiry.npis == (CLINIC,)
    assert inquiry.member_ids == (MEMBER,)
    assert inquiry.numbers == ("VA1", "VP1")
    assert inquiry.codes == (PLACEHOLDER,)
    assert inquiry.actions == ("A1",)
    assert inquiry.service == (date(2027, 1, 15), date(2027, 1, 15))


def test_a_role_asks_for_its_practitioner_and_organization() -> None:
    """When Claim.provider is a PractitionerRole, both of its NPIs are the inquirer's."""
    bundle = a_bundle(claim={"provider": {"reference": "PractitionerRole/prescriber-role"}})
    assert set(an_inquiry(bundle).inquiry.npis) == {CLINIC, PRESCRIBER}
    assert a_request(bundle).organization == resources(bundle, "Organization")[0]


def test_an_inquiry_without_a_service_asks_for_all() -> None:
    """`not-applicable` is no code to search by, and an inquiry needs no item (pas P-72)."""
    absent = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "not-applicable"}]
    }
    assert an_inquiry(a_bundle(an_item(productOrService=absent))).inquiry.codes == ()
    bundle = a_bundle()
    del claim_of(bundle)["item"]
    assert an_inquiry(bundle).inquiry.service is None


PRESETS = sorted((SHARED / "examples" / "pas").glob("v2*_submit.json"))
INQUIRIES = sorted((SHARED / "examples" / "pas").glob("v2*_inquire*.json"))


@needs_shared
@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("path", PRESETS, ids=lambda p: p.stem)
def test_the_test_kits_requests_are_read(path: Any, version: Version) -> None:
    """Inferno's presets are far from conformant and are read all the same, updates too, under both versions."""
    raw = path.read_bytes()
    found = matched(orjson.loads(raw), version=version)
    request, rejections = found.request, rejections_of(found.request, PLAN)
    assert request.coverage is not None
    late = "period" in request.coverage  # of these presets' Coverages, each begins after what is asked for under it
    assert {r.code for r in rejections} <= {"79", "33", *(["95"] if late else [])}
    assert ("33" in {r.code for r in rejections}) is ("update" in path.stem and "initial" not in path.stem)
    assert [i.sequence for i in request.items] == [i["sequence"] for i in request.claim["item"]]
    assert all(i.policy is None for i in found.items)


@needs_shared
@pytest.mark.parametrize("path", INQUIRIES, ids=lambda p: p.stem)
def test_the_test_kits_inquiries_are_read(path: Any) -> None:
    """Dangling references of the presets do not stop an inquiry."""
    raw = path.read_bytes()
    assert read_inquiry(raw, orjson.loads(raw), Version.V2_2).inquiry.numbers
