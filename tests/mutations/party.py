"""A client of the run: its good requests, made of the server's own examples, and what of it nobody else may be told."""

import http.client
import json
import re
from dataclasses import dataclass, field, replace
from datetime import date
from time import monotonic
from typing import Any

from server.demo.requests import Chart, dated, inquiry, order_sign, renewed
from server.fhir.version import Version
from server.settings import ROOT
from server.subscriptions.routes import EXAMPLES
from server.urls import FHIR_URLS, REVIEW_URLS, URLS
from tests.clients import System
from tests.mutations.spoilt import Sent

Json = dict[str, Any]
_TOKEN_SECONDS = 200


@dataclass
class Party:
    """system: its registration. name: the family name of its patients, which stands in no request of the other's."""

    system: System
    name: str
    address: tuple[str, int]
    examples: Json
    _token: str = ""
    _until: float = 0.0
    secrets: set[str] = field(default_factory=set)
    """What no request of the other holds, and so no answer to it may."""
    aims: set[str] = field(default_factory=set)
    """Names of its things, which the other asks for: an id leads to a secret number, a number to a secret id."""

    @property
    def base(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    def open(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=60)

    def headers(self, sent: Sent, audience: str) -> dict[str, str]:
        """Those of the request, with who sends it."""
        if not sent.token or sent.path.startswith(("/review", "/auth")):
            return sent.headers
        token = self.token() if sent.path.startswith("/fhir/") else self.system.assertion(audience)
        return {"authorization": f"Bearer {token}"} | sent.headers

    def token(self) -> str:
        if monotonic() > self._until:
            base = self.base
            form = self.system.form(f"{base}/auth/token")
            body = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in form.items())
            sent = Sent("POST", "/auth/token", {"content-type": "application/x-www-form-urlencoded"}, raw=body.encode())
            _, answer = self.send(self.open(), sent)
            self._token, self._until = json.loads(answer)["access_token"], monotonic() + _TOKEN_SECONDS
        return self._token

    def send(self, connection: http.client.HTTPConnection, sent: Sent) -> tuple[int, bytes]:
        audience = self.base + sent.path.partition("?")[0]
        content = sent.content
        connection.putrequest(sent.method, sent.path, skip_accept_encoding=True)
        for name, value in self.headers(sent, audience).items():
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(content)))
        connection.endheaders(content)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def chart(self, mark: str) -> Chart:
        """A request of its own organization, for a patient of its own."""
        bundle = json.loads((ROOT / "cql/kineret-201603/charts/ra-initial.json").read_bytes())
        made = Chart(renewed(dated(bundle, date.today()), f"{self.system.id}{mark}"))  # noqa: DTZ011 - a day of this machine
        made.patient["name"] = [{"family": self.name, "given": [self.name]}]
        for identifier in made.provider["identifier"]:
            if identifier["value"] == "1234567893":
                identifier["value"] = self.system.npi
        return made

    def good(self, connection: http.client.HTTPConnection) -> list[Sent]:
        """One request for each row of the URL table, with ids that are there; what it is answered becomes secret."""
        made = self.chart("first")
        bodies = self.examples | EXAMPLES | {"submit": made.bundle, "order-sign": order_sign(made, Version.V2_2)}
        bodies["inquire"] = inquiry(made, "mutations")
        found = []
        submit = Sent("POST", "/fhir/2.2/Claim/$submit", {"content-type": "application/fhir+json"}, made.bundle)
        response = self._answer(connection, submit)["entry"][0]["resource"]
        subscribe = Sent("POST", "/fhir/2.2/Subscription", submit.headers, EXAMPLES["subscription"])
        ids = {"ClaimResponse": response["id"], "Subscription": self._answer(connection, subscribe)["id"]}
        for type_ in ("Questionnaire", "Library", "ValueSet"):
            listed = self._answer(connection, Sent("GET", f"/fhir/2.2/{type_}"))
            ids[type_] = listed["entry"][0]["resource"]["id"]
        second = self._answer(connection, replace(submit, body=self.chart("second").bundle))["entry"][0]["resource"]
        self.secrets = {self.name, second["id"], *_numbers(response)}
        self.aims = {ids["Subscription"], response["id"], *_numbers(second), self.chart("first").claim["id"]}
        self.aims |= {i["value"] for i in made.patient["identifier"]}
        rows = [("", u) for u in (*URLS, *REVIEW_URLS)] + [(v.base, u) for v in Version for u in FHIR_URLS]
        for base, url in rows:
            id_ = ids.get(url.path.split("/")[1], "crd-order-sign" if "cds-" in url.path else "x")
            path = base + url.path.replace("{id}", id_).replace("{number}", "1").replace("{verb}", "approve")
            sends = url.sends or url.media
            form = path.startswith(("/review", "/auth"))
            raw = b"grant_type=client_credentials&login=nurse&password=x" if form and url.method == "POST" else None
            kind = "application/x-www-form-urlencoded" if form else sends
            body = bodies.get(url.body) if not form else None
            often = 3 if url.body or "ClaimResponse" in path else 1
            found += often * [Sent(url.method, path, {"content-type": kind}, body, raw)]
        return found

    def _answer(self, connection: http.client.HTTPConnection, sent: Sent) -> Json:
        status, content = self.send(connection, sent)
        if status not in (200, 201):
            raise RuntimeError(f"{sent.method} {sent.path} answers {status}: {content[:300]!r}")
        found: Json = json.loads(content)
        return found


def _numbers(response: Json) -> list[str]:
    """Of what was authorized, or is looked at."""
    return re.findall(r"\bV[AP][0-9A-Z]{10}\b", json.dumps(response))
