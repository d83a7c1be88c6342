"""The clause ids that code, tests and documents cite: where they stand, and of which guide each is.

People write ids in comments and docstrings, in Markdown and in TOML. A qualified id names its guide, like `pas P-51`. A
bare one is of the guide that its parentheses name before it, else of the guide whose room the file stands in.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from server.settings import ROOT

PAGE = ROOT / "server/CLAUSES.md"

GUIDES = ("crd", "dtr", "pas", "hrex", "policy")

OWNERS = {"D": "dtr", "P": "pas", "A": "policy", "hook": "crd", "resp": "crd", "ainfo": "pas", "ep": "hrex"}
"""The series of ids that only one guide has. Every other series exists in several."""

TOKEN = re.compile(
    r"(?<![\w-])(?:(?P<guide>(?i:crd|dtr|pas|hrex))\b"
    r"|(?P<series>A|C|D|P|T|ainfo|conf|dev|ep|found|hook|oper|prof|resp|sec|spec)-(?P<first>\d+)\b(?!-)"
    r"(?:(?:\.\.|\sto\s)(?P=series)-(?P<last>\d+))?"
    r"|(?:sections?\s|(?<=crd\s)|(?<=dtr\s)|(?<=pas\s))(?P<sections>\d+(?:\.\d+)?[a-e]?\b(?:(?:,|\sto)\s\d+\.\d+)*))"
    r"|(?P<end>[()]|\.\s)"
)


@dataclass(frozen=True)
class Citation:
    """One id at one place; guide is None when neither the text nor the room tells it."""

    path: Path
    guide: str | None
    id: str

    def __str__(self) -> str:
        return f"{self.path} cites {self.guide or '(which guide?)'} {self.id}"


@cache
def cited() -> tuple[Citation, ...]:
    """Every citation of the project's code, tests, policies and documents."""
    command = ["git", "ls-files", "server", "tests", "cql", "README.md", "CONFORMANCE.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - fixed words
    paths = [path for line in listed.stdout.splitlines() if ROOT / (path := Path(line)) != PAGE]
    return tuple(
        citation
        for path in paths
        if path.suffix in {".py", ".cql", ".toml", ".md"} and not path.match("cases*.toml")
        for citation in citations(path, (ROOT / path).read_text(encoding="utf-8"))
    )


def defined() -> list[tuple[str, str]]:
    """The (guide, id) of each line of the page, in its order."""
    rows = re.findall(r"^\| `(\w+) ([^`]+)` \| ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [(guide, id_) for guide, id_ in rows]


def citations(path: Path, text: str) -> Iterator[Citation]:
    """The ids that a file cites. path: relative to the project; its folders tell the guide of a bare id."""
    room = next((part for part in path.parts if part in GUIDES), None)
    for passage in _passages(path, text):
        named = None
        for token in TOKEN.finditer(passage):
            if token["end"]:
                named = None
            elif token["guide"]:
                named = token["guide"].lower()
            else:
                guide = OWNERS.get(token["series"] or "") or named
                if token["series"] in ("C", "D", "P"):
                    named = guide
                # "section 3" without a guide beside it is a section of something else
                guide = guide or (room if token["series"] else None)
                yield from (Citation(path, guide, id_) for id_ in _ids(token) if guide or token["series"])


def _ids(token: re.Match[str]) -> Iterator[str]:
    """The id of a citation, or each id of a range and of a list of sections."""
    if token["sections"]:
        yield from (f"section {number}" for number in re.findall(r"\d[\w.]*", token["sections"]))
        return
    yield f"{token['series']}-{token['first']}"
    for number in range(int(token["first"]) + 1, int(token["last"] or 0) + 1):
        yield f"{token['series']}-{number}"


def _passages(path: Path, text: str) -> Iterator[str]:
    """What a file says to people: all of its text, or the comments and docstrings of code."""
    match path.suffix:
        case ".py":
            tokens = tokenize.generate_tokens(io.StringIO(text).readline)
            yield from (token.string for token in tokens if token.type == tokenize.COMMENT)
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    yield str(node.value.value)
        case ".cql":
            yield from re.findall(r"//.*|/\*.*?\*/", text, re.DOTALL)
        case _:
            yield text
