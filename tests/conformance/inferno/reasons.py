"""Why a test does not pass: reasons.toml, read and matched."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.inferno.session import Result

FILE = Path(__file__).with_name("reasons.toml")

NOT_BUILT, GUIDE_DEFECT, KIT_DEFECT, NOT_WANTED, NOT_APPLICABLE = KINDS = (
    "not built yet",
    "guide defect",
    "kit defect",
    "not wanted",
    "not applicable",
)
"""not wanted: an optional answer that helps nobody here. not applicable: Inferno itself leaves the test out."""

_DEFECTS = (GUIDE_DEFECT, KIT_DEFECT)


@dataclass(slots=True)
class Reason:
    """test: found in a test's id; says: found in what Inferno said, and obligatory for a defect."""

    test: re.Pattern[str]
    kind: str
    why: str
    says: re.Pattern[str]
    used: int = field(default=0)

    def explains(self, result: Result) -> bool:
        return (
            (result.optional or self.kind != NOT_WANTED)
            and (result.verdict == "omit" or self.kind != NOT_APPLICABLE)
            and self.test.search(result.id) is not None
            and self.says.search(result.said) is not None
        )

    @property
    def excuses(self) -> bool:
        """Whether even a test that must pass may fail for it: the fault is the guide's or the kit's."""
        return self.kind in _DEFECTS


class Reasons:
    def __init__(self, file: Path = FILE) -> None:
        """Raises ValueError that lists every entry that is incomplete."""
        raw = tomllib.loads(file.read_text(encoding="utf-8")).get("reason", [])
        if problems := [text for n, entry in enumerate(raw, 1) for text in _problems(n, entry)]:
            raise ValueError("\n".join(f"{file.name}: {text}" for text in problems))
        self.all = [
            Reason(
                test=re.compile(entry["test"]),
                kind=entry["kind"],
                why=" ".join(entry["why"].split()),
                says=re.compile(entry.get("says", "")),
            )
            for entry in raw
        ]

    def of(self, result: Result) -> Reason | None:
        """The first reason that explains a test that does not pass; it counts its use."""
        for reason in self.all:
            if reason.explains(result):
                reason.used += 1
                return reason
        return None

    @property
    def unused(self) -> Sequence[Reason]:
        return [reason for reason in self.all if not reason.used]


def _problems(number: int, entry: dict[str, str]) -> list[str]:
    place = f"entry {number}"
    found = [f"{place} lacks `{key}`" for key in ("test", "kind", "why") if not str(entry.get(key, "")).strip()]
    if entry.get("kind", NOT_BUILT) not in KINDS:
        found.append(f"{place}: `kind` must be one of {', '.join(KINDS)}")
    if entry.get("kind") in _DEFECTS and not entry.get("says"):
        found.append(f"{place}: a defect needs `says`, the words of Inferno or the validator that show it")
    if extra := entry.keys() - {"test", "kind", "why", "says"}:
        found.append(f"{place}: unknown {', '.join(sorted(extra))}")
    return found
