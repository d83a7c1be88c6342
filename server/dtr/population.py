"""What the payer knows about an order, as the record that the policy's pre-population CQL reads (dtr D-40)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from server.decision.judge import Engine
from server.errors import EngineError, Problem
from server.fhir.order import service_day
from server.fhir.read import BundleIndex, Resource, dicts, reference, type_and_id
from server.fhir.subject import is_about
from server.log import log
from server.policy.model import Edition
from server.store.ports import ActiveAuthorization

_PATIENT = "Patient"


@dataclass(frozen=True, slots=True)
class PayerKnowledge:
    """What the payer knows when it drafts the answers of one form.

    orders, coverages, referenced: as sent or as CRD remembered them; the first coverage is the focal one.
    authorization: an approval of this member under the form's policy that is in force.
    """

    orders: tuple[Resource, ...]
    coverages: tuple[Resource, ...]
    referenced: tuple[Resource, ...]
    authorization: ActiveAuthorization | None
    now: datetime

    @property
    def subject(self) -> dict[str, Any]:
        """The patient, exactly as the EHR refers to it (dtr D-48, T-28)."""
        holders = [*(c.get("beneficiary") for c in self.coverages), *(o.get("subject") for o in self.orders)]
        return next((h for h in holders if isinstance(h, dict) and h), {})


def population_bundle(known: PayerKnowledge) -> Resource:
    """The record that the pre-population CQL reads.

    It holds nothing that is not shown to be about the beneficiary, or about nobody: a draft tells of no other person.
    It holds one Patient (as sent, else nothing but its id), the focal Coverage, the orders, what they contain or refer
    to, and an active ClaimResponse with `preAuthRef` and `preAuthPeriod` when an authorization is in force. References
    are relative, as in the record that decisions are made on. A medication that an order refers to stands in the order
    itself too, where `[MedicationRequest: medication in ...]` looks.
    """
    patient = _id_of(known.subject) or "patient"
    resources: dict[str, Resource] = {}
    person = _person(known)
    index = _index(known, person)
    for n, resource in enumerate((*known.coverages[:1], *known.orders, *known.referenced)):
        parts = [c for c in dicts(resource.get("contained")) if isinstance(c.get("resourceType"), str)]
        contained = {f"#{c.get('id')}": f"{c['resourceType']}/{c.get('id')}" for c in parts}
        for part in (*parts, resource):
            if is_about(index, person, part, resource):
                _put(resources, _relative(part, contained), f"sent-{n}")
    for resource in resources.values():
        medication = resources.get(reference(resource.get("medicationReference")) or "", {})
        if "code" in medication:
            del resource["medicationReference"]
            resource["medicationCodeableConcept"] = medication["code"]
    sent = resources.get(f"{_PATIENT}/{patient}")
    kept = [r for r in resources.values() if r["resourceType"] != _PATIENT]
    if known.authorization is not None:
        start, end = known.authorization.period
        kept.append(
            {
                "resourceType": "ClaimResponse",
                "id": "authorization",
                "status": "active",
                "use": "preauthorization",
                "patient": {"reference": f"{_PATIENT}/{patient}"},
                "outcome": "complete",
                "preAuthRef": known.authorization.number,
                "preAuthPeriod": {"start": start.isoformat(), "end": end.isoformat()},
            }
        )
    entries = [sent or {"resourceType": _PATIENT, "id": patient}, *kept]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in entries]}


def population_results(
    libraries: tuple[str, ...], edition: Edition, known: PayerKnowledge, engine: Engine
) -> tuple[dict[str, Mapping[str, Any]], list[Problem]]:
    """The results of each pre-population library, by its name; a failure leaves its questions open and says so."""
    results: dict[str, Mapping[str, Any]] = {}
    problems: list[Problem] = []
    bundle = population_bundle(known)
    parameters = {
        **edition.parameters,
        "Service Date": first_service_day(known.orders),
        "Request Date": known.now.date(),
    }
    for key in libraries:
        name = key.partition("|")[0]
        results[name] = {}
        try:
            results[name] = engine.evaluate(key, bundle, parameters)
        except EngineError as error:
            log.error("pre-population failed", policy=edition.policy_id, edition=edition.version, reason=str(error))
            text = (
                "The payer could not work out what it knows; the draft is not pre-filled. Fill the form from the chart."
            )
            problems.append(Problem("exception", text, severity="warning"))
    return results, problems


def _person(known: PayerKnowledge) -> Resource:
    """The Patient whom the draft is about: as sent, else no more than how the subject names one."""
    id_ = _id_of(known.subject)
    holders = (*known.referenced, *known.orders, *known.coverages)
    sent = (r for h in holders for r in (h, *dicts(h.get("contained"))))
    found = next((r for r in sent if r.get("resourceType") == _PATIENT and id_ and r.get("id") == id_), None)
    identifier = known.subject.get("identifier")
    return found or {"resourceType": _PATIENT, "id": id_, "identifier": [identifier] if identifier else []}


def _index(known: PayerKnowledge, person: Resource) -> BundleIndex:
    """Finds the patient by reference: by `Patient/id`, and by one full address, the first that anything has of it."""
    named = [known.subject, *(c.get("beneficiary") for c in known.coverages), *(o.get("subject") for o in known.orders)]
    literals = [literal for element in named if (literal := reference(element))]
    own = type_and_id(reference(known.subject))
    full = (x for x in literals if ":" in x and type_and_id(x) == own)
    entry = {"resource": person}
    return BundleIndex({"entry": [{**entry, "fullUrl": url} if (url := next(full, None)) else entry]})


def _put(resources: dict[str, Resource], resource: Resource, id_: str) -> None:
    kept = {k: v for k, v in resource.items() if k != "contained"}
    kept["id"] = resource.get("id") or id_
    resources.setdefault(f"{kept['resourceType']}/{kept['id']}", kept)


def _id_of(element: Any) -> str | None:
    found = type_and_id(reference(element))
    return found.partition("/")[2] if found else None


def _relative(resource: Resource, local: Mapping[str, str]) -> Resource:
    """The resource with every literal reference as `Type/id`; local: `#id` of what it contains -> `Type/id`."""

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(n) for n in node]
        if not isinstance(node, dict):
            return node
        return {
            k: local.get(v) or type_and_id(v) or v if k == "reference" and isinstance(v, str) else walk(v)
            for k, v in node.items()
        }

    found: Resource = walk(resource)
    return found


def first_service_day(orders: Iterable[Resource]) -> date | None:
    """The earliest day of service that any of the orders names."""
    return min((day for o in orders if (day := service_day(o)) is not None), default=None)
