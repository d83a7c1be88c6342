"""Who may do what: every row of the URL table, by every role, with authentication on. A row without a rule fails."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from server.app import create_app
from server.auth.operator import Operators
from server.fhir.version import Version
from server.policy.desk import DeskRole, Reviewer
from server.review.session import COOKIE, open_session
from server.url import Access, Url
from server.urls import FHIR_URLS, REVIEW_URLS, URLS
from tests.clients import CLINIC, OTHER, System, plan_with, rsa_key
from tests.mounted import send
from tests.serving import opened, sqlite_url

Json = dict[str, Any]
HOST = "http://127.0.0.1:8000"
OWN = System("own", CLINIC, rsa_key("own-1"))
STRANGER = System("stranger", OTHER, rsa_key("stranger-1"))
ROWS = [("", url) for url in URLS] + [(version.base, url) for version in Version for url in FHIR_URLS]
each_row = pytest.mark.parametrize(("base", "url"), ROWS, ids=[f"{u.method} {b}{u.path}" for b, u in ROWS])

EVERYBODY = "everybody"
"""Asked before anybody is registered; it holds nothing of a member."""
CLIENTS = "every client"
"""The same for each: forms, logic and codes; and what an order needs, which whoever sends the order is told."""
NAMED = "who speaks for the organization"
"""Refused to a client that sends a request in the name of another's organization."""
FOUND = "who finds it"
"""A search: another's are not found."""
OPERATORS = "who watches the server"
"""By a token of its own, that no client has."""
OWNERS = "who owns it"
"""Not there for anybody else."""

RULES = {
    "GET /": EVERYBODY,
    "GET /policies/{id}": EVERYBODY,
    "GET /cds-services": EVERYBODY,
    "POST /cds-services/{id}": CLIENTS,
    "GET /.well-known/davinci-configuration": EVERYBODY,
    "POST /auth/token": EVERYBODY,
    "GET /auth/jwks": EVERYBODY,
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": OPERATORS,
    "GET /metadata": EVERYBODY,
    "GET /.well-known/smart-configuration": EVERYBODY,
    "POST /Questionnaire/$questionnaire-package": CLIENTS,
    "POST /$questionnaire-package": CLIENTS,
    "POST /Questionnaire/$next-question": CLIENTS,
    "POST /$next-question": CLIENTS,
    "POST /adaptive": CLIENTS,
    "POST /adaptive/$next-question": CLIENTS,
    "POST /adaptive/Questionnaire/$next-question": CLIENTS,
    "POST /Questionnaire/$log-questionnaire-errors": CLIENTS,
    "GET /Questionnaire": CLIENTS,
    "GET /Questionnaire/{id}": CLIENTS,
    "GET /Library": CLIENTS,
    "GET /Library/{id}": CLIENTS,
    "POST /ValueSet/$expand": CLIENTS,
    "GET /ValueSet/$expand": CLIENTS,
    "GET /ValueSet/{id}/$expand": CLIENTS,
    "GET /ValueSet": CLIENTS,
    "GET /ValueSet/{id}": CLIENTS,
    "POST /Claim/$submit": NAMED,
    "POST /Claim/$inquire": FOUND,
    "POST /$submit-attachment": CLIENTS,  # one for another's request is kept as one of no request (tests/pas)
    "GET /ClaimResponse/{id}": OWNERS,
    "GET /ClaimResponse/{id}/$explain": OWNERS,
    "POST /Subscription": CLIENTS,
    "GET /Subscription/{id}": OWNERS,
    "PUT /Subscription/{id}": OWNERS,
    "DELETE /Subscription/{id}": OWNERS,
    "GET /Subscription/{id}/$status": OWNERS,
    "POST /Subscription/{id}/$status": OWNERS,
    "GET /Subscription/{id}/$events": OWNERS,
    "POST /Subscription/{id}/$events": OWNERS,
}


def rule_of(url: Url) -> str:
    name = f"{url.method} {url.path}"
    assert name in RULES, f"{name} has no rule: say in tests/test_who_may.py who may call it"
    return RULES[name]


@dataclass
class Site:
    """A running application with a request and a subscription of the own client."""

    app: FastAPI
    document: Json
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    def call(self, system: System | None, base: str, url: Url, *, scope: str = "", id_: str = "") -> httpx.Response:
        """What the row's example is answered with, sent by a client or by nobody."""
        operation = self.document["paths"][base + url.path][url.method.lower()]
        id_ = id_ or self.id_of(base, url)
        request: Json = {"headers": {}}
        if url.method in {"POST", "PUT"}:
            ((media, content),) = operation["requestBody"]["content"].items()
            request["headers"]["content-type"] = media
            request["json"] = content["example"] | ({"id": id_} if url.method == "PUT" else {})
        if "url" in url.query and "ValueSet" in url.path:
            (parameter,) = self._example("/fhir/2.2/ValueSet/$expand")["parameter"]
            request["params"] = {"url": parameter["valueUri"]}
        path = base + url.path.replace("{id}", id_)
        if system is not None:
            request["headers"]["authorization"] = f"Bearer {self.token(system, path, scope)}"
        return send(self.app, url.method, HOST + path, **request)

    def token(self, system: System, path: str, scope: str = "") -> str:
        if not path.startswith("/fhir/"):
            return system.assertion(HOST + path)
        if (system.id, scope) not in self.tokens:
            form = system.form(f"{HOST}/auth/token", scope)
            self.tokens[system.id, scope] = send(self.app, "POST", f"{HOST}/auth/token", data=form).json()[
                "access_token"
            ]
        return self.tokens[system.id, scope]

    def id_of(self, base: str, url: Url) -> str:
        """One that is there, and the own client's where it is anybody's."""
        type_ = url.path.split("/")[1]
        if "{id}" not in url.path:
            return ""
        if type_ == "cds-services":
            return "crd-order-sign"
        if type_ == "ClaimResponse":
            return str(self.own(base, "POST", "/Claim/$submit").json()["entry"][0]["resource"]["id"])
        if type_ == "Subscription":
            return str(self.own(base, "POST", "/Subscription").json()["id"])
        return str(self.own(base, "GET", f"/{type_}").json()["entry"][0]["resource"]["id"])

    def own(self, base: str, method: str, path: str) -> httpx.Response:
        (url,) = (u for u in FHIR_URLS if (u.method, u.path) == (method, path))
        answer = self.call(OWN, base, url)
        assert answer.is_success, answer.text
        return answer

    def _example(self, path: str) -> Json:
        ((_, content),) = self.document["paths"][path]["post"]["requestBody"]["content"].items()
        found: Json = content["example"]
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    services = opened(sqlite_url(folder), authentication=True, plan=plan_with(folder, OWN, STRANGER))
    app = create_app(services)
    yield Site(app, send(app, "GET", f"{HOST}/openapi.json").json())
    services.close()


def test_every_row_has_a_rule() -> None:
    """And no rule is of a row that is gone; a public row is everybody's, and no other is."""
    assert {f"{url.method} {url.path}" for _, url in ROWS} == set(RULES)
    for _, url in ROWS:
        assert (rule_of(url) == EVERYBODY) is (url.access is Access.PUBLIC), url.path


def test_every_row_of_a_base_asks_for_a_scope() -> None:
    """By the letters of SMART 2; rows of no base ask for a signed call."""
    for url in FHIR_URLS:
        type_, _, right = url.scope.partition(".")
        assert (url.access is Access.CLIENT) is bool(type_ and right in "cruds" and len(right) == 1), url.path
    assert not [url.path for url in URLS if url.scope]


@each_row
def test_nobody_gets_past_the_door(site: Site, base: str, url: Url) -> None:
    """Without a token there is 401 on every row but those of everybody, before anything of the request is looked at."""
    answer = site.call(None, base, url, id_="x")
    assert (answer.status_code == 401) is (rule_of(url) != EVERYBODY)
    if rule_of(url) != EVERYBODY:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["issue"][0]["code"] == "login"


@each_row
def test_its_own_client_gets_an_answer(site: Site, base: str, url: Url) -> None:
    """What the row is there for."""
    if rule_of(url) in {EVERYBODY, OPERATORS}:
        return
    answer = site.call(OWN, base, url)
    assert answer.status_code == (400 if url.body == "next-question" else min(url.answers)), answer.text


@each_row
def test_another_client_sees_nothing_of_it(site: Site, base: str, url: Url) -> None:
    """Another's answers and subscriptions are not there, in the words for what never was; its requests are not sent."""
    if rule_of(url) in {EVERYBODY, OPERATORS}:
        return
    id_ = site.id_of(base, url)
    answer = site.call(STRANGER, base, url, id_=id_)
    if rule_of(url) == OWNERS:
        nothing = site.call(STRANGER, base, url, id_="00000000-0000-4000-8000-000000000000")
        assert answer.status_code == nothing.status_code == 404
        assert answer.content == nothing.content
        assert site.call(OWN, base, url, id_=id_).is_success, "and it is still there"
    elif rule_of(url) == NAMED:
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (403, "forbidden")
    elif rule_of(url) == FOUND:
        found = site.call(OWN, base, url)
        assert b"ClaimResponse" in found.content
        assert b"ClaimResponse" not in answer.content
    else:
        assert answer.status_code == (400 if url.body == "next-question" else min(url.answers))


def test_the_metrics_are_for_operators_alone(site: Site) -> None:
    """No client's token opens them; with authentication on and no token in the settings, nothing does."""
    address, token = f"{HOST}/metrics", "a-token-of-the-monitoring-system"
    tried = [site.token(OWN, "/fhir/"), OWN.assertion(address), "", token]
    before = site.app.state.operators
    for secret, opens in (("", ()), (token, (token,))):
        site.app.state.operators = Operators(secret, open=False)
        for sent in tried:
            answer = send(site.app, "GET", address, headers={"authorization": f"Bearer {sent}"})
            assert answer.status_code == (200 if sent in opens else 401), sent
            assert token not in answer.text
    site.app.state.operators = before


@each_row
def test_a_token_opens_what_its_scope_says(site: Site, base: str, url: Url) -> None:
    """Every right but the one that the row asks for is not enough; that right alone is."""
    if not url.scope:
        return
    type_, _, right = url.scope.partition(".")
    others = "cruds".replace(right, "")
    id_ = site.id_of(base, url)
    rest = [t for t in ("Claim", "ClaimResponse", "Subscription", "Questionnaire", "Library", "ValueSet") if t != type_]
    all_but_it = " ".join([f"system/{type_}.{others}", *(f"system/{t}.cruds" for t in rest)])
    refused = site.call(OWN, base, url, scope=all_but_it, id_=id_)
    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="system/{url.scope}"'
    assert site.call(OWN, base, url, scope=f"system/{url.scope}", id_=id_).status_code in {200, 201, 204, 400}


@each_row
@pytest.mark.parametrize("role", list(DeskRole))
def test_a_reviewer_is_no_client(site: Site, role: DeskRole, base: str, url: Url) -> None:
    """A session of the desk opens nothing of partners."""
    if rule_of(url) == EVERYBODY:
        return
    answer = send(site.app, url.method, HOST + base + url.path, headers={"cookie": f"{COOKIE}={session(site, role)}"})
    assert answer.status_code == 401


def session(site: Site, role: DeskRole) -> str:
    """The cookie of a signed-in reviewer."""
    desk = site.app.state.review
    who = Reviewer(f"r-{role}", role, "R", "1999999976", "207RR0500X", password_hash="$argon2id$x")  # noqa: S106 - of no password
    if desk.record.reviewer(who.login) is None:
        desk.record.put_reviewer(who)
    return open_session(who.login, desk)


@pytest.mark.parametrize("url", REVIEW_URLS, ids=lambda url: f"{url.method} {url.path}")
@pytest.mark.parametrize("role", [None, "client", *DeskRole])
def test_the_desk_is_its_peoples(site: Site, role: str | None, url: Url) -> None:
    """Nobody, and no client with every scope, gets past the sign-in; compliance reads and decides nothing."""
    path = url.path.replace("{id}", "x").replace("{number}", "1").replace("{verb}", "approve")
    request: Json = {"content": b"", "headers": {"content-type": "application/x-www-form-urlencoded"}}
    if role == "client":
        request["headers"]["authorization"] = f"Bearer {site.token(OWN, '/fhir/')}"
    elif role is not None:
        request["headers"]["cookie"] = f"{COOKIE}={session(site, DeskRole(role))}"
    answer = send(
        site.app, url.method, HOST + path, **(request if url.method == "POST" else request | {"content": None})
    )
    outside = answer.status_code == 303 and answer.headers["location"].startswith("/review/sign-in")
    if url.access is not Access.PUBLIC:
        assert outside is (role in (None, "client")), (answer.status_code, answer.headers)
        not_theirs = "This is not yours to do" in answer.text
        assert not_theirs is (role == DeskRole.COMPLIANCE and url.access is Access.DECIDER)


def test_a_client_may_no_more_than_it_is_registered_for(site: Site) -> None:
    """A token of before, where the plan now grants less, is not enough: what is registered is looked at each time."""
    guard = site.app.state.door
    registry = guard._registry  # noqa: SLF001 - what a restart with another plan file would do, within the token's life
    (url,) = (u for u in FHIR_URLS if (u.method, u.path) == ("GET", "/Questionnaire"))
    assert site.call(OWN, "/fhir/2.2", url).status_code == 200
    known = registry._known  # noqa: SLF001 - likewise
    less = replace(known.by_id["own"], scopes=("system/Claim.c",))
    registry._known = replace(known, by_id={**known.by_id, "own": less})  # noqa: SLF001 - likewise
    try:
        assert site.call(OWN, "/fhir/2.2", url).status_code == 403
    finally:
        registry._known = known  # noqa: SLF001 - likewise
