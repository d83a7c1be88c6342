"""The step between envelope and hook: everything that came along or was fetched is gathered and found by reference."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.crd.hook_context import dispatched
from server.crd.hook_request import HookRequest
from server.crd.order_text import value_text
from server.fhir.read import BundleIndex, Resource, dicts, extension_value, reference, type_and_id
from server.fhir.version import Version

ALTERNATE_REFERENCE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stands in what arrived: the JSON as sent, and the steps into it."""

    raw: bytes = field(repr=False)
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A resource that arrived, as an entry of a Bundle, with its place."""

    entry: Mapping[str, Any]
    place: Place

    @property
    def resource(self) -> Resource:
        found: Resource = self.entry["resource"]
        return found


@dataclass(frozen=True, slots=True)
class HookCall:
    """A call with everything that came along or was fetched.

    index: finds what came along by reference: the prefetched resources, then the entries of the hook's own Bundle, then
    what was fetched. coverages: each Coverage with an id. patients: the Patient of the call; from two servers it may
    come twice. orders: what the hook asks about, each with its text as sent. lacking: why it could not be fetched, by
    `Type/id`, or by the type alone for what is searched by patient. fetched: `Type/id` of what the EHR was asked for.
    """

    request: HookRequest
    index: BundleIndex
    coverages: tuple[Resource, ...]
    patients: tuple[Resource, ...]
    orders: tuple[tuple[Resource, str], ...]
    lacking: Mapping[str, str]
    fetched: frozenset[str] = frozenset()

    @property
    def patient(self) -> Resource | None:
        """The Patient of the call, when it came along."""
        return next(iter(self.patients), None)

    def why_lacking(self, element: Any) -> str | None:
        """Why what a Reference points at could not be fetched, as a sentence's end; None when nobody tried in vain."""
        named = type_and_id(reference(element))
        return self.lacking.get(named) if named else None

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


def gather(request: HookRequest, fetched: Sequence[Part] = (), lacking: Mapping[str, str] | None = None) -> HookCall:
    """Everything that is there for a request. Where a resource came twice, the first one counts.

    Under which prefetch key a resource comes does not matter. An OperationOutcome, null or a broken value in the place
    of data counts as not sent (crd C-21). Of what was fetched, nothing stands beside its like that came along.
    """
    own = [Part(entry, Place(request.raw)) for entry in request.entries]
    parts = _each_once([*_prefetched(request), *own])
    known = {_key(part.resource) for part in parts}
    parts += [part for part in fetched if _key(part.resource) not in known]
    parts = _each_once(parts)
    index = BundleIndex({"entry": [part.entry for part in parts]})
    coverages = tuple(c for c in index.of_type("Coverage") if isinstance(c.get("id"), str) and c["id"])
    patients = tuple(p for p in index.of_type("Patient") if p.get("id") == request.patient_id)
    orders = tuple(_orders(request, index, parts))
    there = frozenset(_key(part.resource) for part in fetched) - known
    return HookCall(request, index, coverages, patients, orders, lacking or {}, there)


def _each_once(parts: Iterable[Part]) -> list[Part]:
    found: dict[str, Part] = {}
    for part in parts:
        key = part.entry.get("fullUrl") or _key(part.resource)
        if isinstance(key, str):
            found.setdefault(key, part)
    return list(found.values())


def _key(resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _prefetched(request: HookRequest) -> Iterator[Part]:
    """Each prefetched resource as an entry of a Bundle, with a fullUrl where it came in a Bundle."""
    for key, value in request.prefetch.items():
        if not isinstance(value, dict):
            continue
        if value.get("resourceType") != "Bundle":
            yield Part({"resource": value}, Place(request.raw, ("prefetch", key)))
            continue
        yield from parts_of(value, Place(request.raw, ("prefetch", key)))


def parts_of(bundle: Resource, place: Place) -> Iterator[Part]:
    """The entries of a Bundle that hold a resource. place: the Bundle's."""
    found = bundle.get("entry")
    for n, entry in enumerate(found if isinstance(found, list) else ()):
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield Part(entry, Place(place.raw, (*place.path, "entry", n, "resource")))


def named_resources(request: HookRequest) -> tuple[str, ...]:
    """The references of what a hook asks about, where it names that by reference."""
    if request.hook == "order-dispatch":
        return dispatched(request.context)
    if request.hook == "appointment-book":
        return tuple(r for entry in request.entries for r in based_on(entry["resource"]))
    encounter = request.context.get("encounterId") if request.hook.startswith("encounter-") else None
    return (f"Encounter/{str(encounter).removeprefix('Encounter/')}",) if encounter else ()


def based_on(appointment: Resource) -> tuple[str, ...]:
    """The orders that an appointment is for; those of drugs and devices stand in an extension."""
    elements = dicts(appointment.get("basedOn"))
    alternates = [extension_value(e, ALTERNATE_REFERENCE) for e in elements]
    return tuple(dict.fromkeys(r for r in map(reference, [*elements, *alternates]) if r))


def _orders(request: HookRequest, index: BundleIndex, parts: Sequence[Part]) -> Iterator[tuple[Resource, str]]:
    """What the hook asks about, with its text. Under 2.2 the orders of an appointment stand for it (T-10)."""
    own = zip(request.orders, request.texts, strict=True)
    if request.hook != "appointment-book":
        yield from own if request.entries else _referred(named_resources(request), index, parts)
        return
    for appointment, text in own:
        found = list(_referred(based_on(appointment), index, parts)) if request.version is Version.V2_2 else []
        yield from found or [(appointment, text)]


def _referred(literals: Iterable[str], index: BundleIndex, parts: Sequence[Part]) -> Iterator[tuple[Resource, str]]:
    """What is named by reference and is here, with its text; without what could not be given back unchanged."""
    for literal in literals:
        found = index.resolve({"reference": literal})
        part = next((p for p in parts if p.resource is found), None)
        text = value_text(part.place.raw, part.place.path, part.resource) if part else None
        if part and text:
            yield part.resource, text
