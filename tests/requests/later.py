"""What a sender sends after a request: updates of it, and attachments to it."""

import itertools
from copy import deepcopy
from typing import Any

from tests.requests.bundle import CLINIC, EHR, MEMBER, a_bundle, claim_of, resources

Json = dict[str, Any]
DOCUMENT: Json = {
    "resourceType": "DocumentReference",
    "id": "letter",
    "status": "current",
    "subject": {"reference": "Patient/patient"},
    "content": [{"attachment": {"contentType": "text/plain", "data": "aGVsbG8="}}],
}
_serial = itertools.count(2)


def an_update(prior: Json, *items: Json, drug: Any = None, enclosed: bool = True) -> Json:
    """An update of a request: its items, or these, under a Claim of its own that names the prior one."""
    if items:
        body = a_bundle(*items, **({"drug": drug} if drug else {}))
        for name in ("Patient", "Coverage"):
            resources(body, name)[0].update(resources(prior, name)[0])
    else:
        body = deepcopy(prior)
    n = next(_serial)
    body["identifier"]["value"] = f"update-{n}"
    body["entry"][0]["fullUrl"] = f"{EHR}/Claim/update-{n}"
    claim = claim_of(body)
    claim.update(id=f"update-{n}", related=[{"claim": {"reference": prior["entry"][0]["fullUrl"]}}])
    body["entry"] = [e for n, e in enumerate(body["entry"]) if not n or e["resource"]["resourceType"] != "Claim"]
    if enclosed:
        body["entry"].append(deepcopy(prior["entry"][0]))
    return body


def an_attachment(tracking: str, *documents: Json, **changes: str) -> Json:
    """A `$submit-attachment` body. changes: of the parameters AttachTo, MemberId and ProviderId."""
    values = {"AttachTo": "preauthorization", "MemberId": MEMBER, "ProviderId": CLINIC, **changes}
    coded = {"AttachTo": "valueCode"}
    identified = [
        {"name": k, coded[k]: v} if k in coded else {"name": k, "valueIdentifier": {"value": v}}
        for k, v in {"TrackingId": tracking, **values}.items()
    ]
    attached = [{"name": "Attachment", "part": [{"name": "Content", "resource": d}]} for d in documents or (DOCUMENT,)]
    return {"resourceType": "Parameters", "parameter": [*identified, *attached]}
