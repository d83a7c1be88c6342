"""Cards: few, wanted, and readable."""

import pytest

from server.fhir.codes import HCPCS
from tests.crd.calls import OTHER_DRUG, Ehr, a_call, a_service, an_order
from tests.policies import a_library, a_policy

J3590, J3490 = f"{HCPCS}|J3590", f"{HCPCS}|J3490"


@pytest.mark.parametrize("version", ["2.2", None])
def test_an_unnamed_drug_asks_for_its_name(version: str | None) -> None:
    """Whoever orders an unclassified drug is told which order lacks what."""
    order = an_order(
        medicationCodeableConcept={
            "coding": [{"system": HCPCS, "code": "J3590"}],
            "text": "Biologic  **for** the left knee",
        }
    )
    (card,) = Ehr().call(a_call(order, version=version))["cards"]
    assert card["source"]["topic"]["code"] == "claim"
    assert card["detail"].startswith("Applies to **Biologic for the left knee**.")
    assert "links" not in card


def test_2_2_links_the_policy_on_the_order_and_2_0_in_a_card() -> None:
    """No card repeats what coverage-information says (crd C-56); 2.0 has no place for the link there."""
    assert Ehr().call(a_call())["cards"] == []
    (card,) = Ehr().call(a_call(version=None))["cards"]
    assert card["links"] == [
        {"label": "Exemplin, policy 123", "url": "https://payer.example/policies/123", "type": "absolute"}
    ]


def test_a_policy_without_a_page_has_no_card() -> None:
    """A link that is not there is not offered."""
    assert Ehr(policies=a_library(a_policy(url=None))).call(a_call(version=None))["cards"] == []


def test_a_named_drug_gets_no_card() -> None:
    """The card helps only where it is the code alone that stands on the order."""
    assert Ehr().call(a_call(an_order(J3590, OTHER_DRUG)))["cards"] == []


@pytest.mark.parametrize(
    ("configuration", "topics"),
    [
        ({}, ["claim", "claim", "guideline"]),
        ({"max-cards": 2}, ["claim", "claim"]),
        ({"max-cards": 0}, []),
        ({"claim": False}, ["guideline"]),
        ({"guideline": False}, ["claim", "claim"]),
        ({"claim": False, "guideline": False}, []),
    ],
)
def test_the_caller_chooses_the_cards(configuration: dict[str, object], topics: list[str]) -> None:
    """Types switched off are not sent, no more than max-cards are, and the actions stay."""
    orders = [an_order(), an_order(J3590, order_id="rx-2"), a_service(J3490)]
    answer = Ehr().call(a_call(*orders, version=None, configuration=configuration))
    assert [c["source"]["topic"]["code"] for c in answer["cards"]] == topics
    assert len(answer["systemActions"]) == 3


def test_a_summary_is_always_short_enough() -> None:
    """Long names are cut, not sent (crd C-77)."""
    (card,) = Ehr(policies=a_library(a_policy(display="x" * 300))).call(a_call(version=None))["cards"]
    assert len(card["summary"]) < 140
