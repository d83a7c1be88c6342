"""The EHR of a call: where its FHIR server is, and the token that opens it. The token is used in this call alone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Ehr:
    """base: without a trailing slash; it is not checked yet. token: never in a log, the record or an answer."""

    base: str
    token: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


def ehr_of(body: Mapping[str, Any]) -> Ehr | None:
    """The EHR that a call names in `fhirServer` and `fhirAuthorization` (crd C-38, C-39); None for none that is usable.

    A token that could not stand in a header counts as none.
    """
    base = body.get("fhirServer")
    if not isinstance(base, str) or not base.strip() or len(base) > _LONGEST or "?" in base or "#" in base:
        return None
    access = body.get("fhirAuthorization")
    token = access.get("access_token") if isinstance(access, dict) else None
    usable = isinstance(token, str) and _TOKEN.fullmatch(token) is not None
    return Ehr(base.strip().rstrip("/"), token if usable else None)
