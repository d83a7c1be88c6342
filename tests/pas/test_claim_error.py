"""Business rejections: 200, ClaimResponse.error, every reason at once."""

from typing import Any

import orjson
import pytest

from server.answer.claim_response import INQUIRY, SUBMIT
from server.fhir.codes import PAS
from server.fhir.version import Version
from server.pas.claim_error import render_rejections
from server.pas.rejections import Rejection
from tests.requests.world import NOW, a_request

REJECTIONS = (
    Rejection("72", "The member id is not one of this plan.", "Bundle.entry[4].resource.identifier[0]"),
    Rejection("51", "The provider is not known to this plan.", "Bundle.entry[8].resource", "N"),
)


def rejected(version: Version, kind: str = SUBMIT) -> list[dict[str, Any]]:
    request, id_ = a_request(version=version), "00000000-0000-4000-8000-000000000001"
    body = render_rejections(request, REJECTIONS, kind=kind, response_id=id_, created=NOW)
    entries: list[dict[str, Any]] = orjson.loads(body)["entry"]
    return entries


@pytest.mark.parametrize("version", list(Version))
def test_every_rejection_is_named(version: Version) -> None:
    """Each has its X12 901 code, what to do, the place, and words; nothing looks decided."""
    first, *others = rejected(version)
    answer = first["resource"]
    assert answer["outcome"] == "error"
    assert not {"item", "preAuthRef", "preAuthPeriod"} & set(answer)
    assert [e["code"]["coding"][0]["code"] for e in answer["error"]] == ["72", "51"]
    assert [e["code"]["text"] for e in answer["error"]] == [r.text for r in REJECTIONS]
    said = [{e["url"]: e for e in error["extension"]} for error in answer["error"]]
    follow_ups = [e[f"{PAS}extension-errorFollowupAction"]["valueCodeableConcept"]["coding"][0]["code"] for e in said]
    assert follow_ups == ["C", "N"]
    assert [e[f"{PAS}extension-errorPath"]["valueString"] for e in said] == [r.expression for r in REJECTIONS]
    assert [e["fullUrl"].rsplit("/", 1)[1] for e in others[:3]] == ["clinic", "payer", "patient"]


def test_error_element_by_version() -> None:
    """2.0 says it in a string, 2.2 points at the note of the same text (pas 2e)."""
    for version in Version:
        answer = rejected(version)[0]["resource"]
        elements = [e["extension"][1] for e in answer["error"]]
        if version is Version.V2_0:
            assert [e["valueString"] for e in elements] == [r.text for r in REJECTIONS]
        else:
            numbers = [e["extension"][0]["valuePositiveInt"] for e in elements]
            notes = {n["number"]: n["text"] for n in answer["processNote"]}
            assert [notes[n] for n in numbers] == [r.text for r in REJECTIONS]


def test_nothing_stored_has_no_address() -> None:
    """The ClaimResponse of a rejection can be read nowhere, so its fullUrl is no address of ours."""
    assert rejected(Version.V2_2)[0]["fullUrl"] == "urn:uuid:00000000-0000-4000-8000-000000000001"


def test_inquiry_rejection_claims_the_inquiry_profile() -> None:
    """An inquiry that is rejected gets the inquiry's own ClaimResponse."""
    profile = rejected(Version.V2_2, INQUIRY)[0]["resource"]["meta"]["profile"]
    assert profile == [f"{PAS}profile-claiminquiryresponse"]
