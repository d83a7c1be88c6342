"""A partner subscribes, a request is pended, a person decides, the partner hears of it: over a real server."""

import re
from pathlib import Path

import httpx
import orjson
import pytest

from server.answer.change import change_of
from server.fhir.version import Version
from server.store.sql import open_store
from server.subscriptions.routes import EXAMPLES
from tests import made_up
from tests.outgoing import faults
from tests.receiver import receiving
from tests.requests.cases import ruled
from tests.serving import serving
from tests.subscriptions.wanted import a_subscription

FHIR_JSON = {"content-type": "application/fhir+json"}
CLINIC = "1888888884"


@pytest.mark.parametrize("version", list(Version))
def test_a_decision_is_told_to_who_asked(
    database_url: str, tmp_path: Path, version: Version, capfd: pytest.CaptureFixture[str]
) -> None:
    """Handshake, then the answer that an inquiry would give; secrets stay out of the log, also when a call fails."""
    two = version is Version.V2_0
    store = open_store(database_url)
    with receiving(lambda n: (500 if n == 1 else 200, {})) as receiver:
        body = a_subscription(
            receiver.url, filters=[f"orgIdentifier={CLINIC}"], content="id-only" if two else "full-resource"
        )
        with (
            serving(database_url, settings=made_up.folders(tmp_path)) as url,
            httpx.Client(base_url=url + version.base, headers=FHIR_JSON) as http,
        ):
            made = http.post("/Subscription", json=body)
            assert (made.status_code, made.json()["status"]) == (201, "requested")
            receiver.wait_for(lambda sent: len(sent) == 1)
            answer = http.post("/Claim/$submit", json=made_up.request(score=None)).json()
            case_id = answer["entry"][0]["resource"]["id"]
            case = store.case(case_id)
            assert case is not None
            change = change_of(case, [ruled(period=None, at=case.answered)], url)
            assert store.append(change) == case_id
            _, *events = receiver.wait_for(lambda sent: len(sent) == 3)  # the first try of the event failed
            current = http.get(f"/ClaimResponse/{case_id}").json()
            status = http.get(f"/Subscription/{made.json()['id']}/$status")
        assert receiver.sent[0].type == "handshake"
        assert re.fullmatch(r"[0-9a-f-]{36}", made.json()["id"])
        (entry,) = events[-1].bundle["entry"][1:]
        if two:
            assert entry["fullUrl"] == f"{url}{version.base}/ClaimResponse/{case_id}"
        else:
            assert entry["resource"]["entry"][0]["resource"] == current
            assert entry["resource"] == orjson.loads(change.renderings[version, "submit"])
        assert list(faults(events[-1].raw)) == []
        assert '"events-since-subscription-start","valueString":"1"' in status.text
    store.close()
    said = capfd.readouterr()
    assert "not-notified" in said.out + said.err
    assert "a-secret-of-yours" not in said.out + said.err


def test_the_example_is_for_the_demo_plan() -> None:
    """What /docs suggests names this machine, which the demo plan lists."""
    assert EXAMPLES["subscription"]["channel"]["endpoint"].startswith("http://127.0.0.1:")
