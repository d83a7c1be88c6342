"""`python -m server demo`: the journey of three orders over HTTP, told step by step to someone new to it.

The stories are data: `demo/stories.toml` in a policy folder names worked cases of its cases.toml.
"""

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from server.authoring.chart import changed
from server.authoring.stories_file import read_stories
from server.authoring.worked_cases_file import worked_cases_of
from server.clock import now
from server.demo.partner import Signer, registered, wait_until_known
from server.demo.requests import Chart, dated, inquiry, order_sign, questionnaire_package, refill, renewed
from server.demo.serving import is_up, serving
from server.demo.tell import Teller
from server.errors import NotFound
from server.fhir.read import Resource, npis
from server.policy.library import PolicyLibrary

SIGN, FHIR = "/cds-services/crd-order-sign", "/fhir/2.2"


@dataclass(frozen=True, slots=True)
class Story:
    """title, tells: for the reader. request: the PAS request Bundle of the story's case."""

    title: str
    tells: str
    request: Resource


def walk(
    base_url: str, say: Callable[[str], object], policies: PolicyLibrary, cql: Path, record: str | None = None
) -> int:
    """Plays every story against the server at base_url, or against one it starts there; 0 when all went through.

    record: with authentication on, the database of a server that runs there: the demo registers in it.
    """
    stories, today = list(stories_of(policies, cql)), now().date()
    running = is_up(base_url)
    with ExitStack() as stack:
        url, record = stack.enter_context(_server(base_url, say, record, running=running))
        auth = _registered(stories, url, record, say) if record else None
        client = stack.enter_context(httpx.Client(base_url=url, timeout=30, auth=auth))
        tell = Teller(say)
        for number, story in enumerate(stories, 1):
            tell.title(f"{number} of {len(stories)}: {story.title}", story.tells)
            try:
                _Walk(client, tell, Chart(dated(renewed(story.request, secrets.token_hex(3)), today))).all_steps()
            except httpx.HTTPStatusError as error:
                tell.refused(error.response)
                return 1
        tell.end(base_url, stays=running)
    return 0


def stories_of(policies: PolicyLibrary, cql: Path) -> Iterator[Story]:
    """The stories of every policy that has a demo/stories.toml. Raises NotFound without any, and PolicyProblems."""
    files = sorted(cql.glob("*/demo/stories.toml"))
    if not files:
        raise NotFound(f"{cql} has no demo/stories.toml in any policy folder; there is nothing to tell")
    for file in files:
        folder = file.parents[1]
        policy = policies.policy(folder.name)
        if policy is None:
            raise NotFound(f"{file} stands beside no policy")
        cases = worked_cases_of(folder)
        for told in read_stories(file, cases):
            case = cases[told.case]
            chart = orjson.loads((folder / "charts" / f"{case.chart}.json").read_bytes())
            edition = policies.edition(policy.id, case.edition) if case.edition else None
            request = changed(chart, case, policy, edition, policies.value_sets)
            yield Story(told.title, told.tells, request)


@contextmanager
def _server(
    base_url: str, say: Callable[[str], object], record: str | None, *, running: bool
) -> Iterator[tuple[str, str | None]]:
    """Where a server answers, and its record where the demo is to register."""
    if running:
        yield base_url, record
        return
    say(f"No server runs at {base_url}; starting one on a database that is deleted afterwards.\n")
    with tempfile.TemporaryDirectory(prefix="vitruvian-") as folder:
        own = f"sqlite:///{folder}/vitruvian.db"
        on = "true" if record else "false"
        with serving(urlsplit(base_url).port, database_url=own, authentication=on) as started:
            yield started.base_url, own if record else None


def _registered(stories: list[Story], url: str, record: str, say: Callable[[str], object]) -> Signer:
    """The demo's EHR, as a client of the organizations that ask for authorization in the stories."""
    signer = registered(record, {npi for story in stories for npi in npis(Chart(story.request).provider)})
    wait_until_known(signer, url, say)
    return signer


class _Walk:
    """One order from signature to decision; each step prints what was asked, what came back and why."""

    def __init__(self, client: httpx.Client, tell: Teller, chart: Chart) -> None:
        self.client = client
        self.tell = tell
        self.chart = chart

    def all_steps(self) -> None:
        assertion, form = self.sign("The clinician signs the order. What does the plan ask for?")
        self.fetch_form(assertion, form)
        response = self.submit()
        self.explain(response["id"])
        if "preAuthPeriod" in response:
            self.refill(date.fromisoformat(response["preAuthPeriod"]["start"]) + timedelta(days=30))
        else:
            self.inquire()

    def sign(self, question: str) -> tuple[str | None, str | None]:
        self.tell.asked(question, "POST", SIGN, self.tell.order_facts(self.chart))
        answer, seconds = self._send("POST", SIGN, order_sign(self.chart), "application/json")
        return self.tell.coverage(answer, seconds)

    def refill(self, day: date) -> None:
        facts = [*self.tell.order_facts(self.chart), f"to be filled from {day}"]
        self.tell.asked("A month later the refill is signed. Must anyone ask again?", "POST", SIGN, facts)
        again = order_sign(self.chart, order=refill(self.chart, day))
        self.tell.coverage(*self._send("POST", SIGN, again, "application/json"))

    def fetch_form(self, assertion: str | None, form: str | None) -> None:
        path = f"{FHIR}/Questionnaire/$questionnaire-package"
        facts = [
            "the coverage and the order",
            f"context: {assertion}" if assertion else "no context",
            f"form: {form}" if form else "no form named",
        ]
        self.tell.asked("The EHR's DTR app fetches that form.", "POST", path, facts)
        answer, seconds = self._send("POST", path, questionnaire_package(self.chart, assertion, form))
        self.tell.package(answer, seconds)

    def submit(self) -> Resource:
        path = f"{FHIR}/Claim/$submit"
        self.tell.asked(
            "The answers and the chart go in as one request.", "POST", path, self.tell.bundle_facts(self.chart)
        )
        answer, seconds = self._send("POST", path, self.chart.bundle)
        return self.tell.decision(answer, seconds)

    def explain(self, response_id: str) -> None:
        path = f"{FHIR}/ClaimResponse/{response_id}/$explain"
        self.tell.asked("Why?", "GET", path, [])
        answer, seconds = self._send("GET", path, None)
        self.tell.reasons(answer, seconds)

    def inquire(self) -> None:
        path = f"{FHIR}/Claim/$inquire"
        self.tell.asked("Where does it stand? Any time later the clinic may ask.", "POST", path, ["member, clinic"])
        answer, seconds = self._send("POST", path, inquiry(self.chart, secrets.token_hex(3)))
        self.tell.standing(answer, seconds)

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, media: str = "application/fhir+json"
    ) -> tuple[Any, float]:
        content = None if body is None else orjson.dumps(body)
        began = time.perf_counter()
        headers = {"Content-Type": media} if content else {}
        response = self.client.request(method, path, content=content, headers=headers)
        seconds = time.perf_counter() - began
        return orjson.loads(response.raise_for_status().content), seconds
