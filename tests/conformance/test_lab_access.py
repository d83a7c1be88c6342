"""The lab with authentication on: its plan registers whoever the kits say they are."""

import json
from pathlib import Path

from server.policy.plan_file import load_plan
from tests.clients import plan_with
from tests.conformance.inferno import access

INFERNO = "http://localhost:4567"


def test_each_kit_is_a_client_of_the_labs_plan(tmp_path: Path) -> None:
    """CRD suites by the names that they sign with, the others at the token endpoint, and all for the same requests."""
    clients = load_plan(plan_with(tmp_path, text=access.tables(INFERNO))).registered
    assert {c.issuer for c in clients} == {
        "lab",
        "inferno",
        f"{INFERNO}/custom/crd_server",
        f"{INFERNO}/custom/crd_server_v221",
    }
    assert len({c.npis for c in clients}) == 1
    assert all(url.startswith(INFERNO) for c in clients for url in c.jwks_urls)


def test_without_authentication_nobody_shows_who_it_is() -> None:
    """The lab's usual run sends what it always sent."""
    assert not access.is_on()
    assert access.sender() is None
    assert json.loads(access.credentials("http://127.0.0.1:1")) == {}
