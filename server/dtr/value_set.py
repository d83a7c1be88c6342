"""A value set as the ValueSet of a package: its expansion, and the day of it (dtr D-34, D-35)."""

from collections.abc import Mapping
from typing import Any

from server.fhir.read import Resource

DAY_OF_READING = b"0000-00-00"
"""Stands in a rendered ValueSet where the day on which it is read will be written."""


def value_set_resource(source: Mapping[str, Any]) -> Resource:
    """The ValueSet with what its file may leave out of the expansion: timestamp, total and parameters."""
    expansion = source.get("expansion")
    if expansion is None:  # a whole code system, which is searched and not listed (dtr T-22)
        return {**source, "resourceType": "ValueSet", "status": source.get("status", "active")}
    listed = expansion.get("contains") or []
    kept = {
        "timestamp": DAY_OF_READING.decode(),
        "total": len(listed),
        "parameter": expansion.get("parameter") or [{"name": "activeOnly", "valueBoolean": True}],
        "contains": listed,
    }
    filled = {**expansion, **{k: v for k, v in kept.items() if v is not None and v != []}}
    return {**source, "resourceType": "ValueSet", "status": source.get("status", "active"), "expansion": filled}
