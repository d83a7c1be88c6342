"""The welcome page in a real Chromium, on a desk and on a phone. `make e2e`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from server.demo.serving import ROOT

SCREENSHOTS = ROOT / "build" / "screenshots"


@pytest.fixture(params=[("desk", 1100, 900), ("phone", 390, 844)], ids=lambda p: p[0])
def page(request: pytest.FixtureRequest, browser: Browser, base_url: str) -> Iterator[Page]:
    """The page, loaded; whatever the browser complains of, or fetches beside it, fails the test."""
    name, width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    complaints: list[str] = []
    fetched: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda sent: fetched.append(sent.url))
    page.goto(f"{base_url}/")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"welcome-{name}.png", full_page=True)
    yield page
    assert complaints == []
    assert [url for url in fetched if not url.startswith((base_url, "data:"))] == []
    page.close()


def test_the_page_fits(page: Page) -> None:
    """Nothing sticks out to the right: commands scroll inside their box."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_first_thing_said_is_what_this_is(page: Page) -> None:
    """Heading and lead are visible without scrolling."""
    assert page.get_by_role("heading", level=1).inner_text() == "Vitruvian"
    assert page.locator(".lead").is_visible()


def test_a_keyboard_reaches_everything(page: Page) -> None:
    """Tab shows the skip link first, then every link and every command box, each with a visible ring."""
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box() is not None
    reached = 1
    for _ in range(page.locator("a, pre").count() - 1):
        page.keyboard.press("Tab")
        reached += int(page.evaluate("getComputedStyle(document.activeElement).outlineStyle === 'solid'"))
    assert reached == page.locator("a, pre").count()


def test_its_links_work(page: Page, base_url: str) -> None:
    """Each link to this server answers 200."""
    for link in page.locator("a").all():
        target = link.get_attribute("href") or ""
        if target.startswith(base_url):
            assert page.request.get(target).status == 200
