"""`python -m server demo`: the journey of three orders over HTTP, told step by step to someone new to it.

The stories are data: `demo/stories.toml` in a policy folder names worked cases of its cases.toml.
"""

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from server.authoring.stories_file import RulingTable
from server.clock import now
from server.demo.desk import DeskVisit
from server.demo.partner import Signer, registered, wait_until_known
from server.demo.requests import (
    Chart,
    asked_for,
    attachment,
    dated,
    inquiry,
    npi_of,
    order_sign,
    questionnaire_package,
    refill,
    renewed,
)
from server.demo.serving import is_up, serving
from server.demo.stories import Story
from server.demo.subscriber import Subscriber, listening, subscription
from server.demo.tell import Teller
from server.fhir.read import BundleIndex, Resource, npis
from server.policy.desk import Reviewer

SIGN, FHIR = "/cds-services/crd-order-sign", "/fhir/2.2"


@dataclass(frozen=True, slots=True)
class Site:
    """What the demo knows of the plan and the server.

    reviewers: those of the plan; the made-up ones decide what a person is to decide. record: with authentication on,
    the database of the server that runs there: the demo registers in it.
    """

    reviewers: tuple[Reviewer, ...] = ()
    record: str | None = None


def walk(base_url: str, say: Callable[[str], object], stories: Sequence[Story], site: Site = Site()) -> int:
    """Plays every story against the server at base_url, or against one it starts there; 0 when all went through."""
    running, tell = is_up(base_url), Teller(say)
    with ExitStack() as stack:
        url, record = stack.enter_context(_server(base_url, say, site.record, running=running))
        auth = _registered(stories, url, record, say) if record else None
        client = stack.enter_context(httpx.Client(base_url=url, timeout=30, auth=auth))
        try:
            with _subscribed(client, tell, Chart(stories[0].request)) as subscriber:
                for number, story in enumerate(stories, 1):
                    tell.title(f"{number} of {len(stories)}: {story.title}", story.tells)
                    _Walk(client, tell, story, subscriber, site.reviewers).all_steps()
        except httpx.HTTPStatusError as error:
            tell.refused(error.response)
            return 1
        tell.end(base_url, stays=running)
    return 0


@contextmanager
def _subscribed(client: httpx.Client, tell: Teller, chart: Chart) -> Iterator[Subscriber]:
    """The clinic is told of its requests as long as the journey lasts."""
    with listening() as subscriber:
        body = orjson.dumps(subscription(subscriber.url, npi_of(chart.provider)))
        made = client.post(f"{FHIR}/Subscription", content=body, headers={"Content-Type": "application/fhir+json"})
        path = f"{FHIR}/Subscription/{made.raise_for_status().json()['id']}"
        tell.subscribed(f"{FHIR}/Subscription", subscriber.url)
        try:
            yield subscriber
        finally:
            client.delete(path)


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


def _registered(stories: Sequence[Story], url: str, record: str, say: Callable[[str], object]) -> Signer:
    """The demo's EHR, as a client of the organizations that ask for authorization in the stories."""
    signer = registered(record, {npi for story in stories for npi in npis(Chart(story.request).provider)})
    wait_until_known(signer, url, say)
    return signer


class _Walk:
    """One order from signature to decision; each step prints what was asked, what came back and why."""

    def __init__(
        self,
        client: httpx.Client,
        tell: Teller,
        story: Story,
        subscriber: Subscriber,
        reviewers: tuple[Reviewer, ...],
    ) -> None:
        self.client = client
        self.tell = tell
        self.subscriber = subscriber
        self.reviewers = reviewers
        self.ruling = story.ruling
        mark, today = secrets.token_hex(3), now().date()
        self.chart = Chart(dated(renewed(story.request, mark), today))
        self.later = dated(renewed(story.later, mark), today) if story.later else None

    def all_steps(self) -> None:
        assertion, form = self.sign("The clinician signs the order. What does the plan ask for?")
        self.fetch_form(assertion, form)
        answer, response = self.submit()
        self.explain(response["id"])
        if "preAuthPeriod" in response:
            self.refill(date.fromisoformat(response["preAuthPeriod"]["start"]) + timedelta(days=30))
        else:
            self.inquire()
        if self.later:
            self.send_documents(asked_for(answer), self.later)
            self.hear(response["id"])
        if self.ruling:
            self.decide(response["id"], self.ruling)
            self.hear(response["id"])

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

    def submit(self) -> tuple[Resource, Resource]:
        """The response Bundle, and its ClaimResponse."""
        path = f"{FHIR}/Claim/$submit"
        self.tell.asked(
            "The answers and the chart go in as one request.", "POST", path, self.tell.bundle_facts(self.chart)
        )
        answer, seconds = self._send("POST", path, self.chart.bundle)
        return answer, self.tell.decision(answer, seconds)

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

    def send_documents(self, tracking: str, completed: Resource) -> None:
        path = f"{FHIR}/$submit-attachment"
        (form,) = BundleIndex(completed).of_type("QuestionnaireResponse")
        self.tell.asked(
            "The clinic completes the form and sends it.", "POST", path, ["the form", f"control number: {tracking}"]
        )
        answer, seconds = self._send("POST", path, attachment(self.chart, form, tracking))
        self.tell.accepted(answer, seconds)

    def decide(self, case_id: str, ruling: RulingTable) -> None:
        reviewer = next((r for r in self.reviewers if r.role == ruling.role and r.demo_password), None)
        path = f"/review/case/{case_id}/{ruling.verdict}"
        if reviewer is None:
            self.tell.asked("A person decides at the review desk; this plan has no made-up one.", "GET", path, [])
            return
        facts = [f"signed in: {reviewer.name}", f"why: {ruling.why}"]
        self.tell.asked("A person reads the case at the review desk, and decides.", "POST", path, facts)
        with DeskVisit(str(self.client.base_url), reviewer) as visit:
            self.tell.decided(visit.decide(case_id, ruling))

    def hear(self, case_id: str) -> None:
        """What the clinic's subscription has brought."""
        self.tell.heard(self.subscriber.next_of(case_id))

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, media: str = "application/fhir+json"
    ) -> tuple[Any, float]:
        content = None if body is None else orjson.dumps(body)
        began = time.perf_counter()
        headers = {"Content-Type": media} if content else {}
        response = self.client.request(method, path, content=content, headers=headers)
        seconds = time.perf_counter() - began
        return orjson.loads(response.raise_for_status().content), seconds
