"""Spoilings that are still approved, and where they are to be mended; the law fails as soon as one no longer is."""

_PRODUCT = "cql: PROD-1 looks for one code of Kineret among the codes, and not for one of another medicine beside it"
_SIGNED = "cql: Attestation takes any author for a signature, also a patient, a device or a display"
_PLACE = "cql: SiteOfCare reads Item.locationCodeableConcept alone, not locationReference and Claim.facility"

WAITING: dict[str, str] = {
    "package of another drug by SNOMED CT": _PRODUCT,
    "second package of another drug by NDC": _PRODUCT,
    "another drug below the package": _PRODUCT,
    "order coded as Kineret and another drug by NDC": _PRODUCT,
    "by pump, as method": "cql: Dosing reads the route and not dosageInstruction.method",
    "minus one dose a day answered": "cql: a number of doses below one is no frequency",
    "0 doses a day answered": "cql: a number of doses below one is no frequency",
    "answers signed by the patient": _SIGNED,
    "attestation signed by a device": _SIGNED,
    "attestation signed by nobody here": _SIGNED,
    "biologic given as a procedure": "cql: Concurrency reads no Procedure",
    "biologic as the reason of a care plan": "cql: Concurrency reads no CarePlan.activity",
    "service of a hundred years": "cql: Days looks at the first day of service and not at the last",
    "order that begins after service": "cql: InForce looks at the end of the order's validity and not at its start",
    "doses of 2090": "cql: no library reads Timing.repeat.bounds",
    "course that began in 1801": "cql: a course that continues began within a life",
    "trial of 1801": "cql: a trial lies within a life",
    "trial before birth": "cql: a trial lies within a life",
    "trial whose reason is another disease in SNOMED CT": "cql: reasons without an ICD-10-CM code count as none",
    "trial whose reason is another disease in words": "cql: reasons without an ICD-10-CM code count as none",
    "trial for the disease on the claim where the chart has the right one": "cql: any reason on the claim fits",
    "first course of who got an injection": "cql: TYPE-1 reads fills and statements, not administrations",
    "order of 28,000 syringes": "policy data: `Most Units` is 100,000",
    "hospital by reference": _PLACE,
    "hospital as the facility": _PLACE,
    "home and hospital in another system": "cql: SiteOfCare passes over places in other code systems",
    "home and hospital in words": "cql: SiteOfCare does not read the words of a place",
    "Medicare code with letters": "cql: a code that the list of payers does not have is passed over",
    "genetic report that is uncertain": "cql: Proof takes a variant of uncertain significance for a proof",
    "consultation of a number that is no NPI": "cql: Specialist does not check the NPI's check digit",
}
"""By the name of the spoiling."""
