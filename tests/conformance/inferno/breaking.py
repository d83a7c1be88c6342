"""Proxies that break one thing in what a server answers, or in what it tells a subscriber: a judge has to notice."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx

Json = dict[str, Any]
Spoil = Callable[[str, Json], None]
"""`spoil(path, body)`: changes a body in place, or leaves it."""

_ENDS_HERE = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
"""Headers that speak of one connection."""


def keep(_path: str, _body: Json) -> None:
    """Spoils nothing."""


@contextmanager
def telling(base_url: str, subscriber: str, spoil: Spoil) -> Iterator[str]:
    """A proxy behind which what the server tells the subscriber passes another one, which spoils it.

    subscriber: the base URL of whatever endpoint is subscribed.
    """
    with through(subscriber, keep, sent=spoil) as listener:

        def redirected(path: str, body: Json) -> None:
            if path.endswith("/Subscription"):
                body["channel"]["endpoint"] = listener + urlsplit(body["channel"]["endpoint"]).path

        with through(base_url, keep, sent=redirected) as address:
            yield address


@contextmanager
def through(base_url: str, spoil: Spoil, sent: Spoil = keep) -> Iterator[str]:
    """Yields the address of a proxy on loopback; everything but the spoilt bodies passes as it is.

    spoil: for answers; sent: for requests.
    """
    with httpx.Client(base_url=base_url, timeout=60) as behind:

        class Proxy(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._pass_on()

            def do_POST(self) -> None:
                self._pass_on()

            def _pass_on(self) -> None:
                asked = self.rfile.read(int(self.headers.get("content-length") or 0))
                asked = _spoilt(self.path, self.headers.get("content-type", ""), asked, sent)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _ENDS_HERE}
                answer = behind.request(self.command, self.path, content=asked, headers=headers)
                body = _spoilt(self.path, answer.headers.get("content-type", ""), answer.content, spoil)
                self.send_response(answer.status_code)
                self.send_header("content-type", answer.headers.get("content-type", "application/json"))
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in http.server
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _spoilt(path: str, media: str, content: bytes, spoil: Spoil) -> bytes:
    if spoil is keep or "json" not in media:
        return content
    body = json.loads(content)
    spoil(path, body)
    return json.dumps(body).encode()
