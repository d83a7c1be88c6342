"""Writers that wait together share a commit on SQLite; a failure stays with its own caller on every database."""

import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import Connection, Engine, event, insert, select
from sqlalchemy.exc import IntegrityError

from server.store.commit import commit_of
from server.store.connect import Engines, connect
from server.store.schema import mark
from tests.requests.cases import RECEIVED

WRITERS = 8


@pytest.fixture
def engines(database_url: str) -> Iterator[Engines]:
    opened = connect(database_url)
    yield opened
    opened.dispose()


def marking(name: str) -> Callable[[Connection], str]:
    """Work that leaves one row, once: the same name twice breaks a unique key."""

    def work(connection: Connection) -> str:
        connection.execute(insert(mark), {"name": name, "at": RECEIVED})
        return name

    return work


def marks(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(select(mark.c.name)))


def test_a_result_is_given_out_only_after_its_commit(engines: Engines) -> None:
    """Whatever a caller was told is already there for another connection."""
    commit = commit_of(engines.writes)
    names = [str(uuid.uuid4()) for _ in range(40)]

    def write(name: str) -> bool:
        return commit(marking(name)) == name and name in marks(engines.reads)

    with ThreadPoolExecutor(WRITERS) as threads:
        assert all(threads.map(write, names))
    assert marks(engines.reads) == set(names)


def test_a_failure_is_its_callers_alone(engines: Engines) -> None:
    """Of many writers at once, those that fail hear of it, leave nothing, and cost the others nothing."""
    commit = commit_of(engines.writes)
    commit(marking("taken"))

    def write(name: str) -> Exception | None:
        try:
            commit(lambda c: (marking(f"{name}, before it fails")(c) if name == "taken" else "", marking(name)(c)))
        except IntegrityError as error:
            return error
        return None

    names = [str(uuid.uuid4()) if n % 4 else "taken" for n in range(40)]
    with ThreadPoolExecutor(WRITERS) as threads:
        failures = list(threads.map(write, names))
    assert [failure is not None for failure in failures] == [name == "taken" for name in names]
    assert marks(engines.reads) == set(names)


@pytest.fixture
def waiting(new_database: Callable[[str], str]) -> Iterator[tuple[Engines, Callable[..., list[Future[str]]]]]:
    """SQLite engines, and a way to have work wait until all of it does; it gives back what became of each."""
    engines = connect(new_database("sqlite"))
    commit = commit_of(engines.writes)

    def together(*works: Callable[[Connection], str]) -> list[Future[str]]:
        begun = Event()

        def first(_: Connection) -> str:
            begun.set()
            while len(commit._waiting) < len(works):  # type: ignore[attr-defined] # noqa: SLF001 - nothing else tells
                os.sched_yield()
            return "first"

        with ThreadPoolExecutor(len(works) + 1) as threads:
            threads.submit(commit, first)
            assert begun.wait(30)
            return [threads.submit(commit, work) for work in works]

    yield engines, together
    engines.dispose()


def test_those_that_wait_share_one_commit(waiting: tuple[Engines, Callable[..., list[Future[str]]]]) -> None:
    """While one writer commits others queue; one commit serves them all, and each gets its own result."""
    engines, together = waiting
    commits: list[Connection] = []
    event.listen(engines.writes, "commit", commits.append)
    names = [f"writer {n}" for n in range(WRITERS)]
    assert [done.result() for done in together(*map(marking, names))] == names
    assert len(commits) == 2, "the first writer's, and that of all others"
    assert marks(engines.reads) == set(names)


def test_a_failure_in_a_shared_commit_is_its_callers_alone(
    waiting: tuple[Engines, Callable[..., list[Future[str]]]],
) -> None:
    """The others of its commit are committed and told so; it alone leaves nothing and raises."""
    engines, together = waiting

    def failing(connection: Connection) -> str:
        marking("never there")(connection)
        raise LookupError("nothing of that kind")

    names = [f"writer {n}" for n in range(WRITERS)]
    *others, last = together(*map(marking, names), failing)
    assert [done.result() for done in others] == names
    assert isinstance(last.exception(), LookupError)
    assert marks(engines.reads) == set(names)
