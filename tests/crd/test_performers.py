"""A service that hangs on who delivers it: what stands on the order is not asked for."""

from dataclasses import replace
from typing import Any

import pytest

from server.fhir.codes import NPI
from tests.crd.calls import OXYGEN, PLAN, Ehr, a_bundle, a_call, a_service

SUPPLIER = {"reference": "Organization/supplier"}


def _supplied(npi: str | None, contracted: frozenset[str]) -> dict[str, Any]:
    """What is said of oxygen whose supplier stands on the order, and came along with this NPI."""
    resource: dict[str, Any] = {"resourceType": "Organization", "id": "supplier"}
    if npi is not None:
        resource["identifier"] = [{"system": NPI, "value": npi}]
    oxygen = a_service(OXYGEN) | {"performer": [SUPPLIER]}
    catalogue = tuple(replace(e, contracted=contracted) if OXYGEN in e.tokens else e for e in PLAN.catalogue)
    ehr = Ehr(plan=replace(PLAN, catalogue=catalogue))
    (said,) = ehr.said(a_call(oxygen, prefetch={"suppliers": a_bundle(resource)}))
    return said


@pytest.mark.parametrize(
    ("npi", "pa_needed", "info_needed", "words"),
    [
        ("1234567893", "no-auth", [], "is under contract"),
        ("1888888884", "auth-needed", [], "is not under contract"),
        (None, "conditional", ["performer"], "whose NPI did not come along"),
    ],
)
def test_a_supplier_that_stands_on_the_order_is_not_asked_for(
    npi: str | None, pa_needed: str, info_needed: list[str], words: str
) -> None:
    """Home oxygen hangs on who delivers it. The order says who; at most the NPI is missing."""
    said = _supplied(npi, frozenset({"1234567893"}))
    assert (said["pa-needed"], said.get("info-needed", [])) == ([pa_needed], info_needed)
    assert words in said["reason"][0]["text"]


def test_a_plan_that_does_not_list_its_contracts_asks_for_no_supplier_either() -> None:
    said = _supplied("1234567893", frozenset())
    assert (said["pa-needed"], said["info-needed"]) == (["conditional"], ["OTH"])
    assert "Ask Example Plan" in said["reason"][0]["text"]
