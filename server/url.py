"""One row of the URL table in app.py, from which routes, OpenAPI and CapabilityStatements are made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Url:
    """method and path as served (under a FHIR base: relative to it); part and handler: which routes object answers.

    interaction: what FHIR calls it, for the CapabilityStatement: `Claim/$submit` (operation), `ClaimResponse:read`,
    `Questionnaire:search-type`, or empty.
    """

    method: str
    path: str
    part: str
    handler: str
    summary: str
    interaction: str = ""
