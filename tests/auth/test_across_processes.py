"""Two servers on one record and one Redis: what was used at one is used at the other, and counts at both."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from server.demo.serving import serving
from tests.clients import CLINIC, System, plan_with, rsa_key

SYSTEM = System("clinic", CLINIC, rsa_key("clinic-1"), more="per_minute = 10000")
QUICK = System("quick", CLINIC, rsa_key("quick-1"), more="per_minute = 20")
PUBLIC = "http://payer.example"
HOOK, TOKEN = f"{PUBLIC}/cds-services/crd-order-sign", f"{PUBLIC}/auth/token"


@pytest.fixture(scope="module")
def servers(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Two processes, behind the same public address."""
    folder = tmp_path_factory.mktemp("two")
    with ExitStack() as running:
        urls = [
            running.enter_context(
                serving(
                    database_url=f"sqlite:///{folder}/record.db",
                    redis_url=redis_url,
                    authentication="true",
                    plan=str(plan_with(folder, SYSTEM, QUICK)),
                    base_url=PUBLIC,
                    isolates="1",
                )
            ).base_url
            for _ in range(2)
        ]
        yield urls[0], urls[1]


def statuses(servers: tuple[str, str], path: str, many: int, *, assertion: str | None = None) -> list[int]:
    """What each of many copies of one token is answered with, sent at the same time to both servers in turn."""

    async def go() -> list[int]:
        async with httpx.AsyncClient(timeout=30) as http:
            if assertion is None:
                headers = {"authorization": f"Bearer {SYSTEM.assertion(HOOK)}", "content-type": "application/json"}
                calls = [http.post(servers[n % 2] + path, content=b"{}", headers=headers) for n in range(many)]
            else:
                form = {**SYSTEM.form(TOKEN), "client_assertion": assertion}
                calls = [http.post(servers[n % 2] + path, data=form) for n in range(many)]
            return [answer.status_code for answer in await asyncio.gather(*calls)]

    return asyncio.run(go())


def test_a_hook_token_is_good_once_everywhere(servers: tuple[str, str]) -> None:
    """Of forty copies at once, at two servers, one is let in (422: an empty call)."""
    for _ in range(3):
        assert sorted(statuses(servers, "/cds-services/crd-order-sign", 40)) == [401] * 39 + [422]


def test_an_assertion_is_good_once_everywhere(servers: tuple[str, str]) -> None:
    """Likewise at the token endpoint."""
    assertion = SYSTEM.assertion(TOKEN)
    assert sorted(statuses(servers, "/auth/token", 40, assertion=assertion)) == [200] + [401] * 39


def test_a_token_of_one_server_opens_the_other(servers: tuple[str, str]) -> None:
    """It is in the record."""
    answer = httpx.post(servers[0] + "/auth/token", data=SYSTEM.form(TOKEN))
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert httpx.get(servers[1] + "/fhir/2.2/Questionnaire", headers=headers).status_code == 200


def test_requests_count_at_both_servers(servers: tuple[str, str]) -> None:
    """Twenty a minute are twenty, whoever is asked."""
    token = httpx.post(servers[0] + "/auth/token", data=QUICK.form(TOKEN)).json()["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    said = [httpx.get(servers[n % 2] + "/fhir/2.2/ValueSet", headers=headers).status_code for n in range(45)]
    assert said.count(429) >= 5, "45 requests are of at most two minutes"
    assert 19 <= said.count(200) <= 40
