"""A running desk: the demo plan's reviewers, an engine that says what a test wants, a clock that a test moves."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from server.policy.library import PolicyLibrary
from server.policy.model import State
from tests.requests.world import LIBRARY, SayingEngine
from tests.review.signing_in import Browser, submitted
from tests.serving import serving, sqlite_url

_serial = count(1)
NURSE, PHYSICIAN, ASK = {"DOSE": State.REVIEW}, {"DOSE": State.UNMET}, {"DOSE": State.UNKNOWN}


@dataclass
class Desk:
    base_url: str
    database_url: str
    engine: SayingEngine
    now: datetime = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    browsers: dict[str, Browser] = field(default_factory=dict)

    def case(self, states: dict[str, State] = NURSE, **bundle: object) -> str:
        self.engine.states = dict.fromkeys(range(1, 9), states)
        return submitted(self.base_url, f"desk-{next(_serial)}", **bundle)

    def as_(self, login: str) -> Browser:
        """A browser of this reviewer, signed in once for the module."""
        if login not in self.browsers:
            self.browsers[login] = Browser(self.base_url, login)
        return self.browsers[login]

    def pass_(self, time: timedelta) -> None:
        self.now += time


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    engine, url = SayingEngine(), sqlite_url(tmp_path_factory.mktemp("desk"))
    made = Desk("", url, engine)
    policies = PolicyLibrary(LIBRARY.policies, {}, {})  # its CQL is never run, nor sent
    with serving(url, policies=policies, engine=engine, clock=lambda: made.now) as base_url:
        made.base_url = base_url
        yield made
        for browser in made.browsers.values():
            browser.http.close()
