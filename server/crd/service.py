"""A CDS service: how discovery names it, and the steps from a call of it to the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool

from server.auth.caller import Caller
from server.crd.fetch import fetch, open_queries
from server.crd.gather import HookCall, gather
from server.crd.hook_request import read_hook_request
from server.crd.query import Want
from server.outgoing import Outgoing
from server.world import World

AnswerHook = Callable[[HookCall, Caller, World], dict[str, Any]]
"""The response body of a gathered call. Raises InvalidRequest for what the hook cannot work with."""


@dataclass(frozen=True, slots=True)
class CdsService:
    """One row of the discovery document, and the function that answers its hook.

    description: `{plan}` stands for the plan's name. prefetch: template by key.
    wants: what is fetched from the EHR when it did not come along.
    """

    id: str
    hook: str
    title: str
    description: str
    prefetch: Mapping[str, str]
    wants: tuple[Want, ...]
    answer: AnswerHook


@dataclass(frozen=True, slots=True)
class Means:
    """What a call is answered with: the world, and the door to the caller's EHR."""

    world: World
    outgoing: Outgoing


async def answer_call(
    raw: bytes, body: dict[str, Any], service: CdsService, caller: Caller, means: Means
) -> dict[str, Any]:
    """The response body of a call: the envelope is read, what came along is gathered, and the hook answers.

    raw, body: the same JSON. What did not come along is fetched first, where the call names its EHR. Raises as
    read_hook_request and the hook do.
    """
    world = means.world

    def begin() -> tuple[HookCall, dict[str, Any] | None]:  # hooks read and write the store, which blocks
        call = gather(read_hook_request(raw, body, service.hook))
        complete = not open_queries(call, service.wants, world.plan)
        return call, service.answer(call, caller, world) if complete else None

    call, answer = await run_in_threadpool(begin)
    if answer is None:
        call = await fetch(call, service.wants, world.plan, means.outgoing)
        answer = await run_in_threadpool(service.answer, call, caller, world)
    return answer
