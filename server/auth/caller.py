"""Who calls."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class CallerKind(StrEnum):
    LOOPBACK = "loopback"


@dataclass(frozen=True, slots=True)
class Caller:
    kind: CallerKind
    npis: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.kind.value

    def may_see(self, npis: Iterable[str]) -> bool:
        return self.kind is CallerKind.LOOPBACK or not self.npis.isdisjoint(npis)


LOOPBACK = Caller(CallerKind.LOOPBACK)
