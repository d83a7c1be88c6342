"""What the pages of the review desk work with, made once."""

from dataclasses import dataclass
from pathlib import Path

from server.policy.desk import DeskRules
from server.store.desk_port import Desk
from server.world import World


@dataclass(frozen=True, slots=True)
class ReviewDesk:
    """demo: whether made-up reviewers may sign in, with passwords that the sign-in page shows.

    script: htmx; None where it is not built.
    """

    world: World
    demo: bool = False
    script: bytes | None = None

    @classmethod
    def of(cls, world: World, script: Path, *, demo: bool = False) -> "ReviewDesk":
        return cls(world, demo, script.read_bytes() if script.is_file() else None)

    @property
    def rules(self) -> DeskRules:
        return self.world.plan.desk

    @property
    def record(self) -> Desk:
        return self.world.store.desk
