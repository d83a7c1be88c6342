"""One record, one edition: every criterion judged by CQL, then decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from server.decision.model import Decision
from server.fhir.read import Resource
from server.policy.model import Edition


@dataclass(frozen=True, slots=True)
class Record:
    """What CQL sees of one requested item.

    bundle: a FHIR Bundle: the beneficiary Patient (the only Patient), the Claim narrowed to the item, its order, the
        focal Coverage, the cleaned QuestionnaireResponse, and this patient's clinical resources. Every resource has
        an id; every reference within the bundle is relative (`Type/id`).
    urls: `Type/id` in the record -> fullUrl in the request.
    service_date: the item's first service day; request_date: the day the claim was made.
    """

    bundle: Resource
    urls: Mapping[str, str]
    service_date: date | None
    request_date: date


class Engine(Protocol):
    name: str

    def evaluate(self, library: str, bundle: Resource, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The results of every define of `name|version`, by define name; raises EngineError."""
        ...


def judge(edition: Edition, record: Record, engine: Engine) -> Decision:
    """Decides one item. An engine error becomes a finding that a person must look at; it never raises."""
    raise NotImplementedError
