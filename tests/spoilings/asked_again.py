"""Point 11: the same clinical request again. It is answered with the authorization there is, or waits for a nurse."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from server.fhir.codes import PAS
from tests.spoilings.model import Json
from tests.spoilings.request import (
    RXNORM,
    add,
    answer,
    claim,
    concept,
    dosage,
    first,
    item,
    order,
    patient_reference,
)


@dataclass(frozen=True, slots=True)
class Again:
    """A request that follows the very same one, changed. same: whether it must be answered with the first number."""

    name: str
    nurse: str
    change: Callable[[Json], None]
    same: bool = False


def _numbered(bundle: Json) -> None:
    bundle["identifier"]["value"] += "-again"


def _renumbered(bundle: Json) -> None:
    _numbered(bundle)
    claim(bundle)["identifier"] = [{"system": "urn:trnorg:9123456789", "value": "again"}]
    for extension in item(bundle)["extension"]:
        if extension["url"] == f"{PAS}extension-itemTraceNumber":
            extension["valueIdentifier"]["value"] = "again"


def _reordered(bundle: Json) -> None:
    _numbered(bundle)
    head, *others = bundle["entry"]
    bundle["entry"] = [head, *reversed(others)]


def _by_another_provider(bundle: Json) -> None:
    _numbered(bundle)
    other = {
        "resourceType": "Organization",
        "id": "another-practice",
        "name": "Another Practice",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1000000004"}],
    }
    claim(bundle)["provider"] = {"reference": add(bundle, other)}


def _serviced(bundle: Json, days: int) -> None:
    _numbered(bundle)
    day = (date.fromisoformat(item(bundle)["servicedDate"]) + timedelta(days=days)).isoformat()
    item(bundle)["servicedDate"] = day
    answer(bundle, {"service-start": day})


def _with_another_dose(bundle: Json) -> None:
    _numbered(bundle)
    answer(bundle, {"dose-mg-per-day": 50})
    order(bundle)["dosageInstruction"] = [dosage(50)]


def _moved(bundle: Json) -> None:
    """Every address is another one, as an EHR makes them anew."""
    _numbered(bundle)
    text = json.dumps(bundle).replace("https://clinic.example.com/fhir", "https://clinic.example.com/r4")
    bundle.update(json.loads(text))


def _member_written(bundle: Json, change: Callable[[str], str]) -> None:
    _numbered(bundle)
    for resource in (first(bundle, "Coverage"), first(bundle, "Patient")):
        for identifier in resource["identifier"]:
            identifier["value"] = change(identifier["value"])
    first(bundle, "Coverage")["subscriberId"] = change(first(bundle, "Coverage")["subscriberId"])


def _twice(bundle: Json) -> None:
    _numbered(bundle)
    more = deepcopy(item(bundle))
    more["sequence"] = 2
    claim(bundle)["item"].append(more)


def _with_more_evidence(bundle: Json) -> None:
    _numbered(bundle)
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "penicillin",
        "patient": patient_reference(bundle),
        "code": concept(RXNORM, "7980", "penicillin G"),
    }
    add(bundle, allergy)


def _of_a_plain_subscriber(bundle: Json) -> None:
    """The member number stands in subscriberId alone."""
    _numbered(bundle)
    del first(bundle, "Coverage")["identifier"]
    del first(bundle, "Patient")["identifier"]


def _with(change: Callable[..., None], *rest: Any) -> Callable[[Json], None]:
    return lambda bundle: change(bundle, *rest)


AGAIN = (
    Again("under another bundle identifier", "We have that already.", _numbered, same=True),
    Again("under other numbers throughout", "We have that already.", _renumbered, same=True),
    Again("with its entries in another order", "We have that already.", _reordered, same=True),
    Again("by another provider", "Somebody else has an authorization for that.", _by_another_provider),
    Again("a month later", "That is authorized already.", _with(_serviced, 30)),
    Again("a month earlier", "Most of it is authorized already.", _with(_serviced, -30)),
    Again("with half the dose", "Instead of the other, or besides?", _with_another_dose),
    Again("at other addresses", "That is authorized already.", _moved),
    Again("with the member number in small letters", "The same member.", _with(_member_written, str.lower)),
    Again("with a blank in the member number", "The same member.", _with(_member_written, lambda v: f" {v} ")),
    Again("with the member number as subscriber's", "The same member.", _of_a_plain_subscriber),
    Again("as two items", "That is authorized already.", _twice),
    Again("with more evidence", "That is authorized already.", _with_more_evidence),
)
