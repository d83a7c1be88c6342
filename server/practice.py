"""Judges a sample request at start, again and again: V8 compiles what runs often.

Without it the first request of a server takes half a second, and a hundred more take three times as long as later ones.
"""

import time
from pathlib import Path
from threading import Thread

import orjson

from server.errors import VitruvianError
from server.fhir.version import Version
from server.pas.machine_decision import judge_items
from server.pas.match import MatchedRequest, read_and_match
from server.services import Services

ROUNDS = 150
"""Evaluations after which a further one is no faster."""
PAUSE_SECONDS = 0.01  # about as long as a round: half of one core is left to whoever calls meanwhile


def practise(services: Services, file: Path) -> Thread | None:
    """Begins to judge the request of a file in a thread of its own; nothing is stored, logged or sent.

    It is the CQL engine that light load uses which learns; the others learn when they are needed. A request that cannot
    be judged is none to practise on, and no error of a server that serves. The thread ends by itself, at once where the
    engine is closed.
    """
    raw = file.read_bytes()
    try:
        matched = read_and_match(raw, orjson.loads(raw), Version.V2_2, services.world.policies)
    except (VitruvianError, orjson.JSONDecodeError):
        return None
    thread = Thread(target=_judge, args=(matched, services), name="practice", daemon=True)
    thread.start()
    return thread


def _judge(matched: MatchedRequest, services: Services) -> None:
    for _ in range(ROUNDS):
        if services.engine.closed:
            return
        judge_items(matched, services.world.engine, services.world.clock().date())
        time.sleep(PAUSE_SECONDS)
