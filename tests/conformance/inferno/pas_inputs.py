"""What the PAS suites are given."""

from typing import Any

from server.fhir.version import Version


def inputs(base_url: str, version: Version) -> dict[str, Any]:
    """The server's address alone: the suite runs, and most of it is skipped."""
    return {"server_endpoint": base_url + version.base, "access_token": "unused", "subscription_resource": {}}
