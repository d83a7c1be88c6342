"""What a sender put into a request is shown and never run: names, answers, documents."""

import base64
from typing import Any

import pytest

from server.fhir.read import BundleIndex
from server.review.documents import documents_in
from server.review.readable import rows_of
from tests.review.conftest import Desk

EVIL = "<script>alert(1)</script>"
PDF, PNG = b"%PDF-1.4 x", b"\x89PNG\r\n\x1a\n\0\0"


def a_document(data: bytes, media: str, title: str = "A note") -> dict[str, Any]:
    attachment = {"contentType": media, "title": title, "data": base64.b64encode(data).decode()}
    return {
        "resourceType": "DocumentReference",
        "id": "note",
        "status": "current",
        "subject": {"reference": "Patient/patient"},
        "content": [{"attachment": attachment}],
    }


def test_names_and_documents_are_text(desk: Desk) -> None:
    """Whatever a sender writes into titles, descriptions and texts comes out escaped, on every page of the case."""
    note = a_document(f"{EVIL} in the text".encode(), "text/html", f"{EVIL} title")
    other = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": EVIL}, "valueString": EVIL}
    case = desk.case(extra=(note, other | {"subject": {"reference": "Patient/patient"}}))
    nurse = desk.as_("nurse")
    for path in (
        f"/review/case/{case}",
        f"/review/case/{case}/letter",
        f"/review/case/{case}/ask",
        f"/review?q={EVIL}",
    ):
        answer = nurse.get(path)
        assert answer.status_code == 200
        assert EVIL not in answer.text
    assert nurse.get(f"/review/case/{case}").text.count("&lt;script&gt;") >= 4


def test_what_a_reviewer_writes_is_text_too(desk: Desk) -> None:
    """In the form, on the page of what goes out, in the history and in the letter."""
    case = desk.case()
    nurse = desk.as_("nurse")
    path = f"/review/case/{case}/ask"
    said = nurse.post(path, nurse.get(path), item="1", why=EVIL)
    assert said.status_code == 200
    nurse.post(path, said, item="1", why=EVIL, step="send")
    for text in (said.text, nurse.get(f"/review/case/{case}").text, nurse.get(f"/review/case/{case}/letter").text):
        assert EVIL not in text
        assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    ("data", "media", "sent_as"),
    [
        (b"<html><script>x()</script>", "text/html", "text/plain; charset=utf-8"),
        (b"<svg onload='x()'/>", "image/svg+xml", "text/plain; charset=utf-8"),
        (b"a plain note", "application/pdf", "text/plain; charset=utf-8"),
        (PDF, "text/html", "application/pdf"),
        (PNG, "image/png", "image/png"),
        (b"MZ\0\0", "text/plain", "application/octet-stream"),
    ],
)
def test_a_document_is_what_its_bytes_are(desk: Desk, data: bytes, media: str, sent_as: str) -> None:
    """Never what the sender says; no browser guesses further, and what it does not show is saved to disk."""
    case = desk.case(extra=(a_document(data, media),))
    answer = desk.as_("nurse").get(f"/review/case/{case}/document/1")
    assert answer.content == data
    assert answer.headers["content-type"] == sent_as
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert ("sandbox" in policy) is (sent_as != "application/pdf")
    assert ("content-disposition" in answer.headers) is (sent_as == "application/octet-stream")


def test_every_page_forbids_scripts_of_others(desk: Desk) -> None:
    """Headers of each page: only our own script and style, in nobody's frame, in no cache."""
    case = desk.case()
    for path in ("/review", f"/review/case/{case}", "/review/case/none", f"/review/case/{case}/approve"):
        headers = desk.as_("nurse").get(path).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"


def test_a_document_in_a_binary_is_found() -> None:
    """An attachment may name a Binary of the same request; an address elsewhere is never fetched."""
    binary = {
        "resourceType": "Binary",
        "id": "b",
        "contentType": "text/plain",
        "data": base64.b64encode(b"hi").decode(),
    }
    named = a_document(b"", "text/plain")
    named["content"][0]["attachment"] = {"contentType": "text/plain", "url": "Binary/b"}
    away = a_document(b"", "text/plain")
    away["content"][0]["attachment"] = {"contentType": "text/plain", "url": "http://169.254.169.254/x"}
    resources = [named, away, binary]
    index = BundleIndex(
        {"entry": [{"fullUrl": f"https://e.example/{n}", "resource": r} for n, r in enumerate(resources)]}
    )
    assert [d.data for d in documents_in(resources, index)] == [b"hi"]
    broken = a_document(b"", "text/plain")
    broken["content"][0]["attachment"]["data"] = "%%%"
    assert documents_in([broken], index) == []


def test_a_resource_is_told_in_words() -> None:
    """Codes with their displays, quantities with units, days, people; no JSON and no bytes."""
    told = dict(
        rows_of(
            {
                "resourceType": "MedicationRequest",
                "id": "x",
                "medicationCodeableConcept": {"coding": [{"system": "s", "code": "12", "display": "A drug"}]},
                "dosageInstruction": [
                    {
                        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                        "doseAndRate": [{"doseQuantity": {"value": 100, "unit": "mg"}}],
                    }
                ],
                "authoredOn": "2026-11-20",
                "substitution": {"allowedBoolean": False},
                "effectivePeriod": {"start": "2026-01-01", "end": "2026-02-01"},
                "content": [{"attachment": {"data": "AAAA", "contentType": "text/plain"}}],
            }
        )
    )
    assert told == {
        "Medication codeable concept": "A drug (12)",
        "Dosage instruction, timing, repeat": "1 in 1 days",
        "Dosage instruction, dose and rate, dose quantity": "100 mg",
        "Authored on": "2026-11-20",
        "Substitution, allowed boolean": "no",
        "Effective period": "from 2026-01-01 to 2026-02-01",
        "Content, attachment, content type": "text/plain",
    }
