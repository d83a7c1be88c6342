"""The keys of clients: fetched from where the plan says, kept a while, renewed by kid, and never asked for often."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from server.auth.keys import AGAIN, FRESH, LIMIT, STALE, ClientKeys, read_key_set
from server.auth.refusal import Refused, Why
from server.errors import CallFailed
from server.outgoing import Outgoing
from server.policy.client import Client
from server.policy.client_key import PublicKey, public_key
from tests.clients import Key, ec_key, key_set, publishing, rsa_key
from tests.couriers import HERE

URL = "https://ehr.example/jwks.json"
FIRST, SECOND = rsa_key("k-1"), ec_key("k-2")


class Place:
    """An address of keys, and a clock: what stands there, and how often it was asked for."""

    def __init__(self, *keys: Key) -> None:
        self.body: bytes | None = json.dumps(key_set(*keys)).encode()
        self.asked = 0
        self.now = 1000.0
        self.keys = ClientKeys(self.fetch, lambda: self.now)

    async def fetch(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        await asyncio.sleep(0)
        if self.body is None:
            raise CallFailed("away")
        return self.body

    def find(self, kid: str, alg: str = "RS384", jku: str | None = None) -> PublicKey | Why:
        client = Client("a", "A", frozenset(), "a", jwks_urls=(URL,))
        try:
            return asyncio.run(self.keys.find(client, kid, alg, jku))
        except Refused as refused:
            return refused.why


def test_keys_are_kept_and_renewed() -> None:
    """Fetched once; again when they are old; a new kid at once, but not within half a minute of the last time."""
    place = Place(FIRST)
    for _ in range(3):
        assert isinstance(place.find("k-1"), PublicKey)
    assert place.asked == 1
    place.body = json.dumps(key_set(SECOND)).encode()
    assert place.find("k-2", "ES384") is Why.KID
    place.now += AGAIN
    assert isinstance(place.find("k-2", "ES384"), PublicKey)
    assert place.find("k-1") is Why.KID, "a key that was taken out is none"
    assert place.asked == 2
    place.now += FRESH
    assert isinstance(place.find("k-2", "ES384"), PublicKey)
    assert place.asked == 3


def test_nobody_makes_the_server_call_often() -> None:
    """A thousand tokens with unknown kids are one call in half a minute; so are many at the same time."""
    place = Place(FIRST)
    for n in range(1000):
        assert place.find(f"unknown-{n}") is Why.KID
    assert place.asked == 1
    again = Place(FIRST)
    client = Client("a", "A", frozenset(), "a", jwks_urls=(URL,))

    async def many() -> None:
        await asyncio.gather(*(again.keys.find(client, "k-1", "RS384", None) for _ in range(50)))

    asyncio.run(many())
    assert again.asked == 1


def test_an_address_that_is_away_for_a_while_stops_nobody() -> None:
    """Kept keys are used for an hour, and no longer; keys that were never had are none."""
    place = Place(FIRST)
    assert isinstance(place.find("k-1"), PublicKey)
    place.body = None
    place.now += FRESH + 1
    assert isinstance(place.find("k-1"), PublicKey)
    place.now += STALE
    assert place.find("k-1") is Why.KEYS_AWAY
    place.body = json.dumps(key_set(FIRST)).encode()
    assert place.find("k-1") is Why.KEYS_AWAY, "asked just now"
    place.now += AGAIN
    assert isinstance(place.find("k-1"), PublicKey)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"keys": {}}', b'{"keys": [1, null, {"kid": 2}]}'])
def test_what_is_no_key_set_holds_no_key(body: bytes) -> None:
    """Whatever stands at the address, the server goes on."""
    place = Place()
    place.body = body
    assert place.find("k-1") in (Why.KEYS_AWAY, Why.KID)


def jwk(**more: Any) -> dict[str, Any]:
    return {**FIRST.jwk(), **more}


BAD_KEYS: dict[str, Callable[[], dict[str, Any]]] = {
    "too short": lambda: rsa_key("k-1", 1024).jwk(),
    "private": lambda: jwk(d="AQAB"),
    "shared": lambda: {"kid": "k-1", "kty": "oct", "k": "c2VjcmV0"},
    "of a shared kind": lambda: {"kid": "k-1", "kty": "oct"},
    "for encryption": lambda: jwk(use="enc"),
    "of another algorithm": lambda: jwk(alg="RSA-OAEP"),
    "on another curve": lambda: {**ec_key("k-1").jwk(), "crv": "P-256"},
    "off its curve": lambda: {**ec_key("k-1").jwk(), "x": "A" * 64},
    "no number": lambda: jwk(n=7),
    "without its modulus": lambda: {"kid": "k-1", "kty": "RSA", "e": "AQAB"},
}


@pytest.mark.parametrize("kind", BAD_KEYS)
def test_a_key_that_is_unfit_checks_nothing(kind: str) -> None:
    """Its kid is known, and no token is let in by it."""
    place = Place()
    place.body = json.dumps({"keys": [BAD_KEYS[kind]()]}).encode()
    assert place.find("k-1") is Why.KEY
    assert place.find("k-1", "ES384") is Why.KEY


def test_a_key_is_of_one_algorithm() -> None:
    """One that names its algorithm is used with no other, and an RSA key checks nothing of an EC token."""
    place = Place(FIRST)
    assert place.find("k-1", "RS256") is Why.KEY
    assert place.find("k-1", "ES384") is Why.KEY
    found = public_key({k: v for k, v in FIRST.jwk().items() if k != "alg"})
    assert isinstance(found, PublicKey)
    assert found.algorithms == {"RS384", "RS256"}


def test_two_keys_of_one_name() -> None:
    """RSA and EC may share a kid; the token's algorithm tells them apart."""
    place = Place(FIRST, ec_key("k-1"))
    rsa, ec = place.find("k-1"), place.find("k-1", "ES384")
    assert isinstance(rsa, PublicKey)
    assert isinstance(ec, PublicKey)
    assert (set(rsa.algorithms), set(ec.algorithms)) == ({"RS384"}, {"ES384"})


def test_a_set_of_keys_has_an_end() -> None:
    """Of a thousand keys a hundred are read."""
    assert len(read_key_set(json.dumps({"keys": [{"kid": str(n)} for n in range(1000)]}).encode())) == 100


def fetched(url: str, seconds: float = 5) -> bytes:
    return asyncio.run(Outgoing(HERE).get(url, LIMIT, seconds))


def test_keys_are_fetched_by_the_one_door() -> None:
    """By GET, and as they stand there."""
    with publishing(FIRST) as place:
        assert json.loads(fetched(place.url)) == key_set(FIRST)
        assert place.asked == ["/jwks.json"]


def test_a_redirect_of_a_key_set_is_not_followed() -> None:
    """A host that redirects inside gets nobody there."""
    with publishing(FIRST) as inside, publishing() as place:
        place.answer = lambda: (302, {"location": inside.url}, b"")
        with pytest.raises(CallFailed, match="302; redirects are not followed"):
            fetched(place.url)
        assert inside.asked == []


def test_a_key_set_of_10_mb_is_not_read() -> None:
    """Said or not in Content-Length; what was read until then is dropped."""
    with publishing() as place:
        place.answer = lambda: (200, {}, b"x" * 10_000_000)
        with pytest.raises(CallFailed, match=f"longer than {LIMIT} bytes"):
            fetched(place.url)


def test_a_key_set_that_does_not_come_is_not_waited_for() -> None:
    """An order waits for it."""
    go_on = threading.Event()

    def slow() -> tuple[int, dict[str, str], bytes]:
        go_on.wait(10)
        return 200, {}, b"{}"

    with publishing() as place:
        place.answer = slow
        try:
            with pytest.raises(CallFailed, match="no answer within"):
                fetched(place.url, 0.2)
        finally:
            go_on.set()
