"""Who a PAS request is about and from: patient, coverage, insurer, requester, and the providers that treat."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from server.decision.request import RequestedItem
from server.errors import InvalidRequest
from server.fhir.coverage import member_ids, numbers_disagree, subscriber_is_told_otherwise
from server.fhir.read import MAX_IDENTIFIERS, BundleIndex, Resource, dicts, npis
from server.fhir.subject import is_about
from server.pas.request.bundle import CLAIM, RequestBundle

_PROVIDERS = ("Organization", "PractitionerRole", "Practitioner")


@dataclass(frozen=True, slots=True)
class Parties:
    """patient, insurer, requester: the entries that Claim.patient, .insurer and .provider point at.

    coverage: the focal one; None only where none was needed. organization: the requester's, when sent.
    """

    patient: Resource
    insurer: Resource
    requester: Resource
    coverage: Resource | None
    organization: Resource | None

    @property
    def member_ids(self) -> tuple[str, ...]:
        """The member id of the request, one or none (pas T-16)."""
        return member_ids(self.coverage, self.patient)


class PartyReader:
    """Resolves the parties of a Claim; each one that is missing is a problem of the bundle."""

    def __init__(self, bundle: RequestBundle, *, coverage_needed: bool) -> None:
        self._bundle = bundle
        claim = bundle.claim
        self.patient = bundle.resolve(claim.get("patient"), ("Patient",), f"{CLAIM}.patient")
        self._insurer = bundle.resolve(claim.get("insurer"), ("Organization",), f"{CLAIM}.insurer")
        self._requester = bundle.resolve(claim.get("provider"), _PROVIDERS, f"{CLAIM}.provider")
        n, insurance = self._focal(claim)
        if self._requester is not None and self._requester is self._insurer:
            text = "The insurer cannot ask itself; name as provider who asks for the service."
            bundle.add("value", text, f"{CLAIM}.provider")
        if coverage_needed:
            place = f"{CLAIM}.insurance[{n}].coverage"
            self._coverage = bundle.resolve(insurance.get("coverage"), ("Coverage",), place)
        else:
            self._coverage = bundle.index.resolve(insurance.get("coverage"), claim)
        self._same_patient()
        self._patient_in_use()

    def found(self) -> Parties:
        """The parties; raises InvalidRequest when the bundle has any problem."""
        patient, insurer, requester = self.patient, self._insurer, self._requester
        if patient is None or insurer is None or requester is None or self._bundle.problems:
            raise InvalidRequest(self._bundle.problems)
        return Parties(patient, insurer, requester, self._coverage, self._organization(requester))

    def _same_patient(self) -> None:
        """One request is about one person; a coverage of somebody else would mix two people's data."""
        coverage, patient = self._coverage, self.patient
        if coverage is None or patient is None:
            return
        if not is_about(self._bundle.index, patient, coverage, coverage):
            text = "The coverage is not shown to be of the patient of the Claim; send the patient's own."
            self._bundle.add("value", text, f"{self._bundle.place(coverage)}.beneficiary")
        if numbers_disagree(coverage, patient):
            text = "Patient and Coverage have different member numbers in use; send the one of this person and plan."
            self._bundle.add("value", text, f"{self._bundle.place(patient)}.identifier")
        subscriber = self._bundle.index.resolve(coverage.get("subscriber"), coverage)
        if subscriber_is_told_otherwise(coverage, subscriber, patient):
            text = "The relationship says another subscriber than `subscriber` names; correct one of the two."
            self._bundle.add("value", text, f"{self._bundle.place(coverage)}.relationship")

    def _patient_in_use(self) -> None:
        """A record that is closed, or that another one replaces, no longer tells what is so of the patient."""
        patient = self.patient or {}
        if patient.get("active") is False:
            text = "This record of the patient is not in use; send the one that is."
            self._bundle.add("value", text, f"{self._bundle.place(patient)}.active")
        for n, link in enumerate(dicts(patient.get("link"))):
            if link.get("type") == "replaced-by":
                text = "Another record replaces this one of the patient; send that."
                self._bundle.add("value", text, f"{self._bundle.place(patient)}.link[{n}]")

    def _focal(self, claim: Resource) -> tuple[int, Resource]:
        """The focal insurance and its place. Which of several is asked must be told."""
        insurances = claim.get("insurance") or [{}]
        focal = [(n, i) for n, i in enumerate(insurances) if i.get("focal") is True]
        if len(focal) > 1 or (len(insurances) > 1 and not focal):
            text = "Exactly one insurance of a Claim is the focal one, which is asked to pay; mark that, and no other."
            self._bundle.add("value", text, f"{CLAIM}.insurance")
        return focal[0] if focal else (0, insurances[0])

    def _organization(self, requester: Resource) -> Resource | None:
        if requester.get("resourceType") == "Organization":
            return requester
        return self._bundle.index.resolve(requester.get("organization"), requester)


def requester_npis(index: BundleIndex, requester: Resource) -> tuple[str, ...]:
    """The NPIs of a provider, and of the practitioner and organization of a PractitionerRole; 20 of each at most."""
    found = [*npis(requester)]
    for key in ("organization", "practitioner"):
        element = requester.get(key)
        resource = index.resolve(element, requester)
        found += (
            npis(resource) if resource is not None else npis(element)
        )  # a Reference may carry an identifier instead
    return tuple(dict.fromkeys(found))


def treating_npis(bundle: RequestBundle, items: Iterable[RequestedItem]) -> tuple[str, ...]:
    """The NPIs of the care team and of who ordered and who is to perform (pas P-78)."""
    claim = bundle.claim
    elements: list[tuple[Any, Resource]] = [(member.get("provider"), claim) for member in claim.get("careTeam") or ()]
    for order in (item.order for item in items if item.order is not None):
        performers = order.get("performer")
        who = (order.get("requester"), *(performers if isinstance(performers, list) else [performers]))
        elements += [(element, order) for element in who]
    found: list[str] = []
    for element, holder in elements:
        provider = bundle.index.resolve(element, holder)
        found += (
            requester_npis(bundle.index, provider)
            if provider is not None
            else npis({"identifier": element.get("identifier")} if isinstance(element, dict) else None)
        )
    return tuple(dict.fromkeys(found))


def identifier_values(resource: Resource) -> tuple[str, ...]:
    """The identifier values of a resource, the first 20 at most."""
    found = (i.get("value") for i in resource.get("identifier") or () if isinstance(i, dict))
    return tuple(dict.fromkeys(islice((v for v in found if isinstance(v, str)), MAX_IDENTIFIERS)))
