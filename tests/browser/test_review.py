"""The review desk in a real Chromium: people decide, by mouse and by keyboard; axe finds nothing. `make e2e`."""

import re
from datetime import date
from itertools import count
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from server.demo.requests import dated, renewed
from server.demo.serving import ROOT
from server.demo.stories import stories_of
from server.policy.library import PolicyLibrary
from server.settings import Settings
from tests.review.signing_in import FHIR, action_of, told

SCREENSHOTS = ROOT / "build" / "screenshots"
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
SIZES = ((1600, 1000, "light"), (1024, 900, "dark"), (360, 800, "light"), (360, 800, "dark"))
_serial = count(1)


@pytest.fixture(scope="module")
def requests() -> dict[str, Any]:
    """Requests of the demo's stories that no machine approves, by who decides first."""
    settings = Settings()
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    _, asked, physician = [story.request for story in stories_of(policies, settings.policies)][:3]
    return {"provider": asked, "physician": physician}


def submitted(base_url: str, request: Any) -> str:
    """The id of a case of a member of its own, made today."""
    body = dated(renewed(request, f"desk{next(_serial)}"), date.today())  # noqa: DTZ011 - as the demo does
    answer = httpx.post(
        f"{base_url}/fhir/2.2/Claim/$submit", json=body, headers={"Content-Type": "application/fhir+json"}, timeout=30
    )
    return str(answer.raise_for_status().json()["entry"][0]["resource"]["id"])


def signed_in(browser: Browser, base_url: str, login: str) -> Page:
    """A page of this reviewer; whatever the browser complains of fails the test, a refused form apart."""
    page = browser.new_context().new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("console", lambda message: None if "status of 4" in message.text else pytest.fail(message.text))
    page.goto(f"{base_url}/review")
    page.get_by_label("Login", exact=True).fill(login)
    page.get_by_label("Password", exact=True).fill(f"{login}-of-the-demo")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{base_url}/review")
    return page


def decide(page: Page, link: str, why: str) -> None:
    """From the case: the form, what goes out, the decision."""
    page.get_by_role("link", name=link, exact=True).click()
    page.get_by_role("textbox", name=re.compile("plain words|to send")).fill(why)
    page.get_by_role("button", name="Read what goes out").click()
    page.get_by_role("heading", name="Read what goes out").wait_for()
    assert why in page.locator("blockquote").inner_text()
    page.get_by_role("button", name="and send").click()
    page.get_by_role("heading", name="History").wait_for()


def test_a_nurse_approves(browser: Browser, base_url: str, requests: dict[str, Any]) -> None:
    """She fills in the days, reads what goes out, and the provider has a number."""
    case = submitted(base_url, requests["provider"])
    page = signed_in(browser, base_url, "nurse")
    page.goto(f"{base_url}/review/case/{case}")
    page.get_by_role("link", name="Approve", exact=True).click()
    page.get_by_label("First day").fill("2027-02-01")
    page.get_by_label("Last day").fill("2027-07-30")
    page.get_by_label("Why, in plain words").fill("The office told me the days by telephone.")
    page.get_by_role("button", name="Read what goes out").click()
    assert "2027-07-30" in page.locator("main").inner_text()
    page.get_by_role("button", name="Approve and send").click()
    page.get_by_role("heading", name="History").wait_for()
    assert "Approved" in page.locator("main").inner_text()
    response = told(base_url, case)
    assert action_of(response) == "A1"
    assert response["preAuthPeriod"] == {"start": "2027-02-01", "end": "2027-07-30"}
    page.context.close()


def test_a_nurse_asks_and_forwards(browser: Browser, base_url: str, requests: dict[str, Any]) -> None:
    """Each stands in the history in her own words, and the case waits for the right one."""
    case = submitted(base_url, requests["provider"])
    page = signed_in(browser, base_url, "nurse")
    page.goto(f"{base_url}/review/case/{case}")
    decide(page, "Ask for more information", "Please send the days of the first medicine.")
    decide(page, "Forward", "The answers contradict the chart.")
    assert "Waiting for a physician" in page.locator("main").inner_text()
    assert "The answers contradict the chart." in page.locator(".history").inner_text()
    assert page.get_by_role("link", name="Approve", exact=True).count() == 0
    assert action_of(told(base_url, case)) == "A4"
    page.context.close()


def test_a_physician_denies_by_keyboard_alone(browser: Browser, base_url: str, requests: dict[str, Any]) -> None:
    """From the sign-in to the letter without a mouse; the focus is seen wherever it is."""
    case = submitted(base_url, requests["physician"])
    page = browser.new_context().new_page()
    page.goto(f"{base_url}/review/case/{case}")
    assert page.url.startswith(f"{base_url}/review/sign-in")

    def tab_to(selector: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            seen = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert seen in ("solid", "auto"), page.evaluate("document.activeElement.outerHTML")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        pytest.fail(f"the keyboard does not reach {selector}")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to("#login")
    page.keyboard.type("physician")
    tab_to("#password")
    page.keyboard.type("physician-of-the-demo")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{base_url}/review/case/{case}")
    tab_to(f'a[href="/review/case/{case}/deny"]')
    page.keyboard.press("Enter")
    page.wait_for_url("**/deny")
    tab_to("#reason_code")
    page.keyboard.press("ArrowDown")
    tab_to("#why")
    page.keyboard.type("The medicine is taken together with another biologic.")
    tab_to("button.main")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Read what goes out").wait_for()
    tab_to("button.grave")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="History").wait_for()
    assert action_of(told(base_url, case)) == "A3"
    tab_to('a[href$="letter?to=member"]')
    page.keyboard.press("Enter")
    page.wait_for_url("**/letter?to=member")
    assert "Your request is denied" in page.locator("h1").inner_text()
    assert "appeal" in page.locator("main").inner_text()
    page.context.close()


def test_an_open_page_says_that_its_case_has_changed(browser: Browser, base_url: str, requests: dict[str, Any]) -> None:
    """The script of the page asks, and the notice appears without a reload."""
    case = submitted(base_url, requests["provider"])
    page = signed_in(browser, base_url, "director")
    page.route("**/review/case/*", _sooner)
    page.goto(f"{base_url}/review/case/{case}")
    nurse = signed_in(browser, base_url, "nurse")
    nurse.goto(f"{base_url}/review/case/{case}")
    decide(nurse, "Ask for more information", "Please send the days.")
    page.get_by_text("This case has changed since you opened it").wait_for(timeout=8_000)
    page.context.close()
    nurse.context.close()


def _sooner(route: Any) -> None:
    """The page as served, but it asks every second: nobody waits half a minute in a test."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace("every 30s", "every 1s"))


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}-{s[2]}")
def test_axe_finds_nothing_and_nothing_sticks_out(
    browser: Browser, base_url: str, requests: dict[str, Any], size: tuple[int, int, Any]
) -> None:
    """Every page, at every width, light and dark: no violation, no sideways scrolling, and a picture to look at."""
    width, height, scheme = size
    case = submitted(base_url, requests["physician"])
    page = signed_in(browser, base_url, "director")
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    paths = ["/review", "/review?q=sample", "/review?q=nobody", f"/review/case/{case}", "/review/case/none"]
    paths += [f"/review/case/{case}/{verb}" for verb in ("approve", "modify", "deny", "ask")]
    paths += [f"/review/case/{case}/letter"]
    paths += ["/review/unmatched", attached_to_nothing(base_url, page)]
    for path in paths:
        page.goto(base_url + path)
        _looked_at(page, f"review-{path.strip('/').replace(case, 'case')}-{width}-{scheme}", width)
    page.goto(f"{base_url}/review/case/{case}/deny")
    page.get_by_role("button", name="Read what goes out").click()
    page.get_by_role("alert").wait_for()
    _looked_at(page, f"review-missing-{width}-{scheme}", width)
    page.get_by_label("Reason", exact=True).select_option("0V")
    page.get_by_label("Why, in plain words").fill("It is taken together with another biologic.")
    page.get_by_role("button", name="Read what goes out").click()
    page.get_by_role("heading", name="Read what goes out").wait_for()
    _looked_at(page, f"review-confirm-{width}-{scheme}", width)
    page.context.clear_cookies()
    page.goto(f"{base_url}/review/sign-in")
    _looked_at(page, f"review-sign-in-{width}-{scheme}", width)
    page.context.close()


def attached_to_nothing(base_url: str, page: Page) -> str:
    """The page of an attachment whose request nobody has sent."""
    body = next(ROOT.glob("cql/*/demo/submit-attachment.json")).read_bytes()
    httpx.post(f"{base_url}/fhir/2.2/$submit-attachment", content=body, headers=FHIR, timeout=30).raise_for_status()
    page.goto(f"{base_url}/review/unmatched")
    return str(page.locator("table a").first.get_attribute("href"))


def _looked_at(page: Page, name: str, width: int) -> None:
    for closed in page.locator("details:not([open]) > summary").all()[:3]:
        closed.click()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{re.sub(r'[^a-z0-9-]', '-', name)}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    page.evaluate(AXE)
    found = page.evaluate("axe.run()")
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == [], name
