"""The input of `$questionnaire-package`, read once (dtr D-20..D-30)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from server.errors import InvalidRequest, Problem
from server.fhir.order import ORDER_TYPES
from server.fhir.parameters import ANY_RESOURCE, DeclaredParameter, SentParameter, read_parameters
from server.fhir.read import Resource, dicts, reference, type_and_id
from server.fhir.version import Version

_CANONICAL = ("canonical", "uri", "url", "string")
_INSTANT = ("instant", "dateTime", "date")

_MANY = 50  # `*` in the guides; nobody signs more orders at once, and a longer list only keeps the server busy

# coverage: 1..* in 2.0.1, 1..1 in 2.2.0; `referenced` left 2.2.0's definition but its prose still sends it (dtr 0)
_DECLARED = {
    version: (
        DeclaredParameter("coverage", 1, most, resources=("Coverage",)),
        DeclaredParameter("order", 0, _MANY, resources=ORDER_TYPES),
        DeclaredParameter("referenced", 0, 4 * _MANY, resources=ANY_RESOURCE),
        DeclaredParameter("questionnaire", 0, _MANY, values=_CANONICAL),
        DeclaredParameter("context", 0, 1, values=("string", "id", "uri")),
        DeclaredParameter("changedsince", 0, 1, values=_INSTANT),
    )
    for version, most in ((Version.V2_0, _MANY), (Version.V2_2, 1))
}


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """coverages, orders, questionnaires, context: as sent, each with its place. referenced: what the orders refer to.

    changed_since: None when the sender wants every package.
    """

    coverages: tuple[SentParameter, ...]
    orders: tuple[SentParameter, ...]
    referenced: tuple[Resource, ...]
    questionnaires: tuple[SentParameter, ...]
    context: SentParameter | None
    changed_since: datetime | None

    def resolve(self, element: Any, holder: Resource) -> Resource | None:
        """What a Reference of an order points at: contained in it, or sent as `referenced`."""
        literal = reference(element) or ""
        among = dicts(holder.get("contained")) if literal.startswith("#") else self.referenced
        wanted = literal[1:] if literal.startswith("#") else type_and_id(literal)
        for resource in among:
            id_ = resource.get("id")
            if wanted and wanted == (id_ if literal.startswith("#") else f"{resource.get('resourceType')}/{id_}"):
                return resource
        return None


def read_package_request(body: Mapping[str, Any], version: Version) -> PackageRequest:
    """Raises InvalidRequest with every problem; tolerates whatever the operation does not need (dtr T-26)."""
    problems: list[Problem] = []
    sent: dict[str, tuple[SentParameter, ...]] = {}
    try:
        sent = read_parameters(body, _DECLARED[version])
    except InvalidRequest as error:
        problems += error.problems
    problems += _nothing_asked(body)
    changed_since = None
    for at in sent.get("changedsince", ()):
        changed_since = _instant(at.value)
        if changed_since is None:
            problems.append(Problem("value", "changedsince is no instant; send e.g. 2026-01-31T12:00:00Z.", at.at))
    for coverage in sent.get("coverage", ()):
        if not _names_patient(coverage.value, [o.value for o in sent.get("order", ())]):
            text = "Coverage.beneficiary is missing; send a Reference to the patient."
            problems.append(Problem("required", text, f"{coverage.at}.beneficiary"))
    problems += _several_patients(sent.get("coverage", ()))
    if problems:
        raise InvalidRequest(problems)
    return PackageRequest(
        sent["coverage"],
        sent["order"],
        tuple(s.value for s in sent["referenced"]),
        sent["questionnaire"],
        sent["context"][0] if sent["context"] else None,
        changed_since,
    )


def _nothing_asked(body: Mapping[str, Any]) -> list[Problem]:
    """Invariant dtr-1: besides the coverage there is an order, a questionnaire or a context."""
    if body.get("resourceType") != "Parameters" or not isinstance(body.get("parameter", []), list):
        return []
    names = {p.get("name") for p in body.get("parameter") or () if isinstance(p, dict)}
    if names & {"order", "questionnaire", "context"}:
        return []
    text = "dtr-1: nothing says which form is wanted; send an `order`, a `questionnaire` or a `context`."
    return [Problem("required", text, "Parameters.parameter")]


def _several_patients(coverages: tuple[SentParameter, ...]) -> list[Problem]:
    """A problem for each coverage of another patient: the draft is about one, and must not tell about another."""
    named = [reference(c.value.get("beneficiary")) for c in coverages]
    text = "This coverage is of another patient than the first one; ask for each patient in a request of its own."
    return [
        Problem("business-rule", text, f"{c.at}.beneficiary")
        for c, patient in zip(coverages, named, strict=True)
        if (type_and_id(patient) or patient) != (type_and_id(named[0]) or named[0])
    ]


def _names_patient(coverage: Resource, orders: list[Resource]) -> bool:
    return isinstance(coverage.get("beneficiary"), dict) or any(isinstance(o.get("subject"), dict) for o in orders)


def _instant(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) == len("2026-01-31"):
        moment = datetime.combine(moment.date(), time.min)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
