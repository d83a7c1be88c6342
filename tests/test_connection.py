"""Promises about connections that say nothing, over a real server."""

import socket
import time
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.serving import serving, sqlite_url


@pytest.mark.parametrize(
    "said", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"POST /cds-services/x HTTP/1.1\r\nA: "]
)
def test_headers_that_do_not_end_are_hung_up_on(tmp_path: Path, said: bytes) -> None:
    """Whoever sends half a request's headers, or none, is disconnected; others are served meanwhile."""
    with patch("server.connection.HEADER_SECONDS", 0.2), serving(sqlite_url(tmp_path)) as base_url:
        port = int(base_url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
            slow.sendall(said)
            assert _ask(port)
            assert slow.recv(100) == b""


def test_a_kept_connection_that_begins_again_is_hung_up_on(tmp_path: Path) -> None:
    """The same holds for the second request of a connection."""
    with patch("server.connection.HEADER_SECONDS", 0.2), serving(sqlite_url(tmp_path)) as base_url:
        port = int(base_url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
            slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"ok" in slow.recv(1000)
            slow.sendall(b"GET /heal")
            began = time.monotonic()
            assert slow.recv(100) == b""
            assert time.monotonic() - began < 4


def _ask(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as quick:
        quick.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        return quick.recv(1000).startswith(b"HTTP/1.1 200")
