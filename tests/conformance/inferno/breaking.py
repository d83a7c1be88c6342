"""A proxy that breaks one thing in one kind of answer of a server: what a judge has to notice."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Json = dict[str, Any]
Spoil = Callable[[str, Json], None]
"""`spoil(path, body)`: changes the body of an answer in place, or leaves it."""

_ENDS_HERE = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
"""Headers that speak of one connection."""


@contextmanager
def through(base_url: str, spoil: Spoil) -> Iterator[str]:
    """Yields the address of a proxy on loopback; everything but the spoilt bodies passes as it is."""
    with httpx.Client(base_url=base_url, timeout=60) as behind:

        class Proxy(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._pass_on()

            def do_POST(self) -> None:
                self._pass_on()

            def _pass_on(self) -> None:
                sent = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _ENDS_HERE}
                answer = behind.request(self.command, self.path, content=sent, headers=headers)
                body = _spoilt(self.path, answer, spoil)
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


def _spoilt(path: str, answer: httpx.Response, spoil: Spoil) -> bytes:
    if "json" not in answer.headers.get("content-type", ""):
        return answer.content
    body = answer.json()
    spoil(path, body)
    return json.dumps(body).encode()
