"""A made-up policy for tests: a drug, a form and an edition that exist nowhere else."""

from dataclasses import replace
from datetime import date
from typing import Any

from server.cql.model import CqlLibrary
from server.fhir.codes import HCPCS, NDC, RXNORM
from server.fhir.read import Coding
from server.policy.library import PolicyLibrary
from server.policy.model import Criterion, Edition, Form, Policy, Reviewer, State, Validity

POLICY_ID = "example-123"
POLICY_URI = "https://payer.example/policy/123"
FORM_URL = "http://payer.example/fhir/Questionnaire/example"
DRUG = f"{RXNORM}|9990001"
DRUG_NDC = f"{NDC}|00990012304"
"""As 5-4-2 digits; with hyphens 0990-0123-04, 00990-123-04 or 00990-0123-4."""
PLACEHOLDER = f"{HCPCS}|J3590"


def a_form(questionnaire: dict[str, Any] | None = None, version: str = "1.0.0") -> Form:
    found = questionnaire or {
        "resourceType": "Questionnaire",
        "url": FORM_URL,
        "version": version,
        "status": "active",
        "item": [{"linkId": "indication", "text": "Why is it ordered?", "type": "string"}],
    }
    return Form(url=found["url"], version=found["version"], questionnaire=found)


def an_edition(**changes: Any) -> Edition:
    """One edition, in force since 2024-01-18, with one criterion."""
    library = CqlLibrary("Example123", "1.0.0", "library Example123 version '1.0.0'", "{}", "cql/example-123/x.cql")
    edition = Edition(
        policy_id=POLICY_ID,
        policy_uri=POLICY_URI,
        version="2024-01-18",
        effective=date(2024, 1, 18),
        library=library,
        libraries=(library,),
        value_sets=(),
        form=a_form(),
        validity=(Validity("Is Initial", 180),),
        criteria=(
            Criterion(
                id="DX-1",
                define="DX-1",
                sentence="A diagnosis code fits the indication.",
                citation="Section 1.A",
                when_unmet=Reviewer.PHYSICIAN,
                states=(State.MET, State.UNKNOWN),
                remedies={State.UNKNOWN: "Send the diagnosis code."},
            ),
        ),
        billing_codes=(Coding(HCPCS, "J3590"),),
    )
    return replace(edition, **changes)


def a_policy(**changes: Any) -> Policy:
    """A policy of one edition, woken by DRUG and DRUG_NDC, and perhaps meant by PLACEHOLDER."""
    policy = Policy(
        id=POLICY_ID,
        uri=POLICY_URI,
        title="Exemplin, policy 123",
        display="Exemplin",
        url="https://payer.example/policies/123",
        identified_by=frozenset({DRUG, DRUG_NDC}),
        placeholders=frozenset({PLACEHOLDER}),
        editions=(an_edition(),),
    )
    return replace(policy, **changes)


def a_library(*policies: Policy) -> PolicyLibrary:
    """A PolicyLibrary of these policies, or of one `a_policy()`."""
    found = policies or (a_policy(),)
    editions = [e for p in found for e in p.editions]
    return PolicyLibrary(
        found,
        {library.key: library for e in editions for library in e.libraries},
        {value_set.url: value_set for e in editions for value_set in e.value_sets},
    )
