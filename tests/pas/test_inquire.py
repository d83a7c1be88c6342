"""Claim/$inquire: who sees what, in which frame, and that it is what was answered."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from server.pas.request.facts import InquiryRequest, Rejection

from server.auth.caller import LOOPBACK
from server.clock import new_id
from server.fhir.version import Version
from server.pas.inquire import inquire
from server.pas.response.claim_response import INQUIRY
from server.policy.model import State
from server.store.ports import Inquiry, Store
from server.store.sql import open_store
from tests.pas_requests import (
    CLINIC,
    MEMBER,
    NOW,
    PRESCRIBER,
    STRANGER,
    SURGEON,
    SayingEngine,
    a_bundle,
    a_request,
    a_submit,
)

versions = pytest.mark.parametrize("version", list(Version))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    yield opened
    opened.close()


def an_inquiry(
    version: Version, *, npis: Sequence[str] = (CLINIC,), member: str = MEMBER, rejections: Sequence[Rejection] = ()
) -> InquiryRequest:
    request = a_request(a_bundle(serial="inquiry"), version=version)
    return InquiryRequest(
        version=version,
        bundle=request.bundle,
        index=request.index,
        identifier=request.identifier,
        claim=request.claim,
        claim_url=request.claim_url,
        identifiers=request.identifiers,
        patient=request.patient,
        coverage=request.coverage,
        insurer=request.insurer,
        requester=request.requester,
        organization=request.organization,
        inquiry=Inquiry(member_ids=(member,), npis=tuple(npis)),
        rejections=tuple(rejections),
    )


def asked(store: Store, inquiry: InquiryRequest) -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(inquire(inquiry, LOOPBACK, store=store, clock=lambda: NOW, new_id=new_id))
    return answer


def responses(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Every ClaimResponse of an answer in either frame, in order."""
    if answer["resourceType"] == "Parameters":
        bundles = [p["resource"] for p in answer.get("parameter", ())]
        assert all(b["entry"][0]["resource"]["resourceType"] == "ClaimResponse" for b in bundles)
    else:
        bundles = [answer]
    resources = [e["resource"] for b in bundles for e in b["entry"]]
    return [r for r in resources if r["resourceType"] == "ClaimResponse"]


def submitted(store: Store, *serials: str) -> list[str]:
    """Ids of newly submitted requests, oldest first; every second one is pended."""
    found = []
    submit = replace(a_submit(store), new_id=new_id)
    for n, serial in enumerate(serials):
        engine = SayingEngine({1: {"DOSE": State.UNKNOWN}} if n % 2 else None)
        request = a_request(a_bundle(serial=serial), content=serial)
        answer = orjson.loads(
            replace(submit, engine=engine, new_number=numbered(serial)).answer(request, b"{}", LOOPBACK)
        )
        found.append(answer["entry"][0]["resource"]["id"])
    return found


def numbered(serial: str) -> Any:
    return lambda prefix: f"{prefix}{serial}"


@versions
@pytest.mark.parametrize("npi", [CLINIC, PRESCRIBER, SURGEON])
def test_requester_and_treating_providers_see_it(store: Store, version: Version, npi: str) -> None:
    """Who asked, who ordered and who renders may know where the request stands (pas P-78)."""
    (id_,) = submitted(store, "a")
    assert [r["id"] for r in responses(asked(store, an_inquiry(version, npis=[npi])))] == [id_]


@versions
@pytest.mark.parametrize(
    ("npis", "member"),
    [
        pytest.param([STRANGER], MEMBER, id="another provider"),
        pytest.param([], MEMBER, id="no provider"),
        pytest.param([CLINIC], "M-2", id="another member"),
    ],
)
def test_nobody_else_sees_anything(store: Store, version: Version, npis: Sequence[str], member: str) -> None:
    """Others get the very answer they would get if the member had no requests."""
    nothing = asked(store, an_inquiry(version, npis=npis, member=member))
    submitted(store, "a")
    answer = asked(store, an_inquiry(version, npis=npis, member=member))
    assert responses(answer) == []
    for body in (nothing, answer):
        body.pop("id", None)
        for entry in body.get("entry", ()):
            entry.pop("fullUrl")
    assert answer == nothing


@versions
def test_newest_first(store: Store, version: Version) -> None:
    """Every request of the member is returned, pended ones included, the newest first."""
    ids = submitted(store, "a", "b", "c")
    assert [r["id"] for r in responses(asked(store, an_inquiry(version)))] == ids[::-1]


@versions
def test_stored_bytes_are_replayed(store: Store, version: Version) -> None:
    """An answer is what was rendered at submit time, byte for byte where it stands alone."""
    (id_,) = submitted(store, "a")
    stored = store.rendering(id_, version, INQUIRY)
    assert stored is not None
    assert stored in inquire(an_inquiry(version), LOOPBACK, store=store, clock=lambda: NOW, new_id=new_id)


def test_frame_of_2_2(store: Store) -> None:
    """Parameters with one `return` per match, each a Bundle of its own; none for no match (pas P-73, T-10)."""
    assert asked(store, an_inquiry(Version.V2_2)) == {"resourceType": "Parameters"}
    submitted(store, "a", "b")
    answer = asked(store, an_inquiry(Version.V2_2))
    assert [p["name"] for p in answer["parameter"]] == ["return", "return"]
    assert [p["resource"]["identifier"]["value"] for p in answer["parameter"]] == ["request-b", "request-a"]


def test_frame_of_2_0(store: Store) -> None:
    """One Bundle with the ClaimResponses first and each resource they name once; an outcome for no match (2b)."""
    (entry,) = asked(store, an_inquiry(Version.V2_0))["entry"]
    (issue,) = entry["resource"]["issue"]
    assert (issue["severity"], issue["code"]) == ("information", "not-found")
    submitted(store, "a", "b")
    answer = asked(store, an_inquiry(Version.V2_0))
    kinds = [e["resource"]["resourceType"] for e in answer["entry"]]
    assert kinds[:2] == ["ClaimResponse", "ClaimResponse"]
    assert "ClaimResponse" not in kinds[2:]
    urls = [e["fullUrl"] for e in answer["entry"]]
    assert len(set(urls)) == len(urls)
    assert answer["identifier"]["value"] == "request-inquiry"


@versions
def test_rejected_inquiry(store: Store, version: Version) -> None:
    """An inquiry this payer cannot take is answered with ClaimResponse.error and shows nothing (pas P-49)."""
    submitted(store, "a")
    rejection = Rejection("T4", "The insurer is not this plan.", "Bundle.entry[0].resource.insurer")
    (response,) = responses(asked(store, an_inquiry(version, rejections=[rejection])))
    assert response["outcome"] == "error"
    assert response["error"][0]["code"]["coding"][0]["code"] == "T4"
