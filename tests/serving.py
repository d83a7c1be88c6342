"""A real server for a test: uvicorn in a thread, on a free port, over real parts. What it sends is held to base R4."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from server.app import create_app
from server.connection import ImpatientProtocol
from server.services import Services, open_services
from server.settings import Settings
from tests.outgoing import Outgoing


@contextmanager
def serving(database_url: str, *, settings: dict[str, Any] | None = None, **world: Any) -> Iterator[str]:
    """Yields the base URL; `world` replaces parts of the World (clock, engine, ...)."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)  # connections wait here until the server accepts, so nobody has to poll
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        services = opened(database_url, base_url=base_url, **(settings or {}))
        wrong: list[str] = []
        app = Outgoing(create_app(replaced(services, **world)), wrong)
        config = uvicorn.Config(app, log_level="warning", lifespan="on", http=ImpatientProtocol)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield base_url
        finally:
            server.should_exit = True
            thread.join(timeout=10)
            assert not thread.is_alive(), "the server did not stop"
        assert not wrong, "\n".join(wrong)


def replaced(services: Services, **world: Any) -> Services:
    """The same, with other parts of the World."""
    return replace(services, world=replace(services.world, **world))


def opened(database_url: str, **settings: Any) -> Services:
    return open_services(Settings(database_url=database_url, isolates=1, **settings))


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'record.db'}"
