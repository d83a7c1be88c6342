"""A library is served only with the ELM that its own source gives."""

import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest

from server.cql.elm_files import read_library

SOURCE = "library Small version '1.0.0'\n"
ELM = {"identifier": {"id": "Small", "version": "1.0.0"}}
ERROR = {"type": "CqlToElmError", "errorSeverity": "error", "startLine": 3, "startChar": 7, "message": "no such thing"}


def write(folder: Path, source: bytes | None = None, elm: Any = ELM, name: str = "Small", **more: Any) -> Path:
    file = folder / f"{name}.cql"
    file.write_bytes(SOURCE.encode() if source is None else source)
    digest = hashlib.sha256(SOURCE.encode()).hexdigest()
    file.with_name(f"{name}.elm.json").write_bytes(orjson.dumps({"sourceSha256": digest, "library": elm, **more}))
    return file


def test_source_and_elm_that_belong_together_are_read(tmp_path: Path) -> None:
    """The library has its name, version, text and the ELM as a client expects it, wrapped in `library`."""
    library, problems = read_library(write(tmp_path))
    assert problems == []
    assert library is not None
    assert (library.key, library.cql, orjson.loads(library.elm)) == ("Small|1.0.0", SOURCE, {"library": ELM})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"source": b"library Small version '1.0.1'\n"}, "Small.cql changed since; run `make elm`"),
        ({"source": b"\xff"}, "UTF-8"),
        ({"name": "Other"}, "is named Small"),
        ({"elm": {**ELM, "annotation": [ERROR]}}, "3:7: does not compile: no such thing"),
        ({"elm": {"identifier": {"id": "Small"}}}, "a name and a version"),
        ({"elm": []}, "a name and a version"),
    ],
)
def test_what_does_not_belong_together_is_reported(tmp_path: Path, written: dict[str, Any], said: str) -> None:
    """A changed source, another name, or ELM of CQL that does not compile is a problem with its place and remedy."""
    library, problems = read_library(write(tmp_path, **written))
    assert library is None
    assert any(said in str(problem) for problem in problems)


def test_a_missing_or_broken_elm_file_is_reported(tmp_path: Path) -> None:
    """Without ELM, or with a file that is not JSON, the problem names that file."""
    file = write(tmp_path)
    elm = tmp_path / "Small.elm.json"
    elm.write_text("{")
    assert "is not JSON" in str(read_library(file)[1][0])
    elm.unlink()
    assert str(read_library(file)[1][0]).startswith(f"{elm}: there is no such file")
