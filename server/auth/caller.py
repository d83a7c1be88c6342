"""Who asks. Made here alone; every operation is given its caller, and what is stored or told says who asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Protocol

from fastapi import Depends
from starlette.requests import Request

from server.policy.client import Client


class CallerKind(StrEnum):
    LOOPBACK = "loopback"
    """A process on this machine, or the proxy in front: callers are not authenticated."""
    CLIENT = "client"
    """A registered system that has shown who it is."""


@dataclass(frozen=True, slots=True)
class Caller:
    """npis: the organizations whose requests this caller may see; None: those of everybody. client_id: of a client."""

    kind: CallerKind
    npis: frozenset[str] | None = None
    client_id: str = ""

    @property
    def name(self) -> str:
        """What the record and the log call this caller; no patient data."""
        return self.client_id or self.kind.value

    def may_see(self, npis: Iterable[str]) -> bool:
        """Whether a request is this caller's. npis: of the organizations that the request belongs to."""
        return self.npis is None or not self.npis.isdisjoint(npis)


LOOPBACK = Caller(CallerKind.LOOPBACK)


def caller_from(client: Client) -> Caller:
    return Caller(CallerKind.CLIENT, client.npis, client.id)


class Door(Protocol):
    """What every request of a client passes, as `app.state.door`. One is in guard.py."""

    async def caller(self, request: Request) -> Caller:
        """Raises NotAuthenticated, NotPermitted or TooManyRequests."""
        ...


class OpenDoor:
    """Without authentication. The server listens on loopback alone, so there is only one caller."""

    async def caller(self, request: Request) -> Caller:  # noqa: ARG002 - nothing of it is looked at
        return LOOPBACK


async def caller_of(request: Request) -> Caller:
    """The caller of a request."""
    door: Door = request.app.state.door
    return await door.caller(request)


CallerOf = Annotated[Caller, Depends(caller_of)]
