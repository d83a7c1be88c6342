"""Signing in: who gets in, what is said to whoever does not, and when a session is over."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest

from server.__main__ import main
from server.errors import UnusableSetting
from server.policy.plan_file import load_plan
from server.review.add_reviewer import new_reviewer, read_password
from server.review.desk import ReviewDesk
from server.review.reviewers import reviewer_of_login, sign_in
from server.settings import Settings
from server.store.sql import open_store
from tests.requests.world import a_world
from tests.review.conftest import Desk
from tests.review.signing_in import Browser
from tests.serving import sqlite_url
from tests.store.stored_rows import rows_of

PLAN = load_plan(Settings().plan)
GOOD = "a long enough password"


@pytest.fixture
def browser(desk: Desk) -> Iterator[Browser]:
    with Browser(desk.base_url) as made:
        yield made


def test_the_cookie_is_for_this_desk_alone(browser: Browser, desk: Desk) -> None:
    """No script reads it, no other site sends it, and the record holds only its hash."""
    answer = browser.sign_in("nurse", "nurse-of-the-demo")
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith("vitruvian-review=")]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/review" in cookie
    secret = browser.http.cookies["vitruvian-review"]
    assert secret not in str(rows_of(desk.database_url, "session"))


def test_an_unknown_login_and_a_wrong_password_get_the_same_words(browser: Browser) -> None:
    """Nobody learns who is a reviewer."""
    wrong = browser.sign_in("physician", "not this one")
    unknown = browser.sign_in("somebody", "not this one")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("physician", "").count("Login or password is wrong.") == 1
    assert unknown.text.count("Login or password is wrong.") == 1
    assert "vitruvian-review" not in browser.http.cookies


@pytest.mark.parametrize("login", ["compliance", "nobody-is-called-so"])
def test_after_failures_a_login_is_locked_for_a_while(browser: Browser, desk: Desk, login: str) -> None:
    """Five failures lock it, even for the right password, and whether or not somebody is called so."""
    for _ in range(5):
        assert browser.sign_in(login, "wrong").status_code == 401
    locked = browser.sign_in(login, f"{login}-of-the-demo")
    assert locked.status_code == 429
    assert "Wait 15 minutes" in locked.text
    desk.pass_(timedelta(minutes=16))
    assert browser.sign_in(login, f"{login}-of-the-demo").status_code == (303 if login == "compliance" else 401)


def test_a_session_ends_when_nobody_works(browser: Browser, desk: Desk) -> None:
    """Half an hour after the last page; a page that asks by itself does not count as work."""
    case = desk.case()
    browser.sign_in("nurse", "nurse-of-the-demo")
    desk.pass_(timedelta(minutes=29))
    assert browser.get("/review").status_code == 200
    for _ in range(2):
        desk.pass_(timedelta(minutes=16))
        answer = browser.get(f"/review/case/{case}/changed?facts=2")
    assert answer.status_code == 303
    assert browser.get("/review").headers["location"] == "/review/sign-in"


def test_a_session_ends_after_a_working_day(browser: Browser, desk: Desk) -> None:
    """Ten hours after it began, however busy it was."""
    browser.sign_in("nurse", "nurse-of-the-demo")
    for _ in range(24):
        desk.pass_(timedelta(minutes=25))
        assert browser.get("/review").status_code == 200
    desk.pass_(timedelta(minutes=25))
    assert browser.get("/review").status_code == 303


def test_signing_out_ends_the_session_for_good(browser: Browser) -> None:
    """The cookie of then opens nothing, wherever it was copied to."""
    browser.sign_in("nurse", "nurse-of-the-demo")
    secret = browser.http.cookies["vitruvian-review"]
    assert browser.post("/review/sign-out", browser.get("/review")).status_code == 303
    browser.http.cookies.set("vitruvian-review", secret, path="/review")
    assert browser.get("/review").status_code == 303


def test_a_sign_in_that_no_page_made_is_refused(browser: Browser) -> None:
    """Another site cannot sign a reviewer in as somebody else."""
    answer = browser.http.post("/review/sign-in", data={"login": "nurse", "password": "nurse-of-the-demo"})
    assert answer.status_code == 403
    assert "vitruvian-review" not in browser.http.cookies


@pytest.mark.parametrize(
    ("onward", "to"),
    [
        ("/review/case/1", "/review/case/1"),
        ("https://evil.example/", "/review"),
        ("//evil.example/review/case/", "/review"),
        ("/review/case/\r\nX: y", "/review"),
    ],
)
def test_the_way_on_stays_inside(browser: Browser, onward: str, to: str) -> None:
    """A link to the sign-in page cannot lead out of the desk."""
    answer = browser.sign_in("nurse", "nurse-of-the-demo", next=onward)
    assert answer.headers["location"] == to


def test_a_forms_size_and_type_are_held(browser: Browser) -> None:
    """What no page of ours sends is refused with a page."""
    assert browser.http.post("/review/sign-in", json={}).status_code == 415
    assert browser.http.post("/review/sign-in", data={"x": "y" * 300_000}).status_code == 413
    many = {f"x{n}": "1" for n in range(500)}
    assert browser.http.post("/review/sign-in", data=many).status_code == 400


class TestOutsideOfTheDemo:
    """Another plan file, a record of its own."""

    @pytest.fixture
    def made(self, tmp_path: Path) -> Iterator[ReviewDesk]:
        store = open_store(sqlite_url(tmp_path))
        yield ReviewDesk(a_world(store, plan=PLAN), demo=False)
        store.close()

    def test_made_up_reviewers_are_nobody(self, made: ReviewDesk) -> None:
        """A password that stands in a public file opens nothing."""
        assert reviewer_of_login("nurse", made) is None
        assert sign_in("nurse", "nurse-of-the-demo", made) is None

    def test_an_added_reviewer_signs_in(self, made: ReviewDesk) -> None:
        """By the password that was typed, of which the record holds an argon2id hash; a new one replaces it."""
        added = new_reviewer("ana.lee", "nurse", "Ana Lee, RN", ("1999999943", "163W00000X"), PLAN)
        made.record.put_reviewer(added.with_password(GOOD).made)
        found = sign_in("ana.lee", GOOD, made)
        assert found is not None
        assert (found.name, found.role, found.specialty) == ("Ana Lee, RN", "nurse", "163W00000X")
        assert found.password_hash.startswith("$argon2id$")
        assert sign_in("ana.lee", GOOD + "x", made) is None
        made.record.put_reviewer(added.with_password(GOOD + " and newer").made)
        assert sign_in("ana.lee", GOOD, made) is None

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (("Ana Lee", "nurse", "1999999943"), "no login"),
            (("ana", "surgeon", "1999999943"), "must be one of"),
            (("ana", "nurse", "12"), "10 digits"),
            (("ana", "physician", "1999999943"), "specialty must be given"),
            (("nurse", "nurse", "1999999943"), "reviewer of the plan file"),
        ],
    )
    def test_a_reviewer_who_does_not_fit_is_refused(self, given: tuple[str, str, str], said: str) -> None:
        """Each with what is wrong."""
        login, role, npi = given
        with pytest.raises(UnusableSetting, match=said):
            new_reviewer(login, role, "A", (npi, None), PLAN)

    def test_a_short_password_is_refused(self) -> None:
        """And a line of the input is one."""
        assert read_password(StringIO(GOOD + "\n")) == GOOD
        with pytest.raises(UnusableSetting):
            read_password(StringIO("short\n"))


def test_the_command_adds_a_reviewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`add-reviewer` writes into the record that the server opens, and says where to sign in."""
    monkeypatch.setenv("VITRUVIAN_DATABASE_URL", sqlite_url(tmp_path))
    monkeypatch.setattr("sys.stdin", StringIO(GOOD + "\n"))
    given = ["add-reviewer", "ana", "--role", "physician", "--name", "Ana Lee, MD", "--npi", "1999999943"]
    assert main(given) == 1, "a physician has a specialty"
    assert main([*given, "--specialty", "207RR0500X"]) == 0
    store = open_store(sqlite_url(tmp_path))
    desk = ReviewDesk(a_world(store, plan=PLAN))
    assert sign_in("ana", GOOD, desk) is not None
    store.close()
