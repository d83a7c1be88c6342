"""Writes the requests of `demo/`, after a chart has changed: `python -m tests.demo.demo_files`.

They are what the welcome page and /docs suggest to send: the first story's request, and what an EHR and its apps would
ask about the same chart. /docs finds each by the name that its row of the URL table gives.
"""

from datetime import date
from pathlib import Path
from typing import Any

import orjson

from server.demo.requests import Chart, dated, inquiry, order_sign, questionnaire_package
from server.demo.stories import stories_of
from server.fhir.parameters import parameters, resource, value
from server.form.model import form_items
from server.policy.library import PolicyLibrary
from server.policy.model import Form
from server.settings import Settings

DAY = date(2026, 11, 20)
"""When the clinic made these requests. They can be approved as long as that counts as recent, some three months."""


def demo_files(settings: Settings) -> dict[Path, bytes]:
    """The content of each demo file, by its path."""
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    (folder,) = settings.policies.glob("*/demo")
    first = dated(next(stories_of(policies, settings.policies)).request, DAY)
    chart = Chart(first)
    package = questionnaire_package(chart, None)
    edition = policies.policies[0].editions[0]
    made = {
        "order-sign": order_sign(chart),
        "submit": first,
        "inquire": inquiry(chart, "1"),
        "questionnaire-package": package,
        "questionnaire-errors": questionnaire_errors(edition.form),
        "next-question": next_question(edition.form, chart),
        "expand": parameters(value("url", "uri", first_value_set(edition.form))),
    }
    return {folder / f"{n}.json": orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n" for n, body in made.items()}


def questionnaire_errors(form: Form) -> dict[str, Any]:
    """The report of an app that could not run an expression of the form (dtr D-71)."""
    text = "The expression of one question could not be run; the clinician answered it by hand."
    issue = {"severity": "error", "code": "processing", "details": {"text": text}}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return parameters(value("questionnaire", "canonical", form.canonical), resource("operationOutcome", outcome))


def next_question(form: Form, chart: Chart) -> dict[str, Any]:
    """The first round of an adaptive form: nothing is answered yet (dtr D-54). A form that is none answers 400."""
    contained = {
        "resourceType": "Questionnaire",
        "id": "form",
        "derivedFrom": [form.canonical],
        "status": "active",
        "subjectType": ["Patient"],
    }
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "draft",
        "contained": [contained],
        "questionnaire": "#form",
        "status": "in-progress",
        "subject": {"reference": f"Patient/{chart.patient['id']}"},
        "authored": chart.bundle["timestamp"],
    }


def first_value_set(form: Form) -> str:
    """Of the first question whose answers are codes."""
    return next(str(item["answerValueSet"]) for _, item in form_items(form.questionnaire) if "answerValueSet" in item)


if __name__ == "__main__":
    for file, content in demo_files(Settings()).items():
        file.write_bytes(content)
