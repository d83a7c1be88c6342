"""A load generator that costs little: keep-alive connections, requests made beforehand, answers read by length."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Call:
    """What to send again and again. bodies: one a request, in turn; GET has empty ones. tokens: one a body, or none."""

    method: str
    path: str
    media: str
    bodies: Sequence[bytes]
    tokens: Sequence[str] = ()

    def wires(self) -> list[bytes]:
        tokens = self.tokens or ("",) * len(self.bodies)
        return [self._wire(body, token) for body, token in zip(self.bodies, tokens, strict=True)]

    def _wire(self, body: bytes, token: str) -> bytes:
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: localhost\r\n"
        if token:
            head += f"Authorization: Bearer {token}\r\n"
        if body:
            head += f"Content-Type: {self.media}\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


@dataclass(frozen=True, slots=True)
class Load:
    """seconds: of each request, sorted. elapsed: from the first to the last, in seconds. sample: one answer's body."""

    seconds: tuple[float, ...]
    elapsed: float
    sample: bytes

    def percentile(self, share: float) -> float:
        """Milliseconds that `share` of the requests did not exceed."""
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * share))] * 1000

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.elapsed


def load(base_url: str, call: Call, clients: int) -> Load:
    """Sends every body once over `clients` connections. Raises RuntimeError at the first answer that is not 200."""
    return asyncio.run(_load(base_url, call, clients))


async def _load(base_url: str, call: Call, clients: int) -> Load:
    address = urlsplit(base_url)
    waiting = iter(call.wires())
    seconds: list[float] = []
    samples: list[bytes] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**24)
        for wire in waiting:
            began = time.perf_counter()
            writer.write(wire)
            body = await _answer(reader)
            seconds.append(time.perf_counter() - began)
            if not samples:
                samples.append(body)
        writer.close()
        await writer.wait_closed()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return Load(tuple(sorted(seconds)), time.perf_counter() - began, samples[0])


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.lower().index(b"content-length:") + 15
    body = await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{head.decode()}{body[:2000].decode(errors='replace')}")
    return body
