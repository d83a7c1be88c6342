"""The one door by which the server calls addresses that others name: checked, pinned, without redirects, limited."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

import httpx

from server.errors import CallFailed, CallRefused
from server.policy.outgoing import Address, IpAddress, OutgoingRules, addresses

SECONDS = 10.0
"""A whole call, from looking up the host to the end of the answer."""

NO_CONNECTION = "no connection, or no trusted certificate for this host"

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The IP addresses of a host; OSError when there are none."""

_MOST_BYTES = 64 * 2**10  # of an answer: nobody reads it, and a longer one is cut off
_TRIES = 3  # addresses of one host
_KEPT = 6  # connections to a server that is read from, until it has been
_OWN_HEADERS = {"user-agent": "Vitruvian", "accept": "application/fhir+json", "accept-encoding": "identity"}


async def resolve(host: str, port: int) -> Sequence[str]:
    """What the machine's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@cache
def _default_tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class Outgoing:
    """Calls what the plan's rules let it call.

    tls: for tests with certificates of their own. No connection outlives the call it was made for: the next one checks
    its host anew, and two hosts at one address share no TLS session.
    """

    def __init__(
        self,
        rules: OutgoingRules,
        resolve: Resolve = resolve,
        seconds: float = SECONDS,
        tls: Callable[[], ssl.SSLContext] = _default_tls,
    ) -> None:
        self._rules = rules
        self._resolve = resolve
        self._seconds = seconds
        self._tls = tls

    async def check(self, url: str) -> None:
        """Raises CallRefused for a URL that must not be called, by what it says and by where its host is now."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._checked(url)
        except TimeoutError:
            raise CallRefused("The host of this address could not be looked up in time; try again later.") from None

    async def post(self, url: str, body: bytes, headers: Sequence[tuple[str, str]]) -> None:
        """Sends a body; returns when it was taken (2xx). Raises CallRefused or CallFailed."""
        try:
            async with asyncio.timeout(self._seconds):
                address, ips = await self._checked(url)
                status = await self._first(address, ips, body, headers)
        except TimeoutError:
            raise CallFailed(f"no answer within {self._seconds:g} seconds") from None
        _must_be_taken(status)

    async def get(self, url: str, limit: int, seconds: float) -> bytes:
        """The JSON at an address, of at most `limit` bytes. Raises CallRefused or CallFailed, also for a longer one."""
        try:
            async with asyncio.timeout(seconds), self.reading(url) as server:
                answer = await server.get(url, (("accept", "application/json"),), limit)
        except TimeoutError:
            raise CallFailed(f"no answer within {seconds:g} seconds") from None
        _must_be_taken(answer.status)
        return answer.body

    @asynccontextmanager
    async def reading(self, url: str) -> AsyncIterator["Reader"]:
        """Reads from the server of a URL, looked up and checked once: it cannot move while it is read from.

        Raises CallRefused. The caller sets the time limit.
        """
        address, ips = await self._checked(url)
        async with self._client(address, kept=_KEPT) as http:
            yield Reader(self._rules, address, ips, http)

    async def _checked(self, url: str) -> tuple[Address, tuple[IpAddress, ...]]:
        """The address, and where its host is: every place must be permitted, since any of them may be called."""
        address = self._rules.read(url)
        if isinstance(address, str):
            raise CallRefused(address)
        found = await self._places(address)
        if not found:
            raise CallRefused("The host of this address is not known to the domain name system; check its spelling.")
        if not all(self._rules.permits(address, ip) for ip in found):
            raise CallRefused(
                "The host of this address is at a place that is not public (this machine, a private or reserved "
                "network), which the plan does not list; send an address that the Internet can reach."
            )
        return address, found

    async def _places(self, address: Address) -> tuple[IpAddress, ...]:
        try:
            return (ipaddress.ip_address(address.host),)
        except ValueError:
            pass
        try:
            return addresses(await self._resolve(address.host, address.port))
        except (OSError, UnicodeError, ValueError):
            return ()

    async def _first(
        self, address: Address, ips: Sequence[IpAddress], body: bytes, headers: Sequence[tuple[str, str]]
    ) -> int:
        """The status that the first place that can be connected to answers with."""
        async with self._client(address, kept=0) as http:
            for ip in ips[:_TRIES]:
                try:
                    return await _send(http, address, ip, body, headers)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    continue
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    raise CallFailed(f"the connection failed ({type(error).__name__})") from None
        raise CallFailed(NO_CONNECTION)

    def _client(self, address: Address, kept: int) -> httpx.AsyncClient:
        """kept: how many connections stay open for the next call."""
        return httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            verify=self._tls() if address.scheme == "https" else False,
            timeout=self._seconds,
            limits=httpx.Limits(max_keepalive_connections=kept),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. retry_after: that header as sent, when there was one."""

    status: int
    body: bytes
    retry_after: str | None


class Reader:
    """Reads from one server, at the addresses that were checked. Made by Outgoing.reading."""

    def __init__(
        self, rules: OutgoingRules, address: Address, ips: Sequence[IpAddress], http: httpx.AsyncClient
    ) -> None:
        self._rules = rules
        self._address = address
        self._ips = tuple(ips[:_TRIES])
        self._http = http

    async def get(self, url: str, headers: Sequence[tuple[str, str]], most_bytes: int) -> Answer:
        """One answer, whatever its status. CallRefused: of another server. CallFailed: there is none, or a long one."""
        address = self._rules.read(url)
        if isinstance(address, str):
            raise CallRefused(address)
        if (address.scheme, address.host, address.port) != self._origin:
            raise CallRefused("This address is of another server than the one that is read from.")
        while self._ips:
            ip = self._ips[0]
            try:
                return await _read(self._http, address, ip, headers, most_bytes)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                self._ips = tuple(i for i in self._ips if i != ip)  # for the calls that follow, too
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise CallFailed(f"the connection failed ({type(error).__name__})") from None
        raise CallFailed(NO_CONNECTION)

    @property
    def _origin(self) -> tuple[str, str, int]:
        return self._address.scheme, self._address.host, self._address.port


async def _read(
    http: httpx.AsyncClient, address: Address, ip: IpAddress, headers: Sequence[tuple[str, str]], most_bytes: int
) -> Answer:
    sent = _with_own(address, headers)
    async with http.stream("GET", address.url_at(ip), headers=sent, extensions=_asked_for(address)) as answer:
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > most_bytes:
                raise CallFailed(f"its answer is longer than {most_bytes} bytes")
        return Answer(answer.status_code, bytes(body), answer.headers.get("retry-after"))


def _must_be_taken(status: int) -> None:
    if 300 <= status < 400:  # noqa: PLR2004 - redirections
        raise CallFailed(f"answered {status}; redirects are not followed, name the final address")
    if not 200 <= status < 300:  # noqa: PLR2004 - success
        raise CallFailed(f"answered {status}")


def _with_own(address: Address, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of a call; ours where it says nothing else."""
    own = {k: v for k, v in _OWN_HEADERS.items() if k not in {name.lower() for name, _ in headers}}
    return [("host", address.authority), *own.items(), *headers]


def _asked_for(address: Address) -> dict[str, str]:
    """Whose certificate it must be."""
    return {"sni_hostname": address.host} if address.scheme == "https" else {}


async def _send(
    http: httpx.AsyncClient, address: Address, ip: IpAddress, body: bytes, headers: Sequence[tuple[str, str]]
) -> int:
    """Connects to the checked IP address, and asks for the host by name: in the Host header, and of its certificate."""
    sent = _with_own(address, headers)
    async with http.stream(
        "POST", address.url_at(ip), content=body, headers=sent, extensions=_asked_for(address)
    ) as answer:
        read = 0
        async for chunk in answer.aiter_raw():
            read += len(chunk)
            if read > _MOST_BYTES:
                break
        return answer.status_code
