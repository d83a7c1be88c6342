"""HL7's validator as `../shared/validator` serves it; started here when it is not up, and then left running."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from server.fhir.version import Version
from tests.shared_material import SHARED

_CRD, _DTR, _PAS = ("hl7.fhir.us.davinci-crd", "hl7.fhir.us.davinci-dtr", "hl7.fhir.us.davinci-pas")
_CORE = "hl7.fhir.us.core"
_GUIDES = {
    Version.V2_2: [f"{_CRD}#2.2.1", f"{_DTR}#2.2.0", f"{_PAS}#2.2.1"]
    + [f"{_CORE}#{v}" for v in ("3.1.1", "6.1.0", "7.0.0")],
    Version.V2_0: [f"{_CRD}#2.0.1", f"{_DTR}#2.0.1", f"{_PAS}#2.0.1"],
}
_AT_ONCE = 12
_PATIENCE = 300.0  # seconds; the first call with a set of guides loads them


@dataclass(frozen=True, slots=True)
class Resource:
    """One body to validate. profiles: canonicals it is held to beside those it claims itself."""

    name: str
    content: str
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Issue:
    level: str
    location: str
    message: str

    @property
    def is_error(self) -> bool:
        return self.level in {"ERROR", "FATAL"}


class Validator:
    """One validator service at `http://127.0.0.1:3500` unless VALIDATOR_PORT says otherwise."""

    def __init__(self, base_url: str = "http://127.0.0.1:3500") -> None:
        self._http = httpx.Client(base_url=base_url, timeout=_PATIENCE)

    def ensure_running(self, folder: Path = SHARED / "validator") -> None:
        """Raises CalledProcessError when it cannot be installed or started (it needs a JDK 17 and Maven)."""
        if self._is_up():
            return
        tool = [sys.executable, str(folder / "validator")]
        started = subprocess.run([*tool, "start"], check=False, stderr=subprocess.DEVNULL)  # noqa: S603 - fixed words
        if started.returncode or not self._is_up():  # not installed yet
            subprocess.run([*tool, "setup"], check=True)  # noqa: S603 - our own tool, fixed words
            subprocess.run([*tool, "start"], check=True)  # noqa: S603

    def _is_up(self) -> bool:
        try:
            return self._http.get("/healthz", timeout=5).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def validate(self, version: Version, resources: Sequence[Resource]) -> list[list[Issue]]:
        """The issues of each resource, in order, by the guides of a version."""
        found: list[list[Issue] | None] = [None] * len(resources)
        for profiles in dict.fromkeys(r.profiles for r in resources):
            numbers = [n for n, r in enumerate(resources) if r.profiles == profiles]
            for start in range(0, len(numbers), _AT_ONCE):
                some = numbers[start : start + _AT_ONCE]
                for number, issues in zip(
                    some, self._ask(version, profiles, [resources[n] for n in some]), strict=True
                ):
                    found[number] = issues
        return [issues for issues in found if issues is not None]

    def _ask(self, version: Version, profiles: tuple[str, ...], resources: Sequence[Resource]) -> list[list[Issue]]:
        request = {
            "validationContext": {"igs": _GUIDES[version], "profiles": list(profiles)},
            "filesToValidate": [{"fileName": r.name, "fileContent": r.content, "fileType": "json"} for r in resources],
        }
        answer = self._http.post("/validate", content=json.dumps(request)).raise_for_status().json()
        return [
            [Issue(i["level"], i.get("location") or "", i.get("message") or "") for i in outcome["issues"]]
            for outcome in answer["outcomes"]
        ]
