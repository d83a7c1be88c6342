"""Every clause id that is cited can be looked up inside the project, in server/CLAUSES.md."""

from pathlib import Path

import pytest

from tests.clauses import Citation, citations, cited, defined


def test_every_cited_id_has_a_line() -> None:
    """Whoever meets an id anywhere finds it on the page. A bare id outside its guide's rooms must name the guide."""
    lines = set(defined())
    assert [str(c) for c in cited() if (c.guide, c.id) not in lines] == []


def test_every_line_is_cited() -> None:
    """The page holds what is cited, and nothing else."""
    found = {(c.guide, c.id) for c in cited()}
    assert [f"{guide} {id_}" for guide, id_ in defined() if (guide, id_) not in found] == []


def test_no_id_has_two_lines() -> None:
    """One id, one meaning."""
    lines = defined()
    assert len(set(lines)) == len(lines) > 100  # a table that is not read at all has no line twice either


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("server/pas/a.py", "# lost answers (T-3)", [("pas", "T-3")]),
        ("server/dtr/a.py", '"""Two of them (pas P-78, T-35)."""', [("pas", "P-78"), ("pas", "T-35")]),
        ("server/a.py", "# codes (dtr D-52, T-3). Then T-4", [("dtr", "D-52"), ("dtr", "T-3"), (None, "T-4")]),
        ("server/a.py", "# CRD 2.2.1 resp-12, and conf-1", [("crd", "resp-12"), ("crd", "conf-1")]),
        ("server/a.py", 'x = "T-3"  # a string of data', []),
        ("server/crd/a.py", "# (C-5..C-7)", [("crd", "C-5"), ("crd", "C-6"), ("crd", "C-7")]),
        ("server/a.py", "# (crd sections 1.1, 1.3)", [("crd", "section 1.1"), ("crd", "section 1.3")]),
        ("server/a.py", "# (pas 2c, P-36) in CRD 2.0", [("pas", "section 2c"), ("pas", "P-36")]),
        ("cql/a.cql", 'define "A-1": true // as read in A-15; not RA-C-1', [("policy", "A-15")]),
        ("README.md", "(pas P-51)", [("pas", "P-51")]),
    ],
)
def test_where_an_id_belongs(path: str, text: str, expected: list[tuple[str | None, str]]) -> None:
    """By the guide that is named before it in the same parentheses, else by the room; data are not read."""
    assert [(c.guide, c.id) for c in citations(Path(path), text)] == expected


def test_a_citation_says_where_it_stands() -> None:
    """The message of a failing test leads to the place."""
    assert str(Citation(Path("a.py"), "pas", "T-1")) == "a.py cites pas T-1"
