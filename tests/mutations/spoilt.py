"""One request, spoilt in one place or several: its body, its bytes, its headers, its address, or who sends it."""

import json
from copy import deepcopy
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

Json = Any

ODD: tuple[Json, ...] = (
    None, True, False, 0, -1, 1, 10**20, 1e308, 0.1, "", " ", "\x00", "\x1b[31m", "a" * 5_000, "../../etc/passwd",
    "{id}", "%s%n", "' OR 1=1 --", "<script>", "\ud7ff", "1970-01-01", "9999-12-31", "0000-00-00", "2026-02-30",
    "Patient/1", "#", "urn:uuid:", "http://127.0.0.1:1/x", "file:///etc/passwd", [], {}, [[]], [None], {"": ""},
    [{}] * 50, {"resourceType": "Bundle"}, {"resourceType": "Patient", "id": "x"}, {"reference": "#"},
)  # fmt: skip
_WORDS = (
    "",
    "x",
    "*/*",
    "text/html",
    "application/xml",
    "gzip",
    "chunked",
    "0",
    "Bearer",
    "Bearer x",
    'W/"1"',
    "a" * 4000,
)
_NAMES = (
    "accept",
    "content-type",
    "content-encoding",
    "if-none-match",
    "prefer",
    "x-request-id",
    "origin",
    "authorization",
)
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE")


@dataclass(frozen=True)
class Sent:
    """A request. token: whether the client's own goes with it. path: with its query."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Json = None
    raw: bytes | None = None
    token: bool = True

    @property
    def content(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return b"" if self.body is None else json.dumps(self.body).encode("utf-8", "surrogatepass")


def spoilt(good: Sent, pool: list[Json], random: Random) -> Sent:
    """pool: values of this client and of the other, to be put anywhere."""
    made = good
    for _ in range(random.choice((1, 1, 1, 2, 3, 5))):
        way = random.choices((_value, _bytes, _header, _address, _method), (70, 8, 9, 11, 2))[0]
        made = way(made, pool, random)
    return made


def _value(sent: Sent, pool: list[Json], random: Random) -> Sent:
    if not isinstance(sent.body, dict) or sent.raw is not None:
        return _address(sent, pool, random)
    body = deepcopy(sent.body)
    places = list(_places(body))
    if not places:
        return sent
    node, key = random.choice(places)
    kind = random.randrange(6)
    if kind == 0:
        del node[key]
    elif kind == 1:
        node[key] = random.choice(ODD)
    elif kind == 2:
        node[key] = random.choice(pool)
    elif kind == 3:
        other, at = random.choice(places)
        node[key] = deepcopy(other[at])
    elif kind == 4 and isinstance(node, list):
        node.extend(deepcopy(node[key]) for _ in range(random.choice((1, 1, 20))))
    elif isinstance(node, dict):
        node[random.choice(("id", "resourceType", "extension", "_" + str(key), "value", str(key) + "x"))] = node[key]
    return replace(sent, body=body)


def _places(node: Json) -> Any:
    """Every place below, as what holds it and its key."""
    for key, child in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(child, (dict, list)):
            yield from _places(child)


def _bytes(sent: Sent, _: list[Json], random: Random) -> Sent:
    raw = bytearray(sent.content)
    if not raw:
        return replace(sent, raw=random.choice((b"{", b"[]", b"null", b"\xff\xfe", b"{" * 500, b"[" * 50_000)))
    at = random.randrange(len(raw))
    kind = random.randrange(4)
    if kind == 0:
        raw[at] = random.randrange(256)
    elif kind == 1:
        del raw[at:]
    elif kind == 2:
        raw[at:at] = raw[at : at + random.randrange(200)]
    else:
        raw[at:at] = random.choice((b"\x00", b"\xed\xa0\x80", b'"', b"}", b"[[[[", b"1e999999"))
    return replace(sent, raw=bytes(raw))


def _header(sent: Sent, _: list[Json], random: Random) -> Sent:
    name = random.choice(_NAMES)
    changed = sent.headers | {name: random.choice(_WORDS)}
    return replace(sent, headers=changed, token=sent.token and name != "authorization")


def _address(sent: Sent, pool: list[Json], random: Random) -> Sent:
    """Another id in the path, or something in the query."""
    path, mark, query = sent.path.partition("?")
    text = _quoted(str(random.choice([*pool, *ODD]))[:200])
    parts = path.split("/")
    if random.random() < 0.5 and len(parts) > 2:
        parts[random.randrange(1, len(parts))] = text
        return replace(sent, path="/".join(parts) + mark + query)
    name = random.choice(("url", "_format", "identifier", "contentType", "eventsSinceNumber", "access_token", "filter"))
    return replace(sent, path=f"{sent.path}{'&' if mark else '?'}{name}={text}")


def _method(sent: Sent, _: list[Json], random: Random) -> Sent:
    return replace(sent, method=random.choice(_METHODS))


def _quoted(text: str) -> str:
    """As it may stand in an address; what may not is percent-encoded, wrongly or rightly."""
    return "".join(c if c.isalnum() or c in "$-._~%:@" else "".join(f"%{b:02X}" for b in c.encode()) for c in text)
