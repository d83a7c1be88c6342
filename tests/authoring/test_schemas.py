"""The JSON Schemas of the TOML files are those of the models, and every file that is shipped names its own."""

import re
import tomllib
from collections.abc import Iterator
from copy import copy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from server.authoring.schemas import SCHEMAS, schema
from server.policy.toml_file import in_words
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


ODD: tuple[Any, ...] = (
    "",
    "odd",
    0,
    -1,
    5,
    1.5,
    float("nan"),
    True,
    date(2026, 1, 1),
    [],
    [5],
    [[]],
    [{}],
    {},
    {"x": 5},
)


def spoiled(raw: Any) -> Iterator[Any]:
    """The value with one thing in it replaced by something odd, or left out; of long lists, the first three."""
    yield from ODD
    places = list(raw) if isinstance(raw, dict) else list(range(len(raw)))[:3] if isinstance(raw, list) else []
    for place in places:
        for odd in spoiled(raw[place]):
            changed = copy(raw)
            changed[place] = odd
            yield changed
        left_out = copy(raw)
        del left_out[place]
        yield left_out


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(ROOT)))
def test_whatever_is_wrong_is_told_in_words(file: Path) -> None:
    """A file with something odd in it is taken, or refused with places and texts, none of them twice."""
    text = file.read_text(encoding="utf-8")
    model = SCHEMAS[Path(text.splitlines()[0]).stem]
    raw = {key: value[:3] if isinstance(value, list) else value for key, value in tomllib.loads(text).items()}
    refused = 0
    for odd in spoiled(raw):
        try:
            model.model_validate(odd)
        except ValidationError as error:
            found = list(in_words(error, model, odd))
            assert all(said and "Input should" not in said for _, said in found)
            assert len(set(found)) == len(found)
            refused += 1
    assert refused > 50
