"""The JSON Schemas of the TOML files are those of the models, and every file that is shipped names its own."""

import re
import tomllib
from pathlib import Path

import pytest

from server.authoring.schemas import SCHEMAS, schema
from server.settings import ROOT

FOLDER = ROOT / "cql/schemas"
SHIPPED = sorted((ROOT / "cql").rglob("*.toml"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_current(name: str) -> None:
    """`make schemas` would write what is there."""
    assert (FOLDER / f"{name}.json").read_bytes() == schema(SCHEMAS[name])


def test_no_schema_is_left_over() -> None:
    """A file of cql/schemas without a model describes nothing that is read."""
    assert {file.stem for file in FOLDER.iterdir()} == set(SCHEMAS)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_names_the_schema_that_describes_it(file: Path) -> None:
    """Its first line leads to a schema of cql/schemas, whose model takes the file."""
    named = re.fullmatch(r"#:schema (\S+)", file.read_text(encoding="utf-8").splitlines()[0])
    assert named
    path = (file.parent / named[1]).resolve()
    assert path.parent == FOLDER
    SCHEMAS[path.stem].model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
