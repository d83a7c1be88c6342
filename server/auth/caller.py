"""Who asks. Made here alone; every operation is given its caller, and what is stored or told says who asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends


class CallerKind(StrEnum):
    LOOPBACK = "loopback"
    """A process on this machine, or the proxy in front: callers are not authenticated yet."""


@dataclass(frozen=True, slots=True)
class Caller:
    """npis: the organizations whose requests this caller may see; None: those of everybody."""

    kind: CallerKind
    npis: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """What the record and the log call this caller; no patient data."""
        return self.kind.value

    def may_see(self, npis: Iterable[str]) -> bool:
        """Whether a request is this caller's. npis: of the organizations that the request belongs to."""
        return self.npis is None or not self.npis.isdisjoint(npis)


LOOPBACK = Caller(CallerKind.LOOPBACK)


async def caller_of() -> Caller:
    """The caller of a request. The server listens on loopback alone, so there is only one."""
    return LOOPBACK


CallerOf = Annotated[Caller, Depends(caller_of)]
