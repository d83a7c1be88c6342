"""The one door to addresses outside: what it lets through, over real connections; names are looked up in a table."""

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import trustme

from server.errors import CallFailed, CallRefused
from server.outgoing import Answer, Outgoing, resolve
from server.policy.outgoing import AllowedHost, OutgoingRules
from tests.receiver import receiving

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
HERE = AllowedHost("subscriber.test", http=True, networks=LOOPBACK)


class Names:
    """A name server: what it answers the first time, the second, and from then on."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(many) for name, many in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, _: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("not known")
        many = self.answers[host]
        return many.pop(0) if len(many) > 1 else many[0]


def outgoing(names: Names, *hosts: AllowedHost, seconds: float = 5) -> Outgoing:
    return Outgoing(OutgoingRules(hosts=hosts), names, seconds)


def post(door: Outgoing, url: str, *headers: tuple[str, str], body: bytes = b"{}") -> None:
    asyncio.run(door.post(url, body, headers))


def named(url: str, host: str = "subscriber.test") -> str:
    return url.replace("127.0.0.1", host)


def test_a_call_arrives_as_it_was_meant() -> None:
    """The body, the headers, and the host by its name; nothing of this machine's proxies or names goes with it."""
    names = Names(subscriber_test=[["127.0.0.1"]])
    with receiving() as receiver:
        url = named(receiver.url)
        post(outgoing(names, HERE), url, ("content-type", "application/fhir+json"), ("X-Key", "1"), body=b'{"a":1}')
        (sent,) = receiver.sent
    assert (sent.path, sent.raw) == ("/notifications", b'{"a":1}')
    assert sent.headers["host"] == url.split("/")[2]
    assert (sent.headers["content-type"], sent.headers["x-key"]) == ("application/fhir+json", "1")
    assert sent.headers["user-agent"] == "Vitruvian"


@pytest.mark.parametrize(
    ("places", "why"),
    [
        ([["127.0.0.1"]], "not public"),
        ([["8.8.8.8", "127.0.0.1"]], "not public"),
        ([["10.0.0.1"]], "not public"),
        ([["169.254.169.254"]], "not public"),
        ([["::1"]], "not public"),
        ([["::ffff:127.0.0.1"]], "not public"),
        ([[]], "not known"),
    ],
)
def test_a_host_at_a_place_that_is_not_public_is_not_called(places: list[list[str]], why: str) -> None:
    """Also when only one of its places is so: which of them is called is chance."""
    names = Names(evil_test=places)
    with pytest.raises(CallRefused, match=why):
        asyncio.run(outgoing(names, HERE).check("https://evil.test/"))
    with pytest.raises(CallRefused, match=why):
        post(outgoing(names, HERE), "https://evil.test/")


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "https://unknown.test/"])
def test_an_ip_address_is_looked_at_too(url: str) -> None:
    """It needs no name server."""
    names = Names()
    with pytest.raises(CallRefused):
        asyncio.run(outgoing(names).check(url))
    assert names.asked == (["unknown.test"] if "unknown" in url else [])


def test_the_place_that_was_checked_is_the_place_that_is_called() -> None:
    """A name that moves after it was looked at is not looked up again: the call goes where the check was."""
    names = Names(subscriber_test=[["127.0.0.1"], ["127.0.0.99"]])
    with receiving() as receiver:
        post(outgoing(names, HERE), named(receiver.url))
        assert len(receiver.sent) == 1
    assert names.asked == ["subscriber.test"]


def test_a_name_that_moves_inside_after_its_creation_is_refused() -> None:
    """It was public when the subscription was made; each call looks again."""
    names = Names(evil_test=[["8.8.8.8"], ["127.0.0.1"]])
    door = outgoing(names)
    asyncio.run(door.check("https://evil.test/"))
    with pytest.raises(CallRefused, match="not public"):
        post(door, "https://evil.test/")


def test_redirects_are_not_followed() -> None:
    """A host that redirects inside gets nobody there."""
    with receiving() as inside:
        with receiving(lambda _: (307, {"location": inside.url})) as outside:
            names = Names(subscriber_test=[["127.0.0.1"]])
            with pytest.raises(CallFailed, match="307; redirects are not followed"):
                post(outgoing(names, HERE), named(outside.url))
            assert len(outside.sent) == 1
        assert inside.sent == []


@pytest.mark.parametrize("status", [400, 404, 410, 500, 503])
def test_an_answer_other_than_2xx_is_a_failure(status: int) -> None:
    """Its status is said, and nothing of its body."""
    names = Names(subscriber_test=[["127.0.0.1"]])
    with (
        receiving(lambda _: (status, {}), body=b"secret") as receiver,
        pytest.raises(CallFailed, match=f"^answered {status}$"),
    ):
        post(outgoing(names, HERE), named(receiver.url))


def test_a_long_answer_is_cut_off() -> None:
    """What was said first counts; the rest is not read."""
    names = Names(subscriber_test=[["127.0.0.1"]])
    with receiving(body=b"x" * 300_000) as receiver:
        post(outgoing(names, HERE), named(receiver.url))


def test_a_call_has_an_end() -> None:
    """One who takes the call and says nothing keeps nobody for longer than that."""
    names = Names(subscriber_test=[["127.0.0.1"]])
    go_on = threading.Event()

    def silent(_: int) -> tuple[int, dict[str, str]]:
        go_on.wait(10)
        return 200, {}

    with receiving(silent) as receiver:
        try:
            with pytest.raises(CallFailed, match="no answer within"):
                post(outgoing(names, HERE, seconds=0.2), named(receiver.url))
        finally:
            go_on.set()


def test_the_next_place_is_tried() -> None:
    """A host with several places, of which one is down."""
    names = Names(subscriber_test=[["127.0.0.77", "127.0.0.1"]])
    with receiving() as receiver:
        post(outgoing(names, HERE), named(receiver.url))
        assert len(receiver.sent) == 1


def test_nobody_there() -> None:
    """A port that nobody listens on."""
    names = Names(subscriber_test=[["127.0.0.1"]])
    with pytest.raises(CallFailed, match="no connection"):
        post(outgoing(names, HERE), "http://subscriber.test:9/")


@pytest.mark.parametrize(("certified", "taken"), [("subscriber.test", True), ("another.test", False)])
def test_a_certificate_is_for_the_name(certified: str, taken: bool) -> None:  # noqa: FBT001 - a column of the table
    """The connection goes to an IP address, and the certificate must be that of the host."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(certified).configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(HTTPServer):
        def handle_error(self, *_: object) -> None:
            """The handshake that fails is what the test is about."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    door = Outgoing(OutgoingRules(hosts=(HERE,)), Names(subscriber_test=[["127.0.0.1"]]), 5, lambda: trusting)
    try:
        url = f"https://subscriber.test:{server.server_address[1]}/"
        if taken:
            post(door, url)
        else:
            with pytest.raises(CallFailed, match="no trusted certificate"):
                post(door, url)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_machines_own_resolver() -> None:
    """Localhost, and numbers that mean it, end at loopback and are refused."""
    assert set(asyncio.run(resolve("localhost", 443))) <= {"127.0.0.1", "::1"}
    for url in ("https://localhost/", "https://2130706433/", "https://127.1/", "https://0x7f.1/"):
        with pytest.raises(CallRefused):
            asyncio.run(Outgoing(OutgoingRules()).check(url))


def read(door: Outgoing, base: str, *urls: str, most: int = 100) -> list[Answer]:
    async def go() -> list[Answer]:
        async with door.reading(base) as reader:
            return [await reader.get(url, (("authorization", "Bearer t"),), most) for url in urls]

    return asyncio.run(go())


def test_what_is_read_from_cannot_move_meanwhile() -> None:
    """The name is looked up once for all that is read; a second answer of the name server is never asked for."""
    names = Names(subscriber_test=[["127.0.0.1"], ["10.0.0.1"]])
    with receiving(lambda n: (200 + n, {})) as server:
        base = named(server.url)
        assert [a.status for a in read(outgoing(names, HERE), base, base, f"{base}?page=2")] == [200, 201]
        assert [s.headers["host"] for s in server.sent] == [base.split("/")[2]] * 2
    assert names.asked == ["subscriber.test"]


@pytest.mark.parametrize("places", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], []])
def test_nothing_is_read_from_a_place_that_is_not_public(places: list[str]) -> None:
    with pytest.raises(CallRefused):
        read(outgoing(Names(evil_test=[places]), HERE), "https://evil.test/", "https://evil.test/x")


def test_no_other_server_is_read_from_by_the_way() -> None:
    """Nor the same host at another port, where the token has no business."""
    names = Names(subscriber_test=[["127.0.0.1"]])
    with receiving() as server:
        base = named(server.url)
        for url in ("http://subscriber.test:1/", "http://127.0.0.1/", "https://evil.test/", "file:///etc/passwd"):
            with pytest.raises(CallRefused):
                read(outgoing(names, HERE), base, url)
        assert server.sent == []


def test_what_is_read_is_short_and_from_where_it_was_asked() -> None:
    """A redirect is an answer like any other; a long one is none."""
    names = Names(subscriber_test=[["127.0.0.1"]])
    with receiving(lambda _: (302, {"location": "http://127.0.0.1:9/"}), body=b"x" * 100) as server:
        base = named(server.url)
        (answer,) = read(outgoing(names, HERE), base, base)
        assert (answer.status, len(answer.body)) == (302, 100)
        with pytest.raises(CallFailed, match="longer than 99 bytes"):
            read(outgoing(names, HERE), base, base, most=99)
