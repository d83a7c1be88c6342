"""The floor of a request: the same framework parses the same bytes and writes the same answer, with nothing between.

Run as a process of its own, `python -m tests.bench.floor PORT`, with the server's own ways of serving.
"""

import sys
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

app = FastAPI(openapi_url=None)
_answers: dict[str, Any] = {}


@app.put("/{name}")
async def learn(name: str, request: Request) -> Response:
    """Keeps the answer that the real server gave, to be written out again."""
    _answers[name] = orjson.loads(await request.body())
    return Response()


@app.api_route("/{name}", methods=["GET", "POST"])
async def answer(name: str, request: Request) -> Response:
    body = await request.body()
    if body:
        orjson.loads(body)
    return Response(orjson.dumps(_answers[name]), media_type="application/fhir+json")


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, server_header=False
    )
