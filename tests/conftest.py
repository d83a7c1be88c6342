"""Fixtures that every layer may use: empty databases of both kinds."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings

from tests import postgres, redis_server

DATABASES = ("sqlite", "postgresql")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "durability: kills real processes for a minute or more; `make check` runs it")
    settings.register_profile("untimed", deadline=None)  # a busy machine fails no law
    settings.load_profile("untimed")


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Makes an empty database of a kind (`sqlite` or `postgresql`) and returns its URL.

    PostgreSQL is started when the first test asks for it, and stopped with the session. Without its binaries such
    tests skip; on CI they fail.
    """
    with ExitStack() as running:
        started: list[postgres.Cluster] = []

        def make(kind: str) -> str:
            if kind == "sqlite":
                return f"sqlite:///{tmp_path_factory.mktemp('record') / 'record.db'}"
            if not started:
                reason = postgres.missing()
                if reason and os.environ.get("CI"):
                    pytest.fail(reason)
                if reason:
                    pytest.skip(reason)
                started.append(running.enter_context(postgres.cluster()))
            return started[0].database()

        yield make


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """An empty database for one test, once on SQLite and once on PostgreSQL."""
    return new_database(request.param)


@pytest.fixture(scope="module", params=DATABASES)
def module_database_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """An empty database shared by the tests of one module, once on SQLite and once on PostgreSQL."""
    return new_database(request.param)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A running Redis; without its binary such tests skip, and on CI they fail."""
    reason = redis_server.missing()
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with redis_server.redis_server() as url:
        yield url
