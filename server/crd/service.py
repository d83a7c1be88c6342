"""A CDS service: how discovery names it, and the steps from a call of it to the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.auth.caller import Caller
from server.crd.gather import HookCall, gather
from server.crd.hook_request import read_hook_request
from server.world import World

AnswerHook = Callable[[HookCall, Caller, World], dict[str, Any]]
"""The response body of a gathered call. Raises InvalidRequest for what the hook cannot work with."""


@dataclass(frozen=True, slots=True)
class CdsService:
    """One row of the discovery document, and the function that answers its hook.

    description: `{plan}` stands for the plan's name. prefetch: template by key.
    """

    id: str
    hook: str
    title: str
    description: str
    prefetch: Mapping[str, str]
    answer: AnswerHook


def answer_call(raw: bytes, body: dict[str, Any], service: CdsService, caller: Caller, world: World) -> dict[str, Any]:
    """The response body of a call: the envelope is read, what came along is gathered, and the hook answers.

    raw, body: the same JSON. Blocking: hooks read and write the store. Raises as read_hook_request and the hook do.
    """
    request = read_hook_request(raw, body, service.hook)
    return service.answer(gather(request), caller, world)
