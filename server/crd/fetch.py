"""Fetches from the EHR what did not come along, within the plan's budget. What cannot be had is told, never guessed.

An EHR may be slow, lie, loop, send what is another patient's, or die: whatever it does, the call is answered in time
with what is known by then.
"""

import asyncio
from collections.abc import Sequence
from urllib.parse import urljoin

from starlette.concurrency import run_in_threadpool

from server.body import parse_object
from server.crd.ehr import Ehr
from server.crd.gather import HookCall, Part, Place, gather, parts_of
from server.crd.query import Query, Want
from server.errors import CallFailed, CallRefused, InvalidRequest
from server.fhir.read import Resource, dicts, reference, type_and_id
from server.log import log
from server.outgoing import Answer, Outgoing, Reader
from server.policy.outgoing import FetchRules
from server.policy.plan import Plan

_SUCCESS, _TOO_MANY, _FAULT = 200, 429, 500
_ABSENT = (404, 410)
_PAUSE = 0.1
"""Seconds before a query is sent again, where the EHR names no time."""
_ROUNDS = 4  # a role of a performer of a dispatched order is three steps away
_LATE = "the EHR did not answer in time"


def open_queries(call: HookCall, wants: Sequence[Want], plan: Plan) -> list[Query]:
    """What is to be asked of the EHR; nothing where the call names no EHR."""
    return [query for want in wants for query in want(call, plan)] if call.request.ehr else []


async def fetch(call: HookCall, wants: Sequence[Want], plan: Plan, outgoing: Outgoing) -> HookCall:
    """The call with what the EHR had of what it lacked, and with why it lacks the rest. Raises nothing."""
    ehr = call.request.ehr
    if ehr is None:
        return call
    work = _Fetching(ehr, plan.fetch)
    queries = open_queries(call, wants, plan)
    try:
        async with asyncio.timeout_at(work.deadline), outgoing.reading(f"{ehr.base}/metadata") as reader:
            for _ in range(_ROUNDS):
                if not queries:
                    break
                await work.ask(queries, reader)
                call = gather(call.request, work.parts, work.lacking)
                queries = [q for q in open_queries(call, wants, plan) if q.path not in work.asked]
    except TimeoutError:
        work.give_up(queries, _LATE)
    except CallRefused:  # nobody tried: the call is answered as one that names no EHR
        log.warning("not fetched", instance=call.request.instance, reason=["the EHR's address is not one to call"])
    if work.lacking:
        log.warning("not fetched", instance=call.request.instance, reason=sorted(set(work.lacking.values())))
    return gather(call.request, work.parts, work.lacking)


class _Fetching:
    """What one call has fetched so far. parts: what arrived; lacking: why something did not, by HookCall's names."""

    def __init__(self, ehr: Ehr, rules: FetchRules) -> None:
        self._ehr = ehr
        self._rules = rules
        self._left = rules.queries
        self.deadline = asyncio.get_running_loop().time() + rules.milliseconds / 1000
        self.asked: set[str] = set()
        self.parts: list[Part] = []
        self.lacking: dict[str, str] = {}

    async def ask(self, queries: Sequence[Query], reader: Reader) -> None:
        """All at once. Until a query is answered, what it looks for counts as late."""
        self.asked |= {q.path for q in queries}
        self.give_up(queries, _LATE)
        async with asyncio.TaskGroup() as group:
            for query in {q.path: q for q in queries}.values():
                group.create_task(self._answered(query, reader))

    def give_up(self, queries: Sequence[Query], why: str) -> None:
        for query in queries:
            self.lacking.update({name: self.lacking.get(name, why) for name in query.names})

    async def _answered(self, query: Query, reader: Reader) -> None:
        try:
            await self._pages(query, reader)
        except CallFailed as error:
            self.lacking.update(dict.fromkeys(query.names, str(error)))
        except CallRefused:
            self.lacking.update(dict.fromkeys(query.names, "the EHR's answer goes on at another server"))
        else:
            for name in query.names:
                self.lacking.pop(name, None)

    async def _pages(self, query: Query, reader: Reader) -> None:
        url: str | None = f"{self._ehr.base}/{query.path}"
        seen: set[str] = set()
        while url is not None:
            if url in seen or len(seen) == self._rules.pages:
                raise CallFailed("the pages of the EHR's answer do not end")
            seen.add(url)
            answer = await self._got(url, reader)
            if query.is_read and answer.status in _ABSENT:
                return
            if answer.status != _SUCCESS:
                raise CallFailed(f"the EHR answered {answer.status}")
            try:
                body = await run_in_threadpool(parse_object, answer.body)
            except InvalidRequest:
                raise CallFailed("what the EHR answered cannot be read") from None
            url = self._taken(query, body, answer.body, url)

    async def _got(self, url: str, reader: Reader) -> Answer:
        """An answer; asked for once more where the EHR was busy or stumbled, and says nothing against it."""
        answer = await self._get(url, reader)
        if answer.status == _TOO_MANY or answer.status >= _FAULT:
            pause = _pause(answer)
            if pause is None or asyncio.get_running_loop().time() + pause >= self.deadline:
                return answer
            await asyncio.sleep(pause)
            return await self._get(url, reader)
        return answer

    async def _get(self, url: str, reader: Reader) -> Answer:
        if self._left == 0:
            raise CallFailed("one call may not ask the EHR for so much")
        self._left -= 1
        return await reader.get(url, self._ehr.headers, self._rules.size)

    def _taken(self, query: Query, body: Resource, raw: bytes, url: str) -> str | None:
        """Keeps what was asked for, and nothing else; the address of the next page."""
        place = Place(raw)
        if body.get("resourceType") == "Bundle":
            came = list(parts_of(body, place))
        else:
            came = [Part({"resource": body}, place)]
        wanted = [part for part in came if self._wanted(query, part.resource)]
        if not wanted and any(_failure(part.resource) for part in came):
            raise CallFailed("the EHR answered with an error")
        self.parts += [self._addressed(part) for part in wanted]
        return _next(body, url, self._ehr.base)

    def _wanted(self, query: Query, resource: Resource) -> bool:
        if resource.get("resourceType") != query.kind or not isinstance(resource.get("id"), str):
            return False
        if query.ids:
            return resource["id"] in query.ids
        return type_and_id(reference(resource.get("beneficiary"))) == query.patient

    def _addressed(self, part: Part) -> Part:
        """With the fullUrl that a search gives; a resource that was read is at its own address."""
        own = f"{self._ehr.base}/{part.resource['resourceType']}/{part.resource['id']}"
        told = part.entry.get("fullUrl")
        return Part({"fullUrl": told if isinstance(told, str) and told else own, "resource": part.resource}, part.place)


def _pause(answer: Answer) -> float | None:
    """Seconds; None where the EHR names a time that is no number of seconds."""
    if answer.retry_after is None:
        return _PAUSE
    told = answer.retry_after.strip()
    return max(_PAUSE, float(told)) if told.isascii() and told.isdigit() and len(told) < 6 else None  # noqa: PLR2004


def _failure(resource: Resource) -> bool:
    issues = dicts(resource.get("issue")) if resource.get("resourceType") == "OperationOutcome" else []
    return any(issue.get("severity") in ("error", "fatal") for issue in issues)


def _next(bundle: Resource, url: str, base: str) -> str | None:
    """The address of the next page, which some servers give relative to their base, and some to the page before."""
    for link in dicts(bundle.get("link")):
        told = link.get("url")
        if link.get("relation") == "next" and isinstance(told, str) and told:
            try:
                return urljoin(url if told.startswith("?") else f"{base}/", told)
            except ValueError:
                raise CallFailed("what the EHR answered cannot be read") from None
    return None
