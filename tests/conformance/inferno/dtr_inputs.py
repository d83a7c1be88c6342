"""What the DTR suites are given."""

from typing import Any

from server.fhir.version import Version


def inputs(base_url: str, version: Version) -> dict[str, Any]:
    """The server's address alone: the suite runs, and most of it is skipped."""
    if version is Version.V2_0:
        return {"url": base_url + version.base, "retrieval_method": "Static"}
    return {
        "url": base_url + version.base,
        "backend_services_smart_auth_info": {},
        "questionnaire_package_request_parameters": [],
        "source_data_error_request": {},
        "invalid_questionnaire_response": {},
        "questionnaire_canonical": "http://vitruvian.example/fhir/Questionnaire/none",
    }
