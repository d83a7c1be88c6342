"""The real engine over the small libraries of this folder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from server.cql.elm_files import read_library
from server.cql.engine import CqlEngine
from server.cql.model import CqlLibrary, ValueSet

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = Path(__file__).parent / "libraries"
SCRIPT = ROOT / "build/cql-engine.js"

NewEngine = Callable[..., CqlEngine]


def library(file: Path) -> CqlLibrary:
    found, problems = read_library(file)
    assert found is not None, problems
    return found


def value_set(name: str, *tokens: str, written: str = "") -> ValueSet:
    """A value set of normalised tokens; `written` is one more code, as the file spells it."""
    contains = [dict(zip(("system", "code"), written.split("|"), strict=True))] if written else []
    resource = {"expansion": {"contains": contains}}
    return ValueSet(f"http://values.example/{name}", "1", resource, frozenset(tokens))


CQL = [
    library(ROOT / "cql/shared/FHIRHelpers.cql"),
    *(library(LIBRARIES / f"{name}.cql") for name in ("Logic", "Included", "Failing")),
]
VALUE_SETS = [
    value_set("joint-disease", "http://codes.example/conditions|gout", "http://codes.example/conditions|ra"),
    value_set(
        "medicine",
        "http://codes.example/medicines|m1",
        "http://codes.example/medicines|m2",
        written="http://codes.example/medicines|m-2",
    ),
]


@pytest.fixture(scope="module")
def new_engine() -> Iterator[NewEngine]:
    """Makes engines that are closed with the module."""
    if not SCRIPT.is_file():
        pytest.skip(f"{SCRIPT} is not built; run `make setup`")
    with ExitStack() as open_engines:

        def make(
            *, isolates: int = 1, timeout_seconds: float = 10, memory_mb: int = 256, script: str | None = None
        ) -> CqlEngine:
            engine = CqlEngine(
                script if script is not None else SCRIPT.read_text(),
                CQL,
                VALUE_SETS,
                isolates=isolates,
                timeout_seconds=timeout_seconds,
                memory_mb=memory_mb,
            )
            open_engines.callback(engine.close)
            return engine

        yield make


@pytest.fixture(scope="module")
def engine(new_engine: NewEngine) -> CqlEngine:
    return new_engine()


@pytest.fixture(scope="session")
def shared() -> Iterator[CqlEngine]:
    """The libraries of cql/shared, as the policies of this repository use them."""
    if not SCRIPT.is_file():
        pytest.skip(f"{SCRIPT} is not built; run `make setup`")
    from tests.cql.shared import shared_engine  # noqa: PLC0415 - it reads from here

    with shared_engine() as engine:
        yield engine
