"""Changes that several processes append at once, each with a store of its own."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from server.store.ports import Change
from server.store.sql import open_store


def append_all(url: str, changes: Sequence[Change]) -> list[str | None]:
    """What each change was answered, in their order."""
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["tests.store.processes"])  # imported once, not once a process
    with ProcessPoolExecutor(4, forking) as processes:
        return list(processes.map(_append, [url] * len(changes), changes))


def _append(url: str, change: Change) -> str | None:
    store = open_store(url)
    told = store.append(change)
    store.close()
    return told
