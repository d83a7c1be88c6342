"""The resources of a request that its answer names, echoed unchanged but for their references."""

from collections.abc import Iterable
from typing import Any

from server.fhir.read import BundleIndex, Resource, reference


def reference_to(index: BundleIndex, resource: Resource) -> dict[str, str]:
    """A Reference that spells the resource's fullUrl exactly (pas T-1, T-2)."""
    return {"reference": index.full_url(resource)}


def echoed_entries(index: BundleIndex, named: Iterable[Resource]) -> list[dict[str, Any]]:
    """Entries for the named resources and for all that they reference in turn, each once, in that order.

    fullUrl, id and identifiers stay as they were received (pas P-33, P-34). References are rewritten to the exact
    fullUrl of their entry; one that the request itself did not resolve stays as it came (pas T-19). The Claim is not
    echoed (pas P-35).
    """
    entries: list[dict[str, Any]] = []
    waiting = list(named)
    seen: set[int] = set()
    for resource in waiting:  # the list grows during the loop: a referenced resource has references of its own
        if id(resource) in seen or resource.get("resourceType") == "Claim":
            continue
        seen.add(id(resource))
        entries.append({"fullUrl": index.full_url(resource), "resource": _exact(resource, resource, index, waiting)})
    return entries


def _exact(node: Any, holder: Resource, index: BundleIndex, targets: list[Resource]) -> Any:
    """A copy of the node whose references are fullUrls; `targets` collects what they point at."""
    if isinstance(node, list):
        return [_exact(n, holder, index, targets) if isinstance(n, (dict, list)) else n for n in node]
    copy = {k: _exact(v, holder, index, targets) if isinstance(v, (dict, list)) else v for k, v in node.items()}
    literal = reference(node)
    if literal and not literal.startswith("#"):
        target = index.resolve(literal, holder)
        if target is not None and index.full_url(target):
            targets.append(target)
            copy["reference"] = index.full_url(target)
    return copy
