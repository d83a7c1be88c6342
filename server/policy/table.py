"""TOML read key by key: what is missing, mistyped or unknown becomes a problem, all at once."""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from server.errors import PolicyProblem


def read_toml(
    file: Path, problems: list[PolicyProblem], *, unreadable: str, absent: str | None = None
) -> dict[str, Any] | None:
    """The table a file holds; None, and one problem, when it is none.

    unreadable: the remedy for a file that cannot be read; absent: what to say instead of one that is not there.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        missing = absent if isinstance(error, FileNotFoundError) else None
        problems.append(PolicyProblem(str(file), "", missing or f"cannot be read ({error.strerror}); {unreadable}"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(PolicyProblem(str(file), "", f"is not TOML in UTF-8: {error}"))
    return None


class Table:
    """`place` is where the table stands in its file, for messages; `problems` collects."""

    def __init__(self, raw: Mapping[str, Any], file: str, place: str, problems: list[PolicyProblem]) -> None:
        self._raw = raw
        self._file = file
        self._place = place
        self._problems = problems
        self._read: set[str] = set()

    def problem(self, key: str, text: str) -> None:
        place = ".".join(p for p in (self._place, key) if p)
        self._problems.append(PolicyProblem(self._file, place, text))

    def text(self, key: str) -> str:
        """A required non-empty string."""
        found = self._take(key)
        if isinstance(found, str) and found.strip():
            return found.strip()
        self.problem(key, "is missing; give a text" if found is None else "must be a text that is not empty")
        return ""

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if key in self._raw else None

    def has(self, key: str) -> bool:
        return key in self._raw

    def texts(self, key: str, *, required: bool) -> tuple[str, ...]:
        found = self._take(key)
        if found is None and not required:
            return ()
        if isinstance(found, list) and found and all(isinstance(x, str) and x for x in found):
            return tuple(found)
        self.problem(key, "must be a list of texts" + (" with at least one" if required else ""))
        return ()

    def date(self, key: str) -> date | None:
        found = self._take(key)
        if isinstance(found, date) and not isinstance(found, datetime):
            return found
        self.problem(key, "must be a date, written 2024-01-18 without quotes")
        return None

    def positive(self, key: str, most: int | None = None) -> int:
        found = self._take(key)
        if isinstance(found, int) and not isinstance(found, bool) and 0 < found <= (most or found):
            return found
        self.problem(key, "must be a whole number above 0" + (f", and at most {most}" if most else ""))
        return 1

    def flag(self, key: str) -> bool:
        """An optional true or false; false when absent."""
        found = self._take(key)
        if found is not None and not isinstance(found, bool):
            self.problem(key, "must be true or false, without quotes")
        return found is True

    def table(self, key: str) -> "Table":
        found = self._take(key)
        if not isinstance(found, dict):
            self.problem(key, f"is missing; add a table [{key}]")
            found = {}
        return Table(found, self._file, f"{self._place}.{key}" if self._place else key, self._problems)

    def optional_table(self, key: str) -> dict[str, Any]:
        found = self._take(key)
        if found is None:
            return {}
        if isinstance(found, dict):
            return found
        self.problem(key, "must be a table")
        return {}

    def tables(self, key: str) -> list["Table"]:
        """A required list of tables; each knows its number or id for messages."""
        found = self._take(key)
        if not isinstance(found, list) or not found or not all(isinstance(t, dict) for t in found):
            self.problem(key, f"is missing; add at least one [[{key}]]")
            return []
        where = f"{self._place}.{key}" if self._place else key
        return [
            Table(t, self._file, f"{where} {t.get('id') or t.get('version') or n}", self._problems)
            for n, t in enumerate(found, 1)
        ]

    def no_more(self) -> None:
        """Every key that nobody read is a typing error someone should hear of."""
        for key in self._raw:
            if key not in self._read:
                self.problem(key, "is not a key that is read here; see cql/README.md")

    def _take(self, key: str) -> Any:
        self._read.add(key)
        return self._raw.get(key)
