"""tests/outgoing.py notices what is no R4 in an answer, wherever a resource stands in it."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from tests.mounted import send
from tests.outgoing import faults

ODD = {"resourceType": "Patient", "name": {"family": "x"}}


@pytest.mark.parametrize(
    "answer",
    [
        ODD,
        {"resourceType": "Patient", "active": "true"},
        {"resourceType": "Bundle", "type": "collection", "entry": []},
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": ODD}]},
        {"resourceType": "Parameters", "parameter": [{"name": "a", "part": [{"name": "b", "resource": ODD}]}]},
        {"resourceType": "Patient", "contained": [ODD]},
        {"resourceType": "SubscriptionTopic"},
        {"resourceType": "Patient", "contained": [{"resourceType": None}]},
        {"resourceType": "Patient", "ours": True},
        {"resourceType": "OperationOutcome"},
        {"cards": [], "systemActions": [{"type": "update", "resource": ODD}]},
    ],
)
def test_a_fault_is_noticed(answer: dict[str, Any]) -> None:
    """In a resource, in what it carries, and in the updated orders of a hook's answer."""
    assert list(faults(json.dumps(answer).encode()))


def answering(answer: object) -> FastAPI:
    app = FastAPI()

    @app.post("/")
    async def answered(request: Request) -> Response:
        return Response(json.dumps(answer) if answer else await request.body(), media_type="application/fhir+json")

    return app


def posted(app: FastAPI, body: object) -> httpx.Response:
    return send(app, "POST", "http://payer/", json=body)


def test_a_faulty_answer_fails_its_test() -> None:
    """Unless the fault came with the request: an order goes back as it came."""
    with pytest.raises(AssertionError, match="POST /: Patient"):
        posted(answering(ODD), {})
    assert posted(answering(None), ODD).json() == ODD
    sound = {"resourceType": "Patient", "name": [{"family": "x"}]}
    assert posted(answering(sound), {}).json() == sound
