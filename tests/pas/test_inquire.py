"""Claim/$inquire: who sees what, in which frame, and that it is what was answered."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from server.answer.claim_response import INQUIRY
from server.auth.caller import LOOPBACK
from server.clock import new_id
from server.fhir.codes import NPI, PAS
from server.fhir.version import Version
from server.pas.inquire import inquire
from server.pas.request.inquiry import InquiryRequest
from server.policy.model import State
from server.store.ports import Store
from server.store.sql import open_store
from tests.requests.bundle import CLINIC, MEMBER, PRESCRIBER, STRANGER, SURGEON, a_bundle, an_item, resources
from tests.requests.world import APART, SayingEngine, a_client, a_world, an_inquiry, claim_response, submitted
from tests.store.stored_rows import rows_of

versions = pytest.mark.parametrize("version", list(Version))


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'record.db'}"


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    opened = open_store(database)
    yield opened
    opened.close()


def inquiry(version: Version, *, npis: Sequence[str] = (CLINIC,), member: str = MEMBER) -> InquiryRequest:
    """An inquiry about a member by an organization of these NPIs."""
    bundle = a_bundle(serial="inquiry")
    for resource in resources(bundle, "Patient") + resources(bundle, "Coverage"):
        resource["identifier"][0]["value"] = member
    clinic = resources(bundle, "Organization")[0]
    clinic["identifier"] = [{"system": NPI, "value": npi} for npi in npis] or [{"value": "no NPI"}]
    return an_inquiry(without_criteria(bundle), version=version)


def without_criteria(bundle: dict[str, Any]) -> dict[str, Any]:
    """The Claim asks for every request, not for those of its item."""
    del bundle["entry"][0]["resource"]["item"]
    return bundle


def asked(store: Store, inquiry: InquiryRequest, caller: Any = LOOPBACK, **world: Any) -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(inquire(inquiry, caller, a_world(store, new_id=new_id, **world)))
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


def answered(store: Store, *serials: str) -> list[str]:
    """Ids of newly submitted requests, oldest first; every second one is pended."""
    found = []
    for n, serial in enumerate(serials):
        engine = SayingEngine({1: {"DOSE": State.UNKNOWN}} if n % 2 else None)
        world = a_world(store, engine, new_id=new_id, new_number=numbered(serial))
        item = an_item(servicedDate=f"{2027 + n}-01-15")  # approvals of the same days would not stand beside each other
        found.append(claim_response(submitted(world, a_bundle(item, serial=serial)))["id"])
    return found


def numbered(serial: str) -> Any:
    return lambda prefix: f"{prefix}{serial}"


@versions
@pytest.mark.parametrize("npi", [CLINIC, PRESCRIBER, SURGEON])
def test_requester_and_treating_providers_see_it(store: Store, version: Version, npi: str) -> None:
    """Who asked, who ordered and who renders may know where the request stands (pas P-78)."""
    (id_,) = answered(store, "a")
    assert [r["id"] for r in responses(asked(store, inquiry(version, npis=[npi])))] == [id_]


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
    nothing = asked(store, inquiry(version, npis=npis, member=member))
    answered(store, "a")
    answer = asked(store, inquiry(version, npis=npis, member=member))
    assert responses(answer) == []
    for body in (nothing, answer):
        body.pop("id", None)
        for entry in body.get("entry", ()):
            entry.pop("fullUrl")
    assert answer == nothing


@versions
def test_newest_first(store: Store, version: Version) -> None:
    """Every request of the member is returned, pended ones included, the newest first."""
    ids = answered(store, "a", "b", "c")
    assert [r["id"] for r in responses(asked(store, inquiry(version)))] == ids[::-1]


@versions
def test_stored_bytes_are_replayed(store: Store, version: Version) -> None:
    """An answer is what was rendered at submit time, byte for byte where it stands alone."""
    (id_,) = answered(store, "a")
    stored = store.rendering(id_, version, INQUIRY)
    assert stored is not None
    assert stored in inquire(inquiry(version), LOOPBACK, a_world(store))


def test_frame_of_2_2(store: Store) -> None:
    """Parameters with one `return` per match, each a Bundle of its own; none for no match (pas P-73, T-10)."""
    assert asked(store, inquiry(Version.V2_2)) == {"resourceType": "Parameters"}
    answered(store, "a", "b")
    answer = asked(store, inquiry(Version.V2_2))
    assert [p["name"] for p in answer["parameter"]] == ["return", "return"]
    assert [p["resource"]["identifier"]["value"] for p in answer["parameter"]] == ["request-b", "request-a"]


def test_frame_of_2_0(store: Store) -> None:
    """One Bundle with the ClaimResponses first and each resource they name once; an outcome for no match (2b)."""
    (entry,) = asked(store, inquiry(Version.V2_0))["entry"]
    (issue,) = entry["resource"]["issue"]
    assert (issue["severity"], issue["code"]) == ("information", "not-found")
    answered(store, "a", "b")
    answer = asked(store, inquiry(Version.V2_0))
    kinds = [e["resource"]["resourceType"] for e in answer["entry"]]
    assert kinds[:2] == ["ClaimResponse", "ClaimResponse"]
    assert "ClaimResponse" not in kinds[2:]
    urls = [e["fullUrl"] for e in answer["entry"]]
    assert len(set(urls)) == len(urls)
    assert answer["identifier"]["value"] == "request-inquiry"


@versions
def test_rejected_inquiry(store: Store, version: Version) -> None:
    """An inquiry this payer cannot take is answered with ClaimResponse.error and shows nothing (pas P-49)."""
    answered(store, "a")
    bundle = without_criteria(a_bundle(serial="inquiry"))
    del resources(bundle, "Organization")[1]["identifier"]
    (response,) = responses(asked(store, an_inquiry(bundle, version=version)))
    assert response["outcome"] == "error"
    assert response["error"][0]["code"]["coding"][0]["code"] == "T4"


@versions
def test_a_caller_asks_for_its_own_providers_alone(store: Store, version: Version) -> None:
    """Naming another provider as the inquirer opens nothing: who may not see it gets the answer of no requests."""
    (id_,) = answered(store, "a")
    assert [r["id"] for r in responses(asked(store, inquiry(version), a_client(CLINIC)))] == [id_]
    assert [r["id"] for r in responses(asked(store, inquiry(version, npis=[STRANGER, SURGEON]), a_client(SURGEON)))]
    assert responses(asked(store, inquiry(version), a_client(STRANGER))) == []
    assert responses(asked(store, inquiry(version, npis=[CLINIC, STRANGER]), a_client(STRANGER))) == []


def test_each_answer_that_is_given_out_is_audited(store: Store, database: str) -> None:
    """The record tells which requests an inquiry found, and who asked; one that finds nothing leaves no row."""
    ids = answered(store, "a", "b")
    asked(store, inquiry(Version.V2_2, member="M-2"))
    asked(store, inquiry(Version.V2_2))
    read = [row for row in rows_of(database, "audit") if row["event"] == "read"]
    assert [row["subject"] for row in read] == ids[::-1]
    assert {row["detail"] for row in read} == {'{"by":"inquiry","caller":"loopback"}'}


@versions
@pytest.mark.parametrize(
    ("extensions", "found"),
    [
        ({"EffectiveDate": {"valueDate": "2027-01-15"}}, True),
        ({"EffectiveDate": {"valueDate": "2027-01-16"}}, False),
        ({"EffectiveDate": {"valuePeriod": {"start": "2027-01-01", "end": "2027-01-31"}}}, True),
        ({"ExpirationDate": {"valueDate": "2027-07-13"}}, True),
        ({"ExpirationDate": {"valuePeriod": {"start": "2027-07-14", "end": "2027-08-01"}}}, False),
        ({"EffectiveDate": {"valueDate": "2027-01-15"}, "ExpirationDate": {"valueDate": "2027-07-12"}}, False),
    ],
)
def test_by_the_days_of_the_authorization(
    store: Store,
    version: Version,
    extensions: dict[str, Any],
    found: bool,  # noqa: FBT001
) -> None:
    """By its first and its last day, a day or a period of days (pas T-35); what is pended has no such days."""
    (id_,) = answered(store, "a")
    submitted(
        a_world(store, SayingEngine({1: {"DOSE": State.REVIEW}}), new_id=new_id), a_bundle(serial="b", drug=APART[0])
    )
    asking = a_bundle(serial="inquiry")
    claim = asking["entry"][0]["resource"]
    urls = {name: f"{PAS}extension-itemCertification{name}" for name in extensions}
    del claim["item"]
    claim["extension"] = [{"url": urls[name], **value} for name, value in extensions.items()]
    assert [r["id"] for r in responses(asked(store, an_inquiry(asking, version=version)))] == ([id_] if found else [])
