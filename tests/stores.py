"""Stand-ins for the store where a test is not about the store."""

from typing import Any


class NoStore:
    """A store that must not be touched."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"this test does not expect the store to be asked for {name}")
