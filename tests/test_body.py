"""Reading bodies: what is refused before it is read, and what never comes to its end."""

import asyncio
import gzip
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request

from server.body import FHIR_JSON, read_json
from server.errors import BodyTooLarge, BodyTooSlow, UnsupportedEncoding, VitruvianError
from server.outcomes import fhir_error
from server.settings import ROOT

Message = dict[str, Any]


def sent(*chunks: bytes, **headers: str) -> Request:
    """A request whose body comes in these pieces and then, with the last of them, ends or does not."""
    named = {"content-type": "application/fhir+json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    scope = {"type": "http", "method": "POST", "headers": [(k.encode(), v.encode()) for k, v in named.items()]}
    waiting = list(chunks)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()  # the client holds the connection and says nothing
        chunk = waiting.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": not chunk.endswith(b"}")}

    return Request(scope, receive)


def read(request: Request, **how: Any) -> tuple[bytes, Message]:
    return asyncio.run(read_json(request, accepted=FHIR_JSON, limit=1000, **how))


def test_a_body_in_pieces_is_read() -> None:
    """However it was cut."""
    assert read(sent(b'{"a"', b":1", b"}")) == (b'{"a":1}', {"a": 1})
    assert read(sent(b"{}", content_encoding="identity")) == (b"{}", {})


REFUSED: list[tuple[Callable[[], Request], type[VitruvianError], int, str]] = [
    (lambda: sent(b'{"a"'), BodyTooSlow, 408, "again"),
    (lambda: sent(gzip.compress(b"{}"), content_encoding="gzip"), UnsupportedEncoding, 415, "uncompressed"),
    (lambda: sent(b"{}", content_encoding="br, gzip"), UnsupportedEncoding, 415, "uncompressed"),
    (lambda: sent(b"[" * 600, b"[" * 600), BodyTooLarge, 413, "separately"),
    (lambda: sent(b"{}", content_length="1001"), BodyTooLarge, 413, "separately"),
]


@pytest.mark.parametrize(
    ("request_", "error", "status", "remedy"),
    REFUSED,
    ids=["endless", "gzip", "two encodings", "too large", "said to be too large"],
)
def test_what_is_not_read(
    request_: Callable[[], Request], error: type[VitruvianError], status: int, remedy: str
) -> None:
    """A body that does not end, is compressed, or is too large: the status that fits, and what to do about it."""
    with pytest.raises(error, match=remedy) as caught:
        read(request_(), seconds=0)
    assert fhir_error(caught.value).status_code == status


_UNDER_A_LIMIT = """
import resource, sys, time
from server.body import MAX_VALUES, parse_object
from server.errors import InvalidRequest
from server.fhir.structure import structure_problems

one, count, megabytes = sys.argv[1].encode(), int(sys.argv[2]), int(sys.argv[3])
many = one + (b"," + one) * (count or MAX_VALUES // 2 - 10)
raw = b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % many
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + megabytes * 2**20, resource.RLIM_INFINITY))
began = time.process_time()
try:
    said = f"{len(structure_problems(raw, parse_object(raw)))} problems"
except InvalidRequest as error:
    said = error.problems[0].code
assert time.process_time() - began < 2
print(said)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited by the kernel of Linux")
@pytest.mark.parametrize(
    ("value", "count", "megabytes", "said"),
    [
        ("{}", 3_000_000, 1, "too-costly"),
        ("1", 4_500_000, 1, "too-costly"),
        ("{}", 0, 100, "1001 problems"),
        ('{"fullUrl":""}', 0, 100, "1001 problems"),
    ],
)
def test_work_is_bounded_before_it_is_begun(value: str, count: int, megabytes: int, said: str) -> None:
    """9 MB of tiny values are refused without memory; as many as are allowed are checked in 100 MB and two seconds."""
    script = [sys.executable, "-c", _UNDER_A_LIMIT, value, str(count), str(megabytes)]
    done = subprocess.run(script, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603 - fixed words
    assert (done.stdout.strip(), done.stderr) == (said, "")
