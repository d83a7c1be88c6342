"""Errors that are a guide's own fault, each with its reason: guide-defects.toml."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from server.fhir.version import Version
from tests.conformance.validator import Issue

FILE = Path(__file__).with_name("guide-defects.toml")


@dataclass(slots=True)
class Defect:
    """message: a pattern found in the validator's message. location: one found in its location, when given."""

    versions: tuple[Version, ...]
    message: re.Pattern[str]
    location: re.Pattern[str]
    reason: str
    used: int = field(default=0)

    def excuses(self, version: Version, issue: Issue) -> bool:
        return (
            version in self.versions
            and self.message.search(issue.message) is not None
            and self.location.search(issue.location) is not None
        )


class Defects:
    def __init__(self, file: Path = FILE) -> None:
        """Raises ValueError for an entry without a reason, KeyError for one without a message or version."""
        raw = tomllib.loads(file.read_text(encoding="utf-8")).get("defect", [])
        self.all = [
            Defect(
                versions=tuple(Version(v) for v in entry["versions"]),
                message=re.compile(entry["message"]),
                location=re.compile(entry.get("location", "")),
                reason=entry["reason"],
            )
            for entry in raw
        ]
        if not all(defect.reason.strip() for defect in self.all):
            raise ValueError(f"{file}: every entry needs its reason")

    def excuse(self, version: Version, issue: Issue) -> bool:
        """True when a listed defect explains the issue; the defect counts its use."""
        for defect in self.all:
            if defect.excuses(version, issue):
                defect.used += 1
                return True
        return False

    @property
    def unused(self) -> list[Defect]:
        return [defect for defect in self.all if not defect.used]
