"""`python -m tests.mutations [REQUESTS] [--seconds S] [--seed N]`: mutated requests over every endpoint.

Two clients send them to a server of its own, with authentication on. Exit 1 for an answer of 5xx, one with what
belongs to the other client, or memory that grows. Each such request is kept in build/mutations/.
"""

import argparse
import http.client
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

import httpx

from server.demo.serving import serving
from server.pages.examples import example_files, read_examples
from server.settings import ROOT
from tests.bench.process import memory_mb
from tests.clients import CLINIC, OTHER, System, ec_key, plan_with
from tests.mutations.party import Party
from tests.mutations.spoilt import Sent, spoilt

_KEPT = ROOT / "build" / "mutations"
_PLENTY = "per_minute = 100000000"
_THREADS = 2  # for each client
_SAMPLES = 20
_GROWTH = 1.15
"""How much memory may grow over the second half of a run; the first half fills caches."""


@dataclass
class Run:
    """What has been sent and found so far."""

    wanted: int
    until: float
    sent: int = 0
    told: int = 0
    """Answers that hold what is the sender's own: where nobody is told that, its absence shows nothing."""
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> int | None:
        with self.lock:
            if self.sent >= self.wanted or monotonic() > self.until:
                return None
            self.sent += 1
            return self.sent

    def keep(self, why: str, number: int, sent: Sent, answer: bytes) -> None:
        """For whoever mends it."""
        with self.lock:
            self.wrong.append(f"{number}: {why}: {sent.method} {sent.path[:150]}")
            if len(self.wrong) <= 50:
                _KEPT.mkdir(parents=True, exist_ok=True)
                said = {"why": why, "method": sent.method, "path": sent.path, "headers": sent.headers}
                (_KEPT / f"{number}.json").write_text(json.dumps(said, indent=1), encoding="utf-8")
                (_KEPT / f"{number}.request").write_bytes(sent.content)
                (_KEPT / f"{number}.answer").write_bytes(answer)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("requests", nargs="?", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop then, however many were sent")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    own = System("own", CLINIC, ec_key("own-1"), more=_PLENTY)
    other = System("other", OTHER, ec_key("other-1"), more=_PLENTY)
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_with(Path(folder), own, other)
        with serving(None, None, authentication="true", plan=str(plan), log_level="error") as server:
            url = httpx.URL(server.base_url)
            examples = read_examples(example_files(ROOT / "cql"))
            parties = [
                Party(s, name, (url.host, url.port or 80), dict(examples))
                for s, name in ((own, "Alphaquist"), (other, "Bravoquist"))
            ]
            run = Run(chosen.requests, monotonic() + chosen.seconds)
            memory = _sent_by(parties, run, chosen.seed, server.process.pid)
            gone = server.process.poll() is not None
    return _report(run, memory, gone=gone)


def _sent_by(parties: list[Party], run: Run, seed: int, pid: int) -> list[float]:
    """Resident memory in MB, sampled while all is sent."""
    goods = [party.good(party.open()) for party in parties]
    pool = sorted(aim for party in parties for aim in party.aims)
    threads = []
    for n, party in enumerate(parties):
        for t in range(_THREADS):
            drawn = _draws(goods[n], pool, f"{seed}/{n}/{t}")
            threads.append(threading.Thread(target=_work, args=(party, parties[1 - n], drawn, run)))
    for thread in threads:
        thread.start()
    memory: list[float] = []
    while any(t.is_alive() for t in threads):
        for thread in threads:
            thread.join(timeout=1)
        found = memory_mb(pid)
        memory += [found[0]] if found else []
    return memory


def _draws(good: list[Sent], pool: list[str], seed: str) -> Iterator[Sent]:
    """The same requests for the same seed."""
    random = Random(seed)
    while True:
        yield spoilt(random.choice(good), pool, random)


def _work(party: Party, other: Party, drawn: Iterator[Sent], run: Run) -> None:
    connection = party.open()
    while (number := run.next()) is not None:
        sent = next(drawn)
        try:
            status, answer = party.send(connection, sent)
        except (http.client.HTTPException, OSError, ValueError):  # refused before it is a request, or hung up on
            connection.close()
            connection = party.open()
            status, answer = 0, b""
        with run.lock:
            run.statuses[status] += 1
            run.told += any(s.encode() in answer for s in party.secrets)
        asked = sent.content + sent.path.encode()
        if status >= 500:
            run.keep(f"answer {status}", number, sent, answer)
            connection.close()  # the server closes it after a fault; the next request opens it again
        elif any(s.encode() in answer and s.encode() not in asked for s in other.secrets):
            run.keep("the other client's data", number, sent, answer)


def _report(run: Run, memory: list[float], *, gone: bool) -> int:
    half = len(memory) // 2
    step = max(1, len(memory) // _SAMPLES)
    before, after = sum(memory[half : half + step]) / step, sum(memory[-step:]) / step
    flat = len(memory) < _SAMPLES or after <= _GROWTH * before
    lines = [f"{run.sent} requests; statuses {dict(sorted(run.statuses.items()))} (0: no answer)"]
    lines += [f"{run.told} answers told of the sender's own data"]
    lines += [f"memory, MB: {', '.join(f'{m:.0f}' for m in memory[::step])}" + ("" if flat else ": it grows")]
    lines += [f"WRONG {line}" for line in run.wrong[:50]]
    lines += ["WRONG the server is gone"] if gone else []
    lines += [f"{len(run.wrong)} wrong; {'they are' if run.wrong else 'any would be'} in {_KEPT.relative_to(ROOT)}/"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if run.wrong or gone or not flat or not run.told else 0


if __name__ == "__main__":
    raise SystemExit(main())
