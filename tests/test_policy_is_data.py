"""Policy lives in data: nothing that a policy names stands as a literal in server/."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import orjson

from server.form.model import form_items
from server.policy.library import PolicyLibrary
from server.settings import ROOT

# Parameters that the server offers to every policy (cql/README.md), and words that are English before they are a
# policy's: a linkId `product`, a define `Request`, the state `review`.
OFFERED = {"Service Date", "Request Date", "Received Date", "Item Sequence"}
ENGLISH = re.compile(r"^[A-Za-z]{1,12}$")
SHORTEST = 4  # "1", "RA" and "yes" are in every program


def named() -> Iterator[tuple[str, str]]:
    """Everything a policy names: (word, what it is)."""
    policies = PolicyLibrary.load(ROOT / "cql", ROOT / "questionnaires")
    for policy in policies.policies:
        yield policy.id, "policy id"
        yield policy.uri, "policy uri"
        yield policy.title, "title"
        yield policy.display, "display"
        for edition in policy.editions:
            yield from ((c.id, "criterion") for c in edition.criteria)
            yield from ((p, "parameter") for p in edition.parameters)
            yield from ((item["linkId"], "linkId") for _, item in form_items(edition.form.questionnaire))
            for library in edition.libraries:
                yield library.name, "library"
                statements = orjson.loads(library.elm)["library"]["statements"]["def"]
                if not library.source.endswith("shared/FHIRHelpers.cql"):
                    yield from ((d["name"], "define") for d in statements)
    for value_set in policies.value_sets.values():
        yield value_set.url, "value set"
        yield from ((token.partition("|")[2], "code") for token in value_set.members)


def literals(file: Path) -> set[str]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        tree = ast.parse(text)
        return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return set(re.findall(r"""["'`]([^"'`\n]*)["'`]""", text))


def test_the_server_names_nothing_of_a_policy() -> None:
    """No id, code, define, parameter, linkId or title of any policy is a string literal of server/."""
    words = {w: what for w, what in named() if len(w) >= SHORTEST and w not in OFFERED and not ENGLISH.match(w)}
    assert len(words) > 1000, "the policies were not read"
    files = [f for f in sorted((ROOT / "server").rglob("*")) if f.suffix in {".py", ".js", ".mjs", ".cjs", ".html"}]
    assert files
    found = {(str(f.relative_to(ROOT)), w, words[w]) for f in files for w in literals(f) & set(words)}
    assert not found


def test_the_server_speaks_of_no_drug() -> None:
    """No word of a policy's product stands anywhere in server/, not even in a comment."""
    policies = PolicyLibrary.load(ROOT / "cql", ROOT / "questionnaires").policies
    drugs = {w.lower() for p in policies for w in re.findall(r"[A-Za-z]{6,}", p.display)}
    assert drugs
    for file in (ROOT / "server").rglob("*.*"):
        if file.suffix in {".py", ".js", ".mjs", ".cjs", ".html"}:
            text = file.read_text(encoding="utf-8").lower()
            assert not [d for d in drugs if d in text], file
