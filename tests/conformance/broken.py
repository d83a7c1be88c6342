"""Breaks one thing in an answer, so that the judge can be seen to notice it."""

import json
from typing import Any

from server.fhir.codes import COVERAGE_INFORMATION

# What a resource must have, by R4 or by the guides' profiles; where nothing is listed, `status`.
_MUST_HAVE = {
    "ClaimResponse": "outcome",
    "OperationOutcome": "issue",
    "Library": "type",
}


def broken(content: str) -> str | None:
    """The body with one mandatory element less; None for a body that says nothing (an empty Parameters)."""
    body = json.loads(content)
    return json.dumps(body) if _break(body) else None


def _break(resource: dict[str, Any]) -> bool:
    """Takes the element out, in the resource itself or in the first one it carries."""
    for carried in (*resource.get("parameter", ()), *resource.get("entry", ())):
        if "resource" in carried and _break(carried["resource"]):
            return True
    if resource["resourceType"] == "Parameters":  # R4 inv-1: a parameter has a value, a resource or parts
        resource["parameter"] = [{"name": p["name"]} for p in resource.get("parameter", ())]
        return bool(resource["parameter"])
    for extension in resource.get("extension", ()):
        if extension["url"] == COVERAGE_INFORMATION:
            extension["extension"] = [e for e in extension["extension"] if e["url"] != "covered"]
            return True
    return resource.pop(_MUST_HAVE.get(resource["resourceType"], "status"), None) is not None
