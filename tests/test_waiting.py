"""Who waits for whom: requests that wait for CQL keep no others waiting."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from server.cql.engine import Asked, Run
from server.demo.requests import Chart, order_sign
from server.errors import EngineError
from server.world import EVALUATIONS
from tests import made_up
from tests.serving import serving, sqlite_url

PATIENCE = 60.0  # seconds; only a test that fails waits so long


class StuckEngine:
    """Every evaluation begins and does not end before `released`."""

    name = "stuck"

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.released = threading.Event()

    def run_each(
        self, library: str, shared: Mapping[str, Any], runs: Sequence[Run], asked: Sequence[Asked]
    ) -> list[Mapping[str, Any]]:
        del library, shared, runs, asked
        self.begun.release()
        self.released.wait(PATIENCE)
        raise EngineError("stuck")

    def close(self) -> None:
        self.released.set()


def test_an_order_is_answered_while_every_evaluation_waits(tmp_path: Path) -> None:
    """As many requests as may wait for CQL, and one more: orders, reads and inquiries are answered meanwhile."""
    engine = StuckEngine()
    settings: dict[str, Any] = dict(made_up.folders(tmp_path))
    with (
        serving(sqlite_url(tmp_path), settings=settings, engine=engine) as base_url,
        httpx.Client(base_url=base_url, timeout=PATIENCE) as http,
        ThreadPoolExecutor(EVALUATIONS + 1) as clients,
    ):
        try:
            url = f"{base_url}/fhir/2.2/Claim/$submit"
            waiting = [
                clients.submit(httpx.post, url, json=made_up.request(transaction=f"t{n}"), timeout=PATIENCE)
                for n in range(EVALUATIONS + 1)
            ]
            assert all(engine.begun.acquire(timeout=PATIENCE) for _ in range(EVALUATIONS))
            order = order_sign(Chart(made_up.request()))
            assert http.post("/cds-services/crd-order-sign", json=order).status_code == 200
            assert http.post("/fhir/2.2/Claim/$inquire", json=made_up.request()).status_code == 200
            assert http.get("/fhir/2.2/ClaimResponse/none").status_code == 404
            assert not any(w.done() for w in waiting)
        finally:
            engine.released.set()
        assert {w.result().status_code for w in waiting} == {200}
