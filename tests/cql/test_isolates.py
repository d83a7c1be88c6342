"""What an evaluation that fails costs: one answer, at most one isolate, and never another patient's privacy."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from server.cql.engine import CqlEngine
from server.errors import EngineError
from tests.cql.conftest import NewEngine

SECRET = "Xanthippe"  # noqa: S105 - a name that must not leak


def bundle(name: str = SECRET) -> dict[str, Any]:
    patient = {"resourceType": "Patient", "id": name, "name": [{"given": [name]}]}
    condition = {
        "resourceType": "Condition",
        "id": f"c-{name}",
        "code": {"coding": [{"system": "http://codes.example/conditions", "code": "gout"}]},
    }
    return {"resourceType": "Bundle", "entry": [{"resource": patient}, {"resource": condition}]}


def fail(engine: CqlEngine, how: str) -> str:
    with pytest.raises(EngineError) as caught:
        engine.evaluate("Failing|1.0.0", bundle(), {"How": how})
    return str(caught.value)


def works(engine: CqlEngine) -> bool:
    return bool(engine.evaluate("Failing|1.0.0", bundle(), {"How": "not"})["Exception"] == "fine")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("exception", '"Exception"'),
        ("message", "Message Failing.code"),
        ("value set", '"Value set"'),
    ],
)
def test_a_failure_names_its_place_and_nothing_of_the_record(engine: CqlEngine, how: str, said: str) -> None:
    """An exception, a Message of severity Error and a value set that is not loaded are errors that tell the define."""
    text = fail(engine, how)
    assert said in text
    assert "of Failing|1.0.0 at " in text
    assert SECRET not in text
    assert len(text) < 200
    assert works(engine)


def test_a_warning_is_no_error(engine: CqlEngine) -> None:
    """Only a Message of severity Error ends an evaluation."""
    assert engine.evaluate("Failing|1.0.0", bundle(), {"How": "warning"})["Warning"] == "fine"


@pytest.mark.parametrize(
    ("library", "record", "said"),
    [
        ("Nobody|1.0.0", bundle(), "no CQL library Nobody|1.0.0"),
        ("Failing|9.9.9", bundle(), "no CQL library Failing|9.9.9"),
        ("Failing|1.0.0", {"resourceType": "Bundle", "entry": bundle()["entry"][1:]}, "Error"),
        ("Failing|1.0.0", {"resourceType": "Bundle"}, "Error"),
    ],
)
def test_what_cannot_be_evaluated_is_an_engine_error(
    engine: CqlEngine, library: str, record: dict[str, Any], said: str
) -> None:
    """An unknown library and a record without a Patient raise; no answer is made up."""
    with pytest.raises(EngineError, match=said.replace("|", r"\|")):
        engine.evaluate(library, record, {})


def test_a_runaway_is_stopped_and_its_isolate_replaced(new_engine: NewEngine) -> None:
    """After the time limit a person looks; the next request is answered by a fresh isolate."""
    engine = new_engine(timeout_seconds=0.2)
    assert works(engine)
    assert "more than 0.2 s" in fail(engine, "time")
    assert works(engine)


def test_a_glutton_is_stopped_and_its_isolate_replaced(new_engine: NewEngine) -> None:
    """Past the memory limit the process lives on, and the next request is answered by a fresh isolate."""
    engine = new_engine(timeout_seconds=30, memory_mb=96)
    assert works(engine)
    assert "memory" in fail(engine, "memory")
    assert works(engine)


def test_an_engine_that_does_not_start_says_so_each_time(new_engine: NewEngine) -> None:
    """A broken script is an engine error at every evaluation, not a request that waits."""
    engine = new_engine(script="throw new Error('a long line of script')")
    for _ in range(2):
        assert "did not start" in fail(engine, "not")
        assert "line of script" not in fail(engine, "not")


def test_a_closed_engine_answers_nothing(new_engine: NewEngine) -> None:
    """After close, twice or not, an evaluation is an engine error at once."""
    engine = new_engine()
    assert works(engine)
    engine.close()
    engine.close()
    assert "closed" in fail(engine, "not")


def test_patients_do_not_meet_in_an_isolate(new_engine: NewEngine) -> None:
    """Two isolates under eight threads: every answer is of the patient it was asked for, errors in between or not."""
    engine = new_engine(isolates=2)
    names = [f"patient{n}" for n in range(60)]

    def ask(name: str) -> Any:
        if name.endswith("7"):
            fail(engine, "exception")
        return engine.evaluate("Logic|1.0.0", bundle(name), {})

    with ThreadPoolExecutor(8) as threads:
        for name, values in zip(names, threads.map(ask, names), strict=True):
            assert values["Patient id"] == name
            assert values["Joint conditions"] == [f"c-{name}"]
