"""The demo and the commands of the welcome page, against a real server: what a newcomer tries first works."""

import html
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from server.demo.serving import free_port
from server.demo.stories import stories_of
from server.demo.walk import Site, walk
from server.errors import NotFound
from server.policy.library import PolicyLibrary
from server.policy.plan_file import load_plan
from server.settings import ROOT, Settings
from tests.curl import curl
from tests.demo.demo_files import demo_files
from tests.serving import serving, sqlite_url
from tests.store.stored_rows import rows_of

SETTINGS = Settings()
POLICIES = PolicyLibrary.load(SETTINGS.policies, SETTINGS.questionnaires)
STORIES = list(stories_of(POLICIES, SETTINGS.policies))
REVIEWERS = load_plan(SETTINGS.plan).desk.reviewers
OUTCOMES = [
    story["outcome"]
    for file in sorted(SETTINGS.policies.glob("*/demo/stories.toml"))
    for story in tomllib.loads(file.read_text(encoding="utf-8"))["story"]
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sqlite_url(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def base_url(database: str) -> Iterator[str]:
    with serving(database) as url:
        yield url


def told(base_url: str) -> str:
    said: list[str] = []
    assert walk(base_url, said.append, STORIES, Site(tuple(REVIEWERS))) == 0
    return "".join(said)


def test_each_story_ends_as_it_must(base_url: str) -> None:
    """Approved, more information, physician: in this order, each with the outcome that $explain gives."""
    assert re.findall(r"answer +([a-z-]+) under", told(base_url)) == OUTCOMES
    assert OUTCOMES == ["approve", "more-info-needed", "pend-physician"]


def test_every_step_says_what_was_asked_and_what_came_back(base_url: str) -> None:
    """Five numbered steps, and one for what comes later; each names its method and path and has an answer."""
    stories = [re.split(r"\n\n\d\. ", story) for story in told(base_url).split("\n\n1. ")[1:]]
    assert [len(steps) for steps in stories] == [5, 6, 6]
    for step in (step for steps in stories for step in steps):
        assert re.search(r"^   (GET|POST) /", step, re.MULTILINE)
        assert "   answer " in step


def test_what_waited_is_decided_and_the_clinic_is_told(base_url: str) -> None:
    """The form that was asked for certifies by itself, a physician approves; each notification brings a number."""
    text = told(base_url)
    at_once, *later = re.findall(r"certified \(A1\), number (\S+),", text)
    told_of = re.findall(r"notified +item 1: certified \(A1\), number (\S+),", text)
    assert told_of == later
    assert len({at_once, *later}) == 3
    (physician,) = (r.name for r in REVIEWERS if r.role == "physician")
    assert f"signed in: {physician}" in text


def test_the_clinic_is_subscribed_only_as_long_as_the_journey_lasts(base_url: str, database: str) -> None:
    """Nothing is sent to an endpoint that is gone."""
    assert "POST /fhir/2.2/Subscription\n" in told(base_url)
    assert rows_of(database, "subscription") == []


def test_a_refill_needs_no_new_request_and_a_pended_one_is_found_again(base_url: str) -> None:
    """The approved order's refill is satisfied by its number; the pended requests are found by $inquire."""
    text = told(base_url)
    number = re.findall(r"answer +item 1: certified \(A1\), number (\S+),", text)[0]
    assert re.findall(r"authorization number: (\S+)", text) == [number]
    pended = re.findall(r"pended \(A4\), number (\S+)", text)
    assert pended[0::2] == pended[1::2]
    assert len(pended) == 4


def test_it_can_be_told_twice(base_url: str) -> None:
    """Each telling is about other members, so that a second one on the same record tells the same."""
    first, second = (re.findall(r"answer +([a-z-]+) under", told(base_url)) for _ in range(2))
    assert first == second == OUTCOMES


def test_lines_fit_a_terminal(base_url: str) -> None:
    """No line is longer than 100 characters, unless one word is."""
    for line in told(base_url).splitlines():
        assert len(line) <= 100 or len(line.split()[-1]) > 60


def test_without_stories_it_says_so(tmp_path: Path) -> None:
    """A folder of policies without a demo is named, instead of telling nothing."""
    with pytest.raises(NotFound, match="nothing to tell"):
        list(stories_of(POLICIES, tmp_path))


@pytest.mark.parametrize(("file", "content"), demo_files(SETTINGS).items(), ids=lambda v: getattr(v, "name", ""))
def test_the_example_files_are_those_of_the_first_story(file: Path, content: bytes) -> None:
    """They follow the chart: after it changed, run `python -m tests.demo.demo_files`."""
    assert json.loads(file.read_bytes()) == json.loads(content)


def test_the_commands_of_the_welcome_page_work(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed in the project's folder, the three commands answer 200: services, coverage information, a certification."""
    monkeypatch.chdir(ROOT)
    page = httpx.get(f"{base_url}/").text
    answers = [curl(html.unescape(code)) for code in re.findall(r"<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)]
    assert [a.status_code for a in answers] == [200, 200, 200]
    assert answers[0].json()["services"]
    assert answers[1].json()["systemActions"]
    assert answers[2].json()["entry"][0]["resource"]["outcome"] == "complete"


def test_with_authentication_on_the_demo_registers_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client is registered in the record of a server that runs, gets a token, signs its calls, and walks it all."""
    monkeypatch.setattr("server.auth.registry.EVERY", 0.0)
    url = sqlite_url(tmp_path)
    said: list[str] = []
    with serving(url, settings={"authentication": True}) as base_url:
        assert walk(base_url, said.append, STORIES, Site(tuple(REVIEWERS), url)) == 0
        assert httpx.post(f"{base_url}/fhir/2.2/Claim/$submit", json={}).status_code == 401
    text = "".join(said)
    assert text.startswith(f"demo-ehr is registered, signs with RS384, and got a token at {base_url}/auth/token\n")
    assert re.findall(r"answer +([a-z-]+) under", text) == OUTCOMES


def test_with_authentication_on_and_no_server_it_starts_one(unused_port: int) -> None:
    """On a record that is deleted afterwards; nobody else is let in there."""
    said: list[str] = []
    assert (
        walk(f"http://127.0.0.1:{unused_port}", said.append, STORIES, Site(tuple(REVIEWERS), "sqlite:///not-used.db"))
        == 0
    )
    text = "".join(said)
    assert "starting one on a database that is deleted afterwards" in text
    assert "demo-ehr is registered" in text
    assert re.findall(r"answer +([a-z-]+) under", text) == OUTCOMES
    assert not Path("not-used.db").exists()


@pytest.fixture
def unused_port() -> int:
    return free_port()
