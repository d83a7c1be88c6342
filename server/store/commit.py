"""Runs writes in transactions: one for each write, or, on a database with one writer, one commit for several writes."""

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
    """Runs a function in a transaction. Returns its result, or raises its error, after the commit."""

    def __call__(self, work: Callable[[Connection], _T]) -> _T: ...


def commit_of(engine: Engine) -> Commit:
    """SQLite has one writer and each commit waits for the disk, so writers that wait at one time share a commit."""
    return _Shared(engine) if engine.dialect.name == "sqlite" else _Alone(engine)


class _Alone:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, work: Callable[[Connection], _T]) -> _T:
        with self._engine.begin() as connection:
            return work(connection)


class _Shared:
    """The thread that gets the lock commits the work of every thread waiting for it; those then find their work done.

    Work must have no effect other than its rows: when one of several fails, all are rolled back and each runs again
    alone, so that only the caller whose work fails gets the error.
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
            if not mine.done():  # no other thread has done it, so it is still in the queue
                taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
                self._run([one for one in taken if one[1].set_running_or_notify_cancel()])
        finally:
            self._turn.release()
        return mine.result(timeout=0)

    def _run(self, taken: list[tuple[Callable[[Connection], Any], Future[Any]]]) -> None:
        try:
            results = self._alone(lambda connection: [work(connection) for work, _ in taken])
        except Exception as error:  # noqa: BLE001 - it is raised in the thread whose work failed
            if len(taken) == 1 or isinstance(error, OperationalError):  # a fault of the database, not of one caller
                for _, caller in taken:
                    caller.set_exception(error)
            else:
                for one in taken:
                    self._run([one])
        else:
            for (_, caller), result in zip(taken, results, strict=True):
                caller.set_result(result)
