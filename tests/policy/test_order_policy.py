"""Codes become a policy and its edition on a day: the one rule that CRD, DTR and PAS share."""

from collections.abc import Sequence
from datetime import date

import pytest

from server.fhir.codes import NDC, RXNORM
from server.fhir.read import Coding
from server.policy.library import PolicyLibrary
from tests.policies import DRUG, DRUG_NDC, PLACEHOLDER, POLICY_ID, a_library, a_policy, an_edition

OLD, NEW = an_edition(), an_edition(version="2026-06-01", effective=date(2026, 6, 1))
OTHER_DRUG, OTHER_ID = f"{RXNORM}|9990002", "other-456"
OURS = a_policy(editions=(NEW, OLD))
OTHER = a_policy(id=OTHER_ID, identified_by=frozenset({OTHER_DRUG}), editions=(an_edition(policy_id=OTHER_ID),))
ONE, TWO = a_library(OURS), a_library(OURS, OTHER)
STRANGE_DRUG = f"{RXNORM}|7"
DAY = date(2026, 11, 23)


def codings(*tokens: str) -> list[Coding]:
    return [Coding(*token.split("|")) for token in tokens]


@pytest.mark.parametrize(
    ("on", "version"),
    [
        (date(2024, 1, 17), None),
        (date(2024, 1, 18), "2024-01-18"),
        (date(2026, 5, 31), "2024-01-18"),
        (date(2026, 6, 1), "2026-06-01"),
    ],
)
def test_the_edition_in_force_on_the_day_decides(on: date, version: str | None) -> None:
    """The first day of an edition counts; before the first edition the policy is known and has none."""
    found = ONE.for_order(codings(DRUG), on)
    assert found.policy is OURS
    assert (found.edition.version if found.edition else None) == version


@pytest.mark.parametrize(
    "tokens",
    [(DRUG,), (DRUG_NDC,), (f"{NDC}|0990012304",), (PLACEHOLDER, DRUG), (STRANGE_DRUG, DRUG)],
)
def test_a_code_of_the_product_outweighs_every_other(tokens: tuple[str, ...]) -> None:
    """A placeholder or another drug beside it changes nothing, and neither does another policy's form."""
    for attached in (None, (), (OTHER_ID,)):
        found = TWO.for_order(codings(*tokens), DAY, attached=attached)
        assert (found.policy, found.edition, found.possible, found.other) == (OURS, NEW, (), False)


@pytest.mark.parametrize("attached", [None, (), (POLICY_ID,)])
def test_another_product_is_nobodys_whatever_stands_beside_it(attached: Sequence[str] | None) -> None:
    """A placeholder beside the code of another drug stands for that drug, whichever form came along."""
    found = TWO.for_order(codings(PLACEHOLDER, STRANGE_DRUG), DAY, attached=attached)
    assert (found.policy, found.edition, found.possible, found.other) == (None, None, (), True)


@pytest.mark.parametrize(
    ("library", "attached", "chosen"),
    [
        (ONE, None, None),
        (ONE, (), POLICY_ID),
        (ONE, ("elsewhere",), POLICY_ID),
        (TWO, None, None),
        (TWO, (), None),
        (TWO, ("elsewhere",), None),
        (TWO, (OTHER_ID,), OTHER_ID),
        (TWO, ("elsewhere", OTHER_ID, POLICY_ID), OTHER_ID),
    ],
)
def test_a_placeholder_alone_is_settled_by_the_forms_that_came_along(
    library: PolicyLibrary, attached: Sequence[str] | None, chosen: str | None
) -> None:
    """Where no form can come along it names nothing; else the first form that fits decides, or the only policy."""
    found = library.for_order(codings(PLACEHOLDER), DAY, attached=attached)
    assert (found.policy.id if found.policy else None) == chosen
    assert (found.edition is None) == (chosen is None)
    assert (found.possible, found.other) == (library.policies, False)


def test_what_no_policy_knows_is_nothing() -> None:
    """Neither a policy, nor a possible one, nor another product."""
    found = TWO.for_order(codings("http://example.org/local|visit"), DAY, attached=(POLICY_ID,))
    assert (found.policy, found.edition, found.possible, found.other) == (None, None, (), False)
