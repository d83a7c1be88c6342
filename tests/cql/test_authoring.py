"""The lint of CQL finds each trap, and nothing else."""

import orjson
import pytest

from server.cql.authoring import lint_cql
from server.cql.model import CqlLibrary
from tests.cql.conftest import LIBRARIES, ROOT, library

TRAPS = library(LIBRARIES / "Traps.cql")
MARKED = {
    number: line.split("// trap: ")[1]
    for number, line in enumerate(TRAPS.cql.splitlines(), start=1)
    if "// trap: " in line
}


def found(cql: CqlLibrary) -> dict[int, set[str]]:
    by_line: dict[int, set[str]] = {}
    for problem in lint_cql(cql.cql, orjson.loads(cql.elm), cql.source):
        assert problem.file == cql.source
        by_line.setdefault(int(problem.place.split(":")[0]), set()).add(problem.text)
    return by_line


@pytest.mark.parametrize("line", MARKED)
def test_a_trap_is_reported_at_its_line(line: int) -> None:
    """Traps.cql marks the lines that fall into a trap; each is reported there, in the words of that trap."""
    assert any(MARKED[line] in text for text in found(TRAPS)[line])


def test_nothing_else_is_reported() -> None:
    """The other lines of Traps.cql are near misses, and pass."""
    assert set(found(TRAPS)) == set(MARKED)


@pytest.mark.parametrize("name", ["FHIRHelpers"])
def test_generated_conversions_pass(name: str) -> None:
    """FHIRHelpers overloads and raises by design; a policy author is not asked to mend it."""
    assert found(library(ROOT / f"cql/shared/{name}.cql")) == {}
