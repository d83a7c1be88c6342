"""A FHIR server for tests, run as a process of its own: `python tests/crd/ehr_process.py`; prints its address.

The first step of the path says how it behaves: good, slow (answers nothing), drip (a byte at a time), half (closes in
the middle), busy (429 once), dies (the process ends at the first query of a Coverage).
"""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RESOURCES: dict[str, Any] = {
    "Patient": {"resourceType": "Patient", "id": "p-1"},
    "Coverage": {
        "resourceType": "Coverage",
        "id": "cov-1",
        "status": "active",
        "subscriberId": "W-1",
        "beneficiary": {"reference": "Patient/p-1"},
        "payor": [{"reference": "Organization/payer"}],
    },
    "Organization": {
        "resourceType": "Organization",
        "id": "payer",
        "identifier": [{"system": "http://payer.example/id", "value": "EXAMPLE-PAYER"}],
    },
    "Medication": {
        "resourceType": "Medication",
        "id": "m-1",
        "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "9990001"}]},
    },
}
BUSY = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        _, how, kind = self.path.split("?")[0].split("/")[:3]
        if self.headers.get("authorization") != "Bearer let-me-in":
            self._send(401, {})
        elif how == "dies" and kind == "Coverage":
            os._exit(0)
        elif how == "busy" and not BUSY.is_set():
            BUSY.set()
            self._send(429, {}, retry="0")
        elif how == "slow" and kind == "Medication":
            time.sleep(120)
        else:
            self._answer(how, kind)

    def _answer(self, how: str, kind: str) -> None:
        found = RESOURCES[kind]
        entry = {"fullUrl": f"http://{self.headers['host']}/{how}/{kind}/{found['id']}", "resource": found}
        body = found if "?" not in self.path else {"resourceType": "Bundle", "type": "searchset", "entry": [entry]}
        self._send(200, body, how=how if kind == "Medication" else "good")

    def _send(self, status: int, body: Any, how: str = "good", retry: str = "") -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        if retry:
            self.send_header("retry-after", retry)
        self.end_headers()
        if how == "drip":
            for byte in raw:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(1)
        self.wfile.write(raw[: len(raw) // 2] if how == "half" else raw)
        self.close_connection = how == "half"

    def log_message(self, *_: Any) -> None:
        """Nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
