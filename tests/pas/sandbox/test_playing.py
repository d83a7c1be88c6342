"""The sandbox's reviewers go on deciding, whatever happens."""

import asyncio
from typing import cast

import pytest

from server.pas.sandbox.playing import play
from server.pas.sandbox.scripted import Sandbox


class Enough(BaseException):
    """Ends a test of what goes on for ever."""


def test_a_look_that_fails_is_followed_by_the_next() -> None:
    """A database that is away for a moment ends nothing."""
    looks = iter([RuntimeError(), None, Enough()])

    class Played:
        def settle_due(self) -> None:
            if (found := next(looks)) is not None:
                raise found

    async def run() -> None:
        with pytest.raises(Enough):
            await play(cast("Sandbox", Played()), every=0)

    asyncio.run(run())
    assert list(looks) == []
