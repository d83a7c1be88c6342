"""Which addresses outside the server may call: pure rules, by the plan. server/outgoing.py keeps to them."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = {"https": 443, "http": 80}
_USUAL_PORTS = (443, 8443)
_LONGEST = 2_000
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]"
# one reading of an address and no other: no user, no fragment, nothing that libraries take differently
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?(?P<rest>[/?][!$-;=?-\[\]_a-z~]*)?"
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to call. host: a name or an IP address, in lower case and without brackets; rest: path and query."""

    scheme: str
    host: str
    port: int
    rest: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return at(self.host, None if self.port == _PORTS[self.scheme] else self.port)

    def url_at(self, ip: IpAddress) -> str:
        """The URL with the host replaced by one of its addresses."""
        return f"{self.scheme}://{at(str(ip), self.port)}{self.rest or '/'}"


def at(host: str, port: int | None) -> str:
    """Host and port as a URL has them."""
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port is None else f"{bracketed}:{port}"


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """A host that the plan names.

    http: may be called without TLS. ports: that may be called; none: all. networks: where it may be, though these are
    not public.
    """

    name: str
    http: bool = False
    ports: tuple[int, ...] = ()
    networks: tuple[IpNetwork, ...] = ()


@dataclass(frozen=True, slots=True)
class OutgoingRules:
    """unlisted: whether hosts that the plan does not name may be called: by https, on usual ports, in public."""

    unlisted: bool = True
    hosts: tuple[AllowedHost, ...] = ()

    def read(self, url: str) -> Address | str:
        """The address of a URL that may be called, before anybody has looked where its host is; else why not."""
        found = _URL.fullmatch(url) if len(url) <= _LONGEST else None
        if found is None:
            return (
                f"This is no address to call; send https://HOST/PATH, without a user, a fragment or white space, "
                f"of at most {_LONGEST} characters."
            )
        scheme, host = found["scheme"], found["host"].lower().strip("[]")
        port = int(found["port"] or _PORTS[scheme])
        address = Address(scheme, host, port, found["rest"] or "")
        return self._refused(address) or address

    def permits(self, address: Address, ip: IpAddress) -> bool:
        """Whether the host of an address may be at this IP address."""
        named = self._named(address.host)
        if named is not None and any(ip.version == n.version and ip in n for n in named.networks):
            return True
        return is_public(ip)

    def _refused(self, address: Address) -> str | None:
        named = self._named(address.host)
        if named is None and not self.unlisted:
            return "This plan calls only hosts that it lists; ask it to list yours."
        if address.scheme == "http" and not (named and named.http):
            return "This address has no TLS; send one that begins with https://."
        ports = named.ports if named else _USUAL_PORTS
        if ports and address.port not in ports:
            return f"Port {address.port} is not called; use {' or '.join(map(str, ports))}, or ask the plan to list it."
        return None

    def _named(self, host: str) -> AllowedHost | None:
        return next((h for h in self.hosts if h.name == host), None)


@dataclass(frozen=True, slots=True)
class FetchRules:
    """How much one CDS call may ask of the EHR for what did not come along.

    milliseconds: all of it together; the guide wants the whole answer within 5 s. queries: pages count. pages: of one
    query. size: bytes of one answer.
    """

    milliseconds: int = 2_000
    queries: int = 24
    pages: int = 4
    size: int = 2 * 2**20


def is_public(ip: IpAddress) -> bool:
    """Whether an address belongs to the Internet at large: not private, loopback, link-local, multicast or reserved.

    An IPv6 address that stands for an IPv4 address is as public as that one.
    """
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return is_public(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF))
        inside = ip.ipv4_mapped or ip.sixtofour
        if inside is not None:
            return is_public(inside)
        if ip.teredo is not None:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def addresses(found: Iterable[str]) -> tuple[IpAddress, ...]:
    """What a name server answered, each once; a link-local address comes with its zone, which is left out."""
    return tuple(dict.fromkeys(ipaddress.ip_address(text.partition("%")[0]) for text in found))
