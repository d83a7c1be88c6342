"""What the suites need around them: HL7's validator, Inferno, and this server at two addresses, on one database."""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import trustme

from server.demo.serving import serving
from server.settings import ROOT, Settings
from tests.certificate import certificate
from tests.conformance.inferno import access, lab_policies
from tests.shared_material import SHARED

INFERNO = f"http://127.0.0.1:{os.environ.get('INFERNO_PORT', '4567')}"
_INFERNO_BY_NAME = INFERNO.replace("127.0.0.1", "localhost")
"""As it names itself in what it signs."""
_INFERNO_ROOT = Path(os.environ.get("INFERNO_ROOT", Path.home() / ".cache" / "inferno-root"))
_VALIDATOR = f"http://127.0.0.1:{os.environ.get('VALIDATOR_PORT', '3500')}"
_ROOM = {"VALIDATOR_HEAP": os.environ.get("VALIDATOR_HEAP", "6g")}
"""Inferno has the validator load the guides of all its suites, ours or not, when it starts."""

_ONE_SESSION = "of two suites with the same guides only the one that validates first may work."

_SANDBOX = ROOT / "cql" / "plans" / "vitruvian-demo-sandbox.toml"


@dataclass(frozen=True, slots=True)
class Addresses:
    """One server's database, served over plain HTTP and over TLS."""

    plain: str
    tls: str


@contextmanager
def judges() -> Iterator[None]:
    """The validator and Inferno, installed and started unless they run already; what was started is stopped again.

    Raises CalledProcessError when one cannot be installed or started: their own words stand above. PermissionError when
    this is not root, whom Inferno needs for the file system of its own that it runs in.
    """
    if os.geteuid() != 0:
        raise PermissionError("make inferno must be run as root: Inferno runs in a file system of its own (chroot)")
    with ExitStack() as stack:
        stack.enter_context(_running(SHARED / "validator" / "validator", f"{_VALIDATOR}/healthz"))
        if stack.enter_context(_running(SHARED / "inferno" / "inferno", f"{INFERNO}/api/version", _keep_what_comes_in)):
            _share_validator_sessions()
        else:
            sys.stderr.write(f"{INFERNO} ran already, so its database is left as it is: {_ONE_SESSION}\n")
        yield


@contextmanager
def _running(tool: Path, address: str, prepare: Callable[[], None] = lambda: None) -> Iterator[bool]:
    """Gives whether it was started here. prepare: called before each start."""
    if _answers(address, patience=3):  # what is busy for a moment is not ours to start, and then to stop
        yield False
        return
    prepare()
    if not (_starts(tool) and _answers(address)):
        _do(tool, "setup")
        prepare()
        _do(tool, "start")
    try:
        yield True
    finally:
        _do(tool, "stop")


def _keep_what_comes_in() -> None:
    """Puts Inferno's request logger before its web application, as its own template does.

    Inferno keeps what it is sent, and goes on from a wait, only behind it; the application that is installed lacks it.
    """
    file = _INFERNO_ROOT / "inferno" / "config.ru"
    logger, runs = "use Inferno::Utils::Middleware::RequestLogger\n", "run Inferno::Web.app"
    if file.is_file() and logger not in (text := file.read_text(encoding="utf-8")):
        file.unlink()  # it is installed read-only
        file.write_text(text.replace(runs, f"{logger}{runs}"), encoding="utf-8")


def _share_validator_sessions() -> None:
    """Lets suites with the same guides have the same validator session.

    The local validator names a session after its guides. Inferno wants each name once, so that of two such suites (a
    kit's client and server suite) only the one that validates first would work.
    """
    with closing(sqlite3.connect(_INFERNO_ROOT / "inferno" / "data" / "inferno.db", timeout=30)) as database:
        database.execute("DROP INDEX IF EXISTS validator_sessions_validator_session_id_index")
        database.commit()


def _answers(address: str, patience: int = 1) -> bool:
    for second in range(patience):
        time.sleep(min(second, 1))
        try:
            return httpx.get(address, timeout=5).status_code == httpx.codes.OK
        except httpx.HTTPError:
            continue
    return False


def _starts(tool: Path) -> bool:
    """Whether it starts; it does not, in its own many words, before it is installed."""
    command, quiet = [sys.executable, str(tool), "start"], subprocess.DEVNULL
    run = subprocess.run(command, env=os.environ | _ROOM, stdout=quiet, stderr=quiet, check=False)  # noqa: S603 - fixed words
    return run.returncode == 0


def _do(tool: Path, command: str) -> None:
    subprocess.run([sys.executable, str(tool), command], env=os.environ | _ROOM, check=True)  # noqa: S603 - fixed words


@contextmanager
def addresses() -> Iterator[Addresses]:
    """The server on a fresh database, with the lab's policies and the sandbox's members beside its own.

    Inferno trusts its certificate meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="vitruvian-lab-") as name, ExitStack() as stack:
        folder = Path(name)
        authority, tls = certificate(folder)
        settings = {"database_url": f"sqlite:///{folder}/lab.db"} | lab_policies.folders(folder)
        if access.is_on():
            settings["authentication"] = "true"
            with Path(settings["plan"]).open("a", encoding="utf-8") as plan:
                plan.write(access.tables(_INFERNO_BY_NAME))
        if "sandbox" in Settings.model_fields and _SANDBOX.is_file():
            settings["sandbox"] = str(_SANDBOX)
        plain = stack.enter_context(serving(None, None, **settings))
        trust = httpx.create_ssl_context()
        authority.configure_trust(trust)
        secure = stack.enter_context(serving(None, trust, **settings, **tls))
        stack.enter_context(_trusted_by_inferno(authority))
        yield Addresses(plain.base_url, secure.base_url)


@contextmanager
def _trusted_by_inferno(authority: trustme.CA) -> Iterator[None]:
    """OpenSSL finds an authority by a hash of its name, so a running Inferno needs no restart to trust one more."""
    folder = _INFERNO_ROOT / "etc" / "ssl" / "certs"
    pem = authority.cert_pem.bytes()
    command = ["chroot", str(_INFERNO_ROOT), "openssl", "x509", "-noout", "-subject_hash"]
    hashed = subprocess.run(command, input=pem, capture_output=True, check=True).stdout.decode().strip()  # noqa: S603
    number = next(n for n in range(10) if not (folder / f"{hashed}.{n}").exists())
    file = folder / f"{hashed}.{number}"
    file.write_bytes(pem)
    try:
        yield
    finally:
        file.unlink()
