"""What of a request is the record of its patient, and what came along that cannot be placed in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from server.decision.request import AuthorizationRequest
from server.fhir.codes import CVX
from server.fhir.read import Resource, codings, dicts
from server.fhir.subject import OF_NOBODY, is_about

MAX_CONTAINED = 200
"""Contained resources of one entry; nobody sends more, and each costs as much as an entry."""

_READ_ELSEWHERE = frozenset({"Bundle", "Claim", "Coverage", "QuestionnaireResponse"})
_NO_EVIDENCE = OF_NOBODY | {
    "Account", "AuditEvent", "BodyStructure", "CareTeam", "CodeSystem", "ConceptMap", "Device", "Group",
    "OperationOutcome", "Patient", "Person", "Provenance", "Questionnaire", "RelatedPerson", "Specimen",
    "StructureDefinition", "ValueSet",
}  # fmt: skip
"""Types that tell nothing of a patient's care: where they are of another person, nothing is lost."""

_WRITTEN = frozenset({"CREATE", "UPDATE", "APPEND"})
"""What a Provenance may tell without turning what it is about (v3 DataOperation)."""


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """Everything that came along, sorted.

    placed: fullUrl (empty for what is contained) and resource of all that is shown to be about the patient or is about
    nobody, with every order and the focal Coverage. left_out: FHIRPath of each resource that tells of somebody's care
    and is not shown to be about the patient, or stands where nothing is read. types: of what is placed and tells of
    care, each with the FHIRPath of the first resource of it; whether it is read hangs on the policy.
    """

    placed: tuple[tuple[str, Resource], ...]
    left_out: tuple[str, ...]
    types: Mapping[str, str]


def patient_record(request: AuthorizationRequest) -> PatientRecord:
    """Sorts every resource that came along. What a resource contains is a resource of its own."""
    sorter = _Sorter(request)
    for n, url, resource in request.index.entries:
        sorter.entry(url, resource, f"Bundle.entry[{n}].resource")
    return PatientRecord(tuple(sorter.placed), tuple(sorter.left_out), sorter.types)


class _Sorter:
    def __init__(self, request: AuthorizationRequest) -> None:
        self.placed: list[tuple[str, Resource]] = []
        self.left_out: list[str] = []
        self.types: dict[str, str] = {}
        self._request = request
        self._orders = {id(item.order) for item in request.items if item.order is not None}
        self._urls = {url: resource for _, url, resource in request.index.entries if url}

    def entry(self, url: str, resource: Resource, place: str) -> None:
        if resource.get("resourceType") == "Bundle":
            for k, entry in enumerate(dicts(resource.get("entry"))):
                inner = entry.get("resource")
                if isinstance(inner, dict) and self._urls.get(entry.get("fullUrl", "")) != inner:  # else it is there
                    self._place("", inner, resource, f"{place}.entry[{k}].resource")
                    self._contained(inner, f"{place}.entry[{k}].resource")
        else:
            self._place(url, resource, resource, place)
        self._contained(resource, place)

    def _contained(self, holder: Resource, place: str) -> None:
        found = dicts(holder.get("contained"))
        for n, inner in enumerate(found[:MAX_CONTAINED]):
            self._place("", inner, holder, f"{place}.contained[{n}]")
            if dicts(inner.get("contained")):  # FHIR has nothing contained in what is contained
                self.left_out.append(f"{place}.contained[{n}].contained")
        if len(found) > MAX_CONTAINED:
            self.left_out.append(f"{place}.contained[{MAX_CONTAINED}]")

    def _place(self, url: str, resource: Resource, holder: Resource, place: str) -> None:
        """One resource: into the record, among what is left out, or, where it tells nothing of care, nowhere."""
        request, kind = self._request, str(resource.get("resourceType"))
        if resource is request.coverage or id(resource) in self._orders:
            self.placed.append((url, resource))
        elif kind in _READ_ELSEWHERE:
            if not self._is_read(kind, resource, holder):
                self.left_out.append(place)
        elif is_about(request.index, request.patient, resource, holder):
            self.placed.append((url, resource))
            if kind not in _NO_EVIDENCE and not _is_a_vaccine(resource):
                self.types.setdefault(kind, place)
        elif kind not in _NO_EVIDENCE or self._turns(kind, resource):
            self.left_out.append(place)

    def _turns(self, kind: str, resource: Resource) -> bool:
        """Whether a resource that tells of no care may turn what the others tell.

        It is another record of the same patient, or it tells of something done to another resource than to write it.
        """
        if kind == "Patient":
            own = {(i.get("system"), i.get("value")) for i in dicts(self._request.patient.get("identifier"))}
            return any((i.get("system"), i.get("value")) in own for i in dicts(resource.get("identifier")))
        return kind == "Provenance" and any(c.code not in _WRITTEN for c in codings(resource.get("activity")))

    @staticmethod
    def _is_read(kind: str, resource: Resource, holder: Resource) -> bool:
        """Entries are read, other coverages are not judged, and answers may come in the Bundle of a DTR app."""
        in_bundle = holder.get("resourceType") == "Bundle"
        return holder is resource or kind == "Coverage" or (kind == "QuestionnaireResponse" and in_bundle)


def _is_a_vaccine(resource: Resource) -> bool:
    """Whether an Immunization is by its codes a vaccine: it comes with most charts, and speaks to no criterion."""
    given = codings(resource.get("vaccineCode"))
    return resource.get("resourceType") == "Immunization" and {c.system for c in given} == {CVX}
