"""Code systems and codes of the guides. No policy's codes: those are data."""

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
NPI = "http://hl7.org/fhir/sid/us-npi"
POS = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"
MEMBER_NUMBER = "MB"

# senders spell the url of one code system in several ways (dtr T-27)
SYSTEM_ALIASES = {
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": HCPCS,
    "https://bluebutton.cms.gov/resources/codesystem/hcpcs": HCPCS,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.69": NDC,
    "urn:oid:2.16.840.1.113883.6.285": HCPCS,
}

# PAS: X12 data elements (pas section 2e)
X12_ACTION = "https://codesystem.x12.org/005010/306"
X12_REASON = "https://codesystem.x12.org/external/886"
X12_REJECT = "https://codesystem.x12.org/005010/901"
X12_FOLLOW_UP = "https://codesystem.x12.org/005010/889"

PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/"
CRD = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/"
DTR = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/"
QUESTIONNAIRE_ADAPTIVE = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-questionnaireAdaptive"
COVERAGE_INFORMATION = f"{CRD}ext-coverage-information"
