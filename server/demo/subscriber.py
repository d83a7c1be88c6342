"""The clinic's end of a subscription: listens on loopback, and keeps the answers that it is told."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson

from server.demo.loopback import answering
from server.fhir.read import Resource, dicts
from server.subscriptions.read_subscription import CONTENT, FILTER, FULL, TOPIC

HEARD_WITHIN = 20.0  # seconds; a notification takes a fraction of one


class Subscriber:
    """What a notification endpoint has heard. Handshakes and heartbeats say nothing about a request."""

    def __init__(self) -> None:
        self._heard: queue.Queue[Resource] = queue.Queue()
        self.url = ""

    def take(self, raw: bytes) -> None:
        """A notification: every ClaimResponse in it, however deep it stands."""
        for response in _claim_responses(orjson.loads(raw)):
            self._heard.put(response)

    def next_of(self, response_id: str) -> Resource | None:
        """The next ClaimResponse of this id that was, or is soon, told; None when nothing comes."""
        try:
            while True:
                told = self._heard.get(timeout=HEARD_WITHIN)
                if told["id"] == response_id:
                    return told
        except queue.Empty:
            return None


def subscription(endpoint: str, npi: str) -> Resource:
    """Asks to be told, with the whole answer, of each change of this provider's requests (pas P-52)."""
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "To hear of decisions on our requests",
        "criteria": TOPIC,
        "_criteria": {"extension": [{"url": FILTER, "valueString": f"org-identifier={npi}"}]},
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": CONTENT, "valueCode": FULL}]},
        },
    }


@contextmanager
def listening() -> Iterator[Subscriber]:
    """A subscriber on a free port of this machine."""
    subscriber = Subscriber()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            subscriber.take(self.rfile.read(int(self.headers.get("content-length", "0"))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: the journey tells what came."""

    with answering(Endpoint) as address:
        subscriber.url = f"{address}/notifications"
        yield subscriber


def _claim_responses(resource: Resource) -> Iterator[Resource]:
    if resource.get("resourceType") == "ClaimResponse":
        yield resource
    for entry in dicts(resource.get("entry")):
        if isinstance(entry.get("resource"), dict):
            yield from _claim_responses(entry["resource"])
