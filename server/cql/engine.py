"""Runs CQL inside the process: cql-execution evaluates ELM in a pool of V8 isolates, each one evaluation at a time."""

import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from server.cql.elm import elm_of
from server.cql.isolate import CqlError, Isolate
from server.cql.model import CqlLibrary, ValueSet
from server.cql.program import load_request, programs_of
from server.cql.retrieves import relevant
from server.errors import EngineError
from server.fhir.read import Resource
from server.meter import ENGINE_FAILURES, engine_began

START_SECONDS = 30.0  # how long an evaluation waits for a free isolate; the start of an isolate counts
REQUEST_DATE = "Request Date"
_CLOSED = "the CQL engine is closed"


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation among several over a shared record: the resources of its own, and its CQL parameters."""

    resources: Sequence[Resource]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A define to work out, where another of the library is true; None: in any case."""

    define: str
    where: str | None = None


class CqlEngine:
    """Implements decision.judge.Engine. Thread-safe; call from worker threads, V8 runs without the GIL.

    Create it after a fork, because an isolate does not survive one. The isolates start in the background, one after the
    other; the first evaluation waits for the first of them. Call `close()` when done.
    """

    def __init__(  # noqa: PLR0913 - what an engine is made of
        self,
        script: str,
        libraries: Iterable[CqlLibrary],
        value_sets: Iterable[ValueSet],
        *,
        isolates: int,
        timeout_seconds: float,
        memory_mb: int,
    ) -> None:
        """Takes the text of build/cql-engine.js, the libraries with all that they include, and the value sets."""
        elms = {library.key: elm_of(library) for library in libraries}
        value_sets = tuple(value_sets)
        self.name = _name(script)
        self._script = script
        self._load = load_request(elms.values(), value_sets)
        self._programs = programs_of(elms, value_sets)
        self._timeout_seconds = timeout_seconds
        self._memory_mb = memory_mb
        # last in, first out: under light load the isolate whose code is compiled already answers
        self._free: queue.LifoQueue[Isolate | CqlError] = queue.LifoQueue()
        self._isolates = isolates
        self._closed = False
        self._starter = ThreadPoolExecutor(1, "cql-isolate")
        for _ in range(isolates):
            self._starter.submit(self._start)

    def evaluate(self, library: str, bundle: Resource, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The value of every define of `name|version` over a Bundle with one Patient, by define name; see run_each.

        Raises EngineError (CqlError) for everything that keeps it from an answer.
        """
        (found,) = self.run_each(library, bundle, [Run((), parameters)])
        if isinstance(found, EngineError):
            raise found
        return found

    def run_each(
        self, library: str, shared: Resource, runs: Sequence[Run], asked: Sequence[Asked] | None = None
    ) -> Sequence[dict[str, Any] | EngineError]:
        """The values of defines of `name|version` for each run, by define name, or what kept it from an answer.

        shared: a Bundle with one Patient, which every run sees beside the resources of its own; it is read once.
        asked: which defines; None: every one. A condition has its value among the others; a define whose condition
        is not true has none.
        Values are null, booleans, numbers, strings, lists and objects; dates are ISO strings, a code is `{code, system,
        display}`, a quantity `{value, unit}`, a resource `{reference}`. Parameters that the library does not declare
        are ignored; those it declares and that are not given have their default, else null. Now() is midnight UTC of
        the parameter "Request Date", so that the same record gives the same answer on another day.

        Raises EngineError (CqlError) when all runs failed together: no such library, a time-out, memory, or an engine
        that did not start. The time-out is one for all of them.
        """
        program = self._programs.get(library)
        if program is None:
            raise CqlError(f"no CQL library {library} is loaded")
        request = orjson.dumps(
            {
                "library": library,
                "asked": asked,
                "shared": {"resourceType": "Bundle", "entry": relevant(shared, program.wanted)},
                "runs": [
                    {
                        "own": {"entry": relevant(_bundle(run.resources), program.wanted)},
                        "now": _now(run.parameters.get(REQUEST_DATE)),
                        "parameters": program.parameters(run.parameters),
                    }
                    for run in runs
                ],
            }
        )
        return self._run(request)

    def wait(self) -> None:
        """Returns when the first isolate has started; raises CqlError when it did not."""
        self._free.put(self._take())

    @property
    def closed(self) -> bool:
        return self._closed

    def _run(self, request: bytes) -> list[dict[str, Any] | CqlError]:
        try:
            return self._evaluated(request)
        except CqlError as error:
            ENGINE_FAILURES.labels(error.why).inc()
            raise

    def _evaluated(self, request: bytes) -> list[dict[str, Any] | CqlError]:
        isolate = self._take()
        stop = engine_began()
        broken = True  # until the isolate answers, or tells what failed
        try:
            found = isolate.evaluate(request, self._timeout_seconds)
            broken = False
        except CqlError as error:
            broken = error.broken
            raise
        finally:
            stop()
            if broken:
                self._replace(isolate)
            else:
                self._free.put(isolate)
        return found

    def _take(self) -> Isolate:
        if self._closed:
            raise CqlError(_CLOSED)
        try:
            found = self._free.get(timeout=START_SECONDS)
        except queue.Empty:
            raise CqlError("no CQL engine was free in time", why="busy") from None
        if self._closed:  # while this waited
            self._free.put(found)
            raise CqlError(_CLOSED)
        if isinstance(found, Isolate):
            return found
        self._submit(self._start)  # another isolate may start for the next evaluation
        raise found

    def _start(self) -> None:
        try:
            self._free.put(Isolate(self._script, self._load, self._memory_mb))
        except CqlError as error:
            self._free.put(error)

    def _replace(self, isolate: Isolate) -> None:
        """Closes an isolate that ran out of time or memory, and starts another: its state is no longer certain."""
        self._submit(self._start)
        self._submit(isolate.close)

    def _submit(self, task: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            self._starter.submit(task)

    def close(self) -> None:
        """Closes every isolate, once the evaluations that run have ended. Safe to call twice."""
        self._closed = True
        self._starter.shutdown(wait=True)
        for _ in range(self._isolates):
            try:
                found = self._free.get(timeout=self._timeout_seconds + 1)
            except queue.Empty:
                return
            if isinstance(found, Isolate):
                found.close()
        self._isolates = 0
        self._free.put(CqlError(_CLOSED))  # for whoever waits for an isolate still


def _name(script: str) -> str:
    """The engine's name as decisions record it: the release that build.mjs wrote on the first line of the script."""
    first = script.partition("\n")[0]
    return first.removeprefix("// ") if first.startswith("// cql-execution ") else "cql-execution"


def _bundle(resources: Sequence[Resource]) -> Resource:
    return {"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]}


def _now(day: Any) -> str | None:
    return f"{day}T00:00:00.000+00:00" if day else None
