"""The draft QuestionnaireResponse: the answers that the policy's CQL finds in what the payer knows (dtr D-38..D-49)."""

from collections.abc import Iterator, Mapping
from typing import Any

from server.dtr.population import PayerKnowledge
from server.fhir.codes import DTR
from server.fhir.read import Resource, dicts, reference, type_and_id
from server.fhir.version import Version
from server.form.answer import answer_value
from server.form.expression import define_of
from server.form.model import FormItem
from server.form.response import read_response
from server.policy.model import Form, ValueSet

_CRD_CODES = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/"
_INTENDED_USE = {Version.V2_0: f"{_CRD_CODES}temp", Version.V2_2: f"{_CRD_CODES}coverage-information-codes"}
_ORIGIN = {Version.V2_0: "auto", Version.V2_2: "auto-server"}
_PROFILE = f"{DTR}dtr-questionnaireresponse"


def draft_response(
    form: Form,
    version: Version,
    known: PayerKnowledge,
    results: Mapping[str, Mapping[str, Any]],
    value_sets: Mapping[str, ValueSet],
) -> Resource:
    """The draft of one form, in progress, every answer with its origin and without an author (dtr D-38..D-41).

    results: by library name, the define results of the pre-population CQL. A result that does not fit its question, or
    whose question is hidden, leaves the question open: the client's own data and the clinician decide then.
    """
    default = next(iter(results), None)
    response: Resource = {
        "resourceType": "QuestionnaireResponse",
        "meta": {"profile": [_PROFILE]},
        "extension": [*_context(version, known), _intended_use(version)],
        "questionnaire": form.canonical,
        "status": "in-progress",
        "subject": known.subject,
        "authored": known.now.isoformat(timespec="seconds"),
    }
    filled = [
        i
        for item in form.questionnaire.get("item") or ()
        if (i := _filled(item, results, default, value_sets, version))
    ]
    response, _ = read_response(form, value_sets, {**response, "item": filled}, "QuestionnaireResponse")
    if version is Version.V2_0:
        if not response.get("item"):  # 2.0.1 wants an item: the first group, still unanswered
            first = form.questionnaire["item"][0]
            response["item"] = [{k: first[k] for k in ("linkId", "text") if k in first}]
        if not known.orders:  # 2.0.1 wants an order beside the coverage; without one the profile is not claimed (T-10)
            del response["meta"]
    return response


def _context(version: Version, known: PayerKnowledge) -> Iterator[dict[str, Any]]:
    """Coverage and orders as the EHR knows them; 2.0.1 has one extension for both (dtr section 0)."""
    of_coverage = f"{DTR}{'qr-context' if version is Version.V2_0 else 'qr-coverage'}"
    for coverage in known.coverages:
        yield {"url": of_coverage, "valueReference": _reference_to(coverage, known)}
    for order in known.orders:
        yield {"url": f"{DTR}qr-context", "valueReference": _reference_to(order, known)}


def _reference_to(resource: Resource, known: PayerKnowledge) -> dict[str, Any]:
    kind, id_ = resource["resourceType"], resource.get("id")
    if kind == "Coverage":  # the order may name the coverage by the server's full address
        for insurance in (i for o in known.orders for i in dicts(o.get("insurance"))):
            literal = reference(insurance)
            if literal and (id_ is None or type_and_id(literal) == f"Coverage/{id_}"):
                return {"reference": literal}
    if id_:
        return {"reference": f"{kind}/{id_}"}
    identified = next(iter(dicts(resource.get("identifier"))), None)
    return {"type": kind, **({"identifier": identified} if identified else {"display": f"{kind} without an id"})}


def _intended_use(version: Version) -> dict[str, Any]:
    coding = {"system": _INTENDED_USE[version], "code": "withpa"}
    return {"url": f"{DTR}intendedUse", "valueCodeableConcept": {"coding": [coding]}}


def _filled(
    item: FormItem,
    results: Mapping[str, Mapping[str, Any]],
    default: str | None,
    value_sets: Mapping[str, ValueSet],
    version: Version,
) -> dict[str, Any] | None:
    """The item of the draft; None where nothing is known. A repeating group is left to the client."""
    if item.get("type") == "group" and item.get("repeats"):
        return None
    named = {k: item[k] for k in ("linkId", "text") if k in item}
    children = [f for i in item.get("item") or () if (f := _filled(i, results, default, value_sets, version))]
    if item.get("type") == "group":
        return {**named, "item": children} if children else None
    answers = list(_answers(item, results, default, value_sets, version))
    if not answers:
        return None
    return {**named, "answer": [{**answers[0], **({"item": children} if children else {})}, *answers[1:]]}


def _answers(
    item: FormItem,
    results: Mapping[str, Mapping[str, Any]],
    default: str | None,
    value_sets: Mapping[str, ValueSet],
    version: Version,
) -> Iterator[dict[str, Any]]:
    define = define_of(item)
    if define is None:
        return
    result = results.get(define[0] or default or "", {}).get(define[1])
    values = result if isinstance(result, list) else [result]
    values = [v for v in values if v is not None]
    if len(values) > 1 and not item.get("repeats"):
        return  # one answer is asked for, and the clinician knows which
    origin = {
        "url": f"{DTR}information-origin",
        "extension": [{"url": "source", "valueCode": _ORIGIN[version]}],
    }
    for value in values:
        if value is False:
            continue  # the payer does not see the chart, so what it does not find may be there all the same
        try:
            yield {"extension": [origin], **answer_value(item, value_sets, _plain(item, value))}
        except ValueError:
            continue


def _plain(item: FormItem, value: Any) -> Any:
    """A result of the engine as `answer_value` takes it."""
    if isinstance(value, dict):
        codes = value.get("codes") or value.get("coding")
        first = codes[0] if isinstance(codes, list) and codes else value
        if item["type"] == "choice" and first.get("code"):
            return f"{first['system']}|{first['code']}" if first.get("system") else first["code"]
        return {k: v for k, v in first.items() if v is not None}
    if item["type"] == "date" and isinstance(value, str):
        return value[: len("2026-01-31")]
    if item["type"] == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value
