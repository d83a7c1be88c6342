"""DTR on one FHIR base: the four operations, and reads of what a package is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from anyio import to_thread
from fastapi import Depends, Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.auth.caller import Caller, CallerOf
from server.auth.seen import active_authorization
from server.body import FHIR_JSON, read_json
from server.dtr.expand import Expander, ExpandRequest, read_expand_parameters, read_expand_query
from server.dtr.form_finder import FormFinder, FoundForms, WantedForm
from server.dtr.next_question import NextQuestion
from server.dtr.package import package_answer, package_bundle
from server.dtr.package_request import PackageRequest, read_package_request
from server.dtr.package_resources import PackageResources, RenderedResource
from server.dtr.population import PayerKnowledge, first_service_day, population_results
from server.dtr.prepopulate import draft_response
from server.dtr.questionnaire_errors import read_questionnaire_errors
from server.errors import InvalidRequest, NotFound, Problem
from server.fhir.structure import structure_problems
from server.fhir.version import Version
from server.log import log
from server.outcomes import FhirResponse, operation_outcome
from server.store.ports import ActiveAuthorization
from server.url import version_of
from server.world import World

Seen = Callable[[tuple[str, ...], str, date], ActiveAuthorization | None]
_MAX_PARAMETERS = 500  # all that the operations declare together, and some that they do not know


@dataclass(frozen=True, slots=True)
class Dtr:
    """DTR under one guide version. Everything that does not depend on a request is rendered once, in `of`."""

    version: Version
    world: World
    resources: PackageResources
    forms: FormFinder
    adaptive: NextQuestion
    expander: Expander

    @classmethod
    def of(cls, world: World, version: Version) -> "Dtr":
        policies = world.policies
        resources = PackageResources(policies, version, world.base_url)
        forms = FormFinder(version, policies, world.plan, world.store)
        adaptive = NextQuestion(version, policies, resources)
        return cls(version, world, resources, forms, adaptive, Expander(policies.value_sets))


async def _dtr(request: Request) -> Dtr:
    found: Dtr = request.app.state.dtr[version_of(request)]
    return found


DtrOf = Annotated[Dtr, Depends(_dtr)]
ResourceId = Annotated[str, Path(alias="id", description="The resource's id, as a search tells it.")]

SEARCH = {
    "url": "The canonical url, with or without |version.",
    "version": "The business version.",
    "_id": "The id on this server.",
}
"""The parameters of a search: what each means."""

EXPAND_ONE = {
    "filter": "Words that the code or the display must hold.",
    "count": "The most codes to return.",
    "offset": "How many codes to pass over.",
}
EXPAND = {
    "url": "The value set's canonical url, with or without |version.",
    "valueSetVersion": "The value set's business version.",
    **EXPAND_ONE,
}
"""The parameters of `$expand` in a query."""


async def questionnaire_package(request: Request, dtr: DtrOf, caller: CallerOf) -> FhirResponse:
    """`POST Questionnaire/$questionnaire-package`, and the same at system level (dtr D-9, T-20).

    200 with packages and an outcome; 400 for what is no such request, 422 for a coverage or context not known here.
    """
    raw, body = await read_json(request, accepted=FHIR_JSON, limit=dtr.world.max_body_bytes)
    answer = await to_thread.run_sync(_package, dtr, raw, body, caller, limiter=dtr.world.evaluations)
    return FhirResponse(answer)


def _package(dtr: Dtr, raw: bytes, body: dict[str, Any], caller: Caller) -> bytes:
    asked = read_package_request(_checked(raw, body), dtr.version)
    now = dtr.world.clock()
    found = dtr.forms.find(asked, caller, now.date())
    said = list(found.notices)
    seen = partial(active_authorization, caller, dtr.world.store)
    bundles = []
    unchanged = 0
    for wanted in found.forms.values():
        package = dtr.resources.package(wanted.form)
        if asked.changed_since is not None and package.changed <= asked.changed_since:
            unchanged += 1
            continue
        known = _known(asked, found, wanted, seen, now)
        results, problems = population_results(package.libraries, wanted.edition, known, dtr.world.engine)
        draft = draft_response(wanted.form, dtr.version, known, results, dtr.world.policies.value_sets)
        draft = package.adaptive.draft(draft) if package.adaptive else draft
        said += [*package.problems, *problems, *_without_order(dtr.version, known)]
        bundles.append(package_bundle(package, draft, dtr.world.new_id(), now))
    if unchanged:
        said.append(_information(f"{unchanged} of the forms asked for did not change; keep the ones you have."))
    elif not bundles and not said:
        said.append(_information("No form is needed: no policy of this plan asks for documentation here."))
    log.info(
        "package answered",
        caller=caller.name,
        policy=[w.policy.id for w in found.forms.values()],
        edition=[w.edition.version for w in found.forms.values()],
        item=len(bundles),
        outcome=[p.code for p in said],
        version=dtr.version.value,
    )
    return package_answer(dtr.version, bundles, said)


def _known(asked: PackageRequest, found: FoundForms, wanted: WantedForm, seen: Seen, now: datetime) -> PayerKnowledge:
    day = first_service_day(wanted.orders) or now.date()
    authorization = seen(found.member_ids, wanted.policy.id, day) if found.member_ids else None
    return PayerKnowledge(wanted.orders, found.coverages, asked.referenced, authorization, now)


def _without_order(version: Version, known: PayerKnowledge) -> list[Problem]:
    """2.0.1's draft must refer to an order; without one it is a draft that does not claim the profile (T-10)."""
    if version is Version.V2_2 or known.orders:
        return []
    text = "No order was sent, so the draft answers refer to none; add the order to the QuestionnaireResponse."
    return [Problem("incomplete", text, severity="warning")]


async def next_question(request: Request, dtr: DtrOf, caller: CallerOf) -> FhirResponse:
    """`POST Questionnaire/$next-question`, and at the addresses that clients make of the form's own (dtr T-11).

    200 with the response and its next items; 400 for answers that the form does not allow (dtr D-58).
    """
    raw, body = await read_json(request, accepted=FHIR_JSON, limit=dtr.world.max_body_bytes)
    answer = await run_in_threadpool(lambda: dtr.adaptive.answer(_checked(raw, body)))
    log.info("next question answered", caller=caller.name, version=dtr.version.value)
    return FhirResponse(answer)


async def log_questionnaire_errors(request: Request, dtr: DtrOf, caller: CallerOf) -> FhirResponse:
    """`POST Questionnaire/$log-questionnaire-errors`: kept for whoever mends the form, never logged."""
    _, body = await read_json(request, accepted=FHIR_JSON, limit=dtr.world.max_body_bytes)
    errors = await run_in_threadpool(read_questionnaire_errors, body, dtr.version, dtr.world.clock())
    await run_in_threadpool(dtr.world.store.report, errors)
    number = len(errors.questionnaires)
    log.warning("questionnaire errors reported", caller=caller.name, item=number, version=dtr.version.value)
    return FhirResponse(operation_outcome([_information("The report was received and is kept.")]))


async def expand(request: Request, dtr: DtrOf) -> FhirResponse:
    """`POST ValueSet/$expand`: of the `url` in Parameters (dtr D-73)."""
    _, body = await read_json(request, accepted=FHIR_JSON, limit=dtr.world.max_body_bytes)
    return _expansion(dtr, await run_in_threadpool(read_expand_parameters, body))


async def expand_by_query(request: Request, dtr: DtrOf) -> FhirResponse:
    """`GET ValueSet/$expand`: of the `url` in the query."""
    return _expansion(dtr, read_expand_query(request.query_params))


async def expand_one(request: Request, value_set_id: ResourceId, dtr: DtrOf) -> FhirResponse:
    """`GET ValueSet/{id}/$expand`: of the instance that is addressed."""
    found = dtr.resources.read("ValueSet", value_set_id)
    if found is None:
        raise NotFound("There is no ValueSet with this id; search it by its url.")
    return _expansion(dtr, read_expand_query(request.query_params, f"{found.url}|{found.version}"))


def _expansion(dtr: Dtr, asked: ExpandRequest) -> FhirResponse:
    return FhirResponse(dtr.expander.expand(asked, dtr.world.clock(), dtr.world.new_id()))


async def read(request: Request, resource_id: ResourceId, dtr: DtrOf) -> Response:
    """`GET {Questionnaire | Library | ValueSet}/{id}`, with ETag and Last-Modified (dtr D-75)."""
    type_ = request.url.path.rsplit("/", 2)[-2]
    found = dtr.resources.read(type_, resource_id)
    if found is None:
        raise NotFound(f"There is no {type_} with this id; search it by its url.")
    now = dtr.world.clock()
    headers = {
        "ETag": found.etag,
        "Last-Modified": format_datetime(min(found.changed, now).astimezone(UTC), usegmt=True),
    }
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FhirResponse(found.on(now.date()), headers=headers)


async def search(request: Request, dtr: DtrOf) -> FhirResponse:
    """`GET {Questionnaire | Library | ValueSet}?url=&version=&_id=` as a searchset; `url|version` is read too."""
    type_ = request.url.path.rsplit("/", 1)[-1]
    query = request.query_params
    url, _, in_url = (query.get("url") or "").partition("|")
    version = query.get("version") or in_url or None
    found = dtr.resources.search(type_, url or None, version, query.get("_id"))
    used = [(k, v) for k, v in query.multi_items() if k in SEARCH]
    link = f"{dtr.world.base_url}{dtr.version.base}/{type_}" + (f"?{urlencode(used)}" if used else "")
    return FhirResponse(_searchset(found, link, dtr.world.clock().date()))


def _searchset(found: list[RenderedResource], link: str, day: date) -> bytes:
    entries = [
        b'{"fullUrl":%b,"resource":%b,"search":{"mode":"match"}}' % (orjson.dumps(a.full_url), a.on(day)) for a in found
    ]
    entry = b',"entry":[%b]' % b",".join(entries) if entries else b""
    return b'{"resourceType":"Bundle","type":"searchset","total":%d,"link":[{"relation":"self","url":%b}]%b}' % (
        len(found),
        orjson.dumps(link),
        entry,
    )


def _checked(raw: bytes, body: dict[str, Any]) -> dict[str, Any]:
    """The body, when it is base R4; how many parameters it has is looked at before anything else is."""
    sent = body.get("parameter")
    if isinstance(sent, list) and len(sent) > _MAX_PARAMETERS:
        text = f"The request has more than {_MAX_PARAMETERS} parameters; ask for fewer forms at once."
        raise InvalidRequest([Problem("too-costly", text, "Parameters.parameter")])
    if problems := structure_problems(raw, body):
        raise InvalidRequest(problems)
    return body


def _information(text: str) -> Problem:
    return Problem("informational", text, severity="information")
