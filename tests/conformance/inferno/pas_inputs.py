"""What the PAS suites are given: requests of our own synthetic patients, for members that the sandbox scripts."""

from typing import Any

from server.demo.requests import Chart, inquiry
from server.fhir.version import Version
from tests.conformance.inferno import pas_everything
from tests.conformance.inferno.patients import chart

_SCRIPTED = "SANDBOX-"
_ASKED = ("sequence", "category", "productOrService", "servicedDate")


def inputs(base_url: str, version: Version) -> dict[str, Any]:
    """The inputs of one suite. The approval is the policy's own decision; the sandbox gives the other answers."""
    pended = _of("PENDED-APPROVED", version)
    everything = f"{_SCRIPTED}EVERYTHING"
    found: dict[str, Any] = {
        "server_endpoint": base_url + version.base,
        "access_token": "unused",
        "subscription_resource": {},
        "approval_pa_submit_request_payload": chart("ra-initial").bundle,
        "denial_pa_submit_request_payload": _of("DENIED", version).bundle,
        "pended_pa_submit_request_payload": pended.bundle,
        "must_support_pa_submit_request_payload": [
            pas_everything.submit_bundle(everything, version),
            _of("MODIFIED", version).bundle,
        ],
        "must_support_pa_inquire_request_payload": [pas_everything.inquiry_bundle(everything, version)],
    }
    if version is Version.V2_0:
        found["pended_pa_inquire_request_payload"] = _inquiry(pended)
    return found


def _of(kind: str, version: Version) -> Chart:
    """The same request for a member of the sandbox, as a transaction of its own in each version's suite."""
    made = chart("ra-initial", f"{kind.lower()}-{version}")
    for resource in (made.patient, made.coverage):
        for identifier in resource["identifier"]:
            identifier["value"] = f"{_SCRIPTED}{kind}"
    made.coverage["subscriberId"] = f"{_SCRIPTED}{kind}"
    return made


def _inquiry(made: Chart) -> dict[str, Any]:
    """An inquiry for the item of a request; profile-claim-inquiry 2.0.1 wants one."""
    asked = inquiry(made, "pended")
    asked["entry"][0]["resource"]["item"] = [{k: v for k, v in made.claim["item"][0].items() if k in _ASKED}]
    return asked
