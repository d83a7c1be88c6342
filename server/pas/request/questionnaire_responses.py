"""The QuestionnaireResponses of a request: where each stands, and which orders it names. Knows no form."""

from collections.abc import Iterator

from server.decision.request import SentResponse
from server.fhir.codes import DTR
from server.fhir.read import Resource, extensions
from server.fhir.subject import is_about, names_somebody
from server.form.response import form_canonicals
from server.pas.request.bundle import RequestBundle

_QR_CONTEXT = f"{DTR}qr-context"
_UNFINISHED = frozenset({"in-progress", "stopped"})


def sent_responses(bundle: RequestBundle, patient: Resource | None) -> tuple[SentResponse, ...]:
    """Every response that may count. One that was entered in error is passed over; other faults become problems."""
    found = (_read(bundle, patient, *one) for one in _sent(bundle))
    return tuple(response for response in found if response is not None)


def _sent(bundle: RequestBundle) -> Iterator[tuple[str, str, Resource]]:
    """Place, fullUrl and resource of each response: an entry, or an entry of a DTR Bundle that is an entry."""
    for n, url, resource in bundle.index.entries:
        place = f"Bundle.entry[{n}].resource"
        if resource.get("resourceType") == "QuestionnaireResponse":
            yield place, url, resource
        elif resource.get("resourceType") == "Bundle":
            for k, entry in enumerate(resource.get("entry") or ()):
                inner = entry.get("resource") or {}
                if inner.get("resourceType") == "QuestionnaireResponse":
                    yield f"{place}.entry[{k}].resource", str(entry.get("fullUrl", "")), inner


def _read(
    bundle: RequestBundle, patient: Resource | None, place: str, url: str, resource: Resource
) -> SentResponse | None:
    if resource.get("status") == "entered-in-error":
        return None
    if not names_somebody(resource):
        text = "These answers do not say whom they are about; name the patient of the Claim as their subject."
        bundle.add("required", text, f"{place}.subject")
        return None
    if patient is not None and not is_about(bundle.index, patient, resource, resource):
        text = "These answers are about another patient than the Claim; send this patient's."
        bundle.add("value", text, f"{place}.subject")
        return None
    if not bundle.require(form_canonicals(resource), f"{place}.questionnaire"):
        return None
    if resource.get("status") in _UNFINISHED:
        text = "These answers are not finished, so they decide nothing; complete the form and send it again."
        bundle.add("value", text, f"{place}.status")
    contexts = (bundle.index.resolve(e.get("valueReference"), resource) for e in extensions(resource, _QR_CONTEXT))
    return SentResponse(resource, place, url, tuple(c for c in contexts if c is not None))
