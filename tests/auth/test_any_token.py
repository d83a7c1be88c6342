"""Whatever a token says, it is refused in one of our words or let in: nothing that is sent makes a fault."""

import asyncio
import json
from typing import Any

import jwt
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.auth.keys import ClientKeys
from server.auth.refusal import Refused
from server.auth.registry import Registry
from server.auth.signed_token import SignedTokens
from server.clock import now
from server.policy.client import Client
from server.policy.client_key import PublicKey, public_key
from server.store.shared import InMemory
from tests.clients import claims_of, ec_key, rsa_key, signed

CALLED = "http://payer.example/cds-services/x"
KEYS = (rsa_key("k-1"), ec_key("k-2"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
HEAD = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jku", "jwk", "crit", "x5c", "b64"]), VALUES, max_size=4)
CLAIMS = st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]), VALUES, max_size=4)


class Nothing:
    def added(self) -> tuple[()]:
        return ()


async def nowhere(_: str) -> bytes:
    raise AssertionError("no address is called that the client does not list")


def checked(token: str) -> Client | None:
    """Who is let in by the token; None where it is refused."""
    keys = tuple(k for key in KEYS if isinstance(k := public_key(key.jwk()), PublicKey))
    record: Any = Nothing()
    registry = Registry([Client("a", "A", frozenset(), "a", keys=keys, hooks=True)], record)
    tokens = SignedTokens(registry, ClientKeys(nowhere), InMemory(), now)
    let_in: list[Client | None] = []
    for check in (tokens.caller_of_hook, tokens.client_of_assertion):
        try:
            let_in.append(asyncio.run(check(token, CALLED)))
        except Refused:
            let_in.append(None)
    return let_in[0]


@settings(max_examples=400, deadline=None)
@given(text=st.text(max_size=60) | st.text("eyJ0.-_=", max_size=60) | st.binary(max_size=40).map(bytes.hex))
@example(text=".".join(["x"] * 1000))
@example(text="..")
def test_any_text_is_refused(text: str) -> None:
    """It is no token."""
    assert checked(text) is None


@settings(max_examples=400, deadline=None)
@given(head=HEAD, claims=CLAIMS)
def test_what_nobody_signed_is_refused(head: dict[str, Any], claims: dict[str, Any]) -> None:
    """Also where all but some of it is as it should be."""
    header = {"alg": "ES384", "kid": "k-2", "typ": "JWT", **head}
    body = {**claims_of("a", CALLED), **claims}
    parts = [jwt.utils.base64url_encode(json.dumps(part).encode()).decode() for part in (header, body)]
    assert checked(".".join([*parts, "c2lnbmF0dXJl"])) is None


@settings(max_examples=400, deadline=None)
@given(claims=CLAIMS, key=st.sampled_from(KEYS))
def test_what_is_signed_must_still_be_right(claims: dict[str, Any], key: Any) -> None:
    """A client that signs nonsense is refused, or let in as itself; a token without changes is let in."""
    body = {**claims_of("a", CALLED), **claims}
    parts = [jwt.utils.base64url_encode(json.dumps(p).encode()) for p in ({"alg": key.alg, "kid": key.kid}, body)]
    algorithm = jwt.get_algorithm_by_name(key.alg)
    signature = jwt.utils.base64url_encode(algorithm.sign(b".".join(parts), key.private))
    found = checked(b".".join([*parts, signature]).decode())
    assert found is None or (found.id, body["iss"]) == ("a", "a")
    assert checked(signed(key, claims_of("a", CALLED))) is not None


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_one_changed_character_is_refused(data: st.DataObject) -> None:
    """Wherever it stands: in header, claims or signature."""
    token = signed(KEYS[0], claims_of("a", CALLED))
    at = data.draw(st.integers(0, len(token) - 2))  # the last character has bits that no byte holds
    other = data.draw(st.sampled_from("AQgw09-_.").filter(lambda c: c != token[at]))
    changed = token[:at] + other + token[at + 1 :]
    assert checked(changed) is None
