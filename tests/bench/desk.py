"""What a decision at the desk costs, and how long after it the provider's subscriber knows."""

import itertools
import time
from collections.abc import Iterator

import httpx
import orjson

from server.authoring.stories_file import RulingTable
from server.clock import now
from server.demo.desk import DeskVisit
from server.demo.requests import Chart, dated, npi_of, renewed
from server.demo.stories import Story, stories_of
from server.demo.subscriber import listening, subscription
from server.demo.walk import FHIR
from server.policy.library import PolicyLibrary
from server.policy.plan_file import load_plan
from server.settings import Settings

_MEDIA = {"Content-Type": "application/fhir+json"}


def decided_and_told(base_url: str, count: int) -> list[tuple[float, float]]:
    """For each of `count` pended requests: seconds of the decision, and from its answer to the notification.

    One reviewer and one subscriber, one request after the other. Raises TimeoutError when no notification comes.
    """
    story, ruling = _story()
    provider = npi_of(Chart(story.request).provider)
    reviewer = next(r for r in load_plan(Settings().plan).desk.reviewers if r.role == ruling.role)
    made = []
    with httpx.Client(base_url=base_url, timeout=30) as client, listening() as subscriber:
        subscribed = client.post(
            f"{FHIR}/Subscription", content=orjson.dumps(subscription(subscriber.url, provider)), headers=_MEDIA
        )
        with DeskVisit(base_url, reviewer) as visit:
            for case_id in itertools.islice(_pended(client, story), count):
                decided = visit.decide(case_id, ruling)
                began = time.perf_counter()
                if subscriber.next_of(case_id) is None:
                    raise TimeoutError(f"nobody was told of {case_id}")
                made.append((decided, time.perf_counter() - began))
        client.delete(f"{FHIR}/Subscription/{subscribed.raise_for_status().json()['id']}")
    return made


def _story() -> tuple[Story, RulingTable]:
    settings = Settings()
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    return next((s, s.ruling) for s in stories_of(policies, settings.policies) if s.ruling)


def _pended(client: httpx.Client, story: Story) -> Iterator[str]:
    for n in itertools.count():
        body = orjson.dumps(dated(renewed(story.request, f"desk-{n}"), now().date()))
        answer = client.post(f"{FHIR}/Claim/$submit", content=body, headers=_MEDIA).raise_for_status().json()
        yield answer["entry"][0]["resource"]["id"]
