"""kill -9 of real servers during a loop of submits over HTTP: acceptance 5 of the journey."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import httpx
import orjson
import pytest
from sqlalchemy import select

from server.demo.serving import free_port
from server.fhir.version import Version
from server.settings import ROOT
from server.store import schema
from server.store.connect import connect
from tests import made_up
from tests.durability.kills import KILLS, at_a_random_moment

pytestmark = pytest.mark.durability

CLIENTS = 2
START_SECONDS = 30
FHIR_JSON = {"content-type": "application/fhir+json"}


def request(client: int, n: int) -> bytes:
    """The n-th request of a client, always the same bytes; one is approved, the next lacks an answer.

    Each is for a member of its own: what is asked again for a member makes no second authorization.
    """
    bundle = made_up.request(score=None if n % 2 else 3, transaction=f"{client}-{n}")
    coverage = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Coverage")
    coverage["subscriberId"] = f"N{client}{n:06}"
    return orjson.dumps(bundle)


@dataclass
class Clients:
    """PAS clients that send their requests one after the other, and each again until it is answered."""

    base_url: str
    answers: dict[tuple[int, int], bytes] = field(default_factory=dict)
    next: list[int] = field(default_factory=lambda: [0] * CLIENTS)

    def send(self, http: httpx.Client, client: int, n: int) -> bytes:
        version = list(Version)[n // 2 % 2]
        path = f"{version.base}/Claim/$submit"
        answer = http.post(self.base_url + path, content=request(client, n), headers=FHIR_JSON)
        assert answer.status_code == 200, answer.text
        return answer.content

    def work(self, client: int, answered: Event) -> None:
        """Until the server is gone."""
        with httpx.Client(timeout=START_SECONDS) as http:
            try:
                while True:
                    n = self.next[client]
                    self.answers[client, n] = self.send(http, client, n)
                    self.next[client] = n + 1
                    answered.set()
            except httpx.TransportError:
                return


@contextmanager
def server(url: str, port: int, folder: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`python -m server serve`, listening. Killed at the end, if nobody did before. settings: more of them."""
    environment = {
        **os.environ,
        **{f"VITRUVIAN_{name.upper()}": value for name, value in settings.items()},
        "VITRUVIAN_DATABASE_URL": url,
        "VITRUVIAN_PORT": str(port),
        "VITRUVIAN_ISOLATES": "1",
        "VITRUVIAN_POLICIES": str(folder / "cql"),
        "VITRUVIAN_QUESTIONNAIRES": str(folder / "questionnaires"),
    }
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        _wait_until_it_listens(process, port, folder / "log")
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            at_a_random_moment(random.Random(), 0.02)
        else:
            return
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")


def test_every_acknowledged_authorization_survives_and_none_is_made_twice(database_url: str, tmp_path: Path) -> None:
    """Over many kills of the server: each answer is given again to the byte, and each request made one submission."""
    made_up.folders(tmp_path)
    port, chance = free_port(), random.Random(2016_03)
    clients = Clients(f"http://127.0.0.1:{port}")
    for _ in range(KILLS // 2):  # half on each database
        with server(database_url, port, tmp_path) as process, ThreadPoolExecutor(CLIENTS) as threads:
            answered = Event()
            working = [threads.submit(clients.work, client, answered) for client in range(CLIENTS)]
            assert answered.wait(START_SECONDS), "the server answered nothing"
            at_a_random_moment(chance, 0.25)
            process.kill()
            for work in working:
                work.result()
    with server(database_url, port, tmp_path), httpx.Client(timeout=START_SECONDS) as http:
        for client, n in enumerate(clients.next):  # what was under way at the last kill
            clients.answers[client, n] = clients.send(http, client, n)
        assert len(clients.answers) > KILLS // 2
        for (client, n), answer in clients.answers.items():
            assert clients.send(http, client, n) == answer
    assert_one_each(database_url, clients.answers)


def assert_one_each(url: str, answers: dict[tuple[int, int], bytes]) -> None:
    """The record holds the answered requests and nothing else, each with a number of its own, as it was answered."""
    responses = [orjson.loads(answer)["entry"][0]["resource"] for answer in answers.values()]
    ids = {response["id"] for response in responses}
    assert len(ids) == len(answers)
    engines = connect(url)
    with engines.reads.connect() as connection:
        assert set(connection.scalars(select(schema.submission.c.id))) == ids
        items = connection.execute(select(schema.item.c.number, schema.item.c.reference)).all()
        in_force = connection.scalars(select(schema.approval.c.number)).all()
    engines.dispose()
    approved = {number for number, _ in items if number}
    assert len(approved) == len([1 for _, n in answers if n % 2 == 0]) == len(in_force)
    assert len({number or reference for number, reference in items}) == len(items) == len(ids)
    assert {response["preAuthRef"] for response in responses if "preAuthRef" in response} == approved
