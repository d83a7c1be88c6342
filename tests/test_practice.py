"""At start a sample request is judged until the engine is quick: quietly, and never in the way of a stop."""

from pathlib import Path

import pytest

from server.pages.examples import SUBMIT, example_files
from server.practice import ROUNDS, practise
from server.services import Services
from server.settings import Settings
from server.store.desk_port import Wanted
from tests.serving import opened, replaced, sqlite_url

SAMPLE = example_files(Settings().policies)[SUBMIT]


class Counting:
    """The engine, and how often it ran."""

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self.name = services.engine.name
        self.runs = 0

    def run_each(self, *asked: object) -> object:
        self.runs += 1
        return self._engine.run_each(*asked)  # type: ignore[arg-type]


def test_the_sample_of_the_policies_is_judged_until_the_engine_is_quick(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is stored, and no line says that it was decided."""
    services = opened(sqlite_url(tmp_path))
    try:
        counting = Counting(services)
        thread = practise(replaced(services, engine=counting), SAMPLE)
        assert thread
        thread.join(30)
        assert counting.runs == ROUNDS
        assert services.world.store.desk.worklist(Wanted(), 1) == []
        assert capsys.readouterr().out == ""
    finally:
        services.close()


def test_a_closed_engine_ends_the_practice(tmp_path: Path) -> None:
    services = opened(sqlite_url(tmp_path))
    thread = practise(services, SAMPLE)
    services.close()
    assert thread
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("text", ["no JSON", "{}", '{"resourceType": "Bundle"}'])
def test_what_cannot_be_read_is_not_practised_on(tmp_path: Path, text: str) -> None:
    """A sample that is none keeps no server from serving."""
    sample = tmp_path / "submit.json"
    sample.write_text(text)
    services = opened(sqlite_url(tmp_path))
    try:
        assert practise(services, sample) is None
    finally:
        services.close()
