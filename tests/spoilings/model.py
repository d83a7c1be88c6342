"""A spoiling: one thing changed in an approvable request, after which no careful nurse would approve it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Spoil = Callable[[Json], None]
Fits = Callable[[Json], bool]


def always(_: Json) -> bool:
    """Fits every request."""
    return True


@dataclass(frozen=True, slots=True)
class Spoiling:
    """One row of the table.

    point: the numbered point of the issue that it belongs to. nurse: what a nurse would say of it. spoil: changes a
    copy of the request in place. fits: the requests whose approval rests on what is spoiled. raw: changes the bytes
    that are sent, where JSON itself is what is spoiled.
    """

    name: str
    point: int
    nurse: str
    spoil: Spoil
    fits: Fits = always
    raw: Callable[[bytes], bytes] | None = None


class Table:
    """The spoilings of one file, in the order in which they stand there."""

    def __init__(self, point: int) -> None:
        self.point = point
        self.rows: list[Spoiling] = []

    def row(
        self, nurse: str, *, fits: Fits = always, raw: Callable[[bytes], bytes] | None = None
    ) -> Callable[[Spoil], Spoil]:
        """Adds the function under it, by its name."""

        def add(spoil: Spoil) -> Spoil:
            name = getattr(spoil, "__name__", "").replace("_", " ")
            self.rows.append(Spoiling(name, self.point, nurse, spoil, fits, raw))
            return spoil

        return add

    def rows_of(
        self,
        values: Iterable[tuple[str, Any]],
        nurse: str,
        spoil: Callable[[Json, Any], None],
        *,
        fits: Fits = always,
    ) -> None:
        """One row a value, `name` -> value: the same place spoiled in several ways."""
        for name, value in values:

            def one(bundle: Json, value: Any = value) -> None:
                spoil(bundle, value)

            self.rows.append(Spoiling(name, self.point, nurse, one, fits))
