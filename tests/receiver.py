"""A subscriber for tests: a small HTTP server on loopback that keeps what it is sent, and answers as a test wants."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson

from server.demo.loopback import answering

Json = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """One notification as it arrived."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def bundle(self) -> Json:
        found: Json = orjson.loads(self.raw)
        return found

    @property
    def said(self) -> Json:
        """The SubscriptionStatus by the names of its parameters; of events, a list of their parts by name."""
        told: Json = {"events": []}
        for parameter in self.bundle["entry"][0]["resource"]["parameter"]:
            if parameter["name"] == "notification-event":
                told["events"].append({p["name"]: _value(p) for p in parameter["part"]})
            else:
                told[parameter["name"]] = _value(parameter)
        return told

    @property
    def type(self) -> str:
        return str(self.said["type"])

    @property
    def numbers(self) -> list[int]:
        return [int(event["event-number"]) for event in self.said["events"]]


@dataclass
class Receiver:
    """answer: status and headers of the n-th request, counted from 0."""

    url: str
    answer: Callable[[int], tuple[int, dict[str, str]]]
    sent: list[Sent] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, sent: Sent) -> tuple[int, dict[str, str]]:
        with self._changed:
            self.sent.append(sent)
            number = len(self.sent) - 1
            self._changed.notify_all()
        return self.answer(number)  # which may wait, while others come in

    def wait_for(self, enough: Callable[[list[Sent]], bool], seconds: float = 20) -> list[Sent]:
        """What has come, once it is enough."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.sent), seconds), [s.said for s in self.sent]
            return list(self.sent)

    def wait_for_events(self, last: int, seconds: float = 20) -> list[Sent]:
        """Every event notification, once the one of this number has come."""
        found = self.wait_for(lambda sent: any(last in s.numbers for s in sent), seconds)
        return [s for s in found if s.numbers]


def taken(_: int) -> tuple[int, dict[str, str]]:
    return 200, {}


@contextmanager
def receiving(answer: Callable[[int], tuple[int, dict[str, str]]] = taken, body: bytes = b"") -> Iterator[Receiver]:
    """Listens until the test is done."""
    receiver = Receiver("", answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            raw = self.rfile.read(length)
            if len(raw) < length:  # the sender died on the way; nobody has been sent anything
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more = receiver.take(Sent(self.path, headers, raw))
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **more}.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # whoever called has gone
                self.end_headers()
                self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: Any) -> None:
            """Nothing: pytest shows what matters."""

    with answering(Handler) as address:
        receiver.url = f"{address}/notifications"
        yield receiver


def _value(parameter: Json) -> Any:
    return next(v for k, v in parameter.items() if k.startswith("value"))
