"""What build.mjs and the quicker nodes change of cql-execution changes no answer of a policy."""

from typing import Any
from unittest.mock import patch

import orjson
import pytest

from server.cql.engine import CqlEngine
from server.fhir.version import Version
from server.pas.machine_decision import judge_items
from server.pas.match import read_and_match
from server.services import open_engine
from server.settings import Settings
from tests.cql.test_compile import NODE, node
from tests.spoilings.request import Base, bases, policies
from tests.test_no_wrong_approval import received

pytestmark = pytest.mark.skipif(NODE is None, reason="Node is missing; `make test` installs it")

CHARTS = ("ra-initial", "sjia-continuation", "dira-initial")


def asked_and_told(engine: CqlEngine, base: Base) -> tuple[bytes, list[Any]]:
    """What goes into V8 for a request, and the values that come out."""
    kept: list[tuple[bytes, list[Any]]] = []
    run = CqlEngine._run  # noqa: SLF001 - what goes into V8 is compared, not only what comes out

    def record(self: CqlEngine, request: bytes) -> Any:
        found = run(self, request)
        kept.append((request, list(found)))
        return found

    with patch.object(CqlEngine, "_run", record):
        judge_items(read_and_match(base.raw, orjson.loads(base.raw), Version.V2_2, policies()), engine, received(base))
    return kept[0]


@pytest.mark.parametrize("name", CHARTS)
def test_the_packages_as_published_say_the_same_of_a_chart(name: str) -> None:
    """Every define of the policy that a decision asks for has the value that unchanged packages give it."""
    base = next(b for b in bases() if b.name == name)
    engine = open_engine(Settings(isolates=1), policies())
    try:
        request, (values,) = asked_and_told(engine, base)
        load = engine._load.encode()  # noqa: SLF001 - the packages are given the same libraries
    finally:
        engine.close()
    done = node("tests/cql/reference.mjs", stdin=b'{"load":' + load + b',"evaluate":' + request + b"}")
    assert done.returncode == 0, done.stderr.decode()
    published = orjson.loads(done.stdout)
    assert len(values) > 10
    assert {define: published[define] for define in values} == values
