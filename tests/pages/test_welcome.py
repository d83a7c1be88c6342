"""The welcome page as HTML: addresses, commands, and nothing from elsewhere."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from server.pages.welcome import Example, welcome
from server.policy.model import Policy
from server.policy.plan import Plan

BASE = "http://payer.example:8000"


EXAMPLE = Example("a/order-sign.json", "a/submit.json")


def page(example: Example | None = EXAMPLE, **plan: str) -> str:
    named = {"name": "Example Plan", "payer_id": "EXAMPLE", "npi": "1999999992"} | plan
    policy = cast("Policy", SimpleNamespace(title="Example drug, policy 123", url=None))
    response = welcome(BASE, cast("Plan", SimpleNamespace(**named)), [policy], example)
    return bytes(response.body).decode()


class Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("path", ["/cds-services", "/fhir/2.2", "/fhir/2.0", "/docs", "/fhir/2.2/metadata"])
def test_it_names_the_addresses_to_hand_out(path: str) -> None:
    """Each address stands there in full, as a partner must type it."""
    assert BASE + path in page()


def test_it_names_plan_and_policies() -> None:
    """Who the payer is and which policies are served is on the page."""
    for text in ("Example Plan", "EXAMPLE", "1999999992", "Example drug, policy 123"):
        assert text in page()


def test_it_loads_nothing_from_elsewhere() -> None:
    """No element refers to another host, and there is no script at all."""
    for tag, attributes in Elements(page()).found:
        assert tag not in {"script", "iframe", "img", "object"}
        for name in ("href", "src"):
            target = attributes.get(name) or ""
            assert not target or target.startswith((BASE, "#", "data:"))


def test_the_browser_is_told_to_load_nothing() -> None:
    """The headers forbid scripts, frames and foreign content even if the page should ever name some."""
    headers: Any = welcome(BASE, cast("Plan", SimpleNamespace(name="", payer_id="", npi="")), []).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]


def test_data_is_text_not_markup() -> None:
    """A plan's name with HTML in it is shown, not run."""
    assert "<b>Plan</b>" not in page(name="<b>Plan</b>")
    assert "&lt;b&gt;Plan&lt;/b&gt;" in page(name="<b>Plan</b>")


def test_without_example_files_there_are_no_commands() -> None:
    """A server without the demo's files suggests none that would fail."""
    assert "curl" in page()
    assert "curl" not in page(example=None)


def test_it_can_be_read_by_a_screen_reader() -> None:
    """A language, a title, one first heading, headings without gaps, labelled sections, a way past the header."""
    html = page()
    found = Elements(html).found
    assert ("html", {"lang": "en"}) in found
    assert "<title>" in html
    levels = [int(tag[1]) for tag, _ in found if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = {a["id"] for _, a in found if "id" in a}
    assert all(a["aria-labelledby"] in ids for tag, a in found if tag == "section")
    assert next(a for tag, a in found if tag == "a")["href"] == "#addresses"


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["ink", "soft", "accent"])
@pytest.mark.parametrize("ground", ["ground", "sheet", "code"])
def test_text_stands_out_from_its_ground(scheme: int, text: str, ground: str) -> None:
    """Every text colour has a contrast of at least 4.5 on every ground, in the light and in the dark."""
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", re.findall(r":root \{(.*?)\}", page(), re.DOTALL)[scheme]))
    low, high = sorted((luminance(colours[text]), luminance(colours[ground])))
    assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("authenticated", [False, True])
def test_the_page_says_how_callers_are_known(authenticated: bool) -> None:  # noqa: FBT001 - a column of the table
    """That they are not, or that a system must be registered."""
    plan = cast("Plan", SimpleNamespace(name="", payer_id="", npi=""))
    text = bytes(welcome(BASE, plan, [], authenticated=authenticated).body).decode()
    assert ("not authenticated" in text) is not authenticated
    assert ("ask the plan to register your system" in text) is authenticated
