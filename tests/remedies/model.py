"""A remedy as its words are followed: piece by piece, each with what a provider then sends."""

from collections.abc import Callable
from dataclasses import dataclass

from server.policy.model import Criterion, State
from tests.spoilings.model import Json

Follow = Callable[[Json], None]


@dataclass(frozen=True, slots=True)
class Part:
    """Some words of a remedy, and what is sent by who follows them and nothing else.

    send: changes the request as the words say; None where they tell what a person does. becomes: the state after it.
    where: words of the finding's reason; the request is one whose reason holds them. made: changes that request before
    it is judged, where no worked case shows what the words are about.
    """

    words: str
    send: Follow | None = None
    becomes: State = State.MET
    where: str = ""
    made: Follow | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """All words of the remedy of one state. of: a criterion, or the define that several are judged by."""

    of: str
    state: State
    parts: tuple[Part, ...]

    @property
    def words(self) -> str:
        return "".join(p.words for p in self.parts)

    def is_of(self, criterion: Criterion) -> bool:
        return self.of in (criterion.id, criterion.define)


def remedy(of: str, state: State, *parts: Part) -> Remedy:
    return Remedy(of, state, parts)
