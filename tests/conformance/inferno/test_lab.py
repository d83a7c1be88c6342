"""The lab itself is put to the test: for each kind of answer, one broken variant that it has to notice."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conformance.inferno.breaking import Spoil, keep, telling, through
from tests.conformance.inferno.lab import INFERNO, Addresses, addresses, judges
from tests.conformance.inferno.session import Result, Session
from tests.conformance.inferno.suites import suite
from tests.shared_material import needs_shared

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """A kind of answer, how it is spoilt, and who has to notice: the end of a test's id in a group of a suite.

    told: it is no answer, but what the server tells its subscriber.
    """

    kind: str
    suite: str
    group: str
    notices: str
    spoil: Spoil
    told: bool = False

    def behind(self, base_url: str, spoil: Spoil) -> AbstractContextManager[str]:
        """A proxy before the server that spoils, or keeps, this kind."""
        return telling(base_url, INFERNO, spoil) if self.told else through(base_url, spoil)


def _discovery(path: str, body: Json) -> None:
    if path.endswith("/cds-services"):
        del body["services"][0]["description"]


def _card(path: str, body: Json) -> None:
    if "/cds-services/" in path:
        for card in body["cards"]:
            del card["source"]["topic"]


def _coverage_information(path: str, body: Json) -> None:
    if "/cds-services/" in path:
        for action in body.get("systemActions", ()):
            for extension in action["resource"]["extension"]:
                extension["extension"] = [e for e in extension["extension"] if e["url"] != "covered"]


def _package(path: str, body: Json) -> None:
    if path.endswith("$questionnaire-package"):
        _first(body, "Questionnaire")["status"] = "finished"


def _submitted(path: str, body: Json) -> None:
    if path.endswith("$submit"):
        del _first(body, "ClaimResponse")["outcome"]


def _inquired(path: str, body: Json) -> None:
    if path.endswith("$inquire"):
        del _first(body, "ClaimResponse")["outcome"]


def _updated(path: str, body: Json) -> None:
    if path.endswith("$submit"):
        _first(body, "ClaimResponse")["item"].pop()


def _subscribed(path: str, body: Json) -> None:
    if path.endswith("/Subscription"):
        body["status"] = "active"


def _told(_path: str, body: Json) -> None:
    for entry in body["entry"][1:]:
        entry["resource"]["type"] = "batch"


def _capability_statement(path: str, body: Json) -> None:
    if path.endswith("/metadata"):
        for resource in body["rest"][0]["resource"]:
            resource.pop("operation", None)


def _next_question(path: str, body: Json) -> None:
    if path.endswith("$next-question"):
        _first(body, "QuestionnaireResponse")["status"] = "finished"


def _error(path: str, body: Json) -> None:
    if path.endswith("$submit") and body["resourceType"] == "OperationOutcome":
        body["resourceType"] = "Basic"


def _first(body: Any, kind: str) -> Json:
    """The first resource of a type, however deep in Bundles and Parameters; an empty one when there is none."""
    if isinstance(body, dict) and body.get("resourceType") == kind:
        return body
    children = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    found = (_first(child, kind) for child in children if isinstance(child, dict | list))
    return next((resource for resource in found if resource), {})


BROKEN = (
    Broken("discovery", "CRD2.2.1", "crd_v221_server_discovery_group", "discovery_services_validation", _discovery),
    Broken("card", "CRD2.2.1", "crd_v221_server_order_select", "service_response_validation", _card),
    Broken(
        "coverage information",
        "CRD2.0.1",
        "crd_v201_server_order_select",
        "coverage_info_system_action_validation",
        _coverage_information,
    ),
    Broken("package", "DTR2.0.1", "payer_server_static_package", "static_form_response_test", _package),
    Broken(
        "capability statement",
        "DTR2.2.0",
        "dtr_payer_v220_discovery",
        "capability_statement_test",
        _capability_statement,
    ),
    Broken(
        "next question",
        "DTR2.0.1",
        "payer_server_adaptive_questionnaire",
        "payer_server_next_response_validation_test",
        _next_question,
    ),
    Broken(
        "submit response",
        "PAS2.2.1",
        "pas_server_v221_approval_use_case",
        "pas_response_bundle_validation_test_approval",
        _submitted,
    ),
    Broken("update", "PAS2.2.1", "pas_server_v221_claim_updates", "claim_update_current_results_test", _updated),
    Broken(
        "subscription",
        "PAS2.2.1",
        "pas_server_v221_subscription_setup",
        "subscriptions_r4_server_creation_response_conformance",
        _subscribed,
    ),
    Broken(
        "notification",
        "PAS2.2.1",
        "pas_server_v221_pended_use_case",
        "notification_pas_conformance_pended",
        _told,
        told=True,
    ),
    Broken(
        "inquiry response",
        "PAS2.2.1",
        "pas_server_v221_must_support",
        "inquire_response_bundle_validation_test_must_support",
        _inquired,
    ),
    Broken("error", "PAS2.2.1", "pas_v221_error_group", "prior_auth_submission_error", _error),
)


@pytest.fixture(scope="module")
def served() -> Iterator[Addresses]:
    with judges(), addresses() as found:
        yield found


@needs_shared
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.kind)
def test_a_broken_answer_is_noticed(served: Addresses, broken: Broken) -> None:
    """The test that judges this kind of answer passes through the proxy as it is, and fails on the broken variant."""
    with broken.behind(served.plain, keep) as address:
        assert _verdict(broken, served.plain, address).verdict == "pass"
    with broken.behind(served.plain, broken.spoil) as address:
        assert _verdict(broken, served.plain, address).verdict == "fail"


def _verdict(broken: Broken, plain: str, address: str) -> Result:
    """What the judging test says of the server at `address`, which is `plain` behind a proxy."""
    judge = suite(broken.suite)
    inputs = judge.inputs(plain, judge.version)
    inputs |= {name: value.replace(plain, address) for name, value in inputs.items() if isinstance(value, str)}
    before = [judge.first] if judge.first not in ("", broken.group) else []
    with Session(INFERNO, judge.id) as session:
        results = session.run(inputs, [*before, broken.group])
    return next(r for r in results if r.id.endswith(broken.notices) and f"-{broken.group}-" in r.id)
