"""One session with Inferno over its API: inputs in, a result for each test out."""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx

Json = dict[str, Any]
_STUMBLED = re.compile(r"SQLite3::BusyException|Unable to connect to validator")
_POLL_SECONDS = 0.5
_RUN_SECONDS = 900.0
_WAIT_SECONDS = 60.0
"""How long a test may wait for something that the server, or a person, has to do; Inferno's own part takes seconds."""
_LINK = re.compile(r"\((http[^)\s]*)\)")


@dataclass(frozen=True, slots=True)
class Result:
    """One test. verdict: pass, fail, skip, omit or not run; said: all that Inferno said about it."""

    id: str
    number: str
    title: str
    optional: bool
    verdict: str
    said: str = ""

    @property
    def is_inferno_s_own(self) -> bool:
        """Whether Inferno itself stumbled: its database was busy, or the validator out of reach for a moment."""
        return self.verdict != "pass" and _STUMBLED.search(self.said) is not None


class Session:
    """Opened for one suite; a context manager that closes the connection."""

    def __init__(self, base_url: str, suite_id: str) -> None:
        """Opens a session of the suite. Raises httpx.HTTPError when Inferno does not answer."""
        self._http = httpx.Client(base_url=f"{base_url}/api", timeout=120)
        session = self._call("POST", "/test_sessions", {"test_suite_id": suite_id})
        self._id: str = session["id"]
        self.suite: Json = session["test_suite"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def run(self, inputs: Mapping[str, Any], groups: Sequence[str] = ()) -> list[Result]:
        """Runs the suite, or some of its groups one after the other, and gives the results in the suite's order.

        groups: number (`3.1`), id, or the end of an id. Raises KeyError for a group that is not there, ValueError
        for an input that the suite does not have.
        """
        given = {i["name"]: i["default"] for i in self.suite["inputs"] if i.get("default")} | dict(inputs)
        if unknown := given.keys() - {i["name"] for i in self.suite["inputs"]}:
            raise ValueError(f"{self.suite['id']} has no input {', '.join(sorted(unknown))}")
        values = [{"name": n, "value": v if isinstance(v, str) else json.dumps(v)} for n, v in given.items()]
        targets = [("test_group_id", self._group(g)["id"]) for g in groups] or [("test_suite_id", self.suite["id"])]
        for kind, target in targets:
            started = self._call("POST", "/test_runs", {"test_session_id": self._id, kind: target, "inputs": values})
            self._wait(started["id"])
        results = self._results()
        return [r for r in results if r.verdict != "not run"] if groups else list(results)

    def _group(self, name: str) -> Json:
        groups = [node for node in _nodes(self.suite) if "tests" in node]
        for matches in (
            [g for g in groups if name in (g["id"], g["short_id"])],
            [g for g in groups if g["id"].endswith(f"-{name}")],
        ):
            if matches:
                return matches[0]
        raise KeyError(f"{self.suite['id']} has no group {name}")

    def _wait(self, run_id: str) -> None:
        """Until the run ends, with the clicks that a tester would make."""
        began = waiting_since = time.monotonic()
        while time.monotonic() - began < _RUN_SECONDS:
            status = self._call("GET", f"/test_runs/{run_id}")["status"]
            if status in ("done", "cancelled"):
                return
            if status != "waiting" or self._carry_on(run_id, patience=_WAIT_SECONDS - time.monotonic() + waiting_since):
                waiting_since = time.monotonic()
            time.sleep(_POLL_SECONDS)
        raise TimeoutError(f"{self.suite['id']} ran for {_RUN_SECONDS:.0f} s; look at its session {self._id}")

    def _carry_on(self, run_id: str, patience: float) -> bool:
        """Ends the wait of a test to which something has come, or to which nobody came while there was patience.

        By the link that the test offers for it; without one for giving up, the whole run ends here.
        """
        results = self._call("GET", f"/test_runs/{run_id}?include_results=true")["results"]
        waiting: Json = next((r for r in results if r["result"] == "wait" and r.get("test_id")), {})
        links = _LINK.findall(waiting.get("result_message") or "")
        came = any(request["direction"] == "incoming" for request in waiting.get("requests") or ())
        wanted = "pass" if came else "skip|fail" if patience < 0 else None
        if wanted is None:
            return False
        link = next((link for link in links if re.search(wanted, link)), None)
        if link:
            self._http.get(link)  # answers with a redirect to a page
        elif not came:
            self._call("DELETE", f"/test_runs/{run_id}")
        return True

    def _results(self) -> Iterator[Result]:
        found = {r["test_id"]: r for r in self._call("GET", f"/test_sessions/{self._id}/results") if r.get("test_id")}
        for node in _nodes(self.suite):
            if "tests" not in node:
                result = found.get(node["id"])
                verdict = _VERDICTS[result["result"]] if result else "not run"
                said = _said(result) if result else ""
                yield Result(
                    node["id"], node["short_id"], " ".join(node["title"].split()), node["optional"], verdict, said
                )

    def _call(self, method: str, path: str, body: Json | None = None) -> Any:
        answer = self._http.request(method, path, json=body)
        if answer.is_error:
            raise RuntimeError(f"Inferno: {method} {path} answers {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None


_VERDICTS = {
    "pass": "pass",
    "fail": "fail",
    "error": "fail",
    "skip": "skip",
    "omit": "omit",
    "cancel": "not run",
    "wait": "not run",
}


def _nodes(group: Json) -> Iterator[Json]:
    """Every group and test below, in the order of the suite."""
    for child in group.get("test_groups", ()):
        yield child
        yield from _nodes(child)
    yield from group.get("tests", ())


def _said(result: Json) -> str:
    """The verdict's reason, then the errors, then the rest."""
    messages = sorted(result.get("messages") or (), key=lambda m: m["type"] != "error")
    texts = [result.get("result_message") or "", *(f"{m['type']}: {m['message']}" for m in messages)]
    return "\n".join(t for t in texts if t)
