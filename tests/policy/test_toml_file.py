"""What is wrong with a TOML file is told once, all of it, each with a place that a reader finds and a remedy."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from server.errors import PolicyProblem
from server.policy.toml_file import Count, Day, Flag, Npi, Said, Shape, Some, Text, TomlTable, read_toml, twice


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Wheel(TomlTable):
    id: Text
    spokes: Annotated[Count, Field(le=40)] = 20


class Maker(TomlTable):
    npi: Npi
    city: Text


class Cart(TomlTable):
    name: Text
    built: Day
    wheel: Some[Wheel]
    colour: Colour = Colour.RED
    use: Literal["load", "ride"] = "load"
    maker: Maker | None = None
    covered: Flag = False
    tags: tuple[Text, ...] = ()
    plates: Some[Annotated[Text, Shape(r"[A-Z]\d", "is no {plate}; write one, like A1")]] = ("A1",)
    notes: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it

    def contradictions(self) -> Said:
        for name in twice(wheel.id for wheel in self.wheel):
            yield f"wheel {name}.id", "stands twice"
        if self.covered and self.use == "ride":
            yield "covered", "goes with no ride"


GOOD = 'name = "A"\nbuilt = 2024-01-18\n'
WHEEL = '[[wheel]]\nid = "left"\n'
NO_TEXT = "must be a text that is not empty"


def problems(folder: Path, text: str, model: type[TomlTable] = Cart) -> list[tuple[str, str]]:
    file = folder / "cart.toml"
    file.write_text(text, encoding="utf-8")
    found: list[PolicyProblem] = []
    read = read_toml(file, model, found, unreadable="mend it")
    assert (read is None) == bool(found)
    assert all(p.file == str(file) for p in found)
    return [(p.place, p.text) for p in found]


ONE: dict[str, tuple[str, str, str]] = {
    "a text that is missing": (GOOD[11:] + WHEEL, "name", "is missing; give a text"),
    "a date that is missing": (
        GOOD[:11] + WHEEL,
        "built",
        "is missing; give a date, written 2024-01-18 without quotes",
    ),
    "tables that are missing": (GOOD, "wheel", "is missing; add at least one [[wheel]]"),
    "a key of an element": (GOOD + WHEEL + "[[wheel]]\nspokes = 5\n", "wheel 2.id", "is missing; give a text"),
    "a key of a table that may be absent": (
        GOOD + WHEEL + '[maker]\nnpi = "1999999992"\n',
        "maker.city",
        "is missing; give a text",
    ),
    "a table in place of a list of them": (
        GOOD + '[wheel]\nid = "left"\n',
        "wheel",
        "must be a list of tables; write [[wheel]]",
    ),
    "a value in place of a table": (GOOD + "maker = 5\n" + WHEEL, "maker", "must be a table"),
    "a value in place of free keys": (GOOD + "notes = 5\n" + WHEEL, "notes", "must be a table"),
    "an empty list": (GOOD + "wheel = []\n", "wheel", "must be a list with at least one"),
    "no list": (GOOD + 'tags = "x"\n' + WHEEL, "tags", "must be a list, in [ ]"),
    "one of a list": (GOOD + 'tags = ["x", 5]\n' + WHEEL, "tags 2", NO_TEXT),
    "all of a list": (GOOD + 'plates = ["x"]\n' + WHEEL, "plates 1", '"x" is no {plate}; write one, like A1'),
    "a blank text": (GOOD + WHEEL.replace("left", " "), "wheel 1.id", NO_TEXT),
    "a number in place of a text": (GOOD.replace('"A"', "5") + WHEEL, "name", NO_TEXT),
    "a date in quotes": (
        GOOD.replace("2024-01-18", '"2024-01-18"') + WHEEL,
        "built",
        "must be a date, written 2024-01-18 without quotes",
    ),
    "a whole number in quotes": (
        GOOD + WHEEL + 'spokes = "5"\n',
        "wheel left.spokes",
        "must be a whole number, without quotes",
    ),
    "true in place of a number": (
        GOOD + WHEEL + "spokes = true\n",
        "wheel left.spokes",
        "must be a whole number, without quotes",
    ),
    "too few": (GOOD + WHEEL + "spokes = 0\n", "wheel left.spokes", "must be above 0"),
    "too many": (GOOD + WHEEL + "spokes = 41\n", "wheel left.spokes", "must be at most 40"),
    "true in quotes": (GOOD + 'covered = "true"\n' + WHEEL, "covered", "must be true or false, without quotes"),
    "no word of an enumeration": (GOOD + 'colour = "green"\n' + WHEEL, "colour", '"green" must be one of red or blue'),
    "no word of some": (GOOD + 'use = "sit"\n' + WHEEL, "use", '"sit" must be one of load or ride'),
    "a key that nobody reads": (
        GOOD + WHEEL + "size = 1\n",
        "wheel left.size",
        "is not a key that is read here; see cql/README.md",
    ),
    "an NPI of nine digits": (
        GOOD + WHEEL + '[maker]\nnpi = "199999999"\ncity = "X"\n',
        "maker.npi",
        '"199999999" is no NPI; an NPI has 10 digits',
    ),
}


@pytest.mark.parametrize("name", ONE)
def test_one_mistake_is_one_problem(tmp_path: Path, name: str) -> None:
    """Its place, what is wrong, and what mends it."""
    text, place, said = ONE[name]
    assert problems(tmp_path, text) == [(place, said)]


def test_a_word_that_is_missing_is_offered(tmp_path: Path) -> None:
    """A key that takes some words says which, and a table how it begins."""

    class Wanted(TomlTable):
        colour: Colour
        use: Literal["load", "ride"]
        tags: Some[Text]
        wheel: Wheel

    assert problems(tmp_path, "", Wanted) == [
        ("colour", "is missing; give one of red, blue"),
        ("use", "is missing; give one of load, ride"),
        ("tags", "is missing; give a list with at least one"),
        ("wheel", "is missing; add a table [wheel]"),
    ]


def test_all_contradictions_are_told(tmp_path: Path) -> None:
    """Each at its place; they are looked for once every key is right by itself."""
    wrong = GOOD + 'use = "ride"\ncovered = true\n' + WHEEL + WHEEL
    assert problems(tmp_path, wrong) == [("wheel left.id", "stands twice"), ("covered", "goes with no ride")]
    assert problems(tmp_path, wrong.replace('"A"', "5")) == [("name", NO_TEXT)]


def test_texts_are_read_without_the_blanks_around_them(tmp_path: Path) -> None:
    """So that a define or a code is found by its name."""
    file = tmp_path / "cart.toml"
    file.write_text(GOOD.replace('"A"', '" A "') + WHEEL, encoding="utf-8")
    read = read_toml(file, Cart, [], unreadable="mend it")
    assert read is not None
    assert read.name == "A"
