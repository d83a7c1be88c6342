"""DTR on one FHIR base: the four operations, and reads of what a package is made of."""

from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.body import FHIR_JSON, read_json
from server.clock import Clock, NewId
from server.decision.judge import Engine
from server.dtr.expand import Expander, read_expand_parameters, read_expand_query
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
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan
from server.store.ports import Store

_MAX_PARAMETERS = 500  # all that the operations declare together, and some that they do not know


class DtrRoutes:
    """The handlers of one guide version. Everything that does not depend on a request is rendered here, once."""

    def __init__(  # noqa: PLR0913 - the world is passed in, part by part
        self,
        version: Version,
        *,
        policies: PolicyLibrary,
        plan: Plan,
        store: Store,
        engine: Engine,
        base_url: str,
        limit: int,
        clock: Clock,
        new_id: NewId,
        evaluations: CapacityLimiter | None = None,
    ) -> None:
        """evaluations: the worker threads that may wait for CQL; None for those of every request."""
        self._version = version
        self._base = f"{base_url.rstrip('/')}{version.base}"
        self._policies = policies
        self._store = store
        self._engine = engine
        self._limit = limit
        self._clock = clock
        self._new_id = new_id
        self._evaluations = evaluations
        self._resources = PackageResources(policies, version, base_url)
        self._next = NextQuestion(version, policies, self._resources)
        self._expander = Expander(policies.value_sets)
        self._finder = FormFinder(version, policies, plan, store)

    async def questionnaire_package(self, request: Request) -> Response:
        """`POST Questionnaire/$questionnaire-package`, and the same at system level (dtr D-9, T-20).

        200 with packages and an outcome; 400 for what is no such request, 422 for a coverage or context not known here.
        """
        raw, body = await read_json(request, accepted=FHIR_JSON, limit=self._limit)
        return FhirResponse(await to_thread.run_sync(self._package, raw, body, limiter=self._evaluations))

    def _package(self, raw: bytes, body: dict[str, Any]) -> bytes:
        asked = read_package_request(_checked(raw, body), self._version)
        now = self._clock()
        found = self._finder.find(asked, now.date())
        said = list(found.notices)
        bundles = []
        unchanged = 0
        for wanted in found.forms.values():
            package = self._resources.package(wanted.form)
            if asked.changed_since is not None and package.changed <= asked.changed_since:
                unchanged += 1
                continue
            known = self._known(asked, found, wanted, now)
            results, problems = population_results(package.libraries, wanted.edition, known, self._engine)
            draft = draft_response(wanted.form, self._version, known, results, self._policies.value_sets)
            draft = package.adaptive.draft(draft) if package.adaptive else draft
            said += [*package.problems, *problems, *self._without_order(known)]
            bundles.append(package_bundle(package, draft, self._new_id(), now))
        if unchanged:
            said.append(_information(f"{unchanged} of the forms asked for did not change; keep the ones you have."))
        elif not bundles and not said:
            said.append(_information("No form is needed: no policy of this plan asks for documentation here."))
        log.info(
            "package answered",
            policy=[w.policy.id for w in found.forms.values()],
            edition=[w.edition.version for w in found.forms.values()],
            item=len(bundles),
            outcome=[p.code for p in said],
            version=self._version.value,
        )
        return package_answer(self._version, bundles, said)

    def _known(self, asked: PackageRequest, found: FoundForms, wanted: WantedForm, now: datetime) -> PayerKnowledge:
        day = first_service_day(wanted.orders) or now.date()
        authorization = (
            self._store.active_authorization(found.member_ids, wanted.policy.id, day) if found.member_ids else None
        )
        return PayerKnowledge(wanted.orders, found.coverages, asked.referenced, authorization, now)

    def _without_order(self, known: PayerKnowledge) -> list[Problem]:
        """2.0.1's draft must refer to an order; without one it is a draft that does not claim the profile (T-10)."""
        if self._version is Version.V2_2 or known.orders:
            return []
        text = "No order was sent, so the draft answers refer to none; add the order to the QuestionnaireResponse."
        return [Problem("incomplete", text, severity="warning")]

    async def next_question(self, request: Request) -> Response:
        """`POST Questionnaire/$next-question`, and at the addresses that clients make of the form's own (dtr T-11).

        200 with the response and its next items; 400 for answers that the form does not allow (dtr D-58).
        """
        raw, body = await read_json(request, accepted=FHIR_JSON, limit=self._limit)
        answer = await run_in_threadpool(lambda: self._next.answer(_checked(raw, body)))
        log.info("next question answered", version=self._version.value)
        return FhirResponse(answer)

    async def log_questionnaire_errors(self, request: Request) -> Response:
        """`POST Questionnaire/$log-questionnaire-errors`: kept for whoever mends the form, never logged."""
        _, body = await read_json(request, accepted=FHIR_JSON, limit=self._limit)
        errors = await run_in_threadpool(read_questionnaire_errors, body, self._version, self._clock())
        await run_in_threadpool(self._store.report, errors)
        log.warning("questionnaire errors reported", item=len(errors.questionnaires), version=self._version.value)
        return FhirResponse(operation_outcome([_information("The report was received and is kept.")]))

    async def expand(self, request: Request) -> Response:
        """`$expand` of a value set: by `url` in the query or in Parameters, or of the instance addressed (dtr D-73)."""
        url = ""
        if "id" in request.path_params:
            artifact = self._resources.read("ValueSet", request.path_params["id"])
            if artifact is None:
                raise NotFound("There is no ValueSet with this id; search it by its url.")
            url = f"{artifact.url}|{artifact.version}"
        if request.method != "POST":
            asked = read_expand_query(request.query_params, url)
        else:
            _, body = await read_json(request, accepted=FHIR_JSON, limit=self._limit)
            asked = await run_in_threadpool(read_expand_parameters, body, url)
        return FhirResponse(self._expander.expand(asked, self._clock(), self._new_id()))

    async def read(self, request: Request) -> Response:
        """`GET {Questionnaire | Library | ValueSet}/{id}`, with ETag and Last-Modified (dtr D-75)."""
        type_ = request.url.path.rsplit("/", 2)[-2]
        artifact = self._resources.read(type_, request.path_params["id"])
        if artifact is None:
            raise NotFound(f"There is no {type_} with this id; search it by its url.")
        headers = {
            "ETag": artifact.etag,
            "Last-Modified": format_datetime(min(artifact.changed, self._clock()).astimezone(UTC), usegmt=True),
        }
        if artifact.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return FhirResponse(artifact.on(self._clock().date()), headers=headers)

    async def search(self, request: Request) -> Response:
        """`GET {Questionnaire | Library | ValueSet}?url=&version=&_id=` as a searchset; `url|version` is read too."""
        type_ = request.url.path.rsplit("/", 1)[-1]
        query = request.query_params
        url, _, in_url = (query.get("url") or "").partition("|")
        version = query.get("version") or in_url or None
        found = self._resources.search(type_, url or None, version, query.get("_id"))
        used = [(k, v) for k, v in query.multi_items() if k in {"url", "version", "_id"}]
        link = f"{self._base}/{type_}" + (f"?{urlencode(used)}" if used else "")
        return FhirResponse(_searchset(found, link, self._clock().date()))


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
