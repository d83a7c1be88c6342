"""Floors inside one process: evaluating the CQL alone, and one durable SQLite commit alone."""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from server.decision.judge import judge
from server.fhir.version import Version
from server.pas.cql_input import cql_input_of
from server.pas.match import read_and_match
from server.pas.patient_record import patient_record
from server.policy.library import PolicyLibrary
from server.services import open_engine
from server.settings import Settings


def cql_alone(bodies: Sequence[bytes]) -> list[float]:
    """Seconds to judge each request, read and prepared beforehand; one engine, warm."""
    settings = Settings(isolates=1)
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    engine = open_engine(settings, policies)
    try:
        prepared = []
        for raw in bodies:
            matched = read_and_match(raw, orjson.loads(raw), Version.V2_2, policies)
            item = matched.items[0]
            if item.edition is None:
                raise RuntimeError("no policy judges this request")
            prepared.append(
                (item.edition, cql_input_of(matched, patient_record(matched.request), matched.request.created))
            )
        for edition, given in prepared[:5]:
            judge(edition, given, given.items, engine)
        return [_seconds(lambda e=edition, g=given: judge(e, g, g.items, engine)) for edition, given in prepared]  # type: ignore[misc]
    finally:
        engine.close()


def commit_alone(size: int, count: int) -> list[float]:
    """Seconds for each commit of one row of `size` bytes, WAL and synchronous=FULL, on the disk that tests use."""
    with tempfile.TemporaryDirectory(prefix="vitruvian-") as folder:
        database = sqlite3.connect(Path(folder) / "floor.db", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB)")
        body = b"x" * size

        def one() -> None:
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO row (body) VALUES (?)", (body,))
            database.execute("COMMIT")

        seconds = [_seconds(one) for _ in range(count)]
        database.close()
        return seconds


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
