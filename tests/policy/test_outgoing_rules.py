"""Which addresses may be called: tables of those that must not be, and why."""

import ipaddress

import pytest

from server.policy.outgoing import Address, AllowedHost, OutgoingRules, addresses, is_public

LAB = AllowedHost("lab.example.org", http=True, ports=(80, 8080), networks=(ipaddress.ip_network("10.1.0.0/16"),))
RULES = OutgoingRules(hosts=(LAB,))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://ehr.example.org/hook", Address("https", "ehr.example.org", 443, "/hook")),
        ("https://EHR.example.org", Address("https", "ehr.example.org", 443, "")),
        ("https://ehr.example.org:8443/a?b=c%20d", Address("https", "ehr.example.org", 8443, "/a?b=c%20d")),
        ("https://[2001:db8::1]/", Address("https", "2001:db8::1", 443, "/")),
        ("http://lab.example.org:8080/x", Address("http", "lab.example.org", 8080, "/x")),
        ("https://2130706433/", Address("https", "2130706433", 443, "/")),  # where it is, is looked up
    ],
)
def test_what_an_address_says(url: str, address: Address) -> None:
    """Scheme, host, port and the rest: read in one way, and written again from these parts."""
    assert RULES.read(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://ehr.example.org/hook", "https://"),
        ("https://ehr.example.org:22/", "Port 22"),
        ("https://lab.example.org/", "Port 443"),
        ("https://user:secret@ehr.example.org/", "without a user"),
        ("https://ehr.example.org@127.0.0.1/", "without a user"),
        ("https://ehr.example.org\\@127.0.0.1/", "no address"),
        ("https://ehr.example.org/#part", "fragment"),
        ("https://ehr.example.org/ x", "white space"),
        ("https://ehr.example.org/\r\nHost: x", "no address"),
        ("https://ehr.example.org:/", "no address"),
        ("https://ehr.example.org:port/", "no address"),
        ("https://", "no address"),
        ("https:///hook", "no address"),
        ("//ehr.example.org/hook", "no address"),
        ("ftp://ehr.example.org/", "no address"),
        ("file:///etc/passwd", "no address"),
        ("javascript:alert(1)", "no address"),
        ("https://ehr.\u0435xample.org/", "no address"),
        ("https://[fe80::1%25eth0]/", "no address"),
        ("https://e.org/" + "x" * 2_000, "at most"),
    ],
)
def test_what_is_no_address_to_call(url: str, why: str) -> None:
    """Each is refused with a remedy, before anybody is asked where its host is."""
    refused = RULES.read(url)
    assert isinstance(refused, str)
    assert why in refused


def test_a_plan_may_call_listed_hosts_alone() -> None:
    """`unlisted = false` shuts everything that is not named."""
    closed = OutgoingRules(unlisted=False, hosts=(LAB,))
    assert "list" in str(closed.read("https://ehr.example.org/"))
    assert isinstance(closed.read("http://lab.example.org/"), Address)


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1",
        "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)  # fmt: skip
def test_what_is_not_public(ip: str) -> None:
    """Loopback, private, link-local, metadata, multicast, reserved: also written as IPv6."""
    assert not is_public(ipaddress.ip_address(ip))
    assert not RULES.permits(Address("https", "ehr.example.org", 443, "/"), ipaddress.ip_address(ip))


@pytest.mark.parametrize("ip", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_what_is_public(ip: str) -> None:
    """An address of the Internet, also an IPv4 one that is written as IPv6."""
    assert is_public(ipaddress.ip_address(ip))


def test_a_network_is_allowed_to_the_host_that_has_it() -> None:
    """Nowhere else, and to nobody else; the host may also be in public."""
    lab, other = (Address("http", host, 80, "/") for host in ("lab.example.org", "ehr.example.org"))
    inside, outside, public = map(ipaddress.ip_address, ("10.1.2.3", "10.2.0.1", "8.8.8.8"))
    assert RULES.permits(lab, inside)
    assert not RULES.permits(lab, outside)
    assert not RULES.permits(other, inside)
    assert RULES.permits(lab, public)


def test_what_a_name_server_answers() -> None:
    """Each address once, without the zone of a link-local one."""
    assert [str(ip) for ip in addresses(["8.8.8.8", "8.8.8.8", "fe80::1%eth0"])] == ["8.8.8.8", "fe80::1"]


def test_an_address_is_pinned() -> None:
    """The host is replaced by where it is, and still named in the Host header."""
    address = Address("https", "ehr.example.org", 8443, "/hook?x")
    assert address.url_at(ipaddress.ip_address("8.8.8.8")) == "https://8.8.8.8:8443/hook?x"
    assert address.url_at(ipaddress.ip_address("2606::1")) == "https://[2606::1]:8443/hook?x"
    assert address.authority == "ehr.example.org:8443"
    assert Address("https", "2606::1", 443, "").authority == "[2606::1]"
