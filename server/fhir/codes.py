"""Code systems, codes and canonicals of the guides; X12's are in x12.py. The codes of a policy are data, never here."""

from functools import lru_cache

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
NPI = "http://hl7.org/fhir/sid/us-npi"
CVX = "http://hl7.org/fhir/sid/cvx"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
POS = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"
MEMBER_NUMBER = "MB"

# senders spell the url of one code system in several ways (dtr T-27); the OIDs are those of HL7's own registry
SYSTEM_ALIASES = {
    "https://bluebutton.cms.gov/resources/codesystem/hcpcs": HCPCS,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.69": NDC,
    "urn:oid:2.16.840.1.113883.6.12": CPT,
    "urn:oid:2.16.840.1.113883.6.285": HCPCS,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
}
_KNOWN = (RXNORM, NDC, CPT, HCPCS, ICD10CM, SNOMED, LOINC, CVX, NPI, POS)


def _bare(system: str) -> str:
    """A system without what makes no other one: http or https, capitals, a slash or a hash at its end."""
    return system.strip().lower().rstrip("/#").removeprefix("https://").removeprefix("http://")


_BY_SPELLING = {_bare(s): s for s in _KNOWN} | {_bare(alias): system for alias, system in SYSTEM_ALIASES.items()}


@lru_cache(maxsize=1024)
def system_of(written: str) -> str:
    """The one url of a code system, however a sender spells it; an unknown system as it came."""
    return _BY_SPELLING.get(_bare(written), written)


PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/"
TRANSMISSION_IDENTIFIERS = f"{PAS}extension-TransmissionIdentifiers"
CRD = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/"
DTR = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/"
QUESTIONNAIRE_ADAPTIVE = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-questionnaireAdaptive"
DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
COVERAGE_INFORMATION = f"{CRD}ext-coverage-information"
