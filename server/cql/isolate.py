"""One V8 isolate with the engine's script, the libraries and the value sets loaded into it."""

from contextlib import suppress
from typing import Any

import orjson
from py_mini_racer import DEFAULT_V8_FLAGS, JSEvalException, JSTimeoutException, MiniRacer, init_mini_racer

from server.errors import EngineError

CLOSE_SECONDS = 5.0
# New objects get 4 MB a half-space instead of 16: two isolates need 100 MB less and pause for less time, and the
# median evaluation takes as long as before
V8_FLAGS = (*DEFAULT_V8_FLAGS, "--max-semi-space-size=4")


class CqlError(EngineError):
    """An evaluation that failed. Its text names the place in the CQL and holds nothing of the record.

    detail: what the engine said. It may quote the record, so it must reach neither a log nor an answer.
    broken: whether the isolate must not be used again. why: one word for the metrics.
    """

    def __init__(self, text: str, *, detail: str = "", broken: bool = False, why: str = "failed") -> None:
        self.detail = detail
        self.broken = broken
        self.why = why
        super().__init__(text)


class Isolate:
    """Serves one evaluation at a time, from any thread that runs no event loop. It takes 60 MB, and 0.2 s to start."""

    def __init__(self, script: str, program: str, memory_mb: int) -> None:
        init_mini_racer(flags=V8_FLAGS, ignore_duplicate_init=True)
        self._context = MiniRacer()
        try:
            self._context.set_hard_memory_limit(memory_mb * 2**20)
            self._context.eval(script)
            load: Any = self._context.eval("load")
            load(program)
            self._evaluate: Any = self._context.eval("evaluate")
        except JSEvalException as error:
            self._context.close()
            # only as detail: the text of a JavaScript exception quotes its source line, here the minified bundle
            raise CqlError(f"the CQL engine did not start: {type(error).__name__}", detail=str(error)[:500]) from None

    def evaluate(self, request: bytes, timeout_seconds: float) -> list[dict[str, Any] | CqlError]:
        """The answer to each run of one request of engine.entry.js: its values, or what failed in it.

        Raises CqlError when the call as a whole failed: time, memory, or the engine itself.
        """
        try:
            answer = self._evaluate(request.decode(), timeout_sec=timeout_seconds)
        except JSTimeoutException:
            raise CqlError(
                f"CQL took more than {timeout_seconds:g} s and was stopped", broken=True, why="time-out"
            ) from None
        except JSEvalException as error:
            # V8 rarely says that it stopped for want of memory, so it is asked
            if self._context.was_hard_memory_limit_reached():
                raise CqlError("CQL took more memory than it may and was stopped", broken=True, why="memory") from None
            raise CqlError("the CQL engine failed", detail=str(error)[:500], broken=True) from None
        return [_failed(found["error"]) if "error" in found else found["values"] for found in orjson.loads(answer)]

    def close(self) -> None:
        """Frees the isolate. Python 3.13 does not exit while one is open."""
        # V8 reports the end of a stopped evaluation late, to a listener that must still exist. This evaluation
        # is queued behind that report, so when it returns the report has been made
        with suppress(JSEvalException):
            self._context.eval("0", timeout_sec=CLOSE_SECONDS)
        self._context.close()


def _failed(failure: dict[str, str]) -> CqlError:
    where = f" in {failure['place']}" if failure["place"] else ""
    return CqlError(f"CQL failed{where}: {failure['kind']}", detail=failure["detail"])
