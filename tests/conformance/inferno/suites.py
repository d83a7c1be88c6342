"""The six payer suites: what each judges, what it is given, and the groups that must pass."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from server.fhir.version import Version
from tests.conformance.inferno import crd_inputs, dtr_inputs, pas_inputs

Inputs = Callable[[str, Version], dict[str, Any]]
"""`inputs(base_url, version)`: the flat inputs of a suite, by name; objects and lists are sent as JSON text.

base_url: the running server, over plain HTTP on loopback, with a fresh database. The function may call it to bring it
into the state that the suite has to find (an authorization in force, say). What it builds comes from our own synthetic
patients (patients.py), never from the kits. It is called anew for each run, and what must be new in a run is new in
what it gives. An input that the suite does not have is an error.
"""


@dataclass(frozen=True, slots=True)
class Suite:
    """id: Inferno's; title: guide and version; must_pass: ids of groups, each test in them that is not optional.

    over_tls: the input that gets the TLS address instead of the plain one. first: the group whose outputs others need.
    """

    id: str
    title: str
    version: Version
    inputs: Inputs
    must_pass: tuple[str, ...]
    over_tls: str = ""
    first: str = ""


SUITES = (
    Suite(
        "crd_server",
        "CRD 2.0.1",
        Version.V2_0,
        crd_inputs.inputs,
        (
            "crd_v201_server_discovery_group",
            "crd_v201_server_demonstrate_hook_response",
            "crd_v201_server_order_select",
            "crd_v201_server_order_sign",
            "crd_v201_server_order_dispatch",
            "crd_v201_server_appointment_book",
            "crd_v201_server_encounter_start",
            "crd_v201_server_encounter_discharge",
        ),
        over_tls="base_url",
        first="crd_v201_server_discovery_group",
    ),
    Suite(
        "crd_server_v221",
        "CRD 2.2.1",
        Version.V2_2,
        crd_inputs.inputs,
        (
            "crd_v221_server_discovery_group",
            "crd_v221_server_demonstrate_hook_response",
            "crd_v221_server_order_select",
            "crd_v221_server_order_sign",
            "crd_v221_server_order_dispatch",
            "crd_v221_server_appointment_book",
            "crd_v221_server_encounter_start",
            "crd_v221_server_encounter_discharge",
        ),
        over_tls="base_url",
        first="crd_v221_server_discovery_group",
    ),
    Suite("dtr_payer_server", "DTR 2.0.1", Version.V2_0, dtr_inputs.inputs, ("payer_server_static_package",)),
    Suite(
        "dtr_payer_server_v220",
        "DTR 2.2.0",
        Version.V2_2,
        dtr_inputs.inputs,
        (
            "dtr_payer_v220_discovery",
            "dtr_payer_v220_questionnaire_package_support",
            "dtr_payer_v220_questionnaire_design",
            "dtr_payer_server_v220_must_support",
        ),
    ),
    Suite(
        "davinci_pas_server_suite_v201",
        "PAS 2.0.1",
        Version.V2_0,
        pas_inputs.inputs,
        (
            "pas_server_v201_subscription_setup",
            "pas_server_v201_approval_use_case",
            "pas_server_v201_denial_use_case",
            "pas_server_v201_pended_use_case",
            "pas_server_v201_must_support",
            "pas_v201_error_group",
        ),
        first="pas_server_v201_subscription_setup",
    ),
    Suite(
        "davinci_pas_server_suite_v221",
        "PAS 2.2.1",
        Version.V2_2,
        pas_inputs.inputs,
        (
            "pas_server_v221_subscription_setup",
            "pas_server_v221_approval_use_case",
            "pas_server_v221_denial_use_case",
            "pas_server_v221_pended_use_case",
            "pas_server_v221_claim_updates",
            "pas_server_v221_must_support",
            "pas_v221_error_group",
        ),
        first="pas_server_v221_subscription_setup",
    ),
)


def suite(name: str) -> Suite:
    """By Inferno's id, or by title without its blank (`CRD2.2.1`). Raises KeyError that names the six."""
    for known in SUITES:
        if name in (known.id, known.title, known.title.replace(" ", "")):
            return known
    raise KeyError(f"{name} is none of {', '.join(s.id for s in SUITES)}")
