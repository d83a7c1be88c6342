"""What the PAS suites are given: requests of our own synthetic patients, for members that the sandbox scripts."""

import uuid
from typing import Any

from server.demo.requests import Chart, inquiry
from server.fhir.codes import NPI, PAS
from server.fhir.version import Version
from tests.conformance.inferno import access, pas_everything
from tests.conformance.inferno.pas_parties import within
from tests.conformance.inferno.pas_updates import updates
from tests.conformance.inferno.patients import chart

_SCRIPTED = "SANDBOX-"
_ASKED = ("sequence", "category", "productOrService", "servicedDate")
_UPDATES = ("initial", "add_item", "modify_cancel", "cancel_all")
_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"


def inputs(base_url: str, version: Version) -> dict[str, Any]:
    """The inputs of one run. The approval and the updates are the policy's own decisions, the sandbox gives the rest.

    Each call makes requests and a subscriber that nobody has sent before: a second run finds what is pended pended
    again, and is told nothing of the first.
    """
    run = uuid.uuid4().hex[:8]
    pended = _of("PENDED-APPROVED", version, run)
    subscriber = _sender_of(pended, run) if version is Version.V2_2 else _practice_of(pended)
    everything = f"{_SCRIPTED}EVERYTHING"
    found: dict[str, Any] = {
        "server_endpoint": base_url + version.base,
        "access_token": f"lab-{run}",
        **({"smart_credentials": access.credentials(base_url)} if access.is_on() else {}),
        "subscription_resource": _subscription(subscriber, version),
        "approval_pa_submit_request_payload": chart("ra-initial").bundle,
        "denial_pa_submit_request_payload": _of("DENIED", version, run).bundle,
        "pended_pa_submit_request_payload": pended.bundle,
        "must_support_pa_submit_request_payload": [
            pas_everything.submit_bundle(everything, version),
            _of("MODIFIED", version, run).bundle,
        ],
        "must_support_pa_inquire_request_payload": [pas_everything.inquiry_bundle(everything, version)],
    }
    if version is Version.V2_0:
        return found | {"pended_pa_inquire_request_payload": _inquiry(pended)}
    sent = updates(chart("ra-initial", f"updated-{run}"))
    return found | {f"claim_update_{step}_submit_payload": bundle for step, bundle in zip(_UPDATES, sent, strict=True)}


def _of(kind: str, version: Version, run: str) -> Chart:
    """The same request for a member of the sandbox, as a transaction of its own."""
    made = chart("ra-initial", f"{kind.lower()}-{version}-{run}")
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


def _sender_of(made: Chart, run: str) -> str:
    """Makes a system of this run the sender of a request; its id is what 2.2 subscribes by (pas P-55)."""
    sender = f"LAB-{run}"
    parts = (("applicationSenderCode", "SAMPLE-EHR"), ("applicationReceiverCode", "VITRUVIAN"))
    more = (("interchangeSenderID", sender), ("interchangeReceiverID", "VITRUVIAN-1"))
    sent = within("TransmissionIdentifiers", *((part, "String", value) for part, value in (*parts, *more)))
    made.claim["extension"] = [*made.claim.get("extension", ()), sent]
    return sender


def _practice_of(made: Chart) -> str:
    """The NPI of the practice that asks, by which 2.0 subscribes."""
    return next(str(i["value"]) for i in made.provider["identifier"] if i["system"] == NPI)


def _subscription(subscriber: str, version: Version) -> dict[str, Any]:
    """Inferno writes its own address and token into it."""
    key, content = ("org-identifier", "full-resource") if version is Version.V2_2 else ("identifier", "id-only")
    profile = f"{PAS}profile-subscription" if version is Version.V2_2 else f"{_BACKPORT}backport-subscription"
    return {
        "resourceType": "Subscription",
        "meta": {"profile": [profile]},
        "status": "requested",
        "reason": "To hear what becomes of requests that are pended",
        "criteria": "http://hl7.org/fhir/us/davinci-pas/SubscriptionTopic/PASSubscriptionTopic",
        "_criteria": {
            "extension": [{"url": f"{_BACKPORT}backport-filter-criteria", "valueString": f"{key}={subscriber}"}]
        },
        "channel": {
            "type": "rest-hook",
            "endpoint": "http://localhost/notifications",
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": f"{_BACKPORT}backport-payload-content", "valueCode": content}]},
        },
    }
