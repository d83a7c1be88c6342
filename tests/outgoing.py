"""Every resource that a server sends in a test is held to base R4: by our own walk, and by fhir.resources.

fhir.resources was made from HL7's files by others, so it would notice what our table has wrong. R4B is R4 in all that
is sent here. It lets faults pass that the walk finds (numbers as text, null, empty arrays), and fails on a type
that it does not know with one of four errors. Orders go back as they came: a fault that a test sent is not ours.
"""

from collections.abc import Iterator
from typing import Any

import orjson
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.fhir.structure import structure_problems

_sound: set[bytes] = set()
"""Resources found sound: a package holds the same 200 kB each time."""


class Outgoing:
    """ASGI middleware that reads each answer on its way out. found: what is wrong with any of them."""

    def __init__(self, app: ASGIApp, found: list[str]) -> None:
        self._app = app
        self._found = found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        came, body = bytearray(), bytearray()
        kind = b""

        async def receiving() -> Message:
            message = await receive()
            came.extend(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            nonlocal kind
            kind = dict(message.get("headers", ())).get(b"content-type", kind)
            body.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, receiving, sending)
        if kind.startswith((b"application/fhir+json", b"application/json")) and body:
            wrong = list(faults(bytes(body)))
            if wrong and not _came_so(bytes(came), bytes(body)):
                self._found += (f"{scope['method']} {scope['path']}: {fault}" for fault in wrong)


def _came_so(came: bytes, body: bytes) -> bool:
    """Whether the answer may hold a fault of the request: an error gives nothing back."""
    error = b'"resourceType":"OperationOutcome"' in body[:100]
    return not error and bool(came) and any(faults(came))


def faults(raw: bytes) -> Iterator[str]:
    """What is no base R4 in the resources of an answer: a resource, or a CDS Hooks answer with updated orders."""
    body = orjson.loads(raw)
    if _is_resource(body):  # by its places; what a hook's answer carries is looked at by R4B alone
        yield from (f"{p.expression}: {p.text}" for p in structure_problems(raw, body))
    for resource in _apart(body):
        text = orjson.dumps(resource)
        if text not in _sound:
            found = list(_second_opinion(resource))
            yield from found
            if not found:
                _sound.add(text)


def _second_opinion(resource: dict[str, Any]) -> Iterator[str]:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except ValidationError as error:
        for e in error.errors(include_url=False):
            yield f"{resource['resourceType']} {e['loc']}: {e['msg']}"
    except (AttributeError, KeyError, TypeError, ValueError):
        yield f"{resource['resourceType']}: it, or what is contained in it, is of no type that R4B knows"


def _apart(node: Any) -> Iterator[dict[str, Any]]:
    """Each resource, without those that it carries: the Bundle, then what its entries hold."""
    stack = [node]
    while stack:
        node = stack.pop()
        if _is_resource(node):
            yield {key: _emptied(value) for key, value in node.items()}
        if isinstance(node, dict):
            stack += node.values()
        elif isinstance(node, list):
            stack += node


def _emptied(node: Any) -> Any:
    if isinstance(node, list):
        return [_emptied(one) for one in node]
    if isinstance(node, dict):
        return {k: _emptied(v) for k, v in node.items() if not (k == "resource" and _is_resource(v))}
    return node


def _is_resource(node: Any) -> bool:
    """HRex's discovery document has a `resourceType` too, which is a URL."""
    return isinstance(node, dict) and str(node.get("resourceType", "/")).isalpha()
