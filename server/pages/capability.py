"""What this server says it can do: CapabilityStatement per FHIR base, and HRex endpoint discovery.

Both are made from what is served, so that they cannot promise more.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from server import __version__
from server.fhir.codes import NPI
from server.fhir.read import Resource
from server.fhir.version import Version
from server.policy.plan import Plan
from server.url import Url

_DTR = "http://hl7.org/fhir/us/davinci-dtr"
_PAS = "http://hl7.org/fhir/us/davinci-pas"
_CDEX = "http://hl7.org/fhir/us/davinci-cdex/OperationDefinition/submit-attachment"
_OURS = "http://vitruvian.example/fhir/OperationDefinition"

_GUIDES = {
    Version.V2_0: {_DTR: "2.0.1", _PAS: "2.0.1"},
    Version.V2_2: {_DTR: "2.2.0", _PAS: "2.2.1"},
}
_DEFINED_ALIKE = {
    "$questionnaire-package": (_DTR, "questionnaire-package"),
    "$log-questionnaire-errors": (_DTR, "log-questionnaire-errors"),
    "$submit": (_PAS, "Claim-submit"),
    "$inquire": (_PAS, "Claim-inquiry"),
}
_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport"
_TOPIC = {
    "url": f"{_BACKPORT}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical",
    "valueCanonical": f"{_PAS}/SubscriptionTopic/PASSubscriptionTopic",
}
"""What can be subscribed to (pas P-5)."""
_DEFINED_BY_BACKPORT = {
    name: f"{_BACKPORT}/OperationDefinition/backport-subscription-{name[1:]}|1.1.0" for name in ("$status", "$events")
}
_DEFINED_ELSEWHERE = {
    Version.V2_0: {
        "$next-question": "http://hl7.org/fhir/uv/sdc/OperationDefinition/Questionnaire-next-question|3.0.0",
        "$expand": "http://hl7.org/fhir/OperationDefinition/ValueSet-expand|4.0.1",
        **_DEFINED_BY_BACKPORT,
    },
    Version.V2_2: {
        "$next-question": f"{_DTR}/OperationDefinition/DTR-Questionnaire-next-question|2.2.0",
        "$expand": f"{_DTR}/OperationDefinition/DTR-ValueSet-expand|2.2.0",
        **_DEFINED_BY_BACKPORT,
    },
}
_TYPES = {"url": "uri"}
"""The type of each search parameter that is no token."""
_OPEN = {
    "description": "Authentication is off, so the server listens on the loopback interface only. "
    "A proxy that authenticates may stand in front of it."
}


def _security(*, authenticated: bool) -> dict[str, Any]:
    """How a client shows who it is; `.well-known/smart-configuration` says where.

    The extension oauth-uris would say it, too, but asks for an authorization endpoint, and there is none.
    """
    if not authenticated:
        return _OPEN
    smart = {
        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
        "code": "SMART-on-FHIR",
        "display": "SMART-on-FHIR",
    }
    return {
        "service": [{"coding": [smart], "text": "SMART Backend Services: OAuth 2 with a signed assertion"}],
        "description": "A client gets an access token for an assertion that it signs, and sees its own requests alone.",
    }


def capability_statement(
    urls: Iterable[Url], version: Version, base_url: str, now: datetime, *, authenticated: bool = False
) -> Resource:
    """The CapabilityStatement of one base, of kind `instance` (dtr D-8, T-20: operations at type level).

    urls: the table of the FHIR bases; those without an interaction are aliases or no FHIR interaction. It instantiates
    no guide's requirements: parts of them are not built yet, and it names only what is.
    """
    resources: dict[str, dict[str, Any]] = {}
    of_the_system: list[dict[str, Any]] = []
    for url in urls:
        type_, _, operation = url.interaction.partition("/")
        if operation:
            described = {
                "name": operation.lstrip("$"),
                "definition": _definition(operation, version),
                "documentation": f"{url.method} {url.path}: {url.summary}.",
            }
            of_type = resources.setdefault(type_, {"type": type_}).setdefault("operation", []) if type_ else None
            (of_the_system if of_type is None else of_type).append(described)
        elif ":" in url.interaction:
            type_, _, code = url.interaction.partition(":")
            entry = resources.setdefault(type_, {"type": type_})
            entry.setdefault("interaction", []).append({"code": code, "documentation": f"{url.summary}."})
            if code == "search-type":
                entry["searchParam"] = [
                    {"name": name, "type": _TYPES.get(name, "token"), "documentation": meaning}
                    for name, meaning in url.query.items()
                ]
    if "Subscription" in resources:
        resources["Subscription"]["extension"] = [_TOPIC]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.isoformat(timespec="seconds"),
        "publisher": "Vitruvian",
        "kind": "instance",
        "software": {"name": "Vitruvian", "version": __version__},
        "implementation": {
            "description": f"Prior authorization, DTR and PAS {version}",
            "url": base_url + version.base,
        },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "implementationGuide": [_guide(base, number) for base, number in _GUIDES[version].items()],
        "rest": [
            {
                "mode": "server",
                "security": _security(authenticated=authenticated),
                "resource": list(resources.values()),
            }
            | ({"operation": of_the_system} if of_the_system else {})
        ],
    }


def _guide(base: str, number: str) -> str:
    return f"{base}/ImplementationGuide/hl7.fhir.us.{base.rsplit('/', 1)[-1]}|{number}"


def _definition(operation: str, version: Version) -> str:
    """The guide's definition of an operation, with its version; ours for one that no guide has."""
    if operation == "$submit-attachment":
        return _CDEX
    if operation in _DEFINED_ELSEWHERE[version]:
        return _DEFINED_ELSEWHERE[version][operation]
    if operation not in _DEFINED_ALIKE:
        return f"{_OURS}/{operation.lstrip('$')}"
    base, name = _DEFINED_ALIKE[operation]
    return f"{base}/OperationDefinition/{name}|{_GUIDES[version][base]}"


def davinci_configuration(plan: Plan, base_url: str) -> dict[str, Any]:
    """HRex's `.well-known/davinci-configuration`: the payer, and one base per guide version (dtr D-4, HRex ep-2).

    CRD has one endpoint for both versions; each FHIR base serves DTR and PAS of one version.
    """
    endpoints: dict[str, str] = {}
    for version in Version:
        endpoints[f"davinci_crd_hook_endpoint#{version}"] = f"{base_url}/cds-services"
        endpoints[f"davinci_dtr_qpackage_endpoint#{version}"] = base_url + version.base
        endpoints[f"davinci_pas_submission_endpoint#{version}"] = base_url + version.base
    return {
        "resourceType": "http://hl7.org/fhir/us/davinci-hrex/StructureDefinition/HRexWellknownDefinition",
        "identifier": {"system": NPI, "value": plan.npi},
        "endpoints": endpoints,
    }
