"""A browser of the review desk without a browser: signs in, finds the token of a page, sends its forms."""

import re
from typing import Any, Self

import httpx

from tests.requests.bundle import a_bundle

FHIR = {"Content-Type": "application/fhir+json"}


class Browser:
    """One reviewer's browser."""

    def __init__(self, base_url: str, login: str | None = None) -> None:
        self.http = httpx.Client(base_url=base_url, timeout=20)
        if login:
            answer = self.sign_in(login, f"{login}-of-the-demo")
            assert answer.status_code == 303, answer.text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def sign_in(self, login: str, password: str, **fields: str) -> httpx.Response:
        page = self.http.get("/review/sign-in")
        return self.post("/review/sign-in", page, login=login, password=password, **fields)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def post(self, path: str, page: httpx.Response, **fields: Any) -> httpx.Response:
        """A form of a page, with its token and how many facts it showed."""
        sent = {"token": hidden(page, "token")} | ({"facts": f} if (f := hidden(page, "facts")) else {}) | fields
        return self.http.post(path, data=sent)

    def decide(self, case: str, verb: str, **fields: Any) -> httpx.Response:
        """The form, what goes out, and the decision."""
        path = f"/review/case/{case}/{verb}"
        page = self.get(path)
        fields = {"item": "1", "why": "Because the chart says so."} | fields
        said = self.post(path, page, **fields)
        assert said.status_code == 200, said.text
        assert "Read what goes out" in said.text
        return self.post(path, said, step="send", **fields)


def hidden(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    return found[1] if found else ""


def submitted(base_url: str, serial: str, item: Any = None, **bundle: Any) -> str:
    """A request that waits; the id of its case."""
    body = a_bundle(*([item] if item else []), serial=serial, **bundle)
    answer = httpx.post(f"{base_url}/fhir/2.2/Claim/$submit", json=body, headers=FHIR, timeout=20)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["entry"][0]["resource"]["id"])


def told(base_url: str, case: str) -> dict[str, Any]:
    """The ClaimResponse that the provider reads."""
    found: dict[str, Any] = httpx.get(f"{base_url}/fhir/2.2/ClaimResponse/{case}").json()
    return found


def action_of(response: dict[str, Any]) -> str:
    """X12 306 of the first item."""
    review = response["item"][0]["adjudication"][0]["extension"][0]["extension"]
    concept = next(part["valueCodeableConcept"] for part in review if part["url"].endswith("reviewActionCode"))
    return str(concept["coding"][0]["code"])
