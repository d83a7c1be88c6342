"""An audit row as a FHIR R4 AuditEvent: who did what to which ClaimResponse, and when. No patient data: ids only."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from server.fhir.read import Resource
from server.store.chain import AuditRow

_HL7 = "http://terminology.hl7.org/CodeSystem"
_LIFE_CYCLE = f"{_HL7}/iso-21089-lifecycle"
_INTERACTION = "http://hl7.org/fhir/restful-interaction"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_NPI = "http://hl7.org/fhir/sid/us-npi"
_CASE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NPI_FORM = re.compile(r"[0-9]{10}")

_TYPES: dict[str, tuple[Resource, str]] = {
    "read": ({"system": _LIFE_CYCLE, "code": "access", "display": "Access/View Record Lifecycle Event"}, "R"),
    "decision": (
        {"system": _LIFE_CYCLE, "code": "originate", "display": "Originate/Retain Record Lifecycle Event"},
        "C",
    ),
    "change": ({"system": _LIFE_CYCLE, "code": "amend", "display": "Amend (Update) Record Lifecycle Event"}, "U"),
}
_OTHER: tuple[Resource, str] = (
    {"system": _DICOM, "code": "110100", "display": "Application Activity"},
    "E",
)
_INTERACTIONS = {"read": "read", "explain": "operation", "inquiry": "operation"}
_OPENING_FACTS = 2
"""The facts of a case after its first decision: received, decided."""
_DECIDED = "decided-by-machine"
"""fact_json's word for what the machine decides; a row of a first answer does not say it."""


def audit_event(row: AuditRow, site: str) -> Resource:
    """The AuditEvent of a row; its id is `chain-number`. site: the base URL of the server that wrote the record.

    An event that is not known here, say a sign-in, is an Application Activity with the event's name as its subtype.
    """
    detail: dict[str, Any] = orjson.loads(row.detail)
    kind, action = _TYPES.get("change" if _is_later(row, detail) else row.event, _OTHER)
    return {
        "resourceType": "AuditEvent",
        "id": f"{row.chain}-{row.number}",
        "type": kind,
        "subtype": [_subtype(row, detail, site)],
        "action": action,
        "recorded": row.at.isoformat().replace("+00:00", "Z"),
        "outcome": "0",
        "agent": list(_agents(row, detail)),
        "source": {
            "site": site,
            "observer": {"display": "Vitruvian"},
            "type": [{"system": f"{_HL7}/security-source-type", "code": "4", "display": "Application Server"}],
        },
        "entity": [_entity(row, detail)],
    }


def _is_later(row: AuditRow, detail: dict[str, Any]) -> bool:
    """Whether a row tells of a change of a case that had an answer."""
    return bool(row.event == "decision" and detail.get("facts", 0) > _OPENING_FACTS)


def _subtype(row: AuditRow, detail: dict[str, Any], site: str) -> Resource:
    interaction = _INTERACTIONS.get(str(detail.get("by"))) if row.event == "read" else None
    if interaction:
        return {"system": _INTERACTION, "code": interaction, "display": interaction}
    return {"system": f"{site}/audit-event", "code": _code(row.event), "display": row.event}


def _code(name: str) -> str:
    """A FHIR code of a name: no space at its ends, none twice within."""
    return " ".join(name.split()) or "unknown"


def _agents(row: AuditRow, detail: dict[str, Any]) -> Iterator[Resource]:
    """Who asked; and the machine, where it decided."""
    npi = str(detail.get("npi", ""))
    who = str(detail.get("reviewer") or npi or detail.get("caller") or row.subject or "unknown")
    asked: Resource = {"altId": who, "requestor": True}
    if _NPI_FORM.fullmatch(npi):
        asked["who"] = {"identifier": {"system": _NPI, "value": npi}}
    if "role" in detail:
        asked["role"] = [{"text": str(detail["role"])}]
    yield asked
    if row.event == "decision" and _DECIDED in detail.get("did", () if _is_later(row, detail) else [_DECIDED]):
        yield {"who": {"display": "Vitruvian"}, "name": "the machine, which decided", "requestor": False}


def _entity(row: AuditRow, detail: dict[str, Any]) -> Resource:
    """The case, by the id of its ClaimResponse, or else the name of what was acted on; and what the row says of it."""
    said = {"hash": row.hash, **{k: v for k, v in detail.items() if k not in ("caller", "reviewer", "npi", "role")}}
    entity: Resource = {
        "detail": [
            {"type": name, "valueString": v if isinstance(v, str) else orjson.dumps(v).decode()}
            for name, v in said.items()
            if v != ""
        ]
    }
    if not _CASE.fullmatch(row.subject):
        return {"name": row.subject or "unknown", **entity}
    return {
        "what": {"reference": f"ClaimResponse/{row.subject}"},
        "type": {"system": f"{_HL7}/audit-entity-type", "code": "2", "display": "System Object"},
        "role": {"system": f"{_HL7}/object-role", "code": "4", "display": "Domain Resource"},
        **entity,
    }
