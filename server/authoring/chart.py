"""Makes the request of a worked case from its chart: answers by linkId, places in the record by path."""

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from itertools import pairwise
from typing import Any

from server.authoring.worked_cases_file import Changes
from server.cql.model import ValueSet
from server.fhir.primitives import real_day
from server.fhir.read import BundleIndex, Resource, dicts, reference
from server.form.answer import answer_value
from server.form.model import form_items
from server.policy.model import Edition, Form, Policy

_STEP = re.compile(r"^(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<index>(?:\[\d+\])*)$")


class ChartError(Exception):
    """A worked case that cannot be made from its chart; says which key and why."""


def changed(
    chart: Resource,
    changes: Changes,
    policy: Policy,
    edition: Edition | None,
    value_sets: Mapping[str, ValueSet],
) -> Resource:
    """A copy of the chart with a worked case's changes (cql/README.md, cases.toml). Raises ChartError.

    edition: the one that the case names; None takes the one in force on the
    chart's first service day. A chart that answers the form of another edition answers this one's in the copy.
    """
    _refuse_odd(chart)
    bundle = deepcopy(chart)
    for name in changes.record.remove:
        _remove(bundle, name)
    for resource in changes.record.add:
        _add(bundle, resource)
    for place, value in changes.record.places.items():
        _set(bundle, place, value)
    edition = edition or _in_force(bundle, policy)
    form = edition.form
    _answers_to(form, bundle, policy)
    for link, value in changes.answers.items():
        try:
            _answer(bundle, link, value, form, value_sets)
        except (KeyError, TypeError, AttributeError) as error:
            raise ChartError(
                f"answers: {link}: the QuestionnaireResponse of the chart is not as FHIR has it"
            ) from error
    return bundle


def _refuse_odd(chart: Any) -> None:
    """Raises ChartError unless the chart is a Bundle of resources with addresses, the first one a Claim with items."""
    entries = chart.get("entry") if isinstance(chart, dict) and chart.get("resourceType") == "Bundle" else None
    good = isinstance(entries, list) and all(
        isinstance(e, dict) and isinstance(e.get("fullUrl"), str) and isinstance(e.get("resource"), dict)
        for e in entries
    )
    claim = entries[0]["resource"] if good and entries else {}
    if claim.get("resourceType") != "Claim" or not dicts(claim.get("item")):
        raise ChartError("a chart is a PAS request Bundle: entries with fullUrl and resource, a Claim with items first")


def _in_force(bundle: Resource, policy: Policy) -> Edition:
    """The edition that a request of this chart falls into; the oldest where its day is before every edition."""
    claim = _resource(bundle, "Claim")
    item = next(iter(dicts(claim.get("item"))), {})
    periods = [p for p in (item.get("servicedPeriod"), claim.get("billablePeriod")) if isinstance(p, dict)]
    days = (item.get("servicedDate"), *(p.get(key) for p in periods for key in ("start", "end")), claim.get("created"))
    day = next((found for text in days if (found := real_day(text))), None)
    return (policy.edition_on(day) if day else None) or policy.editions[-1]


def _answers_to(form: Form, bundle: Resource, policy: Policy) -> None:
    others = {canonical for e in policy.editions for canonical in (e.form.canonical, e.form.url)} - {form.url}
    for _, _, resource in BundleIndex(bundle).entries:
        if resource.get("resourceType") == "QuestionnaireResponse" and resource.get("questionnaire") in others:
            resource["questionnaire"] = form.canonical


def _resource(bundle: Resource, name: str) -> Resource:
    """The resource called `Type/id`, or the first of `Type`."""
    for _, _, resource in BundleIndex(bundle).entries:
        if name in {resource.get("resourceType"), f"{resource.get('resourceType')}/{resource.get('id')}"}:
            return resource
    raise ChartError(f"there is no {name} in the chart")


# -- the record ----------------------------------------------------------------------------------------------


def _remove(bundle: Resource, name: str) -> None:
    gone = {
        url
        for _, url, r in BundleIndex(bundle).entries
        if name in {r.get("resourceType"), f"{r.get('resourceType')}/{r.get('id')}"}
    }
    if not gone:
        raise ChartError(f"remove: there is no {name} in the chart")
    claim = bundle["entry"][0]["resource"]
    bundle["entry"] = [e for e in bundle["entry"] if e.get("fullUrl") not in gone]
    sent = dicts(claim.get("supportingInfo"))
    dropped = {str(s.get("sequence")) for s in sent if reference(s.get("valueReference")) in gone}
    if not dropped:
        return
    claim["supportingInfo"] = [s for s in sent if str(s.get("sequence")) not in dropped]
    for item in dicts(claim.get("item")):
        kept = [n for n in item.get("informationSequence") or () if str(n) not in dropped]
        item.pop("informationSequence", None)
        if kept:
            item["informationSequence"] = kept
    if not claim["supportingInfo"]:
        del claim["supportingInfo"]


def _add(bundle: Resource, resource: Mapping[str, Any]) -> None:
    if not {"resourceType", "id"} <= set(resource):
        raise ChartError("add: a resource needs its resourceType and id")
    if not bundle["entry"]:
        raise ChartError("add: nothing is left in the chart to add to")
    base = bundle["entry"][0]["fullUrl"].rsplit("/", 2)[0]
    url = f"{base}/{resource['resourceType']}/{resource['id']}"
    bundle["entry"].append({"fullUrl": url, "resource": dict(resource)})


def _set(bundle: Resource, place: str, value: Any) -> None:
    head, *steps = place.split(".")
    target: Any = _resource(bundle, head)
    keys: list[str | int] = []
    for step in steps:
        match = _STEP.match(step)
        if match is None:
            raise ChartError(f"{place}: {step} is no step; write name or name[0]")
        keys += [match["name"], *(int(n) for n in re.findall(r"\d+", match["index"]))]
    if not keys:
        raise ChartError(f"{place}: name a place inside the resource")
    for key, following in pairwise(keys):
        target = _step(target, key, [] if isinstance(following, int) else {}, place)
    _put(target, keys[-1], value, place)


def _step(target: Any, key: str | int, empty: Any, place: str) -> Any:
    if isinstance(target, dict) and isinstance(key, str):
        return target.setdefault(key, empty)
    if isinstance(target, list) and isinstance(key, int) and key <= len(target):
        if key == len(target):
            target.append(empty)
        return target[key]
    raise ChartError(f"{place}: the chart has no {key} there")


def _put(target: Any, key: str | int, value: Any, place: str) -> None:
    if value == "":
        try:
            del target[key]
        except (KeyError, IndexError, TypeError):
            raise ChartError(f"{place}: there is nothing to remove") from None
    elif isinstance(target, dict):
        target[key] = value
    elif isinstance(target, list) and isinstance(key, int) and key <= len(target):
        target[key : key + 1] = [value]
    else:
        raise ChartError(f"{place}: the chart has no {key} there")


# -- the answers ---------------------------------------------------------------------------------------------


def _answer(bundle: Resource, link: str, value: Any, form: Form, value_sets: Mapping[str, ValueSet]) -> None:
    path, item = next(((p, i) for p, i in form_items(form.questionnaire) if i.get("linkId") == link), (None, None))
    if path is None or item is None:
        raise ChartError(f"answers: the form has no linkId {link}")
    holder = _resource(bundle, "QuestionnaireResponse")
    for parent in path:
        group = next((i for i in holder.get("item") or () if i["linkId"] == parent["linkId"]), None)
        if group is None:
            group = {"linkId": parent["linkId"]}
            holder.setdefault("item", []).append(group)
        holder = group
    holder["item"] = [i for i in holder.get("item") or () if i["linkId"] != link]
    if item.get("type") == "group":
        if not isinstance(value, list):
            raise ChartError(f"answers: {link} is a group; give a list of tables of linkIds")
        holder["item"] += [_group(item, row, value_sets, link) for row in value]
    elif value != []:
        holder["item"].append(_answered(item, value, value_sets))
    if not holder["item"]:
        del holder["item"]


def _group(item: Mapping[str, Any], row: Any, value_sets: Mapping[str, ValueSet], link: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ChartError(f"answers: {link} is a group; give tables of linkIds")
    children = {child["linkId"]: child for child in item.get("item") or ()}
    unknown = set(row) - set(children)
    if unknown:
        raise ChartError(f"answers: {link} holds no {', '.join(sorted(unknown))}")
    return {"linkId": link, "item": [_answered(children[k], v, value_sets) for k, v in row.items()]}


def _answered(item: Mapping[str, Any], value: Any, value_sets: Mapping[str, ValueSet]) -> dict[str, Any]:
    many: Iterable[Any] = value if isinstance(value, list) else [value]
    try:
        return {"linkId": item["linkId"], "answer": [answer_value(item, value_sets, v) for v in many]}
    except ValueError as error:
        raise ChartError(f"answers: {item['linkId']}: {error}") from error
