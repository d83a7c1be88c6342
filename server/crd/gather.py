"""The step between envelope and hook: everything that came along with a call is gathered and found by reference.

Today that is the prefetch and the entries of the draft orders. What is fetched from the EHR belongs here too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.crd.hook_request import HookRequest
from server.fhir.read import BundleIndex, Resource, dicts, reference, type_and_id


@dataclass(frozen=True, slots=True)
class HookCall:
    """A call with everything that came along.

    index: finds what came along by reference: the prefetched resources, then the entries of the draft orders.
    coverages: each Coverage with an id. patients: the Patient of the call; from two servers it may come twice.
    """

    request: HookRequest
    index: BundleIndex
    coverages: tuple[Resource, ...]
    patients: tuple[Resource, ...]

    @property
    def patient(self) -> Resource | None:
        """The Patient of the call, when it came along."""
        return next(iter(self.patients), None)

    def is_another(self, element: Any) -> bool:
        """Whether a Reference certainly names somebody else than the patient of the call."""
        named = type_and_id(reference(element))
        if named is None:
            found = self.index.resolve(element) or {}
            named = f"{found.get('resourceType')}/{found['id']}" if found.get("id") else None
        patient_id = self.request.patient_id
        return named is not None and named != (type_and_id(patient_id) or f"Patient/{patient_id}")

    def is_patient(self, element: Any, holder: Resource) -> bool:
        """Whether a Reference is shown to name the patient of the call, by all that it names somebody by.

        An address on a server is of the patient when the patient came along from there, or the holder itself did.
        """
        if not isinstance(element, dict):
            return False
        identifier = element.get("identifier")
        if identifier is not None and not self._has(identifier):
            return False
        literal = reference(element)
        if literal is None:
            return identifier is not None
        found = self.index.resolve(element, holder)
        if found is not None:
            return any(found is p for p in self.patients)
        key = type_and_id(f"Patient/{self.request.patient_id.removeprefix('Patient/')}")
        server = self.index.full_url(holder).rpartition(f"/{holder.get('resourceType')}/")[0]
        return key is not None and literal in (key, f"{server}/{key}")

    def _has(self, identifier: Any) -> bool:
        """Whether every Patient of the call has an identifier."""
        if not isinstance(identifier, dict) or not identifier.get("system") or not identifier.get("value"):
            return False
        wanted = (identifier["system"], identifier["value"])
        return bool(self.patients) and all(
            any((i.get("system"), i.get("value")) == wanted for i in dicts(p.get("identifier"))) for p in self.patients
        )


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
    patients = tuple(p for p in index.of_type("Patient") if p.get("id") == request.patient_id)
    return HookCall(request, index, coverages, patients)


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
