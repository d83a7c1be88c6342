"""The glossary is one word a line, in order, each with a module that is there."""

import re

from server.settings import ROOT

ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in (ROOT / "server/GLOSSARY.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and "`" in line
]


def test_each_word_has_one_plain_sentence() -> None:
    """One sentence, so that a reader gets the idea at once; the module says the rest."""
    assert len(ROWS) > 20
    for word, meaning, _ in ROWS:
        assert meaning.endswith("."), word
        assert ". " not in meaning, word


def test_words_stand_in_order_and_once() -> None:
    """A reader finds a word by the alphabet, and no word has two meanings."""
    words = [word for word, _, _ in ROWS]
    assert words == sorted(set(words))


def test_each_word_leads_to_a_module_that_is_there() -> None:
    """Paths exist; what is marked as coming does not yet, so that the mark goes when it arrives."""
    for word, _, where in ROWS:
        path, coming = re.fullmatch(r"`([^`]+)`( \(coming\))?", where).groups()  # type: ignore[union-attr]
        assert (ROOT / path).exists() is (coming is None), f"{word}: {where}"
