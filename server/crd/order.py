"""One draft order: the codes that name it, when it starts, and what a person calls it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from server.crd.gather import HookCall, based_on
from server.fhir.order import order_codings, order_references, service_day
from server.fhir.read import Coding, Resource, codings, dicts, npis, reference, type_and_id

ANSWERED_ORDERS = frozenset(
    {
        "CommunicationRequest",
        "DeviceRequest",
        "MedicationRequest",
        "NutritionOrder",
        "ServiceRequest",
        "VisionPrescription",
    }
)
"""The draft orders that may carry coverage-information (crd section 1.10)."""

_ALSO_ANSWERED = {
    "appointment-book": frozenset({"Appointment"}),
    "encounter-start": frozenset({"Encounter"}),
    "encounter-discharge": frozenset({"Encounter"}),
}
"""What may carry it besides, by hook."""

CONCEPTS = ("medicationCodeableConcept", "codeCodeableConcept", "code")
SUBJECTS = ("subject", "patient")
REFERENCES = ("medicationReference", "codeReference")
_NAME_LIMIT = 60  # fits a card's 140 characters


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """resource: as parsed; text: the same as sent; codings: normalised, those of the billing options last (crd C-14).

    starts: the first day of service that it names. name: what a person calls it. performers: of each that it names,
    the NPIs that came along. missing_products: of each resource that says what is ordered and is not here, its type
    and why it could not be fetched (None: nobody tried). parts: the codes of each thing, where one order has several.
    """

    resource: Resource
    text: str
    codings: tuple[Coding, ...]
    starts: date | None
    name: str
    performers: tuple[tuple[str, ...], ...] = ()
    missing_products: tuple[tuple[str, str | None], ...] = ()
    parts: tuple[tuple[Coding, ...], ...] = ()

    @property
    def reference(self) -> str:
        return f"{self.resource['resourceType']}/{self.resource['id']}"

    @property
    def extensions(self) -> list[Any]:
        found = self.resource.get("extension")
        return found if isinstance(found, list) else []


def draft_orders(call: HookCall) -> Iterator[DraftOrder]:
    """The draft orders of a call that take an answer, in their order."""
    for resource, text in call.orders:
        if _takes_an_answer(resource, call):
            named = order_codings(resource, call.index.resolve)
            parts = [*_parts(resource), *(order_codings(o, call.index.resolve) for o in _behind(resource, call))]
            named = tuple(dict.fromkeys((*named, *(c for part in parts for c in part))))
            performers = tuple(_performers(resource, call))
            yield DraftOrder(
                resource, text, named, service_day(resource), _name(resource, named), performers,
                tuple(_missing_products(resource, call)),
                tuple(parts),
            )  # fmt: skip


def _parts(resource: Resource) -> Iterator[tuple[Coding, ...]]:
    """Those of the lenses of a prescription, and of the diets and formulas of a nutrition order."""
    if resource["resourceType"] == "VisionPrescription":
        yield from (codings(lens.get("product")) for lens in dicts(resource.get("lensSpecification")))
    elif resource["resourceType"] == "NutritionOrder":
        diet, formula = (
            part if isinstance(part, dict) else {} for part in map(resource.get, ("oralDiet", "enteralFormula"))
        )
        yield from (codings(kind) for kind in dicts(diet.get("type")))
        yield from (codings(one.get("type")) for one in dicts(resource.get("supplement")))
        yield from (codings(formula[k]) for k in ("baseFormulaType", "additiveType") if k in formula)


def _missing_products(resource: Resource, call: HookCall) -> Iterator[tuple[str, str | None]]:
    for name, found in order_references(resource, call.index.resolve):
        if found is None:
            kind = "Medication" if name == "medicationReference" else "Device"
            yield kind, call.why_lacking(resource[name])
    if resource["resourceType"] == "Appointment":
        for literal in based_on(resource):
            if call.index.resolve({"reference": literal}) is None:
                yield literal.rpartition("/")[0].rpartition("/")[2] or "order", call.why_lacking(literal)


def _performers(resource: Resource, call: HookCall) -> Iterator[tuple[str, ...]]:
    """The NPIs of each performer: its own, or those of the person and organization of its role.

    A dispatched order goes to the performer of the call; one that names others, too, is as good as its worst.
    """
    named = resource.get("performer")
    told = {"reference": call.request.context.get("performer")} if call.request.hook == "order-dispatch" else None
    for one in dicts([*(named if isinstance(named, list) else [named]), told]):
        found = call.index.resolve(one) or {}
        roles = [call.index.resolve(found.get(key)) for key in ("practitioner", "organization")]
        yield tuple(n for r in (found, *roles) for n in npis(r)) + npis({"identifier": one.get("identifier")})


def _takes_an_answer(resource: Resource, call: HookCall) -> bool:
    """Whether coverage-information may be put on the resource of a draft entry.

    It may not on another type of resource, on an order without an id, on one that must not be done (crd C-13), on one
    for somebody else than the patient of the call, and on one whose `extension` is no list, which could not be given
    back unchanged.
    """
    allowed = _ALSO_ANSWERED.get(call.request.hook, frozenset()) | ANSWERED_ORDERS
    if resource["resourceType"] not in allowed or not isinstance(resource.get("id"), str) or not resource["id"]:
        return False
    if resource.get("doNotPerform") is True or not isinstance(resource.get("extension"), list | None):
        return False
    people = [resource.get(key) for key in SUBJECTS]
    if resource["resourceType"] == "Appointment":
        actors = (p.get("actor") for p in dicts(resource.get("participant")))
        people += [a for a in actors if (type_and_id(reference(a)) or "").startswith("Patient/")]
    return not any(map(call.is_another, people))


def _behind(resource: Resource, call: HookCall) -> Iterator[Resource]:
    """The patient's orders that an appointment is for, where it is itself what is answered (T-10)."""
    if resource["resourceType"] == "Appointment":
        found = (call.index.resolve({"reference": r}) for r in based_on(resource))
        yield from (o for o in found if o is not None and not any(call.is_another(o.get(k)) for k in SUBJECTS))


def _name(resource: Resource, named: tuple[Coding, ...]) -> str:
    """What a person reads in a card or a description: the order's own words, cut short."""
    words = [concept.get("text") for concept in map(resource.get, CONCEPTS) if isinstance(concept, dict)]
    words += [ref.get("display") for ref in map(resource.get, REFERENCES) if isinstance(ref, dict)]
    words += [c.display for c in named]
    said = next((w for w in words if isinstance(w, str) and w.strip()), f"{resource['resourceType']}/{resource['id']}")
    plain = " ".join(said.replace("*", " ").split())
    return plain if len(plain) <= _NAME_LIMIT else plain[: _NAME_LIMIT - 3].rstrip() + "..."
