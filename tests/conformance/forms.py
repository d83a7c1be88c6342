"""What DTR answers beside packages: an adaptive form to its end, expansions, and the form with every element."""

import json
from typing import Any

import httpx

from server.fhir.codes import DTR
from server.fhir.version import Version
from tests.conformance.inferno.dtr_ehr import ADAPTIVE, Ehr
from tests.conformance.traffic import Traffic

_ADAPTIVE_RESPONSE = {
    Version.V2_0: "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaireresponse-adapt",
    Version.V2_2: f"{DTR}dtr-questionnaireresponse-adapt",
}
_VALUE_SETS = ("icd-10-cm", "trial-medicine", "lab-weight-units")


def keep_forms(traffic: Traffic, base_url: str) -> None:
    """Adds every such body to the traffic; the server must serve the lab's policies."""
    ehr = Ehr(base_url, traffic.version)
    asked = ehr.asks(order=ehr.device(ADAPTIVE))
    package = ehr.post(f"{ehr.url}/Questionnaire/$questionnaire-package", asked)
    bundle = package if package["resourceType"] == "Bundle" else package["parameter"][0]["resource"]
    traffic.keep("adaptive", "package", bundle, f"{DTR}DTR-QPackageBundle")
    traffic.keep("adaptive", "form", bundle["entry"][0]["resource"], f"{DTR}dtr-questionnaire-adapt-search")
    for n, response in enumerate(ehr.rounds(asked)):
        traffic.keep("adaptive", f"round {n}", response, _ADAPTIVE_RESPONSE[traffic.version])
        traffic.keep("adaptive", f"contained {n}", response["contained"][0], f"{DTR}dtr-questionnaire-adapt")
    for name in _VALUE_SETS:
        url = f"http://vitruvian.example/fhir/ValueSet/{name}"
        traffic.keep("expand", name, _get(f"{ehr.url}/ValueSet/$expand", url=url))
    (found,) = _get(f"{ehr.url}/Questionnaire", url="http://vitruvian.example/fhir/Questionnaire/pap-device")["entry"]
    traffic.keep("read", "the form with every element", found["resource"], f"{DTR}dtr-std-questionnaire")


def _get(address: str, /, **query: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(httpx.get(address, params=query, timeout=30).raise_for_status().content)
    return found
