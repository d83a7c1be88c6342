"""Echoed resources: each once, under its own fullUrl, with references that resolve."""

from typing import Any

from server.answer.echoed_entries import echoed_entries
from server.fhir.read import BundleIndex

EHR, OTHER = "https://ehr.example.org/fhir", "https://other.example.org/r4"


def index_of(*entries: tuple[str, dict[str, Any]]) -> BundleIndex:
    return BundleIndex({"entry": [{"fullUrl": url, "resource": resource} for url, resource in entries]})


def named(type_: str, id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": type_, "id": id_, **more}


def test_what_a_resource_references_comes_along() -> None:
    """References are followed as far as they lead, also in a circle, and every resource stands once."""
    role = named("PractitionerRole", "role", practitioner={"reference": "Practitioner/p"})
    person = named("Practitioner", "p", qualification=[{"issuer": {"reference": "Organization/o"}}])
    board = named("Organization", "o", partOf={"reference": "Organization/o"})
    stranger = named("Patient", "not-named")
    index = index_of(*((f"{EHR}/{r['resourceType']}/{r['id']}", r) for r in (stranger, board, person, role)))
    entries = echoed_entries(index, [role, person, role])
    assert [e["resource"]["id"] for e in entries] == ["role", "p", "o"]
    assert entries[0]["resource"]["practitioner"] == {"reference": f"{EHR}/Practitioner/p"}


def test_relative_references_read_against_their_own_base() -> None:
    """Two servers in one Bundle: a relative reference means the resource beside its holder (pas T-2)."""
    here, there = named("Organization", "o", name="here"), named("Organization", "o", name="there")
    role = named("PractitionerRole", "role", organization={"reference": "Organization/o"})
    index = index_of(
        (f"{EHR}/Organization/o", here), (f"{OTHER}/Organization/o", there), (f"{OTHER}/PractitionerRole/role", role)
    )
    entries = echoed_entries(index, [role])
    assert [e["resource"].get("name") for e in entries] == [None, "there"]
    assert entries[0]["resource"]["organization"] == {"reference": f"{OTHER}/Organization/o"}


def test_unresolved_and_contained_references_stay() -> None:
    """What the request left open stays as it came, and contained resources keep their place (pas T-19)."""
    location = named("Location", "l")
    role = named(
        "PractitionerRole",
        "role",
        contained=[location],
        location=[{"reference": "#l"}, {"reference": "Location/elsewhere"}, {"display": "By name only"}],
    )
    (entry,) = echoed_entries(index_of((f"{EHR}/PractitionerRole/role", role)), [role])
    assert entry["resource"] == role


def test_the_claim_is_not_echoed() -> None:
    """A reference to the Claim is spelled out, but the Claim itself stays with its sender (pas P-35)."""
    claim = named("Claim", "c")
    person = named("Practitioner", "p", extension=[{"url": "x", "valueReference": {"reference": "Claim/c"}}])
    index = index_of((f"{EHR}/Claim/c", claim), (f"{EHR}/Practitioner/p", person))
    (entry,) = echoed_entries(index, [person, claim])
    assert entry["resource"]["extension"][0]["valueReference"] == {"reference": f"{EHR}/Claim/c"}


def test_the_request_is_not_changed() -> None:
    """Echoing copies: the parsed request keeps its own references."""
    role = named("PractitionerRole", "role", practitioner={"reference": "Practitioner/p"})
    person = named("Practitioner", "p")
    index = index_of((f"{EHR}/PractitionerRole/role", role), (f"{EHR}/Practitioner/p", person))
    echoed_entries(index, [role])
    assert role["practitioner"] == {"reference": "Practitioner/p"}
