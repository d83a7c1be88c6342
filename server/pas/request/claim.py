"""What a Claim must say beyond base FHIR: to be read at all, and to be submitted."""

from datetime import date

from server.fhir.primitives import real_day
from server.fhir.read import reference
from server.pas.request.bundle import CLAIM, RequestBundle
from server.pas.request.claim_item import plausible

_NAMED_BY_NUMBER = {
    "diagnosisSequence": "diagnosis",
    "informationSequence": "supportingInfo",
    "procedureSequence": "procedure",
}
"""Element of an item -> the list of the Claim that it names elements of, by their sequence."""


def read_claim(bundle: RequestBundle) -> date | None:
    """What a Claim of either operation must say; returns the day it was created."""
    if bundle.claim.get("use") != "preauthorization":
        bundle.add("value", "Claim.use must be `preauthorization` here; send that.", f"{CLAIM}.use")
    if bundle.claim.get("status") != "active":
        bundle.add("value", "Claim.status must be `active`; a Claim that is not is no request.", f"{CLAIM}.status")
    created = bundle.claim.get("created")
    if created is None:  # the day has a data-absent-reason, so the day of the Bundle stands in for it
        created = bundle.bundle.get("timestamp")
    day = real_day(created)
    if day is None or not plausible(day):
        text = "Claim.created is a full, real day (YYYY-MM-DD), near our time; send one."
        bundle.add("value", text, f"{CLAIM}.created")
        return None
    return day


def check_submitted(bundle: RequestBundle) -> None:
    """What `$submit` asks for beyond base FHIR: identifiers, one Claim, sequences told apart, evidence enclosed."""
    claim = bundle.claim
    bundle.require(bundle.bundle.get("identifier"), "Bundle.identifier")
    bundle.require(claim.get("identifier"), f"{CLAIM}.identifier")
    for n, _, resource in bundle.index.entries:
        if n and resource.get("resourceType") == "Claim" and not claim.get("related"):
            text = "A request holds one Claim; a second one is only the prior Claim of an update. Send it by itself."
            bundle.add("business-rule", text, f"Bundle.entry[{n}].resource")
    for name in ("item", "supportingInfo"):
        seen: set[int] = set()
        for n, element in enumerate(claim.get(name) or ()):
            sequence = element.get("sequence")
            if not isinstance(sequence, int):  # told where the element is read
                continue
            if sequence in seen:
                text = "This sequence stands twice, so answers could not be told apart; number each once."
                bundle.add("duplicate", text, f"{CLAIM}.{name}[{n}].sequence")
            seen.add(sequence)
    _check_sequences(bundle)
    for name, key in (("supportingInfo", "valueReference"), ("diagnosis", "diagnosisReference")):
        for n, info in enumerate(claim.get(name) or ()):
            element = info.get(key)
            if reference(element) and bundle.index.resolve(element, claim) is None:
                text = "No entry of this Bundle has this reference; add the resource as an entry."
                bundle.add("not-found", text, f"{CLAIM}.{name}[{n}].{key}.reference")


def _check_sequences(bundle: RequestBundle) -> None:
    """What an item says that it is for, and rests on, stands on the Claim."""
    for name, listed in _NAMED_BY_NUMBER.items():
        listed_there = [element.get("sequence") for element in bundle.claim.get(listed) or ()]
        there = {sequence for sequence in listed_there if isinstance(sequence, int)}
        if not there and name != "procedureSequence":  # without any, that is what is told
            continue
        for n, item in enumerate(bundle.claim.get("item") or ()):
            for k, sequence in enumerate(item.get(name) or ()):
                if not isinstance(sequence, int) or sequence not in there:
                    text = f"No element of Claim.{listed} has this sequence; add it, or name one that is there."
                    bundle.add("not-found", text, f"{CLAIM}.item[{n}].{name}[{k}]")
