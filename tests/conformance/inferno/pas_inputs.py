"""What the PAS suites are given: requests of our own synthetic patients, for members that the sandbox scripts."""

from typing import Any

from server.fhir.version import Version
from server.pages.demo_requests import Chart, inquiry
from tests.conformance.inferno import pas_everything
from tests.conformance.inferno.patients import chart

_SCRIPTED = "SANDBOX-"


def inputs(base_url: str, version: Version) -> dict[str, Any]:
    """The inputs of one suite. The approval is the policy's own decision; the sandbox gives the other answers."""
    pended = _of("PENDED")
    everything = f"{_SCRIPTED}EVERYTHING"
    found: dict[str, Any] = {
        "server_endpoint": base_url + version.base,
        "access_token": "unused",
        "subscription_resource": {},
        "approval_pa_submit_request_payload": chart("ra-initial").bundle,
        "denial_pa_submit_request_payload": _of("DENIED").bundle,
        "pended_pa_submit_request_payload": pended.bundle,
        "must_support_pa_submit_request_payload": [
            pas_everything.submit_bundle(everything, version),
            _of("MODIFIED").bundle,
        ],
        "must_support_pa_inquire_request_payload": [pas_everything.inquiry_bundle(everything, version)],
    }
    if version is Version.V2_0:
        found["pended_pa_inquire_request_payload"] = inquiry(pended, "pended")
    return found


def _of(kind: str) -> Chart:
    """The same request for a member of the sandbox, as another transaction."""
    made = chart("ra-initial", kind.lower())
    text = Chart(made.bundle)
    return _for_member(text, f"{_SCRIPTED}{kind}")


def _for_member(made: Chart, member: str) -> Chart:
    for resource in (made.patient, made.coverage):
        for identifier in resource["identifier"]:
            identifier["value"] = member
    made.coverage["subscriberId"] = member
    return made
