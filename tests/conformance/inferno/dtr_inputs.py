"""What the DTR suites are given: package requests for three forms, and answers for the one that is adaptive.

Kineret orders show the product's own form; orders for two devices, whose policies only the lab serves, show a form with
every element that a DTR form may carry, and an adaptive one.
"""

from copy import deepcopy
from typing import Any

from server.fhir.version import Version
from tests.conformance.inferno import access
from tests.conformance.inferno.dtr_ehr import ADAPTIVE, Ehr

Json = dict[str, Any]

_FORM = "http://vitruvian.example/fhir/Questionnaire/pap-device|1.0.0"


def inputs(base_url: str, version: Version) -> Json:
    """Every input of the version's suite; asks the server for a context, and walks through the adaptive form."""
    ehr = Ehr(base_url, version)
    wheelchair = ehr.asks(order=ehr.device(ADAPTIVE))
    if version is Version.V2_0:
        return {
            "url": ehr.url,
            "retrieval_method": "Both",
            "access_token": "unused",
            **({"smart_auth_info": access.credentials(base_url)} if access.is_on() else {}),
            "initial_static_questionnaire_request": ehr.asks(order=ehr.order),
            "initial_adaptive_questionnaire_request": wheelchair,
            "next_question_requests": list(ehr.rounds(wheelchair)),
        }
    *_, completed = ehr.rounds(wheelchair)
    return {
        "url": ehr.url,
        "backend_services_smart_auth_info": access.credentials(base_url),
        "questionnaire_package_request_parameters": [
            ehr.asks(order=ehr.order),
            ehr.asks(questionnaire=_FORM),
            ehr.asks(context=ehr.context()),
            wheelchair,
        ],
        "questionnaire_response_templates": [completed],
        "client_fhir_endpoint": ehr.chart.ehr,
        "source_data_error_request": ehr.asks(context="no-such-context"),
        "invalid_questionnaire_response": _with_wrong_answer(completed),
        "questionnaire_canonical": _FORM,
    }


def _with_wrong_answer(response: Json) -> Json:
    """A boolean question answered with a text."""
    wrong = deepcopy(response) | {"status": "in-progress"}
    walking = wrong["item"][0]["item"]
    (walks,) = [item for item in walking if item["linkId"] == "walks"]
    del walks["answer"][0]["valueBoolean"]
    walks["answer"][0]["valueString"] = "a few steps"
    return wrong
