"""Where the policy links of cards and coverage information lead: a page of this server that can be read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from server.app import create_app
from server.services import Services
from tests.mounted import send
from tests.serving import opened, sqlite_url

HOST = "http://127.0.0.1:8000"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    found = opened(sqlite_url(tmp_path))
    yield found
    found.close()


def test_the_link_of_an_order_opens_its_policy(services: Services) -> None:
    """The card's link and that of the coverage information are one, and each criterion stands there, in our words."""
    app: FastAPI = create_app(services)
    sample = send(app, "GET", f"{HOST}/openapi.json").json()["paths"]["/cds-services/{id}"]["post"]
    order = sample["requestBody"]["content"]["application/json"]["example"]
    answers = []
    for version in ("2.0", "2.2"):
        asked = order | {"extension": {"davinci-crd.requestedVersion": version}}
        answers.append(send(app, "POST", f"{HOST}/cds-services/crd-order-sign", json=asked).text)
        assert "/policies/" in answers[-1]
    (link,) = set(re.findall(r'"(http[^"]*/policies/[^"]*)"', "".join(answers)))
    assert link.startswith(HOST)
    page = send(app, "GET", link)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    (policy,) = services.world.policies.policies
    for edition in policy.editions:
        for criterion in edition.criteria:
            assert f'id="{edition.version}-{criterion.id}"' in page.text
    assert page.text.count("<dt>") == sum(len(e.criteria) for e in policy.editions)
    assert link in send(app, "GET", f"{HOST}/").text


def test_an_unknown_policy_has_no_page(services: Services) -> None:
    """Said as such, whatever was asked for."""
    for id_ in ("other", "..%2f..%2fetc", "<script>"):
        answer = send(create_app(services), "GET", f"{HOST}/policies/{id_}")
        assert answer.status_code == 404
        assert "<script" not in answer.text


def test_a_policy_may_name_a_page_of_its_own(services: Services) -> None:
    """What policy.toml says counts."""
    policies = services.world.policies
    assert [p.url for p in policies.with_pages("https://other.example").policies] == [p.url for p in policies.policies]
