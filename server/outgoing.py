"""The one door by which the server calls addresses that others name: checked, pinned, without redirects, limited."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import httpx

from server.errors import CallFailed, CallRefused
from server.policy.outgoing import Address, IpAddress, OutgoingRules, addresses

SECONDS = 10.0
"""A whole call, from looking up the host to the end of the answer."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The IP addresses of a host; OSError when there are none."""

_MOST_BYTES = 64 * 2**10  # of an answer: nobody reads it, and a longer one is cut off
_TRIES = 3  # addresses of one host
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

    tls: for tests with certificates of their own. Connections are never kept: the next call checks its host anew, and
    two hosts at one address share no TLS session.
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
                status = await self._first(address, ips, _Call("POST", body, tuple(headers)))
        except TimeoutError:
            raise CallFailed(f"no answer within {self._seconds:g} seconds") from None
        _must_be_taken(status)

    async def get(self, url: str, limit: int, seconds: float) -> bytes:
        """The JSON at an address, of at most `limit` bytes. Raises CallRefused or CallFailed, also for a longer one."""
        kept = bytearray()
        try:
            async with asyncio.timeout(seconds):
                address, ips = await self._checked(url)
                call = _Call("GET", headers=(("accept", "application/json"),), most=limit, kept=kept)
                status = await self._first(address, ips, call)
        except TimeoutError:
            raise CallFailed(f"no answer within {seconds:g} seconds") from None
        _must_be_taken(status)
        if len(kept) > limit:
            raise CallFailed(f"answered with more than {limit} bytes")
        return bytes(kept)

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

    async def _first(self, address: Address, ips: Sequence[IpAddress], call: "_Call") -> int:
        """The status that the first place that can be connected to answers with."""
        async with httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            verify=self._tls() if address.scheme == "https" else False,
            timeout=self._seconds,
            limits=httpx.Limits(max_keepalive_connections=0),
        ) as http:
            for ip in ips[:_TRIES]:
                try:
                    return await _send(http, address, ip, call)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    continue
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    raise CallFailed(f"the connection failed ({type(error).__name__})") from None
        raise CallFailed("no connection, or no trusted certificate for this host")


@dataclass(frozen=True, slots=True)
class _Call:
    """What is sent. most: the bytes of an answer that are read, and one piece more; kept: where they go."""

    method: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    most: int = _MOST_BYTES
    kept: bytearray | None = None


def _must_be_taken(status: int) -> None:
    if 300 <= status < 400:  # noqa: PLR2004 - redirections
        raise CallFailed(f"answered {status}; redirects are not followed, name the final address")
    if not 200 <= status < 300:  # noqa: PLR2004 - success
        raise CallFailed(f"answered {status}")


async def _send(http: httpx.AsyncClient, address: Address, ip: IpAddress, call: _Call) -> int:
    """Connects to the checked IP address, and asks for the host by name: in the Host header, and of its certificate."""
    own = {k: v for k, v in _OWN_HEADERS.items() if k not in {name.lower() for name, _ in call.headers}}
    extensions: Mapping[str, str] = {"sni_hostname": address.host} if address.scheme == "https" else {}
    sent = [("host", address.authority), *own.items(), *call.headers]
    async with http.stream(
        call.method, address.url_at(ip), content=call.body or None, headers=sent, extensions=dict(extensions)
    ) as answer:
        read = 0
        async for chunk in answer.aiter_raw():
            read += len(chunk)
            if call.kept is not None:
                call.kept.extend(chunk)
            if read > call.most:
                break
        return answer.status_code
