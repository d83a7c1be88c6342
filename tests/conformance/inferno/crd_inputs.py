"""What the CRD suites are given: orders for all that the demo plan says about an order, and an authorization in force.

What no order of a Kineret patient can show (equipment, a bed, a code that names no drug) are orders of the same
patient for services of the demo plan's catalogue.
"""

import json
from datetime import date, timedelta
from typing import Any

import httpx

from server.fhir.version import Version
from server.pages.demo_requests import Chart, order_sign, refill
from tests.conformance.inferno.patients import chart, identifier
from tests.conformance.orders import other_orders

Json = dict[str, Any]


def inputs(base_url: str, version: Version) -> Json:
    """Every input of the version's suite; approves one request on the server, for the order that is satisfied."""
    first = chart("ra-initial")
    signed = order_sign(first, version)
    others = dict(other_orders(signed))
    selected = others.pop("selected")
    unknown, inactive = others.pop("member W-UNKNOWN-1"), others.pop("member W-INACTIVE-1")
    given: Json = {
        "base_url": base_url,
        "authentication_required": "no",
        "encryption_method": "ES384",
        "any_hook_request_body": signed,
        "order_sign_request_bodies": [signed, _satisfied(base_url, version), *others.values()],
        "order_select_request_bodies": [selected],
        "mock_ehr_bundle": {"resourceType": "Bundle", "type": "collection"},
        "manual_continuation": "no",
    }
    if version is Version.V2_2:
        given |= {
            "technical_issues_request_body": signed,
            "no_member_found_request_body": unknown,
            "no_active_coverage_request_body": inactive,
        }
    return given


def _satisfied(base_url: str, version: Version) -> Json:
    """A refill of an order that PAS has approved: coverage information with the number of that authorization."""
    approved = chart("ra-initial", identifier("approved", version)[:8])
    answer = httpx.post(
        f"{base_url}{version.base}/Claim/$submit",
        content=json.dumps(approved.bundle),
        headers={"content-type": "application/fhir+json"},
        timeout=30,
    )
    start = answer.raise_for_status().json()["entry"][0]["resource"]["preAuthPeriod"]["start"]
    return _refill(approved, date.fromisoformat(start), version)


def _refill(approved: Chart, start: date, version: Version) -> Json:
    return order_sign(approved, version, refill(approved, start + timedelta(days=30)))
