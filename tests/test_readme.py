"""The README tells the truth: its tree, URLs, settings and commands are those of the code."""

import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from server.settings import ROOT, Settings
from server.url import Url
from server.urls import FHIR_URLS, REVIEW_URLS, URLS

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text under a heading of any level, up to the next heading."""
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", README, re.MULTILINE | re.DOTALL)
    assert match, f"the README has no section {title}"
    return match[1]


def rows(text: str) -> list[tuple[str, ...]]:
    """The body rows of every Markdown table, a tuple of cells each."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]
    return [row for row in cells if row[0] not in {"method", "variable"} and not set("".join(row)) <= set("-: |")]


def url_rows(urls: Iterable[Url]) -> list[tuple[str, ...]]:
    return [(f"`{url.method}`", f"`{url.path}`", url.summary) for url in urls]


def setting_rows() -> Iterator[tuple[str, ...]]:
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        if name == "isolates":
            said = "one a core"
        elif isinstance(default, Path):
            said = f"`{default.relative_to(ROOT)}`"
        else:
            said = (
                "" if default in ("", None) else f"`{str(default).lower() if isinstance(default, bool) else default}`"
            )
        yield f"`VITRUVIAN_{name.upper()}`", said, field.description or ""


def tracked() -> list[Path]:
    command = ["git", "ls-files"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - fixed words
    return [Path(line) for line in listed.stdout.splitlines()]


def tree() -> Iterator[str]:
    """Every path that the Map draws, folders with a trailing slash."""
    block = re.search(r"```\n(.*?)```", section("Map"), re.DOTALL)
    assert block
    folder = ""
    for line in block[1].splitlines():
        name = line.split()[0]
        path = folder + name if line.startswith("  ") else name
        yield path
        if not line.startswith("  "):
            folder = name


def test_every_url_is_in_the_readme() -> None:
    """The URL tables are the rows of app.py, in its order."""
    assert rows(section("URLs")) == url_rows(URLS) + url_rows(FHIR_URLS) + url_rows(REVIEW_URLS)


def test_every_setting_is_in_the_readme() -> None:
    """The settings table has each setting with its default and description."""
    assert rows(section("Settings")) == list(setting_rows())


def test_the_map_draws_what_is_there() -> None:
    """Each path of the map exists and holds something that is tracked."""
    files = tracked()
    for path in tree():
        assert any(str(f) == path or str(f).startswith(path) for f in files), f"{path} is drawn, but not tracked"


@pytest.mark.parametrize("folder", ["", "server/", "cql/"])
def test_the_map_leaves_no_room_out(folder: str) -> None:
    """Each folder and file at the top, in server/ and in cql/ is drawn; dot files and lock files need not be."""
    drawn = {p.removeprefix(folder) for p in tree() if p.startswith(folder)}
    depth = folder.count("/")
    there = {f.parts[depth] + ("/" if len(f.parts) > depth + 1 else "") for f in tracked() if str(f).startswith(folder)}
    assert sorted(name for name in there - drawn if not name.startswith(".") and "lock" not in name) == []


def test_every_make_command_exists() -> None:
    """Each `make X` that the README names is a target, and each target is in `make help`."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9]+):", makefile, re.MULTILINE))
    described = set(re.findall(r"^([a-z0-9]+):.*## ", makefile, re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z0-9]+)", README, re.MULTILINE)) <= targets
    assert targets == described


def test_no_link_is_dead() -> None:
    """Each relative link of the README leads to a file or folder that is there."""
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), f"the README links to {target}"


def test_the_layers_are_those_that_are_checked() -> None:
    """The import order of the README is the import-linter contract, word for word."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = pyproject["tool"]["importlinter"]["contracts"][0]["layers"]
    assert " > ".join(layers) in " ".join(README.split())
