"""A PostgreSQL of our own for the tests: a fresh cluster on a free port, gone when the tests are."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from server.demo.serving import free_port

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
_START_SECONDS = 60


@dataclass
class Cluster:
    """A running server; `database()` makes an empty database in it and returns its URL."""

    port: int
    _serial: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        return f"postgresql://vitruvian@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        name = f"test_{next(self._serial)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # our own name
        return self.url(name)


def missing() -> str | None:
    """Why no cluster can be started here; None when one can."""
    if _binary("initdb") is None or _binary("postgres") is None:
        return "no PostgreSQL server binaries (initdb, postgres); install the package postgresql"
    return None


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Starts PostgreSQL and stops it, whatever happens in between."""
    home = Path(tempfile.mkdtemp(prefix="vitruvian-postgres-"))
    data, as_user = home / "data", _unprivileged()
    log = (home / "log").open("wb")
    try:
        if "user" in as_user:
            shutil.chown(home, as_user["user"], as_user["group"])
        subprocess.run(  # noqa: S603 - our own arguments
            [str(_binary("initdb")), "-D", data, "-A", "trust", "-U", "vitruvian", "-E", "UTF8", "--no-locale", "-N"],
            check=True,
            stdout=log,
            stderr=log,
            cwd=home,
            **as_user,
        )
        port = free_port()
        server = subprocess.Popen(  # noqa: S603 - our own arguments
            [str(_binary("postgres")), "-D", data, "-p", str(port), "-k", home, "-h", "127.0.0.1", "-F"],
            stdout=log,
            stderr=log,
            cwd=home,
            **as_user,
        )
        try:
            running = Cluster(port)
            _wait_for(running, server, home / "log")
            yield running
        finally:
            _stop(server)
    finally:
        log.close()
        shutil.rmtree(home, ignore_errors=True)


def _binary(name: str) -> Path | None:
    found = next((folder / name for folder in _BINARIES if (folder / name).exists()), None)
    on_path = shutil.which(name)
    return found or (Path(on_path) if on_path else None)


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: the user to run it as, for subprocess."""
    if os.geteuid() != 0:
        return {}
    import pwd  # noqa: PLC0415 - not on Windows

    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _wait_for(running: Cluster, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg.connect(running.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.02)  # waiting for another process to listen; nothing tells us sooner
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """SIGQUIT stops without writing to disk what is thrown away next; SIGKILL is for a server that hangs."""
    server.send_signal(signal.SIGQUIT)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
