"""A reviewer's decision over HTTP: what each role may do, what goes out, and what a form cannot do."""

import httpx
import pytest

from server.fhir.version import Version
from tests.requests.bundle import an_item
from tests.review.conftest import ASK, NURSE, PHYSICIAN, Desk
from tests.review.signing_in import Browser, action_of, hidden, told
from tests.store.stored_rows import rows_of

DAYS = {"start": "2027-01-15", "end": "2027-07-13"}
DENIAL = {"reason_code": "0V", "criterion": "DOSE"}


def events(desk: Desk, case: str, event: str) -> list[str]:
    return [r["detail"] for r in rows_of(desk.database_url, "audit") if (r["subject"], r["event"]) == (case, event)]


def test_a_nurse_approves(desk: Desk) -> None:
    """The provider reads A1 with a number and the days; the case leaves the list; the decision is audited."""
    case = desk.case()
    answer = desk.as_("nurse").decide(case, "approve", **DAYS)
    assert answer.status_code == 303
    response = told(desk.base_url, case)
    assert action_of(response) == "A1"
    assert response["preAuthRef"].startswith("VA")
    assert response["preAuthPeriod"] == {"start": DAYS["start"], "end": DAYS["end"]}
    assert case not in desk.as_("nurse").get("/review").text
    assert events(desk, case, "ruling") == [
        '{"reviewer":"nurse","npi":"1999999943","role":"nurse","verdict":"approve"}'
    ]


def test_a_physician_denies(desk: Desk) -> None:
    """A3 with the plan's reason, the words of the physician, and the criterion that it rests on."""
    case = desk.case(PHYSICIAN)
    assert desk.as_("physician").decide(case, "deny", why="The dose is too high.", **DENIAL).status_code == 303
    response = told(desk.base_url, case)
    assert action_of(response) == "A3"
    assert "preAuthRef" not in response
    notes = " ".join(note["text"] for note in response["processNote"])
    assert "The dose is too high." in notes
    assert "rests on DOSE" in notes
    letter = desk.as_("compliance").get(f"/review/case/{case}/letter").text
    assert "Your request is denied" in letter
    assert "appeal within 60 days" in letter
    assert "independent reviewer" in letter


def test_a_physician_approves_in_part(desk: Desk) -> None:
    """A6, and the quantity with its own unit is what is authorized instead."""
    item = an_item(
        quantity={"value": 30, "unit": "UN", "system": "https://codesystem.x12.org/005010/673", "code": "UN"}
    )
    case = desk.case(PHYSICIAN, item=item)
    assert desk.as_("physician").decide(case, "modify", quantity="10", **DAYS).status_code == 303
    response = told(desk.base_url, case)
    assert action_of(response) == "A6"
    assert response["addItem"][0]["quantity"]["value"] == 10
    assert response["addItem"][0]["quantity"]["code"] == "UN"


def test_a_nurse_asks_and_the_letter_says_what_for(desk: Desk) -> None:
    """The case waits for the provider, who reads what the nurse wrote."""
    case = desk.case()
    assert desk.as_("nurse").decide(case, "ask", why="Please send the last lab report.").status_code == 303
    response = told(desk.base_url, case)
    assert action_of(response) == "A4"
    assert "last lab report" in str(response["processNote"])
    assert "last lab report" in desk.as_("nurse").get(f"/review/case/{case}/letter?to=provider").text
    assert case in desk.as_("nurse").get("/review?waits=more-info-needed").text


def test_a_nurse_forwards_and_can_then_approve_no_more(desk: Desk) -> None:
    """Forwarding raises who must decide, and nothing lowers it again."""
    case = desk.case()
    nurse = desk.as_("nurse")
    assert nurse.decide(case, "forward", forward_to="physician").status_code == 303
    assert nurse.get(f"/review/case/{case}/approve").status_code == 403
    assert case in nurse.get("/review?role=physician&waits=pend-physician").text
    assert desk.as_("physician").decide(case, "approve", **DAYS).status_code == 303


@pytest.mark.parametrize("verb", ["deny", "modify"])
def test_a_nurse_refuses_nothing(desk: Desk, verb: str) -> None:
    """Not by the page, not by its address, and not by a form that she makes herself."""
    case = desk.case()
    nurse = desk.as_("nurse")
    page = nurse.get(f"/review/case/{case}")
    assert f"/{verb}" not in page.text
    assert nurse.get(f"/review/case/{case}/{verb}").status_code == 403
    sent = {"item": "1", "why": "x", "quantity": "1", "step": "send", "facts": "2", **DAYS, **DENIAL}
    assert nurse.post(f"/review/case/{case}/{verb}", page, **sent).status_code == 403
    assert action_of(told(desk.base_url, case)) == "A4"


def test_what_needs_a_physician_no_nurse_approves(desk: Desk) -> None:
    """An unmet criterion is beyond a nurse, by address too."""
    case = desk.case(PHYSICIAN)
    nurse = desk.as_("nurse")
    page = nurse.get(f"/review/case/{case}/ask")
    assert nurse.get(f"/review/case/{case}/approve").status_code == 403
    sent = {"item": "1", "why": "x", "step": "send", **DAYS}
    assert nurse.post(f"/review/case/{case}/approve", page, **sent).status_code == 403
    assert action_of(told(desk.base_url, case)) == "A4"


@pytest.mark.parametrize("path", ["approve", "deny", "modify", "ask", "forward", "take", "release"])
def test_compliance_reads_and_decides_nothing(desk: Desk, path: str) -> None:
    """Its pages have no action, and no address of one lets it through."""
    case = desk.case()
    compliance = desk.as_("compliance")
    page = compliance.get(f"/review/case/{case}")
    assert page.status_code == 200
    assert f"/review/case/{case}/{path}" not in page.text
    sent = {"item": "1", "why": "x", "step": "send", "facts": "2", **DAYS}
    assert compliance.post(f"/review/case/{case}/{path}", page, **sent).status_code == 403
    assert action_of(told(desk.base_url, case)) == "A4"
    assert not events(desk, case, "ruling")


def test_every_read_is_audited(desk: Desk) -> None:
    """A case, its letter and a form: a row each, with who read and in what role."""
    case = desk.case()
    for path in ("", "/letter", "/approve"):
        assert desk.as_("nurse").get(f"/review/case/{case}{path}").status_code == 200
    rows = events(desk, case, "read")
    assert len(rows) == 3
    assert all('"reviewer":"nurse"' in row for row in rows)


@pytest.mark.parametrize(
    ("verb", "missing", "said"),
    [
        ("approve", {"why": ""}, "Write the reason"),
        ("approve", {"start": ""}, "Give the first and the last day"),
        ("approve", {"end": "2026-01-01"}, "before the first"),
        ("approve", {"item": "9"}, "Choose at least one item"),
        ("deny", {"reason_code": "XX"}, "Choose the reason"),
        ("deny", {"criterion": "CODE"}, "Choose at least one criterion"),
        ("modify", {"quantity": "-1"}, "above zero"),
        ("modify", {"quantity": "NaN"}, "above zero"),
        ("forward", {"forward_to": "nurse"}, "Choose who looks next"),
    ],
)
def test_a_form_says_what_is_missing_and_keeps_the_rest(
    desk: Desk, verb: str, missing: dict[str, str], said: str
) -> None:
    """Nothing is decided, the text stays in the form, and the page says what to mend, even when asked to send."""
    case = desk.case(PHYSICIAN)
    physician = desk.as_("physician")
    page = physician.get(f"/review/case/{case}/{verb}")
    fields = {"item": "1", "why": "My own words.", "quantity": "1", "forward_to": "medical-director", **DAYS, **DENIAL}
    answer = physician.post(f"/review/case/{case}/{verb}", page, **(fields | missing), step="send")
    assert answer.status_code == 422
    assert said in answer.text
    assert ("My own words." in answer.text) is ("why" not in missing)
    assert action_of(told(desk.base_url, case)) == "A4"


def test_two_reviewers_at_once_have_one_winner(desk: Desk) -> None:
    """The second is told what the first did, decides nothing, and finds the own text in the form."""
    case = desk.case()
    nurse, director = desk.as_("nurse"), desk.as_("director")
    page = nurse.get(f"/review/case/{case}/approve")
    assert director.decide(case, "ask", why="Send the labs first.").status_code == 303
    sent = {"item": "1", "why": "All is met, I think.", "step": "send", **DAYS}
    answer = nurse.post(f"/review/case/{case}/approve", page, **sent)
    assert answer.status_code == 409
    assert "changed while you were reading" in answer.text
    assert "Send the labs first." in answer.text
    assert "All is met, I think." in answer.text
    assert action_of(told(desk.base_url, case)) == "A4"
    again = nurse.post(f"/review/case/{case}/approve", answer, **sent)
    assert again.status_code == 303, "having read what happened, she may still decide"


def test_the_same_decision_twice_is_one(desk: Desk) -> None:
    """A button that is pressed twice gives one authorization; the second press is told that the case changed."""
    case = desk.case()
    nurse = desk.as_("nurse")
    page = nurse.get(f"/review/case/{case}/approve")
    sent = {"item": "1", "why": "Met.", "step": "send", **DAYS}
    assert nurse.post(f"/review/case/{case}/approve", page, **sent).status_code == 303
    number = told(desk.base_url, case)["preAuthRef"]
    second = nurse.post(f"/review/case/{case}/approve", page, **sent)
    assert second.status_code == 409
    assert "Met." in second.text
    assert told(desk.base_url, case)["preAuthRef"] == number


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_a_forged_form_changes_nothing(desk: Desk, token: str) -> None:
    """Without the token of the session's own pages a decision is refused."""
    case = desk.case()
    nurse = desk.as_("nurse")
    sent = {"token": token, "facts": "2", "item": "1", "why": "x", "step": "send", **DAYS}
    assert nurse.http.post(f"/review/case/{case}/approve", data=sent).status_code == 403
    assert action_of(told(desk.base_url, case)) == "A4"


def test_a_token_is_of_one_session(desk: Desk) -> None:
    """That of somebody else's page is a forgery too; and so is a form that another site sends."""
    case = desk.case()
    theirs = hidden(desk.as_("director").get(f"/review/case/{case}/approve"), "token")
    nurse = desk.as_("nurse")
    sent = {"token": theirs, "facts": "2", "item": "1", "why": "x", "step": "send", **DAYS}
    assert nurse.http.post(f"/review/case/{case}/approve", data=sent).status_code == 403
    own = hidden(nurse.get(f"/review/case/{case}"), "token")
    crossed = {"Sec-Fetch-Site": "cross-site"}
    answer = nurse.http.post(f"/review/case/{case}/approve", data=sent | {"token": own}, headers=crossed)
    assert answer.status_code == 403
    assert action_of(told(desk.base_url, case)) == "A4"


def test_nobody_decides_without_signing_in(desk: Desk) -> None:
    """Each page and form leads to the sign-in, whose answer brings a reader back to the case."""
    case = desk.case()
    with Browser(desk.base_url) as nobody:
        for path in ("/review", f"/review/case/{case}", f"/review/case/{case}/letter", f"/review/case/{case}/approve"):
            answer = nobody.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/review/sign-in")
        assert nobody.http.post(f"/review/case/{case}/approve", data={"step": "send"}).status_code == 303
    assert action_of(told(desk.base_url, case)) == "A4"


def test_a_case_is_taken_by_one_and_let_go(desk: Desk) -> None:
    """Who takes first has it; the other sees so; who holds it, or the medical director, lets it go."""
    case = desk.case()
    nurse, physician = desk.as_("nurse"), desk.as_("physician")
    path = f"/review/case/{case}"
    page, theirs = nurse.get(path), physician.get(path)
    assert nurse.post(f"{path}/take", page).status_code == 303
    physician.post(f"{path}/take", theirs)
    assert "nurse works on this case" in physician.get(path).text
    assert case in nurse.get("/review?mine=1").text
    assert case not in physician.get("/review?mine=1").text
    physician.post(f"{path}/release", theirs)
    assert case in nurse.get("/review?mine=1").text
    director = desk.as_("director")
    director.post(f"{path}/release", director.get(path))
    assert case not in nurse.get("/review?mine=1").text


def test_a_case_is_found_by_what_people_have_in_hand(desk: Desk) -> None:
    """Member id, authorization number, and name in either order; decided cases too."""
    case = desk.case()
    nurse = desk.as_("nurse")
    nurse.decide(case, "approve", **DAYS)
    number = told(desk.base_url, case)["preAuthRef"]
    for text in ("M-1", number, "sample", "SAMPLE, Sam", "Sam Sample"):
        assert case in nurse.http.get("/review", params={"q": text}).text, text
    assert "No case has this" in nurse.http.get("/review", params={"q": "ample"}).text


def test_a_case_that_is_none_is_not_there(desk: Desk) -> None:
    """A page in words, whatever the address says."""
    for path in ("/review/case/none", "/review/case/none/approve", "/review/case/none/document/1", "/review/nothing"):
        answer = desk.as_("nurse").get(path)
        assert answer.status_code == 404
        assert "There is no such page" in answer.text
    case = desk.case(NURSE)
    assert desk.as_("nurse").get(f"/review/case/{case}/verb-of-nobody").status_code == 404


def test_a_page_hears_that_its_case_has_changed(desk: Desk) -> None:
    """What an open page asks by itself says nothing, until there is something to say."""
    case = desk.case(ASK)
    nurse = desk.as_("nurse")
    assert nurse.get(f"/review/case/{case}/changed?facts=2").text.strip() == ""
    desk.as_("director").decide(case, "ask", why="More, please.")
    assert "has changed" in nurse.get(f"/review/case/{case}/changed?facts=2").text


def test_both_versions_of_the_answer_tell_it(desk: Desk) -> None:
    """A decision is rendered for both guide versions."""
    case = desk.case()
    desk.as_("nurse").decide(case, "approve", **DAYS)
    for version in Version:
        found = httpx.get(f"{desk.base_url}{version.base}/ClaimResponse/{case}").json()
        assert action_of(found) == "A1"
