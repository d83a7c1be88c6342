"""Audit rows as AuditEvents: valid FHIR, who did what to which case, ids only."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from server.audit.event import audit_event
from server.store.chain import AuditRow
from tests.outgoing import faults

AT = datetime(2026, 3, 1, 9, 30, 15, 250, tzinfo=UTC)
CASE = "3c826e13-25ea-446d-be54-8bbbd6be7846"
SITE = "https://plan.example.org"
NORA = {"reviewer": "nora", "npi": "1999999984", "role": "nurse"}

ROWS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "read": ("read", CASE, {"by": "read", "caller": "clinic"}),
    "explained": ("read", CASE, {"by": "explain", "caller": "clinic"}),
    "inquiry": ("read", CASE, {"by": "inquiry", "caller": "clinic"}),
    "seen by a reviewer": ("read", CASE, {"by": "review", **NORA, "document": 2}),
    "first decision": ("decision", CASE, {"facts": 2, "items": {"1": "approve"}, "caller": "clinic"}),
    "ruling": (
        "decision",
        CASE,
        {"facts": 3, "items": {"1": "deny"}, "npi": "1999999984", "role": "physician", "did": ["ruled"]},
    ),
    "ruling of long ago": ("decision", CASE, {"facts": 3, "items": {"1": "deny"}}),
    "update": (
        "decision",
        CASE,
        {"facts": 4, "items": {"1": "approve"}, "caller": "clinic", "did": ["updated", "decided-by-machine"]},
    ),
    "cancellation": (
        "decision",
        CASE,
        {"facts": 3, "items": {"1": "cancelled"}, "caller": "clinic", "did": ["updated"]},
    ),
    "decision of long ago": ("decision", CASE, {"items": {"1": "approve"}}),
    "sign-in": ("signed in", "nora", {}),
    "chained": ("chained", "audit", {"caller": "machine", "rows": 3}),
    "odd words": (" odd   event ", "", {"caller": "", "empty": "", "none": None}),
}


def event(name: str) -> dict[str, Any]:
    what, subject, detail = ROWS[name]
    return audit_event(AuditRow(2, 17, AT, what, subject, orjson.dumps(detail).decode(), "ab" * 32), SITE)


@pytest.mark.parametrize("name", ROWS)
def test_it_is_valid(name: str) -> None:
    """By our own walk over HL7's table, and by fhir.resources."""
    assert list(faults(orjson.dumps(event(name)))) == []


def test_it_says_when_where_and_which_row() -> None:
    """The id is the row's place, and its hash is there to compare."""
    said = event("read")
    assert said["id"] == "2-17"
    assert said["recorded"] == "2026-03-01T09:30:15.000250Z"
    assert said["source"]["site"] == SITE
    assert said["outcome"] == "0"
    assert {"type": "hash", "valueString": "ab" * 32} in said["entity"][0]["detail"]


@pytest.mark.parametrize(
    ("name", "code", "action", "subtype"),
    [
        ("read", "access", "R", "read"),
        ("explained", "access", "R", "operation"),
        ("inquiry", "access", "R", "operation"),
        ("seen by a reviewer", "access", "R", "read"),
        ("first decision", "originate", "C", "decision"),
        ("ruling", "amend", "U", "decision"),
        ("update", "amend", "U", "decision"),
        ("sign-in", "110100", "E", "signed in"),
    ],
)
def test_what_happened(name: str, code: str, action: str, subtype: str) -> None:
    """A read accesses, a first decision originates, a later one amends; what is not known is named."""
    said = event(name)
    assert (said["type"]["code"], said["action"], said["subtype"][0]["code"]) == (code, action, subtype)


def test_who_did_it() -> None:
    """The caller or reviewer asked; the machine stands beside the caller whose request it decided, and nowhere else."""
    (reader,) = event("read")["agent"]
    assert reader == {"altId": "clinic", "requestor": True}
    caller, machine = event("first decision")["agent"]
    assert (caller["altId"], caller["requestor"], machine["requestor"]) == ("clinic", True, False)
    (person,) = event("ruling")["agent"]
    assert person["who"]["identifier"] == {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1999999984"}
    assert person["role"] == [{"text": "physician"}]
    (reviewer,) = event("seen by a reviewer")["agent"]
    assert (reviewer["altId"], reviewer["who"], reviewer["role"]) == ("nora", person["who"], [{"text": "nurse"}])
    assert [a["requestor"] for a in event("update")["agent"]] == [True, False]
    for name in ("cancellation", "ruling of long ago"):
        assert [a["requestor"] for a in event(name)["agent"]] == [True]
    (user,) = event("sign-in")["agent"]
    assert user["altId"] == "nora"


def test_of_which_case() -> None:
    """By the id of its ClaimResponse; who or what is no case is named."""
    assert event("read")["entity"][0]["what"] == {"reference": f"ClaimResponse/{CASE}"}
    assert event("sign-in")["entity"][0]["name"] == "nora"
    assert "what" not in event("sign-in")["entity"][0]
