"""Connections that do not wait for ever: a request whose headers do not arrive in time is hung up on."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 15.0
"""From connecting, or from the first byte, to the end of the headers. Bodies have a limit of their own (body.py)."""


class ImpatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a clock for headers; it has one for idle connections alone."""

    _hang_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_headers()

    def data_received(self, data: bytes) -> None:
        if self._hang_up is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_headers()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._headers_are_here()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_are_here()
        super().connection_lost(exc)

    def _expect_headers(self) -> None:
        self._hang_up = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _headers_are_here(self) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
            self._hang_up = None
