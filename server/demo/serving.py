"""Starts this server as a process of its own, for the demo and for tests that need a real one."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0  # a start takes about one second; a busy machine gets more


@dataclass(frozen=True, slots=True)
class Serving:
    """A running server: where it answers, its process, and the seconds until `/readyz` first said yes."""

    base_url: str
    process: subprocess.Popen[bytes]
    started_in: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_up(base_url: str, trust: SSLContext | None = None) -> bool:
    """Whether a ready Vitruvian answers there. trust: the certificates to accept, by default the machine's."""
    try:
        return httpx.get(f"{base_url}/readyz", timeout=2, verify=trust or True).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@contextmanager
def serving(port: int | None = None, trust: SSLContext | None = None, **settings: str) -> Iterator[Serving]:
    """A server on loopback and, unless `database_url` says otherwise, on a database that is deleted afterwards.

    settings: by name, as in settings.py; with a certificate, `trust` must accept it for 127.0.0.1.
    Raises RuntimeError with the server's last words when it does not start.
    """
    port = port or free_port()
    base_url = f"{'https' if 'tls_certificate' in settings else 'http'}://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="vitruvian-") as folder:
        settings = {"database_url": f"sqlite:///{folder}/vitruvian.db", "log_level": "warning"} | settings
        environment = os.environ | {f"VITRUVIAN_{name.upper()}": value for name, value in settings.items()}
        log = Path(folder) / "log.txt"
        began = time.perf_counter()
        with log.open("wb") as words:
            process = subprocess.Popen(
                [sys.executable, "-m", "server", "serve"],
                cwd=ROOT,
                env=environment | {"VITRUVIAN_PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )
        try:
            while not is_up(base_url, trust):
                if process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                    raise RuntimeError(f"The server did not start:\n{log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.02)
            yield Serving(base_url, process, time.perf_counter() - began)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
