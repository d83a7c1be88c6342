"""The input of `$log-questionnaire-errors`: what an app could not work with in a form (dtr D-71, D-72)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from server.fhir.parameters import DeclaredParameter, read_parameters
from server.fhir.version import Version
from server.store.ports import QuestionnaireErrors

_MANY = 50
_NAMES = {"questionnaire": "questionnaire", "operationoutcome": "operationOutcome"}
_DECLARED = (
    DeclaredParameter("questionnaire", 1, _MANY, values=("canonical", "uri", "url", "string")),
    DeclaredParameter("operationOutcome", 1, _MANY, resources=("OperationOutcome",)),
)


def read_questionnaire_errors(body: Mapping[str, Any], version: Version, now: datetime) -> QuestionnaireErrors:
    """The report. The guides spell the names in four ways, so case does not count (dtr T-19).

    Raises InvalidRequest with every problem.
    """
    parts = body.get("parameter")
    if isinstance(parts, list):
        named = [
            {**p, "name": _NAMES.get(str(p.get("name")).lower(), p.get("name"))} for p in parts if isinstance(p, dict)
        ]
        if len(named) == len(parts):
            body = {**body, "parameter": named}
    sent = read_parameters(body, _DECLARED)
    outcomes = [s.value for s in sent["operationOutcome"]]
    return QuestionnaireErrors(
        now, version, tuple(s.value for s in sent["questionnaire"]), orjson.dumps(outcomes).decode()
    )
