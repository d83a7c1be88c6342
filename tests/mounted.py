"""The rows of one room, served in this process over a World that a test made."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI

from server.app import answer_errors, mount
from server.auth.caller import OpenDoor
from server.urls import FHIR_URLS, URLS
from tests.outgoing import Outgoing


def mounted(room: object, name: str, base: str = "") -> FastAPI:
    """The rows that a room's functions answer, under a base. room: what they find in the state, by the room's name."""
    app = FastAPI(openapi_url=None)
    setattr(app.state, name, room)
    app.state.door = OpenDoor()
    for url in FHIR_URLS if base else URLS:
        if url.room == name:
            mount(app, base, url)
    answer_errors(app)
    return app


def send(app: FastAPI, method: str, url: str, **request: Any) -> httpx.Response:
    """One request. A fault of the server is raised here, never a 500; and the answer is held to base R4."""
    wrong: list[str] = []

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(Outgoing(app, wrong))) as http:
            return await http.request(method, url, **request)

    answer = asyncio.run(go())
    assert not wrong, "\n".join(wrong)
    return answer
