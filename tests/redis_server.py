"""A Redis of our own for the tests: on a free port, without a file, gone when the tests are."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from server.demo.serving import free_port

_START_SECONDS = 20


def missing() -> str | None:
    """Why no Redis can be started here; None when one can."""
    if shutil.which("redis-server") is None:
        return "no redis-server binary; install the package redis-server"
    return None


@contextmanager
def redis_server() -> Iterator[str]:
    """Starts Redis, yields its URL, and stops it, whatever happens in between."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(  # noqa: S603 - our own arguments
        [str(shutil.which("redis-server")), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"redis://127.0.0.1:{port}/0"
        _wait_for(url, server)
        yield url
    finally:
        server.kill()
        server.wait()


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        client = redis.Redis.from_url(url)
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.02)  # waiting for another process to listen; nothing tells us sooner
        else:
            return
        finally:
            client.close()
    raise RuntimeError("Redis did not start")
