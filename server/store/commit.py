"""How writes become transactions: each its own, or, where the database has one writer, several in one commit."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from server.errors import DatabaseGone

MOST_SECONDS = 10.0
"""How long a write waits for those before it; what waits longer is told that the database does not answer."""

_T = TypeVar("_T")


class Commit(Protocol):
    """Runs work in a transaction of the Connection it gets; its result or its error, once that is committed."""

    def __call__(self, work: Callable[[Connection], _T]) -> _T: ...


def commit_of(engine: Engine) -> Commit:
    """On SQLite writers queue anyway, and each commit waits for the disk: those that wait together share one."""
    return _Shared(engine) if engine.dialect.name == "sqlite" else _Alone(engine)


class _Alone:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, work: Callable[[Connection], _T]) -> _T:
        with self._engine.begin() as connection:
            return work(connection)


class _Shared:
    """Whoever gets the turn commits the work of all that wait by then; the others find theirs done.

    Work must leave nothing behind but rows: where one of several fails, all are rolled back and each is run again,
    alone, so that a failure is its caller's and nobody else's.
    """

    def __init__(self, engine: Engine) -> None:
        self._alone = _Alone(engine)
        self._turn = Lock()
        self._waiting: deque[tuple[Callable[[Connection], Any], Future[Any]]] = deque()

    def __call__(self, work: Callable[[Connection], _T]) -> _T:
        mine: Future[_T] = Future()
        self._waiting.append((work, mine))
        if not self._turn.acquire(timeout=MOST_SECONDS):
            if mine.cancel():  # nobody has taken it, and nobody will
                raise DatabaseGone
            try:
                return mine.result(timeout=MOST_SECONDS)
            except TimeoutError:  # it may yet be written; the same request again is answered with it
                raise DatabaseGone from None
        try:
            if not mine.done():  # then it still waits: what is taken from there is done when the turn ends
                taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
                self._run([one for one in taken if one[1].set_running_or_notify_cancel()])
        finally:
            self._turn.release()
        return mine.result(timeout=0)

    def _run(self, taken: list[tuple[Callable[[Connection], Any], Future[Any]]]) -> None:
        try:
            results = self._alone(lambda connection: [work(connection) for work, _ in taken])
        except Exception as error:  # noqa: BLE001 - it is raised again, to whom it belongs
            if len(taken) == 1 or isinstance(error, OperationalError):  # the database itself: no one of them did it
                for _, caller in taken:
                    caller.set_exception(error)
            else:
                for one in taken:
                    self._run([one])
        else:
            for (_, caller), result in zip(taken, results, strict=True):
                caller.set_result(result)
