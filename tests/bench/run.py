"""`make bench`: how fast, how much, and how near the floor, in one run against a real server process.

Prints Markdown. It judges nothing: numbers of different machines are not comparable, so no test depends on them.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from server.demo.requests import Chart
from server.demo.serving import ROOT, Serving, free_port, serving
from server.fhir.read import npis
from tests.bench.desk import decided_and_told
from tests.bench.floors import commit_alone, cql_alone
from tests.bench.load import Call, Load, load
from tests.bench.process import cpu_seconds, memory_mb
from tests.bench.requests import Bodies, charts
from tests.bench.seed import fill
from tests.clients import CLINIC, System, ec_key, plan_with, rsa_key

CLIENTS = (1, 4, 16)
JSON, FHIR_JSON = "application/json", "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    method: str
    path: str
    media: str
    bodies: Callable[[int], Sequence[bytes]]
    sign: Callable[[], str] | None = None

    def call(self, count: int) -> Call:
        tokens = [self.sign() for _ in range(count)] if self.sign else ()
        return Call(self.method, self.path, self.media, self.bodies(count), tokens)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="fewer requests and authorizations")
    quick = arguments.parse_args().quick
    count, sizes = (60, (1_000, 10_000)) if quick else (400, (1_000, 100_000))
    found = list(charts())
    bodies = Bodies(found)
    with tempfile.TemporaryDirectory(prefix="vitruvian-") as folder:
        url = f"sqlite:///{folder}/bench.db"
        with serving(database_url=url) as server, _floor() as floor:
            _heading(server, bodies)
            median = {o.name: _measure(server, floor, o, count) for o in _operations(bodies)}
            _signed(bodies, floor, count)
            _memory(server)
            _parts(bodies, count, median["submit"][0])
            _order_sign(bodies, *median["order-sign"])
            _desk(server, count // 2)
            _print("| inquire, authorizations in the record | p50 ms | p95 ms | p99 ms |")
            _print("| --: | --: | --: | --: |")
            for size in sizes:
                fill(url, size, npis(Chart(found[0]).provider))
                _inquire(server, bodies.inquire(count), size)


def _operations(bodies: Bodies) -> tuple[Operation, ...]:
    fhir = "/fhir/2.2"
    return (
        Operation("discovery", "GET", "/cds-services", JSON, lambda count: [b""] * count),
        Operation("order-sign", "POST", "/cds-services/crd-order-sign", JSON, bodies.order_sign),
        Operation("package", "POST", f"{fhir}/Questionnaire/$questionnaire-package", FHIR_JSON, bodies.package),
        Operation("submit", "POST", f"{fhir}/Claim/$submit", FHIR_JSON, bodies.submit),
        Operation("update", "POST", f"{fhir}/Claim/$submit", FHIR_JSON, bodies.update),
        Operation("inquire", "POST", f"{fhir}/Claim/$inquire", FHIR_JSON, bodies.inquire),
    )


def _signed(bodies: Bodies, floor: str, count: int) -> None:
    """order-sign by callers who sign each call, on a server of its own: the CPU beside that of the row without."""
    with tempfile.TemporaryDirectory(prefix="vitruvian-") as folder:
        systems = [
            System(key.kid, CLINIC, key, more="per_minute = 1000000") for key in (rsa_key("RS384"), ec_key("ES384"))
        ]
        plan = str(plan_with(Path(folder), *systems))
        with serving(database_url=f"sqlite:///{folder}/bench.db", authentication="true", plan=plan) as server:
            for system in systems:
                path = "/cds-services/crd-order-sign"
                sign = partial(system.assertion, server.base_url + path)
                _measure(
                    server,
                    floor,
                    Operation(f"order-sign {system.id}", "POST", path, JSON, bodies.order_sign, sign),
                    count,
                )


def _heading(server: Serving, bodies: Bodies) -> None:
    began = time.perf_counter()
    first = load(server.base_url, Call("POST", "/cds-services/crd-order-sign", JSON, bodies.order_sign(1)), 1)
    if b'"systemActions"' not in first.sample:
        raise RuntimeError(f"the first order-sign was answered without coverage information: {first.sample[:500]!r}")
    cold = server.started_in + time.perf_counter() - began
    _print(f"Python {platform.python_version()}, {platform.machine()}, {_cores()} cores, SQLite; load from here too.\n")
    _print(f"Cold start to the first correct order-sign: {cold:.2f} s.\n")
    _print(
        "| operation | clients | p50 ms | p95 ms | p99 ms | req/s | CPU ms each | floor p50 | floor req/s | p50 ratio |"
    )
    _print("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |")


def _measure(server: Serving, floor: str, operation: Operation, count: int) -> tuple[float, float]:
    """Prints a row for each number of clients; returns the p50 of one client and that of its floor, in milliseconds."""
    warm = load(server.base_url, operation.call(20), 1)
    name = operation.name.replace(" ", "-")
    httpx.put(f"{floor}/{name}", content=warm.sample).raise_for_status()
    medians = []
    for clients in CLIENTS:
        call = operation.call(count)
        before = cpu_seconds(server.process.pid)
        done = load(server.base_url, call, clients)
        after = cpu_seconds(server.process.pid)
        cpu = "n/a" if before is None or after is None else f"{(after - before) / count * 1000:.2f}"
        least = load(floor, Call(call.method, f"/{name}", call.media, call.bodies), clients)
        medians.append((done.percentile(0.5), least.percentile(0.5)))
        _print(
            f"| {operation.name} | {clients} | {_latency(done)} | {done.rate:.0f} | {cpu} "
            f"| {least.percentile(0.5):.2f} | {least.rate:.0f} | {done.percentile(0.5) / least.percentile(0.5):.1f} |"
        )
    return medians[0]


def _latency(done: Load) -> str:
    return " | ".join(f"{done.percentile(share):.2f}" for share in (0.5, 0.95, 0.99))


def _memory(server: Serving) -> None:
    used = memory_mb(server.process.pid)
    said = "n/a here" if used is None else f"{used[0]:.0f} MB resident, {used[1]:.0f} MB at most"
    _print(f"\nThe server's one process after all that: {said}.\n")


def _parts(bodies: Bodies, count: int, submit: float) -> None:
    sent = bodies.submit(min(count, 100))
    cql, commit = cql_alone(sent), commit_alone(len(sent[0]), 100)
    _print("| floor of a submit | p50 ms | p95 ms |")
    _print("| --- | --: | --: |")
    for name, seconds in (("CQL alone", cql), ("one durable commit alone", commit)):
        _print(f"| {name} | {statistics.median(seconds) * 1000:.2f} | {_p95(seconds) * 1000:.2f} |")
    together = (statistics.median(cql) + statistics.median(commit)) * 1000
    _print(f"| together | {together:.2f} | |")
    _print(f"\nA submit (1 client, p50 {submit:.2f} ms) takes {submit / together:.1f} times that.\n")


def _order_sign(bodies: Bodies, order_sign: float, echo: float) -> None:
    """An order-sign gives out what must be on disk by then, which an echo need not: its floor has a commit in it."""
    (body,) = bodies.order_sign(1)
    floor = echo + statistics.median(commit_alone(len(body), 100)) * 1000
    _print(f"The floor of an order-sign, echo and one durable commit of its size: {floor:.2f} ms.\n")
    _print(f"An order-sign (1 client, p50 {order_sign:.2f} ms) takes {order_sign / floor:.1f} times that.\n")


def _desk(server: Serving, count: int) -> None:
    decided, told = zip(*decided_and_told(server.base_url, count), strict=True)
    _print("| a person decides, one after the other | p50 ms | p95 ms |")
    _print("| --- | --: | --: |")
    for name, seconds in (("decide at the desk", decided), ("notify the subscriber after it", told)):
        _print(f"| {name} | {statistics.median(seconds) * 1000:.2f} | {_p95(seconds) * 1000:.2f} |")
    _print("")


def _inquire(server: Serving, sent: Sequence[bytes], size: int) -> None:
    done = load(server.base_url, Call("POST", "/fhir/2.2/Claim/$inquire", FHIR_JSON, sent), 1)
    _print(f"| {size:,} | {_latency(done)} |")


@contextmanager
def _floor() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.floor", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)  # noqa: S603 - our own module and a number
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(url)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
