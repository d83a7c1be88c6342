"""The step between envelope and hook: everything that came along with a call is gathered and found by reference.

Today that is the prefetch and the entries of the draft orders. What is fetched from the EHR belongs here too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.crd.hook_request import HookRequest
from server.fhir.read import BundleIndex, Resource, reference, type_and_id


@dataclass(frozen=True, slots=True)
class HookCall:
    """A call with everything that came along.

    index: finds what came along by reference: the prefetched resources, then the entries of the draft orders.
    coverages: each Coverage with an id.
    """

    request: HookRequest
    index: BundleIndex
    coverages: tuple[Resource, ...]

    @property
    def patient(self) -> Resource | None:
        """The Patient of the call, when it came along."""
        return next((p for p in self.index.of_type("Patient") if p.get("id") == self.request.patient_id), None)

    def is_another(self, element: Any) -> bool:
        """Whether a Reference certainly names somebody else than the patient of the call."""
        named = type_and_id(reference(element))
        if named is None:
            found = self.index.resolve(element) or {}
            named = f"{found.get('resourceType')}/{found['id']}" if found.get("id") else None
        patient_id = self.request.patient_id
        return named is not None and named != (type_and_id(patient_id) or f"Patient/{patient_id}")


def gather(request: HookRequest) -> HookCall:
    """Everything that came along with a request. Where a resource came twice, the first one counts.

    Under which prefetch key a resource comes does not matter. An OperationOutcome, null or a broken value in the place
    of data counts as not sent (crd C-21).
    """
    entries: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    for entry in (*_prefetched(request.prefetch), *request.entries):
        resource = entry["resource"]
        key = entry.get("fullUrl") or f"{resource.get('resourceType')}/{resource.get('id')}"
        if isinstance(key, str) and key not in seen:
            seen.add(key)
            entries.append(entry)
    index = BundleIndex({"entry": entries})
    coverages = tuple(c for c in index.of_type("Coverage") if isinstance(c.get("id"), str) and c["id"])
    return HookCall(request, index, coverages)


def _prefetched(prefetch: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Each prefetched resource as an entry of a Bundle, with a fullUrl where it came in a Bundle."""
    for value in prefetch.values():
        if not isinstance(value, dict):
            continue
        if value.get("resourceType") != "Bundle":
            yield {"resource": value}
            continue
        found = value.get("entry")
        for entry in found if isinstance(found, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                yield entry
