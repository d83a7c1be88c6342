"""What comes after a request is seen at the desk: updates, attachments, and attachments of no known request."""

from typing import Any

import httpx

from server.fhir.codes import PAS
from tests.requests.bundle import a_bundle, an_item, answers, resources
from tests.requests.later import DOCUMENT, an_attachment, an_update
from tests.review.conftest import ASK, NURSE, Desk
from tests.review.signing_in import FHIR
from tests.review.test_safe_pages import EVIL, PDF, a_document
from tests.store.stored_rows import rows_of

Json = dict[str, Any]


def posted(desk: Desk, operation: str, body: Json) -> Json:
    answer = httpx.post(f"{desk.base_url}/fhir/2.2/{operation}", json=body, headers=FHIR, timeout=20)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def control_of(desk: Desk, case: str) -> str:
    """The control number of what a case has asked for."""
    (seq,) = (r["seq"] for r in rows_of(desk.database_url, "submission") if r["id"] == case)
    keys = [r for r in rows_of(desk.database_url, "item_key") if (r["submission"], r["kind"]) == (seq, "control")]
    return str(keys[0]["value"])


def test_an_attachment_is_seen(desk: Desk) -> None:
    """What came by $submit-attachment stands among the documents of its case, and in its history."""
    case = desk.case(ASK, extra=(answers(),))
    nurse = desk.as_("nurse")
    assert "No document came" in nurse.get(f"/review/case/{case}").text
    desk.engine.states = dict.fromkeys(range(1, 9), NURSE)
    posted(
        desk, "$submit-attachment", an_attachment(control_of(desk, case), a_document(PDF, "application/pdf", "Scan"))
    )
    page = nurse.get(f"/review/case/{case}").text
    assert "Open by itself: Scan" in page
    assert "sent documents; item 1 is looked at again" in page
    assert nurse.get(f"/review/case/{case}/document/1").content == PDF


def test_what_an_update_leaves_out_is_seen_still(desk: Desk) -> None:
    """A document of the first version keeps its place and is marked; the history says what was changed."""
    desk.engine.states = dict.fromkeys(range(1, 9), NURSE)
    note = a_document(b"the first note", "text/plain", "First note")
    first = a_bundle(serial="left-out", extra=(note,))
    case = posted(desk, "Claim/$submit", first)["entry"][0]["resource"]["id"]
    second = an_update(first, enclosed=False)
    second["entry"] = [e for e in second["entry"] if e["resource"]["resourceType"] != "DocumentReference"]
    later = a_document(b"the second note", "text/plain", "Second note")
    second["entry"].append({"fullUrl": "urn:uuid:6a1b4f3e-9d6c-4d0e-8f35-1f1a4ad0c0de", "resource": later})
    posted(desk, "Claim/$submit", second)
    nurse = desk.as_("nurse")
    page = nurse.get(f"/review/case/{case}").text
    (line,) = (line for line in page.splitlines() if "<summary>First note" in line)
    assert "left out" in line
    (line,) = (line for line in page.splitlines() if "<summary>Second note" in line)
    assert "left out" not in line
    assert "changed the request; item 1 is looked at again" in page
    assert "Sent earlier, and since changed or left out" in page
    served = [nurse.get(f"/review/case/{case}/document/{n}").text for n in (1, 2)]
    assert served == ["the first note", "the second note"]


def test_an_update_comes_while_a_person_decides(desk: Desk) -> None:
    """Who is first counts: the reviewer is told what the provider did, and nothing is decided."""
    desk.engine.states = dict.fromkeys(range(1, 9), NURSE)
    first = a_bundle(serial="both-at-once")
    case = posted(desk, "Claim/$submit", first)["entry"][0]["resource"]["id"]
    nurse, path = desk.as_("nurse"), f"/review/case/{case}/approve"
    shown = nurse.get(path)
    posted(desk, "Claim/$submit", an_update(first, enclosed=False))
    fields = {"item": "1", "why": "The chart says so.", "start": "2027-01-15", "end": "2027-07-13"}
    answer = nurse.post(path, shown, step="send", **fields)
    assert answer.status_code == 409
    assert "changed the request; item 1 is looked at again" in answer.text
    assert "The chart says so." in answer.text
    (seq,) = (r["seq"] for r in rows_of(desk.database_url, "submission") if r["id"] == case)
    kinds = [r["kind"] for r in rows_of(desk.database_url, "fact") if r["submission"] == seq]
    assert kinds == ["received", "decided-by-machine", "updated", "decided-by-machine"]


def test_an_attachment_of_no_known_request_is_seen(desk: Desk) -> None:
    """It is named on the work-list, listed, and shown with its documents; each look at it is on record."""
    evil = a_document(b"%s in a text" % EVIL.encode(), "text/html", f"{EVIL} title")
    posted(desk, "$submit-attachment", an_attachment(f"NOBODYS-{EVIL}", evil, DOCUMENT, MemberId="M-77"))
    nurse = desk.as_("nurse")
    assert "of no known request" in nurse.get("/review").text
    listed = nurse.get("/review/unmatched").text
    (kept,) = rows_of(desk.database_url, "unmatched")
    assert f"/review/unmatched/{kept['content']}" in listed
    assert "M-77" in listed
    page = nurse.get(f"/review/unmatched/{kept['content']}").text
    for shown in (listed, page):
        assert EVIL not in shown
        assert "&lt;script&gt;" in shown
    document = nurse.get(f"/review/unmatched/{kept['content']}/document/2")
    assert (document.content, document.headers["content-type"]) == (b"hello", "text/plain; charset=utf-8")
    read = [r for r in rows_of(desk.database_url, "audit") if r["subject"] == kept["content"]]
    assert [r["event"] for r in read] == ["attachment", "read", "read"]
    assert nurse.get(f"/review/unmatched/{kept['content']}/document/9").status_code == 404
    assert nurse.get("/review/unmatched/none").status_code == 404


def test_an_attachment_that_found_its_request_is_seen_there(desk: Desk) -> None:
    """It is listed no more; the page of its case has it among the documents and in the history."""
    scan = a_document(b"a letter that came first", "text/plain", "Early letter")
    posted(desk, "$submit-attachment", an_attachment("claim-early", scan))
    desk.engine.states = dict.fromkeys(range(1, 9), NURSE)
    case = posted(desk, "Claim/$submit", a_bundle(serial="early"))["entry"][0]["resource"]["id"]
    assert not [r for r in rows_of(desk.database_url, "unmatched") if r["tracking"] == "claim-early"]
    nurse = desk.as_("nurse")
    page = nurse.get(f"/review/case/{case}").text
    assert "<summary>Early letter" in page
    assert "sent documents" in page
    assert nurse.get(f"/review/case/{case}/document/1").text == "a letter that came first"


def of_another_member(bundle: Json) -> Json:
    for name in ("Patient", "Coverage"):
        resources(bundle, name)[0]["identifier"][0]["value"] = "M-88"
    return bundle


def test_a_closed_case_says_how_it_stands_today(desk: Desk) -> None:
    """Approved, until a renewal that names its number is approved too."""
    desk.engine.states = {}
    first = of_another_member(a_bundle(serial="stands"))
    answer = posted(desk, "Claim/$submit", first)["entry"][0]["resource"]
    nurse = desk.as_("nurse")
    assert "<strong>Approved</strong>" in nurse.get(f"/review/case/{answer['id']}").text
    renewal = an_item(
        servicedDate="2027-10-01",
        extension=[
            *an_item()["extension"],
            {"url": f"{PAS}extension-authorizationNumber", "valueString": answer["preAuthRef"]},
        ],
    )
    later = posted(desk, "Claim/$submit", of_another_member(a_bundle(renewal, serial="goes-on")))["entry"][0][
        "resource"
    ]
    assert later["outcome"] == "complete"
    assert "a later authorization goes on from it" in nurse.get(f"/review/case/{answer['id']}").text
    assert "<strong>Approved</strong>" in nurse.get(f"/review/case/{later['id']}").text
